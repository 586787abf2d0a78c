//! One run of the repair: asks analytics what was missed in a window, and has it read.

use std::time::Duration;

use tokio::time::sleep;

use super::done::{Done, Taken};
use super::reading::{Readings, with_ids};
use super::{Repair, Window};
use crate::domain::ids::{ConversationId, QueueId};
use crate::domain::row::ConversationStatus;
use crate::domain::snapshot::Snapshot;
use crate::domain::status::status_of;
use crate::domain::time::Time;
use crate::genesys::budget::Priority;
use crate::genesys::decode::{self, analytics};
use crate::genesys::sink::Sink;
use crate::genesys::spans::{self, Question};
use crate::genesys::wire::{AnalyticsAnswer, AnalyticsConversation};
use crate::ingest::SendRefused;

/// What a run has taken so far.
pub(super) struct Run<'a, S> {
    repair: &'a Repair<S>,
    window: &'a Window,
    done: Done,
    readings: Readings<'a, S>,
}

impl<'a, S: Sink> Run<'a, S> {
    /// Goes on where a run for the same window was interrupted.
    pub(super) async fn of(
        repair: &'a Repair<S>,
        window: &'a Window,
        readings: Readings<'a, S>,
    ) -> Self {
        let note = repair.sink.repair_note().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read how far the repair had come");
            None
        });
        Self {
            repair,
            window,
            done: Done::resume(note.as_deref(), window),
            readings,
        }
    }

    /// Takes what analytics know by now and was not taken yet.
    pub(super) async fn ask(&mut self) -> Result<(), SendRefused> {
        let surely = self.repair.clock.now().min(self.window.until);
        let margin = millis(self.repair.config.repair_margin);
        let surely = surely.plus_millis(-self.lag() - margin);
        let days = spans::days(self.window.until, self.repair.config.repair_days);
        for day in &days {
            self.ask_open(day).await?;
        }
        if let Some(since) = self.window.since {
            let since = since.plus_millis(-margin);
            for day in &days {
                self.ask_ended(day, since, surely).await?;
            }
        }
        Ok(())
    }

    /// How long analytics may still lack something; `None` when nothing ended unseen.
    pub(super) fn lacks_for(&self) -> Option<Duration> {
        self.window.since?;
        let settled = self.window.until.plus_millis(self.lag());
        let wait = settled.since(self.repair.clock.now());
        Some(Duration::from_millis(wait.unsigned_abs()))
    }

    /// Reads anew what goes on where a channel was blind again; gives back what was read.
    pub(super) async fn read_open(
        &mut self,
        window: &Window,
    ) -> Result<Vec<ConversationId>, SendRefused> {
        self.readings.read_open(window).await
    }

    fn lag(&self) -> i64 {
        millis(self.repair.config.analytics_lag)
    }

    /// Finds what analytics know to be going on of those that began on the day, and reads it. One that
    /// Genesys keeps open although nobody is left in it is not read: analytics tell all there is.
    ///
    /// All pages are asked for before the first reading: what ends meanwhile leaves the answer, and
    /// the later pages would begin too late.
    async fn ask_open(&mut self, day: &str) -> Result<(), SendRefused> {
        let question = spans::open(day);
        let (mut left, mut going_on) = (Vec::new(), Vec::new());
        let mut is_last = false;
        for number in 1..=spans::MOST_PAGES {
            let page = self.page(&question, number).await.conversations;
            is_last = page.len() < spans::PAGE;
            let shown = page.into_iter().filter(|it| shows(self.window, it));
            for (id, found) in with_ids(shown) {
                match self.readings.snapshot(found) {
                    Some(snapshot) if is_left(&snapshot) => left.push((id, snapshot)),
                    _ => going_on.push(id),
                }
            }
            if is_last {
                break;
            }
        }
        if !is_last {
            too_many();
        }
        self.readings.take_left(left).await?;
        self.readings.read_new(going_on).await
    }

    /// Finds what analytics know to have ended since then of those that began on the day, the one
    /// that ended last first, and reads it. What a run before has taken is left out.
    async fn ask_ended(&mut self, day: &str, since: Time, surely: Time) -> Result<(), SendRefused> {
        let question = spans::ended(day);
        let mut before = self.done.of(day);
        let is_taken = |before: Option<Taken>, end| before.is_some_and(|taken| taken.holds(end));
        let mut number = 1;
        while number <= spans::MOST_PAGES {
            let answer = self.page(&question, number).await;
            let is_last = answer.conversations.len() < spans::PAGE;
            let reached = answer.conversations.iter().filter_map(end_of).min();
            let news = answer.conversations.into_iter().filter(|it| {
                let end = end_of(it);
                let is_news = |end| end >= since && !is_taken(before, end);
                end.is_none_or(is_news) && shows(self.window, it)
            });
            self.readings.take_page(news.collect()).await?;
            let is_over = reached.is_some_and(|end| end < since || is_all(before, end));
            if is_last || is_over {
                self.note(day, surely, None).await;
                return Ok(());
            }
            number += 1;
            match (before, reached) {
                (Some(taken), Some(end)) if taken.holds(end) => {
                    number = self
                        .page_of(&question, taken, number, answer.total_hits)
                        .await;
                    before = None;
                }
                (Some(taken), Some(end)) if end > taken.until => {}
                _ => self.note(day, surely, reached).await,
            }
        }
        too_many();
        Ok(())
    }

    /// The first page, from `from` on, with an end that was not taken yet: the pages are in order.
    async fn page_of(
        &self,
        question: &Question,
        taken: Taken,
        from: usize,
        total: Option<usize>,
    ) -> usize {
        let pages = total.unwrap_or_default().div_ceil(spans::PAGE);
        let (mut low, mut high) = (from, pages.max(from));
        while low < high && total.is_some() {
            let middle = usize::midpoint(low, high);
            let answer = self.page(question, middle).await.conversations;
            let last = answer.iter().filter_map(end_of).min();
            if last.is_some_and(|end| taken.holds(end)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    async fn note(&mut self, day: &str, until: Time, reached: Option<Time>) {
        self.done.take(day, Taken { until, reached });
        if let Err(error) = self.repair.sink.keep_repair_note(self.done.note()).await {
            tracing::warn!(%error, "cannot note how far the repair has come");
        }
    }

    /// Asks until there is an answer: without it the picture is not whole.
    async fn page(&self, question: &Question, number: usize) -> AnalyticsAnswer {
        let mut backoff = self.repair.backoff.clone();
        loop {
            let body = question.page(number);
            match self
                .repair
                .client
                .query_details(body, Priority::Repair)
                .await
            {
                Ok(answer) => return answer,
                Err(error) => {
                    tracing::warn!(%error, "analytics do not answer (analytics:conversationDetail:view); asked again");
                    sleep(backoff.next_wait(error.retry_after())).await;
                }
            }
        }
    }
}

/// Whether everything that ended before was taken.
fn is_all(taken: Option<Taken>, end: Time) -> bool {
    taken.is_some_and(|taken| taken.reached.is_none() && end <= taken.until)
}

fn end_of(found: &AnalyticsConversation) -> Option<Time> {
    decode::time(found.conversation_end.as_deref())
}

/// Whether everybody has left an open conversation, so that its status is that of an ended one.
fn is_left(snapshot: &Snapshot) -> bool {
    status_of(&snapshot.participants, snapshot.end).status == ConversationStatus::Ended
}

fn shows(window: &Window, found: &AnalyticsConversation) -> bool {
    let queues = analytics::queues(found).collect::<Vec<QueueId>>();
    window.shows(queues.iter())
}

fn too_many() {
    tracing::warn!(
        "analytics know more conversations of one day than they tell: some may be missing"
    );
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
