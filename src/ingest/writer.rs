//! The loop that writes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::known::Known;
use super::work::Work;
use super::{Handed, Ingest, IngestConfig, Job, Need, Request};
use crate::domain::event::Refused;
use crate::domain::ids::ConversationId;
use crate::domain::row::ConversationStatus;
use crate::hub::Hub;
use crate::store::{Store, StoreError};

/// The loop behind the handle.
pub struct IngestLoop {
    handed_rx: mpsc::Receiver<Handed>,
    needs_tx: mpsc::Sender<Need>,
    store: Store,
    hub: Hub,
    config: IngestConfig,
    pub(super) known: Known,
    gate: Gate,
}

impl IngestLoop {
    pub fn new(
        config: IngestConfig,
        store: Store,
        hub: Hub,
        needs_tx: mpsc::Sender<Need>,
    ) -> (Ingest, Self) {
        let (handed_tx, handed_rx) = mpsc::channel(config.ingest_queue.max(1));
        let known = Known::new(config.ingest_cache);
        let gate = Gate::new(Duration::from_millis(config.ingest_patience_ms));
        let ingest = Ingest {
            handed_tx,
            store: store.clone(),
            hub: hub.clone(),
        };
        (
            ingest,
            Self {
                handed_rx,
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
                    let released = expired.into_iter().map(|id| Request::of(Job::Release(id)));
                    batch.extend(released.map(Handed::Request));
                    batch.len()
                }
                taken = self.handed_rx.recv_many(&mut batch, self.config.ingest_batch) => taken,
                () = token.cancelled() => {
                    self.handed_rx.close();
                    self.handed_rx.recv_many(&mut batch, usize::MAX).await
                }
            };
            if taken == 0 {
                return Ok(());
            }
            metrics::histogram!("gateway_ingest_batch_events").record(count(taken));
            self.write(std::mem::take(&mut batch), &token).await;
        }
    }

    /// Writes a batch. What the listener says of its sight divides it: all that came before is written
    /// first, and it is noted once, however often writing must be tried.
    pub(super) async fn write(&mut self, batch: Vec<Handed>, token: &CancellationToken) {
        let mut requests = Vec::new();
        for handed in batch {
            match handed {
                Handed::Request(request) => requests.push(request),
                Handed::Sight(sight) => {
                    self.carry_out(std::mem::take(&mut requests), token).await;
                    if let Some(unread) = self.gate.note(&sight) {
                        self.ask(Need::ReadNow(unread));
                    }
                }
            }
        }
        self.carry_out(requests, token).await;
    }

    /// Carries requests out, again and again until all of them are.
    async fn carry_out(&mut self, mut batch: Vec<Request>, token: &CancellationToken) {
        while !batch.is_empty() {
            match self.try_write(&mut batch).await {
                Ok(()) => {}
                Err(error) if error.is_lasting() => {
                    return self.carry_out_parts(batch, &error, token).await;
                }
                Err(error) if token.is_cancelled() => {
                    tracing::error!(error = %error, events = batch.len(), "stopped before these were written");
                    return;
                }
                Err(error) => {
                    metrics::counter!("gateway_ingest_retries_total").increment(1);
                    tracing::warn!(error = %error, events = batch.len(), "cannot write yet");
                    tokio::time::sleep(Duration::from_millis(self.config.ingest_retry_ms)).await;
                }
            }
        }
    }

    /// Something in the batch cannot be written, however often it is tried: the smaller the parts, the
    /// less goes with it. What cannot be written by itself is given up.
    async fn carry_out_parts(
        &mut self,
        mut batch: Vec<Request>,
        error: &StoreError,
        token: &CancellationToken,
    ) {
        if let [request] = &mut batch[..] {
            let id = request.job.conversation();
            metrics::counter!("gateway_ingest_unwritable_total").increment(1);
            tracing::error!(conversation.id = %id, %error, "an event cannot be written and is given up");
            if let Some(reply) = request.reply.take() {
                let _ = reply.send(Err(Refused::Unwritable));
            }
            if let Job::Release(id) = request.job {
                // What waited goes with it: it would be due again at once.
                self.gate.release(id);
            }
            return;
        }
        for part in parts(batch) {
            Box::pin(self.carry_out(part, token)).await;
        }
    }

    /// One attempt. Leaves in `batch` what another writer overtook, to be applied to newer state.
    async fn try_write(&mut self, batch: &mut Vec<Request>) -> Result<(), StoreError> {
        self.load(batch).await?;
        let mut work = Work::default();
        for (place, request) in batch.iter().enumerate() {
            work.take(place, request, &self.gate, &self.known, self.config.track);
        }
        let changes = work.changes();
        let results = if changes.is_empty() {
            Vec::new()
        } else {
            let committed = self.in_time(self.store.commit(&changes)).await;
            // It may have been written all the same.
            committed.inspect_err(|_| self.known.clear_stored())?
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
            let id = request.job.conversation();
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

    /// The database's answer, unless it takes too long.
    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let patience = Duration::from_millis(self.config.ingest_write_timeout_ms);
        let answer = timeout(patience, answer).await;
        answer.unwrap_or(Err(StoreError::Silent))
    }

    async fn load(&mut self, batch: &[Request]) -> Result<(), StoreError> {
        self.known.make_room();
        self.forget_overtaken(batch);
        let mut missing: Vec<ConversationId> = batch
            .iter()
            .map(|request| request.job.conversation())
            .filter(|id| !self.known.contains(*id))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let loaded = self.in_time(self.store.load_to_write(&missing)).await?;
            for conversation in loaded.into_values() {
                let stored = Arc::new(conversation);
                self.known.insert(Arc::clone(&stored), stored);
            }
        }
        Ok(())
    }

    /// Forgets what another process has written since it was read here.
    fn forget_overtaken(&mut self, batch: &[Request]) {
        let ids = batch.iter().map(|request| request.job.conversation());
        let stored = ids.filter_map(|id| Some((id, self.known.stored(id)?.version)));
        let overtaken = self.hub.overtaken(stored);
        for id in overtaken {
            self.known.forget(id);
        }
    }

    /// What the batch made wait, and what it let go; of what was written only.
    fn settle_gate(&mut self, work: &mut Work, overtaken: &[ConversationId]) {
        let written = |id: &ConversationId| !overtaken.contains(id);
        for id in work.released.drain().filter(written) {
            if work.unread.contains(&id) {
                self.gate.release_frames(id);
            } else {
                self.gate.release(id);
            }
        }
        let checked = std::mem::take(&mut work.checked);
        for (id, read_at) in checked.into_iter().filter(|(id, _)| written(id)) {
            self.gate.check(id, read_at);
            self.gate.overtook(id, read_at);
        }
        let gaps = std::mem::take(&mut work.gaps);
        for (id, is_open) in gaps.into_iter().filter(|(id, _)| written(id)) {
            self.gate.set_gap(id, is_open);
        }
        for (id, at) in std::mem::take(&mut work.repeats) {
            self.gate.overtook(id, at);
        }
        let held = std::mem::take(&mut work.held);
        for (id, frames) in held.into_iter().filter(|(id, _)| written(id)) {
            for frame in frames {
                self.gate.hold(id, frame);
            }
            self.ask(Need::ReadNow(id));
        }
    }

    fn remember(&mut self, work: Work) {
        for item in work.items.into_values() {
            let ended = item.conversation.row.status == ConversationStatus::Ended;
            let is_settled = item.conversation.is_settled();
            let needs = item.needs.iter().copied();
            // What has no row has no times to settle, and no error to tell.
            let is_idle = |need: &Need| match need {
                Need::Settle(_) => is_settled || item.followed_only,
                Need::HeldUp(_) => item.followed_only,
                Need::Read(_) | Need::ReadNow(_) | Need::Unshown(_) => false,
            };
            for need in needs.filter(|need| !is_idle(need)) {
                self.ask(need);
            }
            if item.followed_only {
                let is_seen = item.conversation.facts.first_seen_at.is_some();
                if is_seen && !ended {
                    self.known.follow(Arc::new(item.conversation));
                } else {
                    self.known.forget(item.conversation.id);
                }
            } else if item.conversation.version > 0 {
                let (present, stored) = item.into_known();
                self.known.insert(present, stored);
            }
        }
    }

    fn ask(&self, need: Need) {
        if self.needs_tx.try_send(need).is_err() {
            metrics::counter!("gateway_ingest_needs_dropped_total").increment(1);
        }
    }
}

/// Each conversation's requests by themselves, or each request where all are of one conversation.
fn parts(batch: Vec<Request>) -> Vec<Vec<Request>> {
    let mut ids: Vec<ConversationId> = Vec::new();
    let mut parts: Vec<Vec<Request>> = Vec::new();
    for request in batch {
        let id = request.job.conversation();
        if let Some(place) = ids.iter().position(|known| *known == id) {
            parts[place].push(request);
        } else {
            ids.push(id);
            parts.push(vec![request]);
        }
    }
    match parts.len() {
        1 => parts.remove(0).into_iter().map(|it| vec![it]).collect(),
        _ => parts,
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
