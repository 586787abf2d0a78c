//! Settles start, end, direction and durations of ended conversations, and of idle threads, from
//! analytics, in batches, after everything else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::budget::Priority;
use super::client::{DETAILS_PER_CALL, GenesysClient};
use super::decode::{self, durations};
use super::sink::Sink;
use super::wire::AnalyticsConversation;
use crate::clock::Clock;
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::ids::ConversationId;
use crate::domain::row::Direction;
use crate::ingest::SendRefused;

/// Analytics lags by seconds to minutes, so a conversation is asked for again and again, each wait
/// twice the one before: with the usual ten seconds for an hour and a half. What is unsettled then is
/// found in the database and asked for once more, until it is a day old.
const ATTEMPTS: u32 = 10;

/// Conversations that may wait; more are left unsettled.
const MOST_WAITING: usize = 50_000;

pub struct Enrichment<S> {
    client: GenesysClient,
    sink: S,
    clock: Arc<dyn Clock>,
    interval: Duration,
    waiting: BTreeMap<ConversationId, Waiting>,
}

#[derive(Clone, Copy)]
struct Waiting {
    due: Instant,
    attempts: u32,
}

impl<S: Sink> Enrichment<S> {
    pub const fn new(
        client: GenesysClient,
        sink: S,
        clock: Arc<dyn Clock>,
        interval: Duration,
    ) -> Self {
        Self {
            client,
            sink,
            clock,
            interval,
            waiting: BTreeMap::new(),
        }
    }

    /// Asks once per interval for all that are due; never ends but with the write path.
    pub async fn run(
        mut self,
        mut ended: mpsc::Receiver<ConversationId>,
    ) -> Result<(), SendRefused> {
        let mut turn = interval(self.interval);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(id) = ended.recv() => self.await_settling(id),
                _ = turn.tick() => self.ask_all().await?,
            }
        }
    }

    fn await_settling(&mut self, id: ConversationId) {
        if self.waiting.len() >= MOST_WAITING {
            metrics::counter!("gateway_genesys_unsettled_total").increment(1);
            return;
        }
        // One that ended again starts over, and is asked for no later than it was to be.
        let soon = Instant::now() + self.interval;
        let known = self.waiting.get(&id).map(|waiting| waiting.due);
        let due = known.map_or(soon, |due| due.min(soon));
        self.waiting.insert(id, Waiting { due, attempts: 0 });
    }

    /// Asks for all that are due now, as many at once as one question may name.
    async fn ask_all(&mut self) -> Result<(), SendRefused> {
        for due in self.due(Instant::now()).chunks(DETAILS_PER_CALL) {
            self.ask(due).await?;
        }
        Ok(())
    }

    /// Those that are due, the longest due first.
    fn due(&self, now: Instant) -> Vec<ConversationId> {
        let due = self.waiting.iter().filter(|(_, one)| one.due <= now);
        let mut due: Vec<_> = due.map(|(id, one)| (one.due, *id)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    async fn ask(&mut self, due: &[ConversationId]) -> Result<(), SendRefused> {
        let found = match self.client.details(due, Priority::Enrichment).await {
            Ok(found) => found,
            Err(error) => {
                tracing::info!(%error, conversations = due.len(), "analytics does not answer; asked again later");
                Vec::new()
            }
        };
        let mut found = found
            .into_iter()
            .filter_map(|found| Some((found.conversation_id.as_deref()?.parse().ok()?, found)))
            .collect::<BTreeMap<ConversationId, _>>();
        for id in due {
            self.settle(*id, found.remove(id)).await?;
        }
        Ok(())
    }

    /// Passes on what is settled, or what is known when the last attempt is over.
    async fn settle(
        &mut self,
        id: ConversationId,
        found: Option<AnalyticsConversation>,
    ) -> Result<(), SendRefused> {
        let Some(waiting) = self.waiting.get_mut(&id) else {
            return Ok(());
        };
        waiting.attempts += 1;
        let is_last = waiting.attempts == ATTEMPTS;
        let is_settled = found
            .as_ref()
            .is_some_and(|found| found.conversation_end.is_some());
        if is_settled || is_last {
            self.waiting.remove(&id);
        } else {
            waiting.due = Instant::now() + self.interval * 2_u32.pow(waiting.attempts);
        }
        // A thread that is idle has no end yet, but its sessions are over.
        let worth_telling = |found: &AnalyticsConversation| {
            is_settled || is_last || !durations::sessions(found).is_empty()
        };
        let Some(found) = found.filter(worth_telling) else {
            if is_last {
                metrics::counter!("gateway_genesys_unsettled_total").increment(1);
            }
            return Ok(());
        };
        let event = ConversationEvent {
            conversation_id: id,
            received_at: self.clock.now(),
            actor: None,
            fact: enriched(&found),
        };
        self.sink.put(event).await
    }
}

/// What analytics know for good.
pub fn enriched(found: &AnalyticsConversation) -> Fact {
    Fact::Enriched {
        start: decode::time(found.conversation_start.as_deref()),
        end: decode::time(found.conversation_end.as_deref()),
        direction: decode::direction(found.originating_direction.as_deref()).map(Direction::from),
        sessions: durations::sessions(found),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::genesys::fake::{Answer, Fake, clock, token};

    const DETAILS: &str = "/api/v2/analytics/conversations/details";

    #[tokio::test]
    async fn all_that_are_due_are_asked_for_a_hundred_at_once() {
        let fake = Fake::start(|asked| match asked.path.as_str() {
            "/oauth/token" => token(),
            _ => Answer::json(200, &json!({ "conversations": [] })),
        })
        .await;
        let (sink, _events) = mpsc::channel(1);
        let mut enrichment = Enrichment::new(fake.client(), sink, clock(), Duration::ZERO);
        for number in 0..150 {
            enrichment.await_settling(ConversationId::from_uuid(uuid::Uuid::from_u128(number)));
        }
        enrichment.ask_all().await.unwrap();
        assert_eq!(fake.asked("GET", DETAILS).len(), 2);
    }
}
