//! The write path: load, ask the domain, commit, publish.
//!
//! One loop is the only writer of conversation state in this process, for what Genesys says and for
//! what users ask alike. Events that wait together are committed together in one transaction. A
//! database that can't be reached delays events, it never loses them: the queue is bounded, and
//! whoever fills it is told so. The same event twice is harmless, so whatever is uncertain is done
//! again.

mod gate;
mod known;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::audit::AuditEntry;
use crate::domain::caller::Scope;
use crate::domain::conversation::Conversation;
use crate::domain::event::{ConversationEvent, Refused};
use crate::domain::ids::ConversationId;
use crate::domain::row::ConversationStatus;
use crate::domain::time::Time;
use crate::hub::Hub;
use crate::store::{Committed, Store, StoreError};
use gate::Gate;
use known::Known;
use work::Work;

pub use crate::store::Open;
pub use gate::{Shown, Sight};

/// How long an answer waits for what others committed before it.
const PUBLISHED_LIMIT: Duration = Duration::from_secs(2);

#[derive(clap::Args, Clone, Debug)]
pub struct IngestConfig {
    /// Which conversations become rows: every one of a followed queue, or only those registered or
    /// linked
    #[arg(long, env = "GATEWAY_TRACK", value_enum, default_value_t = Track::Queues)]
    pub track: Track,
    /// How many events may wait to be written
    #[arg(long, env = "GATEWAY_INGEST_QUEUE", default_value_t = 4096)]
    pub ingest_queue: usize,
    /// How many events one transaction takes at most
    #[arg(long, env = "GATEWAY_INGEST_BATCH", default_value_t = 256)]
    pub ingest_batch: usize,
    /// How many conversations are kept in memory to save reading them again
    #[arg(long, env = "GATEWAY_INGEST_CACHE", default_value_t = 20_000)]
    pub ingest_cache: usize,
    /// How long to wait before a write that failed is tried again, in milliseconds
    #[arg(long, env = "GATEWAY_INGEST_RETRY_MS", default_value_t = 500)]
    pub ingest_retry_ms: u64,
    /// How long a notification that shows that earlier ones were missed waits for its conversation
    /// to be read from Genesys, in milliseconds; after that it is told with `gapBefore`
    #[arg(long, env = "GATEWAY_INGEST_PATIENCE_MS", default_value_t = 30_000)]
    pub ingest_patience_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Track {
    /// Every conversation of a followed queue.
    Queues,
    /// Only those registered or linked; the others are followed in memory until they end.
    Registered,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            track: Track::Queues,
            ingest_queue: 4096,
            ingest_batch: 256,
            ingest_cache: 20_000,
            ingest_retry_ms: 500,
            ingest_patience_ms: 30_000,
        }
    }
}

/// What the write path wants Genesys to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A reversible mark is doubtful: read the conversation once.
    Read(ConversationId),
    /// Notifications wait until it was read: read it at once.
    ReadNow(ConversationId),
    /// It ended, or its thread is idle: ask later for exact times and durations.
    Settle(ConversationId),
    /// It was registered or linked, and nothing was seen of it: read it at once, and watch it.
    Unshown(ConversationId),
    /// A leg holds it up whose customer has left: look whether that stays.
    HeldUp(ConversationId),
}

/// What became of a submitted event.
#[derive(Clone, Debug)]
pub struct Written {
    pub conversation: Arc<Conversation>,
    /// The entries it made, oldest first; empty when nothing changed.
    pub committed: Vec<Arc<Committed>>,
    /// The conversation was not known before.
    pub created: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The process is stopping.
    #[error("the write path is closed")]
    Closed,
}

/// Why an event was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefused {
    #[error("too many events wait to be written")]
    Full,
    #[error("the write path is closed")]
    Closed,
}

/// A handle on the write path.
#[derive(Clone)]
pub struct Ingest {
    requests_tx: mpsc::Sender<Request>,
    store: Store,
    hub: Hub,
}

/// Somebody who asks for a change himself.
#[derive(Clone, Debug)]
pub struct Asker {
    /// A known conversation that he does not see counts as not found. That is judged here, because
    /// only here nothing can come between the judgement and the change.
    pub scope: Scope,
    /// What the audit trail is told if anything changes.
    pub deed: AuditEntry,
}

struct Request {
    job: Job,
    asker: Option<Asker>,
    reply: Option<oneshot::Sender<Result<Written, Refused>>>,
}

enum Job {
    Event(ConversationEvent),
    Sight(Sight),
    /// What waits for a reading has waited long enough.
    Release(ConversationId),
}

impl Job {
    const fn conversation(&self) -> Option<ConversationId> {
        match self {
            Self::Event(event) => Some(event.conversation_id),
            Self::Release(id) => Some(*id),
            Self::Sight(_) => None,
        }
    }
}

impl Ingest {
    /// Hands an event over, waiting while the queue is full.
    pub async fn send(&self, event: ConversationEvent) -> Result<(), SendRefused> {
        self.hand_over(Job::Event(event)).await
    }

    /// Says what the listener can see; in order with the events.
    pub async fn note(&self, sight: Sight) -> Result<(), SendRefused> {
        self.hand_over(Job::Sight(sight)).await
    }

    async fn hand_over(&self, job: Job) -> Result<(), SendRefused> {
        self.requests_tx
            .send(Request {
                job,
                asker: None,
                reply: None,
            })
            .await
            .map_err(|_| SendRefused::Closed)
    }

    /// The conversations that have not ended, by id: those after the given one.
    pub async fn open_conversations(
        &self,
        after: Option<ConversationId>,
        limit: u64,
    ) -> Result<Vec<Open>, StoreError> {
        self.store.open_conversations(after, limit).await
    }

    /// Until when the listener is known to have missed nothing.
    pub async fn heard_until(&self) -> Result<Option<Time>, StoreError> {
        self.store.heard_until().await
    }

    pub async fn set_heard_until(&self, until: Time) -> Result<(), StoreError> {
        self.store.set_heard_until(until).await
    }

    /// How far the repair had come that a restart interrupted, in the listener's own words.
    pub async fn repair_note(&self) -> Result<Option<String>, StoreError> {
        self.store.repair_note().await
    }

    pub async fn keep_repair_note(&self, note: &str) -> Result<(), StoreError> {
        self.store.keep_repair_note(note).await
    }

    /// Hands an event over, or says at once that the queue is full.
    pub fn try_send(&self, event: ConversationEvent) -> Result<(), SendRefused> {
        self.requests_tx
            .try_send(Request {
                job: Job::Event(event),
                asker: None,
                reply: None,
            })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => SendRefused::Full,
                mpsc::error::TrySendError::Closed(_) => SendRefused::Closed,
            })
    }

    /// Hands an event over and waits until it is committed and published, so that every later read
    /// shows it. What others committed before is published first; where that takes too long (the
    /// database fails just then), the answer does not wait for it.
    pub async fn submit(&self, event: ConversationEvent) -> Result<Written, IngestError> {
        self.submit_for(None, event).await
    }

    /// The same, for somebody.
    pub async fn submit_for(
        &self,
        asker: Option<Asker>,
        event: ConversationEvent,
    ) -> Result<Written, IngestError> {
        let (reply, answer) = oneshot::channel();
        let request = Request {
            job: Job::Event(event),
            asker,
            reply: Some(reply),
        };
        self.requests_tx
            .send(request)
            .await
            .map_err(|_| IngestError::Closed)?;
        let written = answer.await.map_err(|_| IngestError::Closed)??;
        if let Some(last) = written.committed.last() {
            let published = self.hub.reached(last.sequence());
            if tokio::time::timeout(PUBLISHED_LIMIT, published)
                .await
                .is_err()
            {
                tracing::warn!("answered before earlier entries of the log were read");
            }
        }
        Ok(written)
    }
}

/// The loop behind the handle.
pub struct IngestLoop {
    requests_rx: mpsc::Receiver<Request>,
    needs_tx: mpsc::Sender<Need>,
    store: Store,
    hub: Hub,
    config: IngestConfig,
    known: Known,
    gate: Gate,
}

impl IngestLoop {
    pub fn new(
        config: IngestConfig,
        store: Store,
        hub: Hub,
        needs_tx: mpsc::Sender<Need>,
    ) -> (Ingest, Self) {
        let (requests_tx, requests_rx) = mpsc::channel(config.ingest_queue.max(1));
        let known = Known::new(config.ingest_cache);
        let gate = Gate::new(Duration::from_millis(config.ingest_patience_ms));
        let ingest = Ingest {
            requests_tx,
            store: store.clone(),
            hub: hub.clone(),
        };
        (
            ingest,
            Self {
                requests_rx,
                needs_tx,
                store,
                hub,
                config,
                known,
                gate,
            },
        )
    }

    /// Writes until cancelled; what waits then is written first.
    pub async fn run(mut self, token: CancellationToken) -> anyhow::Result<()> {
        let mut batch = Vec::new();
        loop {
            let expiry = self.gate.next_expiry();
            let taken = tokio::select! {
                biased;
                () = until(expiry) => {
                    let expired = self.gate.expired(Instant::now());
                    batch.extend(expired.into_iter().map(|id| Request { job: Job::Release(id), asker: None, reply: None }));
                    batch.len()
                }
                taken = self.requests_rx.recv_many(&mut batch, self.config.ingest_batch) => taken,
                () = token.cancelled() => {
                    self.requests_rx.close();
                    self.requests_rx.recv_many(&mut batch, usize::MAX).await
                }
            };
            if taken == 0 {
                return Ok(());
            }
            metrics::histogram!("gateway_ingest_batch_events").record(count(taken));
            self.write(std::mem::take(&mut batch), &token).await;
        }
    }

    /// Writes a batch, again and again until all of it is written.
    async fn write(&mut self, mut batch: Vec<Request>, token: &CancellationToken) {
        while !batch.is_empty() {
            match self.try_write(&mut batch).await {
                Ok(()) => {}
                Err(error) if token.is_cancelled() => {
                    tracing::error!(error = %error, events = batch.len(), "stopped before these were written");
                    return;
                }
                Err(error) => {
                    metrics::counter!("gateway_ingest_retries_total").increment(1);
                    tracing::warn!(error = %error, events = batch.len(), "cannot write yet");
                    self.known.clear_stored();
                    tokio::time::sleep(Duration::from_millis(self.config.ingest_retry_ms)).await;
                }
            }
        }
    }

    /// One attempt. Leaves in `batch` what another writer overtook, to be applied to newer state.
    async fn try_write(&mut self, batch: &mut Vec<Request>) -> Result<(), StoreError> {
        self.load(batch).await?;
        let mut work = Work::default();
        for (place, request) in batch.iter().enumerate() {
            work.take(
                place,
                request,
                &mut self.gate,
                &self.known,
                self.config.track,
            );
        }
        let changes = work.changes();
        let results = if changes.is_empty() {
            Vec::new()
        } else {
            self.store.commit(&changes).await?
        };
        let mut published = Vec::new();
        let mut overtaken = Vec::new();
        for (change, result) in changes.iter().zip(results) {
            match result {
                Ok(entries) => {
                    published.extend(entries.iter().cloned());
                    work.committed(change.conversation.id, entries);
                }
                Err(_conflict) => overtaken.push(change.conversation.id),
            }
        }
        published.sort_by_key(|entry| entry.sequence());
        self.hub.publish(published);
        for id in &overtaken {
            self.known.forget(*id);
            work.items.remove(id);
        }
        let mut left = Vec::new();
        for (place, request) in std::mem::take(batch).into_iter().enumerate() {
            let Some(id) = request.job.conversation() else {
                continue;
            };
            if overtaken.contains(&id) {
                left.push(request);
            } else if let Some(reply) = request.reply {
                let _ = reply.send(work.answer(place, id));
            }
        }
        *batch = left;
        self.settle_gate(&mut work, &overtaken);
        self.remember(work);
        Ok(())
    }

    async fn load(&mut self, batch: &[Request]) -> Result<(), StoreError> {
        let mut missing: Vec<ConversationId> = batch
            .iter()
            .filter_map(|request| request.job.conversation())
            .filter(|id| !self.known.contains(*id))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            for conversation in self.store.load(&missing).await?.into_values() {
                self.known.insert(Arc::new(conversation));
            }
        }
        Ok(())
    }

    /// What the batch made wait, and what it let go; of what was written only.
    fn settle_gate(&mut self, work: &mut Work, overtaken: &[ConversationId]) {
        let written = |id: &ConversationId| !overtaken.contains(id);
        for id in work.released.drain().filter(written) {
            self.gate.release(id);
        }
        let checked = std::mem::take(&mut work.checked);
        for (id, read_at) in checked.into_iter().filter(|(id, _)| written(id)) {
            self.gate.check(id, read_at);
        }
        for (id, at) in std::mem::take(&mut work.repeats) {
            self.gate.repeated(id, at);
        }
        let held = std::mem::take(&mut work.held);
        for (id, frames) in held.into_iter().filter(|(id, _)| written(id)) {
            for frame in frames {
                self.gate.hold(id, Some(frame));
            }
            self.ask(Need::ReadNow(id));
        }
    }

    fn remember(&mut self, work: Work) {
        for id in &work.unread {
            self.ask(Need::ReadNow(*id));
        }
        for item in work.items.into_values() {
            let ended = item.conversation.row.status == ConversationStatus::Ended;
            let is_settled = item.conversation.is_settled();
            let needs = item.needs.into_iter();
            for need in needs.filter(|need| !(is_settled && matches!(need, Need::Settle(_)))) {
                self.ask(need);
            }
            if item.followed_only {
                if ended {
                    self.known.forget(item.conversation.id);
                } else {
                    self.known.follow(Arc::new(item.conversation));
                }
            } else if item.conversation.version > 0 {
                self.known.insert(Arc::new(item.conversation));
            }
        }
    }

    fn ask(&self, need: Need) {
        if self.needs_tx.try_send(need).is_err() {
            metrics::counter!("gateway_ingest_needs_dropped_total").increment(1);
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
fn count(events: usize) -> f64 {
    events as f64
}
