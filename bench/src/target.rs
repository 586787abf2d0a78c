//! A server under test: how it is started, and how events are made to happen in it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use conversation_gateway::store::Cursor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use crate::http;
use crate::options::Options;
use crate::process::{Process, free_address};
use crate::traffic::{conversation_id, snapshot};

/// How often events are let out.
const TICK: Duration = Duration::from_millis(10);
/// Conversations that one request of the set-up makes known.
const PORTION: u32 = 100;
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Kind {
    Floor,
    Gateway,
    Naive,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Gateway => "gateway",
            Self::Naive => "naive",
        }
    }
}

/// A running server with conversations in it.
pub(crate) struct Target {
    kind: Kind,
    pub(crate) server: Process,
    pub(crate) http: SocketAddr,
    pub(crate) socket: SocketAddr,
    organisation: Option<Organisation>,
    pub(crate) conversations: u32,
    _scratch: tempfile::TempDir,
}

/// The simulated organisation that the gateway listens to.
pub(crate) struct Organisation {
    _process: Process,
    pub(crate) address: SocketAddr,
    queue: String,
}

impl Target {
    /// Starts a server that knows so many conversations. A gateway may begin with a copy of a
    /// seeded database instead.
    pub(crate) async fn start(
        kind: Kind,
        options: &Options,
        conversations: u32,
        seed: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir()?;
        let own = std::env::current_exe()?;
        let (http, socket) = (free_address()?, free_address()?);
        let log = log_file(kind, options)?;
        let mut organisation = None;
        let (program, arguments, socket) = match kind {
            Kind::Gateway => {
                let program = gateway(options)?;
                let simulated = Organisation::start(&program, options).await?;
                let mut arguments = gateway_arguments(http, scratch.path(), &simulated, options);
                organisation = Some(simulated);
                match seed {
                    Some(seed) => crate::seed::copy(seed, scratch.path())?,
                    // Of events without a limit, Genesys is asked without a limit. A seed's conversations
                    // are open and quiet: how often they are looked after is left as it is in life.
                    None => arguments.extend(["--genesys-rate-limit", "100000"].map(Into::into)),
                }
                (program, arguments, http)
            }
            Kind::Naive => (
                own,
                comparison("naive", http, http, scratch.path(), conversations),
                http,
            ),
            Kind::Floor => (
                own,
                comparison("floor", http, socket, scratch.path(), conversations),
                socket,
            ),
        };
        let mut server = Process::start(&program, &arguments, &log)?;
        server.until_listening(http).await?;
        server.until_listening(socket).await?;
        let target = Self {
            kind,
            server,
            http,
            socket,
            organisation,
            conversations,
            _scratch: scratch,
        };
        if kind == Kind::Gateway {
            target.until_live().await?;
            target.make_known().await?;
        }
        Ok(target)
    }

    pub(crate) fn organisation(&self) -> anyhow::Result<&Organisation> {
        self.organisation
            .as_ref()
            .context("only the gateway has an organisation")
    }

    pub(crate) async fn ask(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let body = http::graphql(query, &variables);
        let answer = http::post(self.http, "/graphql", &body).await?;
        Ok(serde_json::from_str(&answer)?)
    }

    /// Where the gateway's log ends.
    pub(crate) async fn cursor(&self) -> anyhow::Result<String> {
        let answer = self.ask("{ feedCursor }", json!({})).await?;
        let cursor = answer["data"]["feedCursor"].as_str();
        Ok(cursor
            .with_context(|| format!("no cursor but {answer}"))?
            .to_owned())
    }

    /// How many entries the gateway's log has.
    pub(crate) async fn log_length(&self) -> anyhow::Result<u64> {
        let cursor = Cursor::decode(&self.cursor().await?)?;
        Ok(cursor.sequence)
    }

    async fn until_live(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let answer = self.ask("{ feedStatus { state } }", json!({})).await?;
            if answer["data"]["feedStatus"]["state"] == "LIVE" {
                return Ok(());
            }
            ensure!(begun.elapsed() < PATIENCE, "the feed is not live: {answer}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn make_known(&self) -> anyhow::Result<()> {
        let before = self.log_length().await?;
        for first in (0..self.conversations).step_by(PORTION as usize) {
            let portion: Vec<(u32, bool)> = (first..self.conversations.min(first + PORTION))
                .map(|index| (index, false))
                .collect();
            self.organisation()?.tell(&portion).await?;
            let wanted = before + u64::from(first) + portion.len() as u64;
            let begun = Instant::now();
            // A few portions may be on their way.
            while self.log_length().await? + 4 * u64::from(PORTION) < wanted {
                ensure!(
                    begun.elapsed() < PATIENCE,
                    "the gateway does not take the conversations"
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        let wanted = before + u64::from(self.conversations);
        let begun = Instant::now();
        while self.log_length().await? < wanted {
            ensure!(begun.elapsed() < PATIENCE, "the gateway lost conversations");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Makes each of these conversations change once.
    async fn flip(&self, changes: &[(u32, bool)]) -> anyhow::Result<()> {
        let ids = || {
            json!(
                changes
                    .iter()
                    .map(|(index, _)| conversation_id(*index))
                    .collect::<Vec<_>>()
            )
        };
        match self.kind {
            Kind::Gateway => self.organisation()?.tell(changes).await,
            Kind::Naive => {
                let flip = "mutation($ids: [ID!]!) { flip(conversationIds: $ids) }";
                let answer = self.ask(flip, json!({ "ids": ids() })).await?;
                ensure!(answer["data"]["flip"].is_number(), "refused: {answer}");
                Ok(())
            }
            Kind::Floor => {
                let indices: Vec<u32> = changes.iter().map(|(index, _)| *index).collect();
                http::post(self.http, "/events", &json!(indices).to_string()).await?;
                Ok(())
            }
        }
    }
}

impl Organisation {
    async fn start(program: &Path, options: &Options) -> anyhow::Result<Self> {
        let address = free_address()?;
        let arguments = format!(
            "simulate --port {} --queues 4 --users 400 --rate-limit 0",
            address.port()
        );
        let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        let log = options.data_dir.join("simulator.log");
        let mut process = Process::start(program, &arguments, &log)?;
        process.until_listening(address).await?;
        let queue = first_queue(address).await?;
        Ok(Self {
            _process: process,
            address,
            queue,
        })
    }

    /// Sends a snapshot of each of these conversations, held or not.
    async fn tell(&self, changes: &[(u32, bool)]) -> anyhow::Result<()> {
        let topic = format!("v2.routing.queues.{}.conversations", self.queue);
        let snapshots: Vec<Value> = changes
            .iter()
            .map(|(index, held)| {
                json!({ "at": 0, "topicName": topic, "eventBody": snapshot(*index, &self.queue, *held) })
            })
            .collect();
        let body = json!({ "snapshots": snapshots }).to_string();
        http::post(self.address, "/sim/replay", &body).await?;
        Ok(())
    }
}

async fn first_queue(simulator: SocketAddr) -> anyhow::Result<String> {
    use base64::Engine;
    let secret =
        base64::engine::general_purpose::STANDARD.encode("simulator-client:simulator-secret");
    let basic = format!("Basic {secret}");
    let form = [
        ("authorization", basic.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let mut connection = http::Connection::open(simulator).await?;
    let grant = http::form("/oauth/token", &form, "grant_type=client_credentials");
    let token: Value = serde_json::from_str(&connection.ask(&grant).await?)?;
    let bearer = format!(
        "Bearer {}",
        token["access_token"].as_str().context("no token")?
    );
    let list = http::request(
        "GET",
        "/api/v2/routing/queues",
        &[("authorization", &bearer)],
        "",
    );
    let queues: Value = serde_json::from_str(&connection.ask(&list).await?)?;
    let queue = queues["entities"][0]["id"].as_str();
    Ok(queue
        .with_context(|| format!("no queue in {queues}"))?
        .to_owned())
}

/// Makes events at a steady rate, each in the next conversation of a ring.
pub(crate) struct Driver {
    target: Arc<Target>,
    /// How often each conversation has changed.
    pub(crate) changes: Arc<Vec<AtomicU32>>,
    next: Arc<Mutex<u32>>,
}

impl Driver {
    pub(crate) fn new(target: &Arc<Target>) -> Self {
        Self {
            target: Arc::clone(target),
            changes: Arc::new(
                (0..target.conversations)
                    .map(|_| AtomicU32::new(0))
                    .collect(),
            ),
            next: Arc::default(),
        }
    }

    /// All events made so far.
    pub(crate) fn events(&self) -> u64 {
        self.changes
            .iter()
            .map(|changes| u64::from(changes.load(Ordering::Relaxed)))
            .sum()
    }

    /// Makes so many events at once.
    pub(crate) async fn make(&self, events: u32) -> anyhow::Result<()> {
        let mut next = self.next.lock().await;
        let mut portion = Vec::new();
        for _ in 0..events {
            let index = *next;
            *next = (index + 1) % self.target.conversations;
            let changes = self.changes[index as usize].fetch_add(1, Ordering::Relaxed);
            portion.push((index, changes.is_multiple_of(2)));
        }
        for portion in portion.chunks(200) {
            self.target.flip(portion).await?;
        }
        Ok(())
    }

    /// Makes events until the handle is aborted.
    pub(crate) fn run(&self, per_second: f64) -> Running {
        let driver = Self {
            target: Arc::clone(&self.target),
            changes: Arc::clone(&self.changes),
            next: Arc::clone(&self.next),
        };
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let begun = Instant::now();
            let mut made = 0_u32;
            loop {
                ticks.tick().await;
                if stopped.try_recv() != Err(tokio::sync::oneshot::error::TryRecvError::Empty) {
                    return Ok(());
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a rate times a short time"
                )]
                let due = (begun.elapsed().as_secs_f64() * per_second) as u32;
                if due > made {
                    driver.make(due - made).await?;
                    made = due;
                }
            }
        });
        Running { stop, task }
    }
}

/// A driver at work.
pub(crate) struct Running {
    stop: tokio::sync::oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Lets the driver finish what it has begun.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.task.await?
    }
}

pub(crate) fn gateway(options: &Options) -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("conversation-gateway");
    let program = options.gateway.clone().unwrap_or(beside);
    ensure!(
        program.exists(),
        "there is no {}: build it first",
        program.display()
    );
    Ok(program)
}

fn gateway_arguments(
    listen: SocketAddr,
    data: &Path,
    organisation: &Organisation,
    options: &Options,
) -> Vec<String> {
    let simulated = format!("http://{}", organisation.address);
    let fixed = [
        "serve",
        "--insecure-no-auth",
        "--listen",
        &listen.to_string(),
        "--data-dir",
        &data.to_string_lossy(),
        "--genesys-api-url",
        &simulated,
        "--genesys-client-id",
        "simulator-client",
        "--genesys-client-secret",
        "simulator-secret",
        // All clients come from one address, and nobody has logged in.
        "--rate-per-caller",
        "0",
        "--connections-per-address",
        "0",
        "--connections-per-caller",
        "0",
        // The generator shares the machine: of thousands of clients one may say late who it is.
        "--ws-init-timeout",
        "60s",
    ];
    let mut arguments: Vec<String> = fixed.iter().map(ToString::to_string).collect();
    arguments.extend(
        options
            .gateway_flags
            .iter()
            .filter(|flag| !flag.is_empty())
            .cloned(),
    );
    arguments
}

fn comparison(
    name: &str,
    http: SocketAddr,
    socket: SocketAddr,
    data: &Path,
    conversations: u32,
) -> Vec<String> {
    let text = format!(
        "{name} --port {} --socket-port {} --conversations {conversations} --data-dir {}",
        http.port(),
        socket.port(),
        data.display()
    );
    text.split(' ').map(str::to_owned).collect()
}

fn log_file(kind: Kind, options: &Options) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(&options.data_dir)?;
    Ok(options.data_dir.join(format!("{}.log", kind.name())))
}
