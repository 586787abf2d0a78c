//! Where the listener puts events.

use std::future::Future;

use tokio::sync::mpsc;

use crate::domain::event::ConversationEvent;
use crate::ingest::{Ingest, SendRefused};

/// Takes events in order and waits when it has no room.
pub trait Sink: Clone + Send + Sync + 'static {
    fn put(&self, event: ConversationEvent)
    -> impl Future<Output = Result<(), SendRefused>> + Send;
}

impl Sink for Ingest {
    async fn put(&self, event: ConversationEvent) -> Result<(), SendRefused> {
        self.send(event).await
    }
}

/// A plain queue, for whoever wants to look at the events alone.
impl Sink for mpsc::Sender<ConversationEvent> {
    async fn put(&self, event: ConversationEvent) -> Result<(), SendRefused> {
        self.send(event).await.map_err(|_| SendRefused::Closed)
    }
}
