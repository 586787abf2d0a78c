//! Reads what the listener missed while it was blind: after a restart, a lost socket, an expired
//! channel, a skipped frame.
//!
//! Three questions find it: which conversations of the record were going on; which ones analytics
//! know to be going on; which ones analytics know to have ended since. Each is then read once. A
//! run that is interrupted by a restart begins anew: until it is through, the note of how far the
//! feed was heard stays where it was.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::backoff::Backoff;
use super::budget::Priority;
use super::client::{ApiError, GenesysClient};
use super::config::GenesysConfig;
use super::decode::analytics;
use super::feed_board::FeedBoard;
use super::sink::Sink;
use super::spans;
use super::wire::AnalyticsConversation;
use crate::clock::Clock;
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::ids::ConversationId;
use crate::domain::snapshot::Snapshot;
use crate::domain::time::Time;
use crate::domain::update::ChangeCause;
use crate::ingest::{SendRefused, Shown, Sight};

/// Readings that run at once.
const AT_ONCE: usize = 8;
/// Conversations of the record that are listed at once.
const OPEN_PAGE: u64 = 1_000;
/// Genesys' clock and ours may differ, and what was heard last may not have been written.
const MARGIN_MS: i64 = 120_000;

/// A channel hears again, from `until` on without a gap.
#[derive(Clone, Debug)]
pub struct Order {
    pub channel: usize,
    pub shown: Shown,
    /// When it was last heard before; `None` when this process never heard it.
    pub since: Option<Time>,
    pub until: Time,
}

pub struct Repair<S> {
    pub config: GenesysConfig,
    pub client: GenesysClient,
    pub sink: S,
    pub clock: Arc<dyn Clock>,
    pub board: FeedBoard,
    pub backoff: Backoff,
}

/// What one run is to find.
struct Window {
    /// `None` on the very first start: nothing was missed that was ever followed.
    since: Option<Time>,
    until: Time,
    channels: BTreeMap<usize, Shown>,
}

/// What a run has found and read so far.
#[derive(Default)]
struct Course {
    read: BTreeSet<ConversationId>,
    waiting: VecDeque<ConversationId>,
    found: usize,
}

impl<S: Sink> Repair<S> {
    /// Runs order after order; those that come meanwhile wait for the next run together.
    pub async fn run(self, mut orders: mpsc::UnboundedReceiver<Order>) -> Result<(), SendRefused> {
        let mut noted = self.heard_until().await;
        let mut journal = interval(self.config.journal_interval);
        journal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_live = false;
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => {
                    let Some(order) = order else {
                        return std::future::pending().await;
                    };
                    let window = gather(order, &mut orders, noted);
                    self.repair(&window).await?;
                    noted = Some(window.until);
                    was_live = false;
                }
                _ = journal.tick() => {
                    let is_live = self.board.is_live();
                    if is_live && was_live {
                        noted = self.note_heard().await.or(noted);
                    }
                    was_live = is_live;
                }
            }
        }
    }

    async fn heard_until(&self) -> Option<Time> {
        let mut backoff = self.backoff.clone();
        loop {
            match self.sink.heard_until().await {
                Ok(heard) => return heard,
                Err(error) => {
                    tracing::warn!(%error, "cannot read how far the feed was heard");
                    sleep(backoff.next_wait(None)).await;
                }
            }
        }
    }

    async fn note_heard(&self) -> Option<Time> {
        let lost = i64::try_from(self.config.lost_after.as_millis()).unwrap_or(i64::MAX);
        let until = self.clock.now().plus_millis(-lost);
        match self.sink.set_heard_until(until).await {
            Ok(()) => Some(until),
            Err(error) => {
                tracing::warn!(%error, "cannot note how far the feed was heard");
                None
            }
        }
    }

    async fn repair(&self, window: &Window) -> Result<(), SendRefused> {
        tracing::info!(since = ?window.since, until = %window.until, channels = window.channels.len(), "what was missed is read");
        let mut course = Course::default();
        course.want(self.open_ones(window).await);
        self.read_waiting(&mut course).await?;
        self.ask_analytics(window, &mut course).await?;
        if window.since.is_some() {
            let lag = i64::try_from(self.config.analytics_lag.as_millis()).unwrap_or(0);
            let settled = window.until.plus_millis(lag);
            let wait = settled.since(self.clock.now()).unsigned_abs();
            sleep(std::time::Duration::from_millis(wait)).await;
            self.ask_analytics(window, &mut course).await?;
        }
        for channel in window.channels.keys() {
            let sight = Sight::Whole {
                channel: *channel,
                until: window.until,
            };
            self.sink.note(sight).await?;
        }
        metrics::counter!("gateway_genesys_repairs_total").increment(1);
        let channels = window.channels.keys().copied().collect();
        self.board.whole(self.clock.now(), &channels);
        Ok(())
    }

    /// The conversations of the record that were going on and that a channel would have shown.
    async fn open_ones(&self, window: &Window) -> Vec<ConversationId> {
        let mut open = Vec::new();
        let mut after = None;
        let mut backoff = self.backoff.clone();
        loop {
            match self.sink.open(after, OPEN_PAGE).await {
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

    /// Finds what analytics know to be going on, or to have ended in the window, and reads it.
    async fn ask_analytics(&self, window: &Window, course: &mut Course) -> Result<(), SendRefused> {
        let since = window.since.map(|since| since.plus_millis(-MARGIN_MS));
        for span in spans::days(window.until, self.config.repair_days) {
            self.ask_span(window, &spans::open(&span), None, course)
                .await?;
            if let Some(since) = since {
                self.ask_span(window, &spans::ended(&span), Some(since), course)
                    .await?;
            }
        }
        Ok(())
    }

    /// Goes through the pages of one question; those of ended ones begin with the newest end and
    /// stop at `since`.
    async fn ask_span(
        &self,
        window: &Window,
        question: &spans::Question,
        since: Option<Time>,
        course: &mut Course,
    ) -> Result<(), SendRefused> {
        for page in 1..=spans::MOST_PAGES {
            let answer = self.page(question, page).await;
            let is_last = answer.len() < spans::PAGE;
            let ended_before = |it: &AnalyticsConversation| {
                let end = super::decode::time(it.conversation_end.as_deref());
                since.is_some_and(|since| end.is_some_and(|end| end < since))
            };
            let is_over = answer.iter().any(ended_before);
            let queues = |it: &AnalyticsConversation| analytics::queues(it).collect::<Vec<_>>();
            let news = answer
                .into_iter()
                .filter(|it| !ended_before(it) && window.shows(queues(it).iter()));
            self.take_page(news.collect(), course).await?;
            if is_last || is_over {
                return Ok(());
            }
        }
        tracing::warn!(
            "analytics know more conversations of one day than they tell: some may be missing"
        );
        Ok(())
    }

    /// Reads a page's conversations one by one while there are few, else takes analytics' word.
    async fn take_page(
        &self,
        page: Vec<AnalyticsConversation>,
        course: &mut Course,
    ) -> Result<(), SendRefused> {
        let mut unread = Vec::new();
        for found in page {
            let id = found
                .conversation_id
                .as_deref()
                .and_then(|id| id.parse().ok());
            if let Some(id) = id.filter(|id| !course.read.contains(id)) {
                unread.push((id, found));
            }
        }
        let (open, ended): (Vec<_>, Vec<_>) = unread
            .into_iter()
            .partition(|(_, found)| found.conversation_end.is_none());
        let few = course.found + ended.len() <= self.config.repair_reads;
        course.want(open.into_iter().map(|(id, _)| id));
        if few {
            course.want(ended.into_iter().map(|(id, _)| id));
        } else {
            for (id, found) in ended {
                course.read.insert(id);
                let names = self.client.queue_names();
                if let Some(snapshot) = analytics::snapshot(found, &|queue| names.name(queue)) {
                    self.pass_on(id, snapshot, None).await?;
                }
            }
        }
        self.read_waiting(course).await
    }

    /// Asks until there is an answer: without it the picture is not whole.
    async fn page(&self, question: &spans::Question, page: usize) -> Vec<AnalyticsConversation> {
        let mut backoff = self.backoff.clone();
        loop {
            match self
                .client
                .query_details(question.page(page), Priority::Repair)
                .await
            {
                Ok(answer) => return answer.conversations,
                Err(error) => {
                    tracing::warn!(%error, "analytics do not answer (analytics:conversationDetail:view); asked again");
                    sleep(backoff.next_wait(error.retry_after())).await;
                }
            }
        }
    }

    /// Reads what was found, several at once.
    async fn read_waiting(&self, course: &mut Course) -> Result<(), SendRefused> {
        let mut readings = JoinSet::new();
        loop {
            while readings.len() < AT_ONCE
                && let Some(id) = course.waiting.pop_front()
            {
                readings.spawn(read(
                    self.client.clone(),
                    Arc::clone(&self.clock),
                    self.backoff.clone(),
                    id,
                ));
            }
            let Some(read) = readings.join_next().await else {
                return Ok(());
            };
            let (id, read) = read.expect("a reading neither panics nor is aborted");
            course.read.insert(id);
            if let Some((snapshot, read_at)) = read {
                self.pass_on(id, snapshot, Some(read_at)).await?;
            }
            #[expect(clippy::cast_precision_loss, reason = "a share for people")]
            let share = course.read.len() as f64 / course.found.max(1) as f64;
            self.board.progress(self.clock.now(), share.min(0.99));
        }
    }

    async fn pass_on(
        &self,
        id: ConversationId,
        snapshot: Snapshot,
        read_at: Option<Time>,
    ) -> Result<(), SendRefused> {
        let event = ConversationEvent {
            conversation_id: id,
            received_at: self.clock.now(),
            actor: None,
            fact: Fact::Seen {
                snapshot,
                cause: ChangeCause::Reconciled,
                read_at,
                gap_before: false,
            },
        };
        self.sink.settle(event).await
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

/// Makes one window of all orders that wait.
fn gather(
    first: Order,
    orders: &mut mpsc::UnboundedReceiver<Order>,
    noted: Option<Time>,
) -> Window {
    let mut window = Window {
        since: first.since.or(noted),
        until: first.until,
        channels: BTreeMap::from([(first.channel, first.shown)]),
    };
    while let Ok(order) = orders.try_recv() {
        let since = order.since.or(noted);
        window.since = match (window.since, since) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        window.until = window.until.max(order.until);
        window.channels.insert(order.channel, order.shown);
    }
    window
}

impl Window {
    /// Whether one of the channels shows conversations of these queues.
    fn shows<'a>(&self, mut queues: impl Iterator<Item = &'a crate::domain::ids::QueueId>) -> bool {
        if self.channels.values().any(Option::is_none) {
            return true;
        }
        queues.any(|queue| {
            let mut shown = self.channels.values().flatten();
            shown.any(|shown| shown.contains(queue))
        })
    }
}

impl Course {
    fn want(&mut self, ids: impl IntoIterator<Item = ConversationId>) {
        for id in ids {
            if !self.read.contains(&id) && !self.waiting.contains(&id) {
                self.waiting.push_back(id);
                self.found += 1;
            }
        }
    }
}
