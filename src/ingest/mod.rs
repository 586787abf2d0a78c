//! The write path: load, ask the domain, commit, publish.
//!
//! One loop is the only writer of conversation state in this process, for what Genesys says and for
//! what users ask alike. Events that wait together are committed together in one transaction. A
//! database that can't be reached delays events, it never loses them: the queue is bounded, and
//! whoever fills it is told so. The same event twice is harmless, so whatever is uncertain is done
//! again.

mod gate;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::audit::AuditEntry;
use crate::domain::caller::Scope;
use crate::domain::conversation::Conversation;
use crate::domain::event::{ConversationEvent, Fact, Refused};
use crate::domain::ids::ConversationId;
use crate::domain::row::{ConversationStatus, Work as WorkKind};
use crate::domain::snapshot::{Snapshot, Source};
use crate::domain::time::Time;
use crate::domain::update::Update;
use crate::hub::Hub;
use crate::store::{Change, Committed, Store, StoreError};
use gate::Gate;

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
            for need in item.needs {
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

/// The conversations that one batch touches, with what it makes of them.
#[derive(Default)]
struct Work {
    items: HashMap<ConversationId, Item>,
    /// Conversations in the order in which the batch first changes them.
    order: Vec<ConversationId>,
    refused: HashMap<usize, Refused>,
    /// Notifications that must wait for a reading.
    held: HashMap<ConversationId, Vec<ConversationEvent>>,
    /// Conversations whose waiting notifications were applied.
    released: HashSet<ConversationId>,
    checked: Vec<(ConversationId, Time)>,
    repeats: Vec<(ConversationId, Time)>,
    /// Conversations to read, said by the listener.
    unread: Vec<ConversationId>,
}

struct Item {
    conversation: Conversation,
    updates: Vec<Update>,
    deeds: Vec<AuditEntry>,
    committed: Vec<Arc<Committed>>,
    was_stored: bool,
    /// The place in the batch of the event that made the row.
    made_by: Option<usize>,
    needs: Vec<Need>,
    /// Not a row: nobody registered or linked it.
    followed_only: bool,
}

/// What a step through the batch needs to see.
struct Sights<'a> {
    place: usize,
    asker: Option<&'a Asker>,
    gate: &'a Gate,
    known: &'a Known,
    track: Track,
}

impl Work {
    fn take(
        &mut self,
        place: usize,
        request: &Request,
        gate: &mut Gate,
        known: &Known,
        track: Track,
    ) {
        if let Job::Sight(sight) = &request.job {
            self.unread.extend(gate.note(sight));
            return;
        }
        let sights = Sights {
            place,
            asker: request.asker.as_ref(),
            gate,
            known,
            track,
        };
        match &request.job {
            Job::Event(event) if self.is_hidden_from_its_asker(event, &sights) => {
                self.refused.insert(place, Refused::NotFound);
            }
            Job::Event(event) => self.route(event, &sights),
            Job::Release(id) => self.release_untold(*id, &sights),
            Job::Sight(_) => {}
        }
    }

    fn is_hidden_from_its_asker(&mut self, event: &ConversationEvent, sights: &Sights<'_>) -> bool {
        let Some(asker) = sights.asker else {
            return false;
        };
        self.item(event, sights.known).is_hidden_from(asker)
    }

    /// Holds a notification back that must wait, lets go what waited for a reading, applies the rest.
    fn route(&mut self, event: &ConversationEvent, sights: &Sights<'_>) {
        let id = event.conversation_id;
        match &event.fact {
            Fact::Seen { snapshot, .. } if matches!(snapshot.source, Source::Topic(_)) => {
                if self.must_wait(event, snapshot, sights) {
                    self.held.entry(id).or_default().push(event.clone());
                } else {
                    self.apply(event, &[], sights);
                }
            }
            Fact::Seen {
                snapshot,
                read_at: Some(read_at),
                ..
            } if snapshot.source == Source::Rest => {
                let (before, after): (Vec<_>, Vec<_>) = self
                    .waiting(id, sights.gate)
                    .into_iter()
                    .partition(|frame| frame.received_at <= *read_at);
                self.let_go(id);
                self.checked.push((id, *read_at));
                self.apply(event, &before, sights);
                for frame in after {
                    self.route(&frame, sights);
                }
            }
            Fact::Failed {
                work: WorkKind::Reading,
                ..
            } => {
                self.release_untold(id, sights);
                self.apply(event, &[], sights);
            }
            _ => self.apply(event, &[], sights),
        }
    }

    fn must_wait(
        &mut self,
        event: &ConversationEvent,
        snapshot: &Snapshot,
        sights: &Sights<'_>,
    ) -> bool {
        let id = event.conversation_id;
        let waits = sights.gate.is_held(id) && !self.released.contains(&id);
        if waits || self.held.contains_key(&id) {
            return true;
        }
        let repeated = sights.gate.repeated_lately(id, event.received_at);
        let item = self.item(event, sights.known);
        sights.gate.suspects(&item.conversation, snapshot)
            || item
                .conversation
                .doubts(snapshot, event.received_at, repeated)
    }

    fn waiting(&mut self, id: ConversationId, gate: &Gate) -> Vec<ConversationEvent> {
        let mut waiting = Vec::new();
        if !self.released.contains(&id) {
            waiting.extend_from_slice(gate.frames(id));
        }
        waiting.extend(self.held.remove(&id).unwrap_or_default());
        waiting
    }

    fn let_go(&mut self, id: ConversationId) {
        self.released.insert(id);
    }

    /// Applies what waits for a reading that won't come in time: there may have been more.
    fn release_untold(&mut self, id: ConversationId, sights: &Sights<'_>) {
        let waiting = self.waiting(id, sights.gate);
        self.let_go(id);
        for mut frame in waiting {
            if let Fact::Seen { gap_before, .. } = &mut frame.fact {
                *gap_before = true;
            }
            self.apply(&frame, &[], sights);
        }
    }

    fn item(&mut self, event: &ConversationEvent, known: &Known) -> &mut Item {
        let id = event.conversation_id;
        if !self.items.contains_key(&id) {
            self.order.push(id);
        }
        self.items.entry(id).or_insert_with(|| {
            let conversation = known.get(id).map_or_else(
                || Conversation::unknown(id, event.received_at),
                |known| Conversation::clone(known),
            );
            Item {
                was_stored: conversation.version > 0,
                made_by: None,
                conversation,
                updates: Vec::new(),
                deeds: Vec::new(),
                committed: Vec::new(),
                needs: Vec::new(),
                followed_only: false,
            }
        })
    }

    fn apply(
        &mut self,
        event: &ConversationEvent,
        waiting: &[ConversationEvent],
        sights: &Sights<'_>,
    ) {
        let id = event.conversation_id;
        let place = sights.place;
        let item = self.item(event, sights.known);
        match item.conversation.apply_through(waiting, event) {
            Err(refused) => {
                self.refused.insert(place, refused);
            }
            Ok(applied) => {
                if applied.doubtful {
                    item.needs.push(Need::Read(id));
                }
                if applied.updates.iter().any(ends) {
                    item.needs.push(Need::Settle(id));
                }
                let repeats = applied.updates.is_empty() && matches!(event.fact, Fact::Seen { .. });
                if !applied.updates.is_empty()
                    && let Some(asker) = sights.asker
                {
                    item.deeds.push(asker.deed.clone());
                }
                item.take(applied.updates, event, sights.track);
                let is_new = !item.was_stored && !item.updates.is_empty();
                if is_new && item.made_by.is_none() {
                    item.made_by = Some(place);
                }
                if repeats {
                    self.repeats.push((id, event.received_at));
                }
            }
        }
    }

    fn changes(&self) -> Vec<Change> {
        self.order
            .iter()
            .filter_map(|id| self.items.get(id))
            .filter(|item| !item.updates.is_empty())
            .map(|item| Change {
                conversation: item.conversation.clone(),
                updates: item.updates.clone(),
                deeds: item.deeds.clone(),
            })
            .collect()
    }

    fn committed(&mut self, id: ConversationId, entries: Vec<Arc<Committed>>) {
        if let Some(item) = self.items.get_mut(&id) {
            item.committed = entries;
        }
    }

    fn answer(&self, place: usize, id: ConversationId) -> Result<Written, Refused> {
        if let Some(refused) = self.refused.get(&place) {
            return Err(refused.clone());
        }
        let item = self.items.get(&id).ok_or(Refused::NotFound)?;
        Ok(Written {
            conversation: Arc::new(item.conversation.clone()),
            committed: item.committed.clone(),
            created: item.made_by == Some(place),
        })
    }
}

impl Item {
    fn is_hidden_from(&self, asker: &Asker) -> bool {
        let is_known =
            self.conversation.version > 0 || self.conversation.facts.first_seen_at.is_some();
        is_known && !asker.scope.sees(&self.conversation.row)
    }

    fn take(&mut self, updates: Vec<Update>, event: &ConversationEvent, track: Track) {
        let wanted = track == Track::Queues
            || !matches!(event.fact, Fact::Seen { .. })
            || self.conversation.registration.is_some()
            || !self.conversation.links.is_empty()
            || self.was_stored;
        if wanted {
            self.followed_only = false;
            self.updates.extend(updates);
        } else {
            self.followed_only = true;
            self.conversation.unnumber();
        }
    }
}

/// Conversations kept in memory: stored ones to save reading them, followed ones because nothing
/// else holds them. Bounded by two generations: when the newer is full, the older is dropped.
struct Known {
    limit: usize,
    newer: HashMap<ConversationId, Arc<Conversation>>,
    older: HashMap<ConversationId, Arc<Conversation>>,
    followed: HashMap<ConversationId, Arc<Conversation>>,
}

impl Known {
    fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(2) / 2,
            newer: HashMap::new(),
            older: HashMap::new(),
            followed: HashMap::new(),
        }
    }

    fn get(&self, id: ConversationId) -> Option<&Arc<Conversation>> {
        self.newer
            .get(&id)
            .or_else(|| self.older.get(&id))
            .or_else(|| self.followed.get(&id))
    }

    fn contains(&self, id: ConversationId) -> bool {
        self.get(id).is_some()
    }

    fn insert(&mut self, conversation: Arc<Conversation>) {
        if self.newer.len() >= self.limit {
            self.older = std::mem::take(&mut self.newer);
        }
        self.followed.remove(&conversation.id);
        self.newer.insert(conversation.id, conversation);
    }

    fn follow(&mut self, conversation: Arc<Conversation>) {
        self.followed.insert(conversation.id, conversation);
    }

    fn forget(&mut self, id: ConversationId) {
        self.newer.remove(&id);
        self.older.remove(&id);
        self.followed.remove(&id);
    }

    /// Drops what can be read again: after a failed write its version is uncertain.
    fn clear_stored(&mut self) {
        self.newer.clear();
        self.older.clear();
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Nobody works on it any more: for good, or until the thread wakes.
fn ends(update: &Update) -> bool {
    let over = matches!(
        update.after.status,
        ConversationStatus::Ended | ConversationStatus::Idle
    );
    update.is_status_change() && over
}

#[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52")]
fn count(events: usize) -> f64 {
    events as f64
}
