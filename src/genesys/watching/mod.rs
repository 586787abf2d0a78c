//! Watches what no notification tells of: registered conversations that no topic shows, and open ones
//! of which there has been no news for long. Whatever it does stays inside a tenth of the calls.
//!
//! While a repair catches up, only what no topic shows is asked for: the repair reads the rest.

mod ledger;
mod schedule;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use self::ledger::{Ledger, Watched};
use self::schedule::{Finding, Watch};
use super::budget::{Budget, Priority};
use super::client::{ApiError, DETAILS_PER_CALL, GenesysClient, Reading};
use super::decode::analytics;
use super::feed_board::ShownQueues;
use super::sink::Sink;
use super::wire::AnalyticsConversation;
use crate::clock::Clock;
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::feed::{FeedState, FeedStatus};
use crate::domain::ids::ConversationId;
use crate::domain::row::Work;
use crate::domain::status::forgotten_leg;
use crate::domain::update::ChangeCause;
use crate::ingest::{Need, Open, SendRefused};

pub use schedule::WatchConfig;

/// Readings that run at once.
const AT_ONCE: usize = 4;
/// Conversations of the record that are listed at once.
const OPEN_PAGE: u64 = 5_000;
/// So many patient ones are read one by one; of more, analytics are asked first, a hundred at once.
const SINGLY: usize = 20;

pub struct Watching<S> {
    pub config: WatchConfig,
    pub client: GenesysClient,
    pub sink: S,
    pub clock: Arc<dyn Clock>,
    /// Most calls of the API in a minute, of which a tenth is for watching.
    pub rate_limit: usize,
    pub longest_pause: Duration,
    pub shown: watch::Receiver<ShownQueues>,
    pub status: watch::Receiver<FeedStatus>,
}

/// What came of a question.
enum Answer {
    Read {
        id: ConversationId,
        read: Result<Box<Reading>, ApiError>,
    },
    /// Analytics' word on patient ones.
    Asked {
        ids: Vec<ConversationId>,
        answer: Result<Vec<AnalyticsConversation>, ApiError>,
    },
}

/// The watch at work.
struct Round<S> {
    parts: Watching<S>,
    budget: Budget,
    ledger: Ledger,
    questions: JoinSet<Answer>,
    /// No question before this: the budget is used up.
    not_before: Instant,
}

impl<S: Sink> Watching<S> {
    /// `wanted` are the conversations that the write path wants watched. Ends only with the write path.
    pub async fn run(self, mut wanted: mpsc::Receiver<Need>) -> Result<(), SendRefused> {
        let budget = Budget::new(self.rate_limit / 10, self.longest_pause);
        let mut sweep = tokio::time::interval(self.config.watch_sweep);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut round = Round {
            parts: self,
            budget,
            ledger: Ledger::default(),
            questions: JoinSet::new(),
            not_before: Instant::now(),
        };
        loop {
            round.ask();
            let next = round.next_look();
            let repairs = round.is_repaired();
            tokio::select! {
                Some(need) = wanted.recv() => round.enter(need),
                _ = sweep.tick() => round.sweep().await?,
                Some(answer) = round.questions.join_next() => {
                    let answer = answer.expect("a question neither panics nor is aborted");
                    round.settle(answer).await?;
                }
                () = until_repaired(&mut round.parts.status), if repairs => {}
                () = sleep_until(next) => {}
            }
        }
    }
}

impl<S: Sink> Round<S> {
    fn enter(&mut self, need: Need) {
        let now = (Instant::now(), self.parts.clock.now());
        match need {
            Need::Unshown(id) => self.ledger.enter(id, Watch::Unshown, Duration::ZERO, now),
            Need::HeldUp(id) => {
                let grace = self.parts.config.watch_stuck;
                self.ledger.enter(id, Watch::Stuck, grace, now);
            }
            Need::Read(_) | Need::ReadNow(_) | Need::Settle(_) => {}
        }
    }

    /// Looks which conversations are open, and how long there has been no news of them.
    async fn sweep(&mut self) -> Result<(), SendRefused> {
        let began = Instant::now();
        let mut open: Vec<Open> = Vec::new();
        loop {
            let after = open.last().map(|last| last.id);
            match self.parts.sink.open(after, OPEN_PAGE).await {
                Ok(page) if page.is_empty() => break,
                Ok(page) => open.extend(page),
                Err(error) => {
                    tracing::warn!(%error, "cannot list the open conversations");
                    return Ok(());
                }
            }
        }
        let shown = self.parts.shown.borrow().clone();
        let is_shown = |open: &Open| {
            let queues = shown.as_deref().zip(open.last_queue.as_ref());
            queues.is_some_and(|(queues, queue)| queues.contains(queue))
        };
        let now = (Instant::now(), self.parts.clock.now());
        let config = &self.parts.config;
        self.ledger.take(&open, is_shown, config, began, now);
        Ok(())
    }

    /// Whether a repair catches up.
    fn is_repaired(&self) -> bool {
        self.parts.status.borrow().state == FeedState::CatchingUp
    }

    /// What is not asked for now.
    fn rests(&self) -> impl Fn(&Watched) -> bool + use<S> {
        let is_repaired = self.is_repaired();
        move |watched| is_repaired && !watched.watch.is_unshown()
    }

    fn next_look(&self) -> Instant {
        let far = Instant::now() + self.parts.config.watch_sweep;
        let next = self.ledger.next_due(self.rests()).unwrap_or(far);
        if self.questions.len() >= AT_ONCE {
            return far;
        }
        next.max(self.not_before).min(far)
    }

    /// Asks for what is due, as far as the budget goes.
    fn ask(&mut self) {
        let now = Instant::now();
        if now < self.not_before {
            return;
        }
        let due = self.ledger.due(&self.parts.config, now, self.rests());
        let (patient, urgent): (Vec<_>, Vec<_>) = due.into_iter().partition(|id| {
            let watched = self.ledger.get(*id);
            watched.is_some_and(Watched::is_patient)
        });
        let few = patient.len() <= SINGLY;
        let singly = urgent.iter().chain(patient.iter().filter(|_| few));
        let mut batches: Vec<Vec<ConversationId>> = singly.map(|id| vec![*id]).collect();
        if !few {
            batches.extend(patient.chunks(DETAILS_PER_CALL).map(<[_]>::to_vec));
        }
        for ids in batches {
            if self.questions.len() >= AT_ONCE {
                return;
            }
            if let Err(wait) = self.budget.try_take(now.into_std(), Priority::Command) {
                self.not_before = now + wait;
                return;
            }
            for id in &ids {
                self.ledger.begin(*id);
            }
            self.spawn(ids);
        }
    }

    fn spawn(&mut self, ids: Vec<ConversationId>) {
        let client = self.parts.client.clone();
        self.questions.spawn(async move {
            if let [id] = ids[..] {
                let read = match client.conversation(id, Priority::Stuck).await {
                    Ok(answered) => Ok(Box::new(answered.reading().await)),
                    Err(error) => Err(error),
                };
                return Answer::Read { id, read };
            }
            let answer = client.details(&ids, Priority::Repair).await;
            Answer::Asked { ids, answer }
        });
    }

    async fn settle(&mut self, answer: Answer) -> Result<(), SendRefused> {
        match answer {
            Answer::Read { id, read: Ok(read) } => self.take_reading(id, *read).await,
            Answer::Read {
                id,
                read: Err(error),
            } => {
                tracing::info!(conversation.id = %id, %error, "a watched conversation cannot be read");
                if error.is_final() {
                    self.done(id, Finding::Missing);
                } else {
                    self.put_off(&[id], &error);
                }
                Ok(())
            }
            Answer::Asked {
                ids,
                answer: Ok(found),
            } => {
                self.take_word(ids, &found);
                Ok(())
            }
            Answer::Asked {
                ids,
                answer: Err(error),
            } => {
                tracing::info!(%error, "analytics cannot be asked for watched conversations");
                self.put_off(&ids, &error);
                Ok(())
            }
        }
    }

    async fn take_reading(
        &mut self,
        id: ConversationId,
        reading: Reading,
    ) -> Result<(), SendRefused> {
        metrics::counter!("gateway_genesys_watched_total").increment(1);
        let held_up = forgotten_leg(&reading.snapshot.participants).map(|leg| {
            format!(
                "Genesys still shows a {} leg ({}) of a conversation that the customer has left; \
                 closeConversation with force ends it",
                leg.medium.word(),
                leg.id
            )
        });
        let finding = match held_up {
            Some(_) => Finding::HeldUp,
            None => Finding::Nothing,
        };
        self.done(id, finding);
        self.put(id, reading.seen(ChangeCause::Reconciled)).await?;
        self.report(id, held_up).await
    }

    /// Calls it an error that a leg holds the conversation up, once that has lasted. The record takes it
    /// back by itself when no leg does any more.
    async fn report(&self, id: ConversationId, held_up: Option<String>) -> Result<(), SendRefused> {
        let now = self.parts.clock.now();
        let watched = self.ledger.get(id);
        let has_lasted = watched.is_some_and(|it| it.has_lasted(&self.parts.config, now));
        match held_up.filter(|_| has_lasted) {
            Some(message) => {
                let work = Work::Watching;
                self.put(id, Fact::Failed { work, message }).await
            }
            None => Ok(()),
        }
    }

    /// Reads those that analytics know news of; the others are as they were.
    fn take_word(&mut self, ids: Vec<ConversationId>, found: &[AnalyticsConversation]) {
        let now = Instant::now();
        for id in ids {
            let told = found.iter().find(|it| is_of(it, id));
            let news = self.ledger.get(id).map(|watched| watched.news);
            let is_new = told.zip(news).is_some_and(|(told, news)| {
                told.conversation_end.is_some() || analytics::newest(told) > Some(news)
            });
            if is_new {
                self.ledger.put_first(id, now);
            } else {
                self.done(id, Finding::Nothing);
            }
        }
    }

    fn done(&mut self, id: ConversationId, finding: Finding) {
        let now = Instant::now();
        self.ledger.done(id, finding, &self.parts.config, now);
    }

    fn put_off(&mut self, ids: &[ConversationId], error: &ApiError) {
        let config = &self.parts.config;
        let wait = match error.retry_after() {
            Some(asked) => asked,
            None if error.is_retryable() => config.watch_unshown,
            // The operator has to do something first.
            None => config.watch_quiet,
        };
        for id in ids {
            self.ledger.put_off(*id, Instant::now() + wait);
        }
    }

    async fn put(&self, id: ConversationId, fact: Fact) -> Result<(), SendRefused> {
        let event = ConversationEvent {
            conversation_id: id,
            received_at: self.parts.clock.now(),
            actor: None,
            fact,
        };
        self.parts.sink.put(event).await
    }
}

async fn until_repaired(status: &mut watch::Receiver<FeedStatus>) {
    let over = status.wait_for(|status| status.state != FeedState::CatchingUp);
    if over.await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn is_of(found: &AnalyticsConversation, id: ConversationId) -> bool {
    let said = found.conversation_id.as_deref();
    said.and_then(|said| said.parse().ok()) == Some(id)
}
