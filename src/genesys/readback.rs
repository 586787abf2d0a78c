//! Reads single conversations that the write path doubts, and passes on those that ended.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::budget::Priority;
use super::client::{ApiError, GenesysClient};
use super::sink::Sink;
use crate::clock::Clock;
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::ids::ConversationId;
use crate::domain::row::Work;
use crate::domain::update::ChangeCause;
use crate::ingest::{Need, SendRefused};

/// Readings that run at once.
const AT_ONCE: usize = 4;
/// Conversations that may wait to be read. One more is not read: its next notification mends it.
const MOST_WAITING: usize = 10_000;
/// How often one conversation is tried.
const ATTEMPTS: u32 = 5;

#[derive(Clone)]
pub struct ReadBack<S> {
    pub client: GenesysClient,
    pub sink: S,
    pub clock: Arc<dyn Clock>,
    pub backoff: Backoff,
    /// A doubt is left to calm down first: what is still on its way is older than a reading made now.
    pub read_after: Duration,
    /// How long a conversation that notifications wait for is tried.
    pub patience: Duration,
}

/// How a conversation is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Haste {
    /// What is still on its way may arrive first.
    Calm,
    /// Notifications wait for it.
    Now,
}

impl<S: Sink> ReadBack<S> {
    /// Takes needs at once, whatever the readings do: who sends them must never wait for itself.
    pub async fn run(
        self,
        mut needs: mpsc::Receiver<Need>,
        settle: mpsc::Sender<ConversationId>,
        watch: mpsc::Sender<Need>,
    ) -> Result<(), SendRefused> {
        let mut waiting = VecDeque::new();
        // Conversations that wait or are being read, and how they are wanted once more after that.
        let mut known: BTreeMap<ConversationId, Option<Haste>> = BTreeMap::new();
        let mut readings = JoinSet::new();
        loop {
            while readings.len() < AT_ONCE
                && let Some((id, haste)) = waiting.pop_front()
            {
                readings.spawn(self.clone().read(id, haste));
            }
            tokio::select! {
                need = needs.recv() => match need {
                    Some(Need::Settle(id)) => if settle.try_send(id).is_err() {
                        metrics::counter!("gateway_genesys_unsettled_total").increment(1);
                    },
                    Some(Need::Read(_)) if waiting.len() >= MOST_WAITING => {
                        metrics::counter!("gateway_genesys_unread_total").increment(1);
                    }
                    Some(Need::Read(id)) => if let Entry::Vacant(entry) = known.entry(id) {
                        entry.insert(None);
                        waiting.push_back((id, Haste::Calm));
                    },
                    Some(Need::ReadNow(id)) => match known.entry(id) {
                        Entry::Vacant(entry) => {
                            entry.insert(None);
                            waiting.push_front((id, Haste::Now));
                        }
                        // The reading that runs may have begun before the notification came.
                        Entry::Occupied(mut entry) => {
                            entry.insert(Some(Haste::Now));
                        }
                    },
                    Some(need @ (Need::Unshown(_) | Need::HeldUp(_))) => if watch.try_send(need).is_err() {
                        metrics::counter!("gateway_genesys_unwatched_total").increment(1);
                    },
                    // The write path is gone; the listener is about to be stopped, too.
                    None => return std::future::pending().await,
                },
                Some(read) = readings.join_next() => {
                    let (id, sent) = read.expect("a reading neither panics nor is aborted");
                    if let Some(Some(haste)) = known.remove(&id) {
                        known.insert(id, None);
                        waiting.push_front((id, haste));
                    }
                    sent?;
                }
            }
        }
    }

    async fn read(
        mut self,
        id: ConversationId,
        haste: Haste,
    ) -> (ConversationId, Result<(), SendRefused>) {
        let begun = Instant::now();
        if haste == Haste::Calm {
            sleep(self.read_after).await;
        }
        for attempt in 1.. {
            let read_at = self.clock.now();
            let error = match self.client.conversation(id, Priority::Stuck).await {
                Ok(snapshot) => {
                    let seen = Fact::Seen {
                        snapshot,
                        cause: ChangeCause::Reconciled,
                        read_at: Some(read_at),
                        gap_before: false,
                    };
                    let mut sent = self.put(id, seen).await;
                    if sent.is_ok() {
                        sent = self
                            .put(
                                id,
                                Fact::Succeeded {
                                    work: Work::Reading,
                                },
                            )
                            .await;
                    }
                    return (id, sent);
                }
                Err(error) => error,
            };
            let is_last = match haste {
                Haste::Calm => attempt == ATTEMPTS,
                Haste::Now => begun.elapsed() >= self.patience,
            };
            if is_last || error.is_final() {
                tracing::warn!(conversation.id = %id, %error, "a conversation cannot be read");
                return (id, self.put(id, failed(&error)).await);
            }
            sleep(self.backoff.next_wait(error.retry_after())).await;
        }
        unreachable!("the last attempt returns")
    }

    async fn put(&self, id: ConversationId, fact: Fact) -> Result<(), SendRefused> {
        self.sink
            .put(ConversationEvent {
                conversation_id: id,
                received_at: self.clock.now(),
                actor: None,
                fact,
            })
            .await
    }
}

fn failed(error: &ApiError) -> Fact {
    let message = if error.is_not_found() {
        "Genesys does not know this conversation".to_owned()
    } else {
        format!("the conversation cannot be read: {error}")
    };
    Fact::Failed {
        work: Work::Reading,
        message,
    }
}
