//! One run of the repair: finds what was missed in a window, and reads it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::done::{Done, Taken};
use super::{Repair, Window};
use crate::clock::Clock;
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::ids::{ConversationId, QueueId};
use crate::domain::snapshot::Snapshot;
use crate::domain::time::Time;
use crate::domain::update::ChangeCause;
use crate::genesys::backoff::Backoff;
use crate::genesys::budget::Priority;
use crate::genesys::client::{ApiError, GenesysClient};
use crate::genesys::decode::{self, analytics};
use crate::genesys::enrichment::enriched;
use crate::genesys::sink::Sink;
use crate::genesys::spans::{self, Question};
use crate::genesys::wire::{AnalyticsAnswer, AnalyticsConversation};
use crate::ingest::SendRefused;

/// Readings that run at once.
const AT_ONCE: usize = 8;
/// Conversations of the record that are listed at once.
const OPEN_PAGE: u64 = 1_000;
/// Genesys' clock and ours may differ, and what was heard last may not have been written.
const MARGIN_MS: i64 = 120_000;

/// What a run has found and read so far.
pub(super) struct Run<'a, S> {
    repair: &'a Repair<S>,
    window: &'a Window,
    done: Done,
    read: BTreeSet<ConversationId>,
    waiting: VecDeque<ConversationId>,
    found: usize,
}

impl<'a, S: Sink> Run<'a, S> {
    pub(super) async fn of(repair: &'a Repair<S>, window: &'a Window) -> Self {
        let note = repair.sink.repair_note().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read how far the repair had come");
            None
        });
        Self {
            repair,
            window,
            done: Done::resume(note.as_deref(), window),
            read: BTreeSet::new(),
            waiting: VecDeque::new(),
            found: 0,
        }
    }

    /// Reads what the record and analytics know by now.
    pub(super) async fn ask(&mut self) -> Result<(), SendRefused> {
        self.read_open(self.window).await?;
        self.ask_days().await
    }

    /// How long analytics may still lack something; `None` when nothing ended unseen.
    pub(super) fn lacks_for(&self) -> Option<Duration> {
        self.window.since?;
        let settled = self.window.until.plus_millis(self.lag());
        let wait = settled.since(self.repair.clock.now());
        Some(Duration::from_millis(wait.unsigned_abs()))
    }

    /// Asks analytics for what they did not know at first.
    pub(super) async fn ask_again(&mut self) -> Result<(), SendRefused> {
        self.ask_days().await
    }

    /// Reads what the record knows to be going on and the window's channels show.
    pub(super) async fn read_open(&mut self, window: &Window) -> Result<(), SendRefused> {
        for id in self.open_ones(window).await {
            self.read.remove(&id);
            self.want([id]);
        }
        self.read_waiting().await
    }

    async fn ask_days(&mut self) -> Result<(), SendRefused> {
        let surely = self.repair.clock.now().min(self.window.until);
        let surely = surely.plus_millis(-self.lag() - MARGIN_MS);
        let days = spans::days(self.window.until, self.repair.config.repair_days);
        for day in &days {
            self.ask_open(day).await?;
        }
        if let Some(since) = self.window.since {
            let since = since.plus_millis(-MARGIN_MS);
            for day in &days {
                self.ask_ended(day, since, surely).await?;
            }
        }
        Ok(())
    }

    fn lag(&self) -> i64 {
        i64::try_from(self.repair.config.analytics_lag.as_millis()).unwrap_or(0)
    }

    /// The conversations of the record that were going on and that a channel would have shown.
    async fn open_ones(&self, window: &Window) -> Vec<ConversationId> {
        let mut open = Vec::new();
        let mut after = None;
        let mut backoff = self.repair.backoff.clone();
        loop {
            match self.repair.sink.open(after, OPEN_PAGE).await {
                Ok(page) => {
                    let Some(last) = page.last() else {
                        return open;
                    };
                    after = Some(last.id);
                    let shown = page.iter().filter(|it| {
                        it.last_queue
                            .as_ref()
                            .is_none_or(|queue| window.shows(std::iter::once(queue)))
                    });
                    open.extend(shown.map(|it| it.id));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot list the open conversations");
                    sleep(backoff.next_wait(None)).await;
                }
            }
        }
    }

    /// Finds what analytics know to be going on of those that began on the day, and reads it.
    async fn ask_open(&mut self, day: &str) -> Result<(), SendRefused> {
        let question = spans::open(day);
        for number in 1..=spans::MOST_PAGES {
            let page = self.page(&question, number).await.conversations;
            let is_last = page.len() < spans::PAGE;
            let shown = page.into_iter().filter(|it| shows(self.window, it));
            let ids = shown.filter_map(|it| id_of(&it)).collect::<Vec<_>>();
            self.want(ids);
            self.read_waiting().await?;
            if is_last {
                return Ok(());
            }
        }
        too_many();
        Ok(())
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
            self.take_page(news.collect()).await?;
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

    /// Reads a page's conversations one by one while there are few, else takes analytics' word.
    async fn take_page(&mut self, page: Vec<AnalyticsConversation>) -> Result<(), SendRefused> {
        let unread = page
            .into_iter()
            .filter_map(|found| Some((id_of(&found)?, found)))
            .filter(|(id, _)| !self.read.contains(id))
            .collect::<Vec<_>>();
        if self.found + unread.len() <= self.repair.config.repair_reads {
            self.want(unread.into_iter().map(|(id, _)| id));
            return self.read_waiting().await;
        }
        let names = self.repair.client.queue_names();
        let mut told = Vec::new();
        for (id, found) in unread {
            self.read.insert(id);
            let settled = enriched(&found);
            if let Some(snapshot) = analytics::snapshot(found, &|queue| names.name(queue)) {
                told.push(self.event(id, reconciled(snapshot, None)));
                told.push(self.event(id, settled));
            }
        }
        // They are written together: whoever waits for the last waits for all.
        let last = told.pop();
        for event in told {
            self.repair.sink.put(event).await?;
        }
        match last {
            Some(event) => self.repair.sink.settle(event).await,
            None => Ok(()),
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

    fn want(&mut self, ids: impl IntoIterator<Item = ConversationId>) {
        for id in ids {
            if !self.read.contains(&id) && !self.waiting.contains(&id) {
                self.waiting.push_back(id);
                self.found += 1;
            }
        }
    }

    /// Reads what was found, several at once.
    async fn read_waiting(&mut self) -> Result<(), SendRefused> {
        let mut readings = JoinSet::new();
        loop {
            while readings.len() < AT_ONCE
                && let Some(id) = self.waiting.pop_front()
            {
                readings.spawn(read(
                    self.repair.client.clone(),
                    Arc::clone(&self.repair.clock),
                    self.repair.backoff.clone(),
                    id,
                ));
            }
            let Some(read) = readings.join_next().await else {
                return Ok(());
            };
            let (id, read) = read.expect("a reading neither panics nor is aborted");
            self.read.insert(id);
            if let Some((snapshot, read_at)) = read {
                let event = self.event(id, reconciled(snapshot, Some(read_at)));
                self.repair.sink.settle(event).await?;
            }
            #[expect(clippy::cast_precision_loss, reason = "a share for people")]
            let share = self.read.len() as f64 / self.found.max(1) as f64;
            let now = self.repair.clock.now();
            self.repair.board.progress(now, share.min(0.99));
        }
    }

    fn event(&self, id: ConversationId, fact: Fact) -> ConversationEvent {
        ConversationEvent {
            conversation_id: id,
            received_at: self.repair.clock.now(),
            actor: None,
            fact,
        }
    }
}

const fn reconciled(snapshot: Snapshot, read_at: Option<Time>) -> Fact {
    Fact::Seen {
        snapshot,
        cause: ChangeCause::Reconciled,
        read_at,
        gap_before: false,
    }
}

/// Reads one conversation, until Genesys says it or that there is none.
async fn read(
    client: GenesysClient,
    clock: Arc<dyn Clock>,
    mut backoff: Backoff,
    id: ConversationId,
) -> (ConversationId, Option<(Snapshot, Time)>) {
    loop {
        let read_at = clock.now();
        match client.conversation(id, Priority::Repair).await {
            Ok(snapshot) => return (id, Some((snapshot, read_at))),
            Err(error) if is_final(&error) => {
                tracing::warn!(conversation.id = %id, %error, "a conversation cannot be read");
                return (id, None);
            }
            Err(error) => sleep(backoff.next_wait(error.retry_after())).await,
        }
    }
}

fn is_final(error: &ApiError) -> bool {
    !error.is_retryable() || matches!(error, ApiError::Unreadable { .. })
}

/// Whether everything that ended before was taken.
fn is_all(taken: Option<Taken>, end: Time) -> bool {
    taken.is_some_and(|taken| taken.reached.is_none() && end <= taken.until)
}

fn end_of(found: &AnalyticsConversation) -> Option<Time> {
    decode::time(found.conversation_end.as_deref())
}

fn id_of(found: &AnalyticsConversation) -> Option<ConversationId> {
    found.conversation_id.as_deref()?.parse().ok()
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
