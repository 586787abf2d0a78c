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
use crate::domain::event::ConversationEvent;
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
use crate::store::{Store, StoreError};

/// Readings that run at once.
const AT_ONCE: usize = 4;
/// Wishes that are looked at together.
const PAGE: usize = 100;
/// Longest wait between two attempts to grant a wish.
const LONGEST_WAIT_MS: i64 = 5 * 60_000;
/// A wish that could not be granted for so long is dropped; the conversation's next event renews it.
const GIVEN_UP_MS: i64 = 24 * 3_600_000;

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "EventBridge")]
pub struct EventBridgeConfig {
    /// First wait before a conversation that an event from EventBridge named, and that cannot be read, is
    /// asked for again, in milliseconds; it doubles
    #[arg(long, env = "GATEWAY_EVENTBRIDGE_RETRY_MS", default_value_t = 5_000)]
    pub eventbridge_retry_ms: u64,
}

impl EventBridgeConfig {
    /// The wait after a failure, in milliseconds: as long as the wish is old, so it doubles.
    fn wait_ms(&self, age_ms: i64) -> i64 {
        let first = i64::try_from(self.eventbridge_retry_ms).unwrap_or(LONGEST_WAIT_MS);
        age_ms.min(LONGEST_WAIT_MS).max(first)
    }
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
                let page = self.read_page(&readings).await;
                let is_more = page.unwrap_or_else(|error| {
                    tracing::warn!(%error, "what EventBridge named cannot be looked at");
                    false
                });
                if !is_more {
                    let _ = tokio::time::timeout(retry, self.news.notified()).await;
                }
            };
            if token.run_until_cancelled(round).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Reads a page of what is due. Says whether to look at once for more: there may be, and Genesys
    /// answers.
    async fn read_page(&self, readings: &Arc<Readings>) -> Result<bool, StoreError> {
        let wanted = self
            .store
            .wanted_readings(self.clock.now(), PAGE as u64)
            .await?;
        let is_full = wanted.len() == PAGE;
        let mut running = JoinSet::new();
        let mut is_any_granted = false;
        for (id, wanted_at) in wanted {
            if running.len() >= AT_ONCE {
                is_any_granted |= matches!(running.join_next().await, Some(Ok(true)));
            }
            let (this, readings) = (self.clone(), Arc::clone(readings));
            running.spawn(async move { this.grant(&readings, id, wanted_at).await });
        }
        while let Some(granted) = running.join_next().await {
            is_any_granted |= matches!(granted, Ok(true));
        }
        Ok(is_full && is_any_granted)
    }

    /// Settles the wish, or puts it off behind the others.
    async fn grant(&self, readings: &Readings, id: ConversationId, wanted_at: Time) -> bool {
        let Err(error) = self.settle(readings, id, wanted_at).await else {
            return true;
        };
        let now = self.clock.now();
        let age = now.since(wanted_at);
        let stored = if age >= GIVEN_UP_MS {
            tracing::warn!(conversation.id = %id, %error, "not read for a day, and given up");
            metrics::counter!("gateway_eventbridge_given_up_total").increment(1);
            self.store.reading_done(id, wanted_at).await
        } else {
            tracing::warn!(conversation.id = %id, %error, "not read yet");
            let until = now.plus_millis(readings.config.wait_ms(age));
            self.store.put_off_reading(id, wanted_at, until).await
        };
        if let Err(error) = stored {
            tracing::warn!(conversation.id = %id, %error, "that cannot be noted");
        }
        false
    }

    async fn settle(
        &self,
        readings: &Readings,
        id: ConversationId,
        wanted_at: Time,
    ) -> anyhow::Result<()> {
        if !self.is_shown(readings, id).await? {
            match readings.client.conversation(id, Priority::Repair).await {
                Ok(answered) => {
                    let reading = answered.reading().await;
                    let event = ConversationEvent {
                        conversation_id: id,
                        received_at: self.clock.now(),
                        actor: None,
                        fact: reading.seen(ChangeCause::Reconciled),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_after_a_failure_doubles_from_the_first_to_the_longest() {
        let config = EventBridgeConfig {
            eventbridge_retry_ms: 5_000,
        };
        let mut age = 0;
        let waits = std::iter::repeat_with(|| {
            let wait = config.wait_ms(age);
            age += wait;
            wait / 1_000
        });
        let waits: Vec<i64> = waits.take(9).collect();
        assert_eq!(waits, [5, 5, 10, 20, 40, 80, 160, 300, 300]);
    }
}
