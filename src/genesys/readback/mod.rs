//! Reads single conversations that the write path doubts, and passes on those that ended.

mod line;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use self::line::{Haste, Line, Turn};
use super::backoff::Backoff;
use super::budget::Priority;
use super::client::{Answered, ApiError, GenesysClient, Reading};
use super::sink::Sink;
use crate::clock::Clock;
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::ids::ConversationId;
use crate::domain::row::Work;
use crate::domain::update::ChangeCause;
use crate::ingest::{Need, SendRefused};

/// Conversations that are asked for at once.
const AT_ONCE: usize = 4;
/// Conversations that may wait to be read. One more is not read: its next notification mends it.
const MOST_WAITING: usize = 10_000;
/// How often one conversation is tried that nothing waits for.
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

/// Where needs go that are not for reading now.
struct Others {
    settle: mpsc::Sender<ConversationId>,
    watch: mpsc::Sender<Need>,
}

/// What came of a question.
enum Outcome {
    /// An answer, or none and no time for another attempt.
    Read(Result<Answered, ApiError>),
    /// No answer, and there is time for another attempt; so long Genesys asks to wait.
    Again(Option<Duration>),
}

/// Whether the write path took it.
type Told = (ConversationId, Result<(), SendRefused>);

impl<S: Sink> ReadBack<S> {
    /// Takes needs at once, whatever the readings do: who sends them must never wait for itself.
    pub async fn run(
        self,
        mut needs: mpsc::Receiver<Need>,
        settle: mpsc::Sender<ConversationId>,
        watch: mpsc::Sender<Need>,
    ) -> Result<(), SendRefused> {
        let others = Others { settle, watch };
        let mut line = Line::new(self.read_after, self.backoff.clone());
        let mut questions = JoinSet::new();
        let mut answers = JoinSet::new();
        loop {
            while questions.len() < AT_ONCE
                && let Some((id, turn)) = line.next(Instant::now())
            {
                questions.spawn(self.clone().ask(id, turn));
            }
            let wake = line.next_wake().filter(|_| questions.len() < AT_ONCE);
            tokio::select! {
                need = needs.recv() => match need {
                    Some(need) => take(need, &mut line, &others),
                    // The write path is gone; the listener is about to be stopped, too.
                    None => return std::future::pending().await,
                },
                Some(asked) = questions.join_next() => {
                    let (id, outcome) = asked.expect("a question neither panics nor is aborted");
                    match outcome {
                        Outcome::Again(wait) => line.put_off(id, wait, Instant::now()),
                        Outcome::Read(read) => {
                            answers.spawn(self.clone().tell(id, read));
                        }
                    }
                }
                Some(told) = answers.join_next() => {
                    let (id, told) = told.expect("telling neither panics nor is aborted");
                    line.done(id, Instant::now());
                    told?;
                }
                () = until(wake) => {}
            }
        }
    }

    async fn ask(self, id: ConversationId, turn: Turn) -> (ConversationId, Outcome) {
        let error = match self.client.conversation(id, Priority::Stuck).await {
            Ok(answered) => return (id, Outcome::Read(Ok(answered))),
            Err(error) => error,
        };
        let outcome = if gives_up(&turn, &error, self.patience) {
            Outcome::Read(Err(error))
        } else {
            Outcome::Again(error.retry_after())
        };
        (id, outcome)
    }

    /// Tells the write path what was read, or that nothing can be.
    async fn tell(self, id: ConversationId, read: Result<Answered, ApiError>) -> Told {
        let told = match read {
            Ok(answered) => self.put_reading(id, answered.reading().await).await,
            Err(error) => {
                tracing::warn!(conversation.id = %id, %error, "a conversation cannot be read");
                self.put(id, failed(&error)).await
            }
        };
        (id, told)
    }

    async fn put_reading(&self, id: ConversationId, reading: Reading) -> Result<(), SendRefused> {
        self.put(id, reading.seen(ChangeCause::Reconciled)).await
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

/// Puts a need where it is seen to. What finds no room is counted.
fn take(need: Need, line: &mut Line, others: &Others) {
    let dropped = match need {
        Need::Read(_) if line.len() >= MOST_WAITING => "gateway_genesys_unread_total",
        Need::Read(id) => return line.want(id, Haste::Calm, Instant::now()),
        Need::ReadNow(id) => return line.want(id, Haste::Now, Instant::now()),
        Need::Settle(id) => match others.settle.try_send(id) {
            Ok(()) => return,
            Err(_) => "gateway_genesys_unsettled_total",
        },
        Need::Unshown(_) | Need::HeldUp(_) => match others.watch.try_send(need) {
            Ok(()) => return,
            Err(_) => "gateway_genesys_unwatched_total",
        },
    };
    metrics::counter!(dropped).increment(1);
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Whether that answer is the last word. Without room in the budget Genesys was not asked, and has not
/// failed.
fn gives_up(turn: &Turn, error: &ApiError, patience: Duration) -> bool {
    let is_tried_enough = match turn.haste {
        Haste::Calm => turn.failures + 1 >= ATTEMPTS,
        Haste::Now => turn.since.elapsed() >= patience,
    };
    let was_asked = !matches!(error, ApiError::OverBudget { .. });
    (was_asked && is_tried_enough) || error.is_final()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::genesys::fake::{Answer, Fake, clock, token};

    fn id(number: u128) -> ConversationId {
        ConversationId::from_uuid(uuid::Uuid::from_u128(number))
    }

    /// A reader at work, and what it tells.
    struct Running {
        needs: mpsc::Sender<Need>,
        events: mpsc::Receiver<ConversationEvent>,
        _others: (mpsc::Receiver<ConversationId>, mpsc::Receiver<Need>),
        _task: JoinSet<Result<(), SendRefused>>,
    }

    impl Running {
        fn start(fake: &Fake, read_after: Duration) -> Self {
            let (events_tx, events) = mpsc::channel(16);
            let ms = Duration::from_millis;
            let read_back = ReadBack {
                client: fake.client(),
                sink: events_tx,
                clock: clock(),
                backoff: Backoff::new(ms(1), ms(2), ms(2), || 0.5),
                read_after,
                patience: ms(10),
            };
            let (needs, needs_rx) = mpsc::channel(16);
            let (settle, settle_rx) = mpsc::channel(1);
            let (watch, watch_rx) = mpsc::channel(1);
            let mut task = JoinSet::new();
            task.spawn(read_back.run(needs_rx, settle, watch));
            Self {
                needs,
                events,
                _others: (settle_rx, watch_rx),
                _task: task,
            }
        }

        async fn next(&mut self) -> ConversationEvent {
            let told = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await;
            told.expect("in time").expect("it runs")
        }
    }

    fn unknown() -> Answer {
        Answer::json(404, &json!({ "code": "not.found" }))
    }

    #[tokio::test]
    async fn one_that_notifications_wait_for_is_read_while_calm_ones_wait_for_their_time() {
        let fake = Fake::start(|asked| match asked.path.as_str() {
            "/oauth/token" => token(),
            _ => unknown(),
        })
        .await;
        let mut running = Running::start(&fake, Duration::from_hours(1));
        for number in 0..=AT_ONCE as u128 {
            running.needs.send(Need::Read(id(number))).await.unwrap();
        }
        running.needs.send(Need::ReadNow(id(99))).await.unwrap();
        let told = running.next().await;
        assert_eq!(told.conversation_id, id(99));
        assert!(matches!(told.fact, Fact::Failed { .. }), "{told:?}");
    }

    #[tokio::test]
    async fn a_client_that_is_refused_is_no_news_of_the_conversation() {
        let fake = Fake::start(|asked| match (asked.path.as_str(), asked.nth) {
            ("/oauth/token", 1) => Answer::json(401, &json!({ "error": "invalid_client" })),
            ("/oauth/token", _) => token(),
            _ => unknown(),
        })
        .await;
        let mut running = Running::start(&fake, Duration::ZERO);
        running.needs.send(Need::Read(id(1))).await.unwrap();
        let told = running.next().await;
        let Fact::Failed { message, .. } = told.fact else {
            panic!("{told:?}");
        };
        assert_eq!(message, "Genesys does not know this conversation");
    }

    #[test]
    fn a_conversation_that_the_budget_leaves_no_room_for_is_not_given_up() {
        let backoff = Backoff::new(Duration::ZERO, Duration::ZERO, Duration::ZERO, || 0.5);
        let mut line = Line::new(Duration::ZERO, backoff);
        line.want(id(1), Haste::Now, Instant::now());
        let (_, turn) = line.next(Instant::now()).unwrap();
        let wait = Duration::from_secs(45);
        let reason = "the time ran out";
        for (error, is_last) in [
            (ApiError::OverBudget { wait }, false),
            (ApiError::NoAnswer { reason }, true),
        ] {
            assert_eq!(gives_up(&turn, &error, Duration::ZERO), is_last, "{error}");
        }
    }
}
