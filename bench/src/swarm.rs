//! Many WebSocket clients that check what they get.
//!
//! Each delivery carries the conversation's `number`, which grows by one with each of its status
//! changes. So every subscription knows by itself what is missing, doubled or out of order.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::Utc;
use memchr::memmem;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::frame;
use crate::traffic::{SUBSCRIPTION, conversation_id, index_of};

/// Connections that are being opened at the same time, unless all shall come at once.
const OPENING: usize = 128;
/// Connections per source address: each address has ports of its own.
const PER_ADDRESS: usize = 5_000;
/// Latencies are counted in milliseconds up to this one.
const SLOWEST: usize = 10_000;

/// What one subscription watches.
#[derive(Clone, Debug)]
pub(crate) enum Watch {
    /// Every conversation; there are so many.
    All(u32),
    /// These, sorted.
    Only(Vec<u32>),
}

/// A subscription of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) watch: Watch,
    pub(crate) after: Option<String>,
}

/// What the clients have seen, all together.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) open: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) doubled: AtomicU64,
    pub(crate) reordered: AtomicU64,
    /// Errors, completions and closed sockets that nobody asked for.
    pub(crate) failed: AtomicU64,
    /// Whether latencies are counted now.
    pub(crate) timing: AtomicBool,
    latencies: Latencies,
}

struct Latencies(Vec<AtomicU32>);

impl Default for Latencies {
    fn default() -> Self {
        Self((0..=SLOWEST).map(|_| AtomicU32::new(0)).collect())
    }
}

/// Open connections; they close when this is dropped.
pub(crate) struct Swarm {
    pub(crate) tally: Arc<Tally>,
    clients: JoinSet<Client>,
    stop: Arc<Semaphore>,
}

/// What a client leaves behind: what it wanted and where it was.
pub(crate) struct Client {
    subscriptions: Vec<Watched>,
}

struct Watched {
    wanted: Wanted,
    /// The latest number seen of each watched conversation; 0: none yet.
    last: Vec<u32>,
}

impl Swarm {
    /// Opens one connection for each list of subscriptions and subscribes.
    pub(crate) async fn open(
        address: SocketAddr,
        connections: Vec<Vec<Wanted>>,
    ) -> anyhow::Result<Self> {
        let clients = connections.into_iter().map(Client::new).collect();
        Self::connect(address, clients, OPENING).await
    }

    /// Opens the connections of clients that were here before, all at once.
    pub(crate) async fn reopen(address: SocketAddr, clients: Vec<Client>) -> anyhow::Result<Self> {
        Self::connect(address, clients, clients_at_once()).await
    }

    async fn connect(
        address: SocketAddr,
        clients: Vec<Client>,
        at_once: usize,
    ) -> anyhow::Result<Self> {
        let mut swarm = Self {
            tally: Arc::default(),
            clients: JoinSet::new(),
            stop: Arc::new(Semaphore::new(0)),
        };
        let wanted = clients.len() as u64;
        let opening = Arc::new(Semaphore::new(at_once));
        for (place, client) in clients.into_iter().enumerate() {
            let tally = Arc::clone(&swarm.tally);
            let opening = Arc::clone(&opening);
            let stop = Arc::clone(&swarm.stop);
            swarm
                .clients
                .spawn(async move { client.live(address, place, &tally, &opening, &stop).await });
        }
        let begun = tokio::time::Instant::now();
        while swarm.tally.open.load(Ordering::Relaxed) < wanted {
            ensure!(
                begun.elapsed() < Duration::from_mins(2),
                "only {} of {wanted} connections opened",
                swarm.tally.open.load(Ordering::Relaxed)
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(swarm)
    }

    /// Drops all connections and gives back the clients, each with the place it has reached.
    pub(crate) async fn cut(mut self) -> Vec<Client> {
        self.stop.close();
        let mut clients = Vec::with_capacity(self.clients.len());
        while let Some(client) = self.clients.join_next().await {
            clients.extend(client.ok());
        }
        clients
    }

    pub(crate) fn received(&self) -> u64 {
        self.tally.received.load(Ordering::Relaxed)
    }

    /// Waits until so many deliveries have come, or none comes any more.
    pub(crate) async fn until_received(&self, wanted: u64, quiet: Duration) -> u64 {
        let mut seen = self.received();
        let mut moved = tokio::time::Instant::now();
        while seen < wanted && moved.elapsed() < quiet {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let now = self.received();
            if now != seen {
                (seen, moved) = (now, tokio::time::Instant::now());
            }
        }
        seen
    }
}

/// Clients that come back do not wait for each other.
const fn clients_at_once() -> usize {
    Semaphore::MAX_PERMITS
}

impl Tally {
    /// The latency that so large a share of the deliveries stayed below, in milliseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count"
    )]
    pub(crate) fn latency(&self, share: f64) -> f64 {
        let counts = self
            .latencies
            .0
            .iter()
            .map(|count| u64::from(count.load(Ordering::Relaxed)));
        let wanted = (counts.clone().sum::<u64>() as f64 * share).ceil() as u64;
        let mut below = 0;
        for (milliseconds, count) in counts.enumerate() {
            below += count;
            if below >= wanted {
                return milliseconds as f64;
            }
        }
        SLOWEST as f64
    }
}

impl Client {
    fn new(wanted: Vec<Wanted>) -> Self {
        let subscriptions = wanted.into_iter().map(|wanted| Watched {
            last: match &wanted.watch {
                Watch::All(conversations) => vec![0; *conversations as usize],
                Watch::Only(ids) => vec![0; ids.len()],
            },
            wanted,
        });
        Self {
            subscriptions: subscriptions.collect(),
        }
    }

    /// Sets the cursors with which the subscriptions resume.
    pub(crate) fn resume_after(&mut self, cursor: &str) {
        for watched in &mut self.subscriptions {
            watched.wanted.after = Some(cursor.to_owned());
        }
    }

    async fn live(
        mut self,
        address: SocketAddr,
        place: usize,
        tally: &Tally,
        opening: &Semaphore,
        stop: &Semaphore,
    ) -> Self {
        let living = async {
            let permit = opening.acquire().await?;
            let (mut stream, rest) = connect(address, place).await?;
            self.subscribe(&mut stream).await?;
            drop(permit);
            tally.open.fetch_add(1, Ordering::Relaxed);
            self.read(&mut stream, rest, tally).await
        };
        // The semaphore never gives a permit: closing it ends the wait.
        let outcome = tokio::select! {
            outcome = living => outcome,
            _ = stop.acquire() => Ok(()),
        };
        if outcome.is_err() {
            tally.failed.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    async fn subscribe(&self, stream: &mut TcpStream) -> anyhow::Result<()> {
        let mut out = Vec::new();
        for (place, watched) in self.subscriptions.iter().enumerate() {
            let filter = match &watched.wanted.watch {
                Watch::All(_) => serde_json::Value::Null,
                Watch::Only(ids) => {
                    json!({ "conversationIds": ids.iter().map(|id| conversation_id(*id)).collect::<Vec<_>>() })
                }
            };
            let payload = json!({
                "query": SUBSCRIPTION,
                "variables": { "filter": filter, "after": watched.wanted.after },
            });
            let message =
                json!({ "id": place.to_string(), "type": "subscribe", "payload": payload });
            frame::put(
                &mut out,
                frame::TEXT,
                true,
                &[message.to_string().as_bytes()],
            );
        }
        stream.write_all(&out).await?;
        Ok(())
    }

    async fn read(
        &mut self,
        stream: &mut TcpStream,
        mut buffer: Vec<u8>,
        tally: &Tally,
    ) -> anyhow::Result<()> {
        loop {
            let mut used = 0;
            while let Some(frame) = frame::first(&buffer[used..]) {
                let payload = &buffer[used + frame.payload.start..used + frame.payload.end];
                match frame.opcode {
                    frame::TEXT => self.look_at(payload, tally),
                    frame::PING => {
                        let mut pong = Vec::new();
                        frame::put(&mut pong, frame::PONG, true, &[payload]);
                        stream.write_all(&pong).await?;
                    }
                    frame::CLOSE => anyhow::bail!("closed by the server"),
                    _ => {}
                }
                used += frame.payload.end;
            }
            buffer.drain(..used);
            if buffer.is_empty() {
                // Thousands of clients that wait shall hold no memory of their last burst.
                buffer = Vec::new();
                stream.readable().await?;
                buffer.reserve(4_096);
            }
            ensure!(stream.read_buf(&mut buffer).await? > 0, "the socket ended");
        }
    }

    fn look_at(&mut self, message: &[u8], tally: &Tally) {
        if memmem::find(message, b"\"type\":\"next\"").is_none() {
            let is_failure = memmem::find(message, b"\"type\":\"error\"").is_some()
                || memmem::find(message, b"\"type\":\"complete\"").is_some();
            tally
                .failed
                .fetch_add(u64::from(is_failure), Ordering::Relaxed);
            return;
        }
        let Some((subscription, conversation, number)) = delivery(message) else {
            tally.failed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        tally.received.fetch_add(1, Ordering::Relaxed);
        tally
            .bytes
            .fetch_add(message.len() as u64, Ordering::Relaxed);
        if tally.timing.load(Ordering::Relaxed) {
            tally.time(message);
        }
        let last = self.subscriptions.get_mut(subscription);
        let Some(last) = last.and_then(|watched| watched.last(conversation)) else {
            // Not what was asked for.
            tally.failed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        match *last {
            0 => {}
            seen if number == seen => drop(tally.doubled.fetch_add(1, Ordering::Relaxed)),
            seen if number < seen => drop(tally.reordered.fetch_add(1, Ordering::Relaxed)),
            seen => drop(
                tally
                    .lost
                    .fetch_add(u64::from(number - seen - 1), Ordering::Relaxed),
            ),
        }
        *last = (*last).max(number);
    }
}

impl Watched {
    fn last(&mut self, conversation: u32) -> Option<&mut u32> {
        let place = match &self.wanted.watch {
            Watch::All(_) => conversation as usize,
            Watch::Only(ids) => ids.binary_search(&conversation).ok()?,
        };
        self.last.get_mut(place)
    }
}

impl Tally {
    fn time(&self, message: &[u8]) {
        let recorded = text_after(message, b"\"recordedAt\":\"");
        let recorded = recorded
            .and_then(|text| std::str::from_utf8(text.get(..24)?).ok())
            .and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
        let Some(recorded) = recorded else { return };
        let late = Utc::now().timestamp_millis() - recorded.timestamp_millis();
        let place = usize::try_from(late).unwrap_or(0).min(SLOWEST);
        self.latencies.0[place].fetch_add(1, Ordering::Relaxed);
    }
}

/// The subscription, the conversation and the number that a `next` message tells of.
fn delivery(message: &[u8]) -> Option<(usize, u32, u32)> {
    let subscription = number(text_after(message, b"\"id\":\"")?)?;
    let conversation = index_of(text_after(message, b"\"conversationId\":\"")?)?;
    let number = number(text_after(message, b"\"number\":")?)?;
    Some((subscription as usize, conversation, number))
}

fn text_after<'a>(message: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    memmem::find(message, mark).map(|at| &message[at + mark.len()..])
}

fn number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    let value = digits.fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    u32::try_from(value).ok()
}

/// Opens a socket up to its `connection_ack`; what was read beyond is given back.
async fn connect(address: SocketAddr, place: usize) -> anyhow::Result<(TcpStream, Vec<u8>)> {
    let socket = TcpSocket::new_v4()?;
    let source = u8::try_from(1 + place / PER_ADDRESS).context("too many connections")?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, source), 0)))?;
    let mut stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    let upgrade = "GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   sec-websocket-protocol: graphql-transport-ws\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).await?;
    let mut buffer = Vec::with_capacity(1_024);
    let head = loop {
        ensure!(stream.read_buf(&mut buffer).await? > 0, "no upgrade");
        if let Some(end) = memmem::find(&buffer, b"\r\n\r\n") {
            break end + 4;
        }
    };
    ensure!(
        buffer.starts_with(b"HTTP/1.1 101"),
        "the upgrade was refused"
    );
    buffer.drain(..head);
    let mut init = Vec::new();
    frame::put(
        &mut init,
        frame::TEXT,
        true,
        &[br#"{"type":"connection_init"}"#],
    );
    stream.write_all(&init).await?;
    loop {
        if let Some(frame) = frame::first(&buffer) {
            let text = buffer[frame.payload.clone()].to_vec();
            buffer.drain(..frame.payload.end);
            if memmem::find(&text, b"connection_ack").is_some() {
                return Ok((stream, buffer));
            }
            continue;
        }
        ensure!(stream.read_buf(&mut buffer).await? > 0, "no connection_ack");
    }
}
