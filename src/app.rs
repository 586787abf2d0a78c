//! The assembly point: builds every part and hands each what it needs. The only file that knows
//! everyone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusHandle;
use migration::{Migrator, MigratorTrait};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Doorkeeper, NoAuth, Teams};
use crate::clock::Clock;
use crate::commands::Commands;
use crate::config::Config;
use crate::counts::Counts;
use crate::domain::feed::{FeedState, FeedStatus};
use crate::eventbridge::{EventBridge, Readings};
use crate::feed::Feeds;
use crate::genesys::client::GenesysClient;
use crate::genesys::directory::Directory;
use crate::genesys::listener::Listener;
use crate::graphql::{self, GatewayExecutor, Services};
use crate::http::{self, Authenticate, ComponentState, HttpParts, Readiness};
use crate::hub::Hub;
use crate::ingest::IngestLoop;
use crate::lifecycle::Lifecycle;
use crate::read_model::ReadModel;
use crate::retention::Retention;
use crate::sessions::Sessions;
use crate::settling::Settling;
use crate::store::Store;

/// How long everything may take to finish after the first signal.
const DRAIN_LIMIT: Duration = Duration::from_secs(15);
/// Requests to Genesys that the write path may have waiting.
const NEEDS: usize = 10_000;

/// What is said of a database that the operator must bring up to date.
pub const UNMIGRATED: &str = "the database lacks migrations: run `conversation-gateway migrate up`";

/// A gateway that is ready to run.
pub struct App {
    address: SocketAddr,
    store: Store,
    lifecycle: Lifecycle,
}

impl App {
    /// Opens the database, asks Genesys for a token, binds the address and builds all parts.
    ///
    /// # Errors
    /// One clear line for a database that can't be used, a secret Genesys refuses, a port in use.
    pub async fn build(
        config: Config,
        metrics: PrometheusHandle,
        clock: Arc<dyn Clock>,
        token: CancellationToken,
    ) -> anyhow::Result<Self> {
        let store = open_store(&config).await?;
        let genesys = GenesysClient::new(&config.genesys, Arc::clone(&clock))?;
        genesys
            .sign_in()
            .await
            .context("Genesys refuses the OAuth client")?;
        let listener = http::bind(&config.http)
            .with_context(|| format!("cannot listen on {} (--listen)", config.http.listen))?;
        let address = listener.local_addr()?;

        let mut lifecycle = Lifecycle::new(token, DRAIN_LIMIT);
        // The front door closes first; the write path ends once nobody can ask it any more.
        let drain = lifecycle.token();
        let closed = CancellationToken::new();
        let hub = Hub::begin(&config.hub, &store).await?;
        let (feeds, feed_router) = Feeds::new(&config.feed, store.clone(), hub.clone());
        let (needs_tx, needs_rx) = mpsc::channel(NEEDS);
        let settling = Settling {
            store: store.clone(),
            needs: needs_tx.clone(),
            clock: Arc::clone(&clock),
            interval: config.genesys.settling_sweep,
        };
        let retention = Retention {
            config: config.retention.clone(),
            store: store.clone(),
            hub: hub.clone(),
            clock: Arc::clone(&clock),
        };
        let (ingest, ingest_loop) =
            IngestLoop::new(config.ingest.clone(), store.clone(), hub.clone(), needs_tx);
        let (genesys_listener, feed_status) = Listener::new(
            config.genesys.clone(),
            genesys.clone(),
            ingest.clone(),
            needs_rx,
            Arc::clone(&clock),
        );
        let shown = genesys_listener.shown_queues();
        let readings = Readings::new(&config.eventbridge, &genesys, &ingest, &feed_status, shown);
        let events = EventBridge::new(store.clone(), Arc::clone(&clock));
        let sockets = TaskTracker::new();
        let directory = Directory::new(genesys, &config.genesys.directory);
        let authenticator = authenticator(&config, &store, &clock, &mut lifecycle)?;
        let sessions = Sessions::new(Arc::clone(&clock));
        let services = Services {
            store: store.clone(),
            hub: hub.clone(),
            reads: ReadModel::new(&config.reads, store.clone(), hub.clone()),
            counts: Counts::new(&config.counts, store.clone(), hub.clone()),
            commands: Commands::new(
                ingest,
                store.clone(),
                directory.clone(),
                Arc::clone(&clock),
                config.genesys.actions.clone(),
                sockets.clone(),
            ),
            feed_status: feed_status.clone(),
            owner_ids: config.owners.ids(),
            clock,
            authenticator: Arc::clone(&authenticator),
            sessions: sessions.clone(),
        };
        let router = http::router(HttpParts {
            executor: GatewayExecutor::new(&services, feeds, config.http.introspection),
            sdl: Arc::from(graphql::sdl()),
            authenticator,
            sessions,
            readiness: Arc::new(Parts {
                store: store.clone(),
                feed_status,
            }),
            events: Arc::new(events.clone()),
            metrics,
            config: config.http.clone(),
            drain: drain.clone(),
            tasks: sockets.clone(),
        });
        lifecycle.spawn("write path", ingest_loop.run(closed.clone()));
        lifecycle.spawn("log follower", hub.follow(store.clone(), drain.clone()));
        lifecycle.spawn("live feed", feed_router.run(drain.clone()));
        lifecycle.spawn("Genesys listener", genesys_listener.run(drain.clone()));
        lifecycle.spawn("EventBridge", events.run(readings, drain.clone()));
        lifecycle.spawn("settling", settling.run(drain.clone()));
        lifecycle.spawn("retention", retention.run(drain.clone()));
        lifecycle.spawn("directory", directory.run(drain.clone()));
        let closed = closed.drop_guard();
        lifecycle.spawn("front door", async move {
            let _closed = closed;
            http::serve(listener, router, &config.http, drain).await?;
            sockets.close();
            sockets.wait().await;
            Ok(())
        });
        Ok(Self {
            address,
            store,
            lifecycle,
        })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Runs until the token is cancelled, then drains.
    ///
    /// # Errors
    /// The failure of the part that ended first.
    pub async fn run(self) -> anyhow::Result<()> {
        self.lifecycle.run().await
    }
}

/// Who is let in. Nothing configured lets nobody in by mistake: the settings were checked.
fn authenticator(
    config: &Config,
    store: &Store,
    clock: &Arc<dyn Clock>,
    lifecycle: &mut Lifecycle,
) -> anyhow::Result<Arc<dyn Authenticate>> {
    config.auth.check()?;
    if config.auth.insecure_no_auth {
        return Ok(Arc::new(NoAuth));
    }
    let teams = Teams::new(config.owners.queue_teams.iter().cloned());
    let doorkeeper = Doorkeeper::new(&config.auth, teams, store.clone(), Arc::clone(clock))?;
    lifecycle.spawn("doorkeeper", doorkeeper.clone().run(lifecycle.token()));
    Ok(Arc::new(doorkeeper))
}

/// Opens the database. The embedded one is migrated on the spot; any other is the operator's.
async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let store = Store::connect(&config.store)
        .await
        .context("cannot open the database")?;
    if config.store.database_url.is_none() {
        Migrator::up(store.database(), None)
            .await
            .context("cannot migrate the embedded database")?;
    } else if !store.is_migrated().await? {
        bail!(UNMIGRATED);
    }
    Ok(store)
}

/// How the parts do, for `/readyz`.
struct Parts {
    store: Store,
    feed_status: watch::Receiver<FeedStatus>,
}

impl Readiness for Parts {
    fn check(&self) -> BoxFuture<'_, Vec<(&'static str, ComponentState)>> {
        async {
            let database = match self.store.head().await {
                Ok(_) => ComponentState::Ok,
                Err(_) => ComponentState::Down,
            };
            let listener = match self.feed_status.borrow().state {
                FeedState::Live => ComponentState::Ok,
                FeedState::CatchingUp | FeedState::Disconnected => ComponentState::Degraded,
            };
            // One process: there is no bus between replicas that could fail.
            vec![
                ("database", database),
                ("listener", listener),
                ("bus", ComponentState::Ok),
            ]
        }
        .boxed()
    }
}
