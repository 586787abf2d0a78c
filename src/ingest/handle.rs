//! How others hand over what is to be written.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::{Asker, Handed, IngestError, Job, Open, Request, SendRefused, Sight, Written};
use crate::domain::event::ConversationEvent;
use crate::domain::ids::ConversationId;
use crate::domain::time::Time;
use crate::hub::Hub;
use crate::store::{Store, StoreError};

/// How long an answer waits for what others committed before it.
const PUBLISHED_LIMIT: Duration = Duration::from_secs(2);

/// A handle on the write path.
#[derive(Clone)]
pub struct Ingest {
    pub(super) handed_tx: mpsc::Sender<Handed>,
    pub(super) store: Store,
    pub(super) hub: Hub,
}

impl Ingest {
    /// Hands an event over, waiting while the queue is full.
    pub async fn send(&self, event: ConversationEvent) -> Result<(), SendRefused> {
        let request = Request::of(Job::Event(event));
        self.hand_over(Handed::Request(request)).await
    }

    /// Says what the listener can see; in order with the events.
    pub async fn note(&self, sight: Sight) -> Result<(), SendRefused> {
        self.hand_over(Handed::Sight(sight)).await
    }

    async fn hand_over(&self, handed: Handed) -> Result<(), SendRefused> {
        let sent = self.handed_tx.send(handed).await;
        sent.map_err(|_| SendRefused::Closed)
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
        let request = Request::of(Job::Event(event));
        let sent = self.handed_tx.try_send(Handed::Request(request));
        sent.map_err(|error| match error {
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
        let as_of = Some(self.hub.head());
        let sent = self.handed_tx.send(Handed::Request(request)).await;
        sent.map_err(|_| IngestError::Closed)?;
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
        Ok(Written { as_of, ..written })
    }
}
