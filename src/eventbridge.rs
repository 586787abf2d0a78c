//! Takes Genesys' events as AWS `EventBridge` delivers them. What a topic shows anyway needs no more; any
//! other conversation that an event names is read from Genesys.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::feed::{FeedState, FeedStatus};
use crate::domain::ids::ConversationId;
use crate::domain::time::Time;
use crate::domain::update::ChangeCause;
use crate::genesys::GenesysClient;
use crate::genesys::budget::Priority;
use crate::genesys::eventbridge::{Heard, read};
use crate::genesys::feed_board::ShownQueues;
use crate::http::{NotTaken, TakeEvents};
use crate::ingest::Ingest;
use crate::store::Store;

/// Readings that run at once.
const AT_ONCE: usize = 4;
/// Wishes that are looked at together.
const PAGE: u64 = 100;

#[derive(clap::Args, Clone, Debug)]
pub struct EventBridgeConfig {
    /// Time between two attempts to read conversations that events from EventBridge named
    #[arg(long, env = "GATEWAY_EVENTBRIDGE_RETRY_MS", default_value_t = 5_000)]
    pub eventbridge_retry_ms: u64,
}

/// Where events are handed in; a cheap handle.
#[derive(Clone)]
pub struct EventBridge {
    store: Store,
    clock: Arc<dyn Clock>,
    news: Arc<Notify>,
}

/// Reads what events named.
pub struct Readings {
    config: EventBridgeConfig,
    client: GenesysClient,
    ingest: Ingest,
    feed: watch::Receiver<FeedStatus>,
    shown: watch::Receiver<ShownQueues>,
}

impl Readings {
    /// `feed` and `shown` say whether a topic shows a conversation anyway.
    pub fn new(
        config: &EventBridgeConfig,
        client: &GenesysClient,
        ingest: &Ingest,
        feed: &watch::Receiver<FeedStatus>,
        shown: watch::Receiver<ShownQueues>,
    ) -> Self {
        Self {
            config: config.clone(),
            client: client.clone(),
            ingest: ingest.clone(),
            feed: feed.clone(),
            shown,
        }
    }
}

impl TakeEvents for EventBridge {
    fn take<'a>(&'a self, body: &'a [u8]) -> BoxFuture<'a, Result<(), NotTaken>> {
        self.keep(body).boxed()
    }
}

impl EventBridge {
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        let news = Arc::default();
        Self { store, clock, news }
    }

    async fn keep(&self, body: &[u8]) -> Result<(), NotTaken> {
        let heard = read(body).map_err(|error| NotTaken::NotAnEvent(error.to_string()))?;
        let kind = match heard {
            Heard::Conversation(id) => {
                let stored = self.store.want_reading(id, self.clock.now()).await;
                stored.map_err(|error| {
                    tracing::warn!(%error, "an event from EventBridge cannot be stored");
                    NotTaken::Unavailable
                })?;
                self.news.notify_one();
                "conversation"
            }
            Heard::Other => "other",
        };
        metrics::counter!("gateway_eventbridge_events_total", "kind" => kind).increment(1);
        Ok(())
    }

    /// Reads what was named, again and again until it is read.
    pub async fn run(self, readings: Readings, token: CancellationToken) -> anyhow::Result<()> {
        let readings = Arc::new(readings);
        let retry = Duration::from_millis(readings.config.eventbridge_retry_ms.max(1));
        loop {
            let round = async {
                if let Err(error) = self.read_page(&readings).await {
                    tracing::warn!(%error, "conversations named by EventBridge cannot be read yet");
                }
                let _ = tokio::time::timeout(retry, self.news.notified()).await;
            };
            if token.run_until_cancelled(round).await.is_none() {
                return Ok(());
            }
        }
    }

    async fn read_page(&self, readings: &Arc<Readings>) -> anyhow::Result<()> {
        let mut running = JoinSet::new();
        for (id, wanted_at) in self.store.wanted_readings(PAGE).await? {
            if running.len() >= AT_ONCE {
                running.join_next().await;
            }
            let (this, readings) = (self.clone(), Arc::clone(readings));
            running.spawn(async move {
                if let Err(error) = this.settle(&readings, id, wanted_at).await {
                    tracing::warn!(conversation.id = %id, %error, "not read yet");
                }
            });
        }
        while running.join_next().await.is_some() {}
        Ok(())
    }

    async fn settle(
        &self,
        readings: &Readings,
        id: ConversationId,
        wanted_at: Time,
    ) -> anyhow::Result<()> {
        if !self.is_shown(readings, id).await? {
            let read_at = self.clock.now();
            match readings.client.conversation(id, Priority::Repair).await {
                Ok(snapshot) => {
                    let fact = Fact::Seen {
                        snapshot,
                        cause: ChangeCause::Reconciled,
                        read_at: Some(read_at),
                        gap_before: false,
                    };
                    let event = ConversationEvent {
                        conversation_id: id,
                        received_at: self.clock.now(),
                        actor: None,
                        fact,
                    };
                    readings.ingest.submit(event).await?;
                }
                Err(error) if error.is_final() => {
                    tracing::warn!(conversation.id = %id, %error, "it cannot be read");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.store.reading_done(id, wanted_at).await?)
    }

    /// Whether a topic tells of it: then an event says nothing new.
    async fn is_shown(&self, readings: &Readings, id: ConversationId) -> anyhow::Result<bool> {
        if readings.feed.borrow().state != FeedState::Live {
            return Ok(false);
        }
        let known = self.store.load(&[id]).await?.remove(&id);
        let shown = readings.shown.borrow().clone();
        Ok(known.is_some_and(|known| {
            let queue = known.row.last_queue_id.as_ref();
            shown
                .as_deref()
                .zip(queue)
                .is_some_and(|(all, it)| all.contains(it))
        }))
    }
}
