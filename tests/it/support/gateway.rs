//! A gateway inside the test's process.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Parser;
use conversation_gateway::app::App;
use conversation_gateway::clock::{Clock, SystemClock};
use conversation_gateway::config::Config;
use conversation_gateway::store::Store;
use metrics_exporter_prometheus::PrometheusBuilder;
use migration::{Migrator, MigratorTrait};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::client::{self, Subscription};
use super::organisation::{Organisation, Step};
use super::record::Record;
use super::{eventually, postgres};

/// Which database a test runs on. Every test of the store's behaviour runs on both.
#[derive(Clone, Copy, Debug)]
pub enum Database {
    Sqlite,
    Postgres,
}

pub struct Gateway {
    pub address: SocketAddr,
    pub store: Store,
    _data: TempDir,
    _stop: DropGuard,
}

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    config: Config,
}

impl Gateway {
    /// Starts a gateway and waits until its feed is live.
    pub async fn start(organisation: &Organisation, database: Database) -> Self {
        Self::start_with(organisation, database, &[]).await
    }

    pub async fn start_with(
        organisation: &Organisation,
        database: Database,
        flags: &[&str],
    ) -> Self {
        Self::start_tuned(organisation, database, flags, |config| config).await
    }

    /// With settings changed after the quick timers of tests were set.
    pub async fn start_tuned(
        organisation: &Organisation,
        database: Database,
        flags: &[&str],
        tune: impl FnOnce(Config) -> Config,
    ) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let config = tune(settings(organisation, &data, flags));
        let gateway = Self::start_configured(config, data, database).await;
        gateway.until_live().await;
        gateway
    }

    pub async fn start_unready(
        organisation: &Organisation,
        database: Database,
        flags: &[&str],
    ) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let config = settings(organisation, &data, flags);
        Self::start_configured(config, data, database).await
    }

    async fn start_configured(mut config: Config, data: TempDir, database: Database) -> Self {
        client::http();
        if let Database::Postgres = database {
            let url = postgres::fresh_database().await;
            config.store.database_url = Some(url.into());
            let store = Store::connect(&config.store).await.expect("PostgreSQL");
            Migrator::up(store.database(), None)
                .await
                .expect("migrations");
        }
        let token = CancellationToken::new();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let app = App::build(config, metrics, Arc::new(SystemClock), token.clone())
            .await
            .expect("the gateway starts");
        let address = app.local_addr();
        let store = app.store().clone();
        tokio::task::spawn(app.run());
        Self {
            address,
            store,
            _data: data,
            _stop: token.drop_guard(),
        }
    }

    pub async fn until_live(&self) {
        eventually("the feed is live", || async {
            let data = self.query("{ feedStatus { state } }", json!({})).await;
            (data["feedStatus"]["state"] == "LIVE").then_some(())
        })
        .await;
    }

    /// How many conversations that events named are still to be read, due or not.
    pub async fn wanted_readings(&self) -> usize {
        let far = SystemClock.now().plus_millis(7 * 86_400_000);
        let wanted = self.store.wanted_readings(far, 1_000).await;
        wanted.expect("they are listed").len()
    }

    pub async fn query(&self, query: &str, variables: Value) -> Value {
        client::query(self.address, query, variables).await
    }

    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        client::ask(self.address, query, variables).await
    }

    pub async fn subscribe(&self, query: &str, variables: Value) -> Subscription {
        Subscription::start(self.address, query, variables).await
    }

    /// Registers a conversation of which nothing more is said.
    pub async fn register(&self, id: &str) {
        let register = "mutation($input: RegisterConversationInput!) { registerConversation(input: $input) { created } }";
        let input = json!({ "conversationId": id, "initiatedBy": "GENESYS" });
        self.query(register, json!({ "input": input })).await;
    }

    /// The status history of a conversation as the API gives it.
    pub async fn history(&self, id: &str) -> Vec<String> {
        let data = self
            .query(
                "query($id: ID!) { conversation(conversationId: $id) { statusHistory(first: 200) { nodes { status } } } }",
                json!({ "id": id }),
            )
            .await;
        data["conversation"]["statusHistory"]["nodes"]
            .as_array()
            .map(|nodes| {
                nodes
                    .iter()
                    .map(|node| node["status"].as_str().unwrap().to_owned())
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Waits until a conversation has a status.
    pub async fn until_status(&self, id: &str, status: &str) {
        eventually(&format!("{id} is {status}"), || async {
            self.has_status(id, status).await.then_some(())
        })
        .await;
    }

    /// Whether a conversation has a status within some seconds.
    pub async fn reaches(&self, id: &str, status: &str) -> bool {
        let reached = async {
            while !self.has_status(id, status).await {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let patience = std::time::Duration::from_secs(10);
        tokio::time::timeout(patience, reached).await.is_ok()
    }

    async fn has_status(&self, id: &str, status: &str) -> bool {
        let query = "query($id: ID!) { conversation(conversationId: $id) { calculatedStatus } }";
        let data = self.query(query, json!({ "id": id })).await;
        data["conversation"]["calculatedStatus"] == status
    }
}

/// A gateway whose database outlives it, so that it can be killed and started again.
pub struct Restartable {
    data: TempDir,
    database_url: Option<String>,
    /// Settings other than those of most tests.
    adjust: Adjust,
    running: Option<Life>,
}

type Adjust = Box<dyn Fn(&mut Config) + Send + Sync>;

/// A runtime of its own: dropped with all its tasks wherever they stand, as a kill would.
struct Life {
    address: SocketAddr,
    runtime: tokio::runtime::Runtime,
}

impl Restartable {
    pub async fn start(
        organisation: &Organisation,
        database: Database,
        adjust: impl Fn(&mut Config) + Send + Sync + 'static,
    ) -> Self {
        client::http();
        let database_url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(postgres::fresh_database().await),
        };
        let mut gateway = Self {
            data: tempfile::tempdir().expect("a directory"),
            database_url,
            adjust: Box::new(adjust),
            running: None,
        };
        gateway.restart(organisation).await;
        gateway
    }

    /// Ends it in the middle of everything: nothing is finished, nothing is said.
    pub async fn kill(&mut self) {
        if let Some(life) = self.running.take() {
            life.runtime.shutdown_background();
        }
    }

    pub async fn restart(&mut self, organisation: &Organisation) {
        let mut config = settings(organisation, &self.data, &[]);
        config.store.database_url = self.database_url.clone().map(Into::into);
        (self.adjust)(&mut config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (built_tx, built) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            if config.store.database_url.is_some() {
                let store = Store::connect(&config.store).await.expect("PostgreSQL");
                Migrator::up(store.database(), None)
                    .await
                    .expect("migrations");
            }
            // Genesys may refuse just then: whoever runs the gateway starts it again.
            let app = loop {
                let metrics = PrometheusBuilder::new().build_recorder().handle();
                let clock = Arc::new(SystemClock);
                match App::build(config.clone(), metrics, clock, CancellationToken::new()).await {
                    Ok(app) => break app,
                    Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                }
            };
            let _ = built_tx.send(app.local_addr());
            let _ = app.run().await;
        });
        let address = built.await.expect("the gateway starts");
        self.running = Some(Life { address, runtime });
    }

    /// What it says; of another address after each start.
    pub fn record(&self) -> Record {
        Record(self.running.as_ref().expect("it runs").address)
    }
}

impl Drop for Restartable {
    fn drop(&mut self) {
        if let Some(life) = self.running.take() {
            life.runtime.shutdown_background();
        }
    }
}

/// The course of status and owner that a list of `conversationChanged` results tells of one
/// conversation, neighbours that say the same merged.
pub fn course(changes: &[Value], id: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = changes
        .iter()
        .filter(|change| change["conversationId"] == id)
        .map(|change| Step {
            status: change["status"].as_str().expect("a status").to_owned(),
            owner: change["owner"].as_object().map(|owner| {
                format!(
                    "{} {}",
                    owner["kind"].as_str().unwrap(),
                    owner["genesysId"].as_str().unwrap()
                )
            }),
        })
        .collect();
    steps.dedup();
    steps
}

fn settings(organisation: &Organisation, data: &TempDir, flags: &[&str]) -> Config {
    let url = organisation.url();
    let data = data.path().to_str().expect("UTF-8");
    let fixed = [
        "gateway",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        data,
        "--genesys-api-url",
        &url,
        "--genesys-login-url",
        &url,
        "--genesys-client-id",
        "simulator-client",
        "--genesys-client-secret",
        "simulator-secret",
    ];
    let open = ["--insecure-no-auth"];
    let is_guarded = |flag: &&str| ["--jwt-secret", "--api-keys-only"].contains(flag);
    let door = if flags.iter().any(is_guarded) {
        &[][..]
    } else {
        &open
    };
    let all = [&fixed[..], door, flags].concat();
    let mut config = Settings::parse_from(all).config;
    config.genesys = config.genesys.with_quick_timers();
    config
}
