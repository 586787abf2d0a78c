//! Where the listener puts events, and what it asks of the write path's memory.

use std::future::{Future, ready};

use tokio::sync::mpsc;

use crate::domain::event::ConversationEvent;
use crate::domain::ids::ConversationId;
use crate::domain::time::Time;
use crate::ingest::{Ingest, Open, SendRefused, Sight};

/// Takes events in order and waits when it has no room.
pub trait Sink: Clone + Send + Sync + 'static {
    fn put(&self, event: ConversationEvent)
    -> impl Future<Output = Result<(), SendRefused>> + Send;

    /// Says what the listener can see, in order with the events.
    fn note(&self, _sight: Sight) -> impl Future<Output = Result<(), SendRefused>> + Send {
        ready(Ok(()))
    }

    /// As `put`, and waits until the event is written.
    fn settle(
        &self,
        event: ConversationEvent,
    ) -> impl Future<Output = Result<(), SendRefused>> + Send {
        self.put(event)
    }

    /// Conversations that have not ended, by id: those after the given one.
    fn open(
        &self,
        _after: Option<ConversationId>,
        _limit: u64,
    ) -> impl Future<Output = anyhow::Result<Vec<Open>>> + Send {
        ready(Ok(Vec::new()))
    }

    /// Until when the listener is known to have missed nothing; `None` before it ever heard.
    fn heard_until(&self) -> impl Future<Output = anyhow::Result<Option<Time>>> + Send {
        ready(Ok(None))
    }

    /// Notes it, and drops the note of a repair: that is through.
    fn set_heard_until(&self, _until: Time) -> impl Future<Output = anyhow::Result<()>> + Send {
        ready(Ok(()))
    }

    /// How far the repair had come that a restart interrupted.
    fn repair_note(&self) -> impl Future<Output = anyhow::Result<Option<String>>> + Send {
        ready(Ok(None))
    }

    fn keep_repair_note(&self, _note: String) -> impl Future<Output = anyhow::Result<()>> + Send {
        ready(Ok(()))
    }
}

impl Sink for Ingest {
    async fn put(&self, event: ConversationEvent) -> Result<(), SendRefused> {
        self.send(event).await
    }

    async fn note(&self, sight: Sight) -> Result<(), SendRefused> {
        Ingest::note(self, sight).await
    }

    async fn settle(&self, event: ConversationEvent) -> Result<(), SendRefused> {
        // A reading is never refused: no answer means that the process stops.
        self.submit(event)
            .await
            .map(|_| ())
            .map_err(|_| SendRefused::Closed)
    }

    async fn open(&self, after: Option<ConversationId>, limit: u64) -> anyhow::Result<Vec<Open>> {
        Ok(self.open_conversations(after, limit).await?)
    }

    async fn heard_until(&self) -> anyhow::Result<Option<Time>> {
        Ok(Ingest::heard_until(self).await?)
    }

    async fn set_heard_until(&self, until: Time) -> anyhow::Result<()> {
        Ok(Ingest::set_heard_until(self, until).await?)
    }

    async fn repair_note(&self) -> anyhow::Result<Option<String>> {
        Ok(Ingest::repair_note(self).await?)
    }

    async fn keep_repair_note(&self, note: String) -> anyhow::Result<()> {
        Ok(Ingest::keep_repair_note(self, &note).await?)
    }
}

/// A plain queue, for whoever wants to look at the events alone.
impl Sink for mpsc::Sender<ConversationEvent> {
    async fn put(&self, event: ConversationEvent) -> Result<(), SendRefused> {
        self.send(event).await.map_err(|_| SendRefused::Closed)
    }
}
