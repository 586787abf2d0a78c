//! Adds up what the channels say of themselves to one state of the feed, and to the queues that it shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::topics;
use crate::domain::feed::{FeedState, FeedStatus, RefusedTopic};
use crate::domain::ids::QueueId;
use crate::domain::time::Time;

/// The queues of which every wanted topic is followed or about to be: none was refused or left over.
/// `None` until they are known.
pub type ShownQueues = Option<Arc<BTreeSet<QueueId>>>;

/// Where channels report; a cheap handle.
#[derive(Clone)]
pub struct FeedBoard(Arc<Inner>);

struct Inner {
    channels: Mutex<Channels>,
    status_tx: watch::Sender<FeedStatus>,
    shown_tx: watch::Sender<ShownQueues>,
}

#[derive(Default)]
struct Channels {
    /// The topics that are wanted in all; `None` until the queues are known.
    wanted: Option<BTreeSet<String>>,
    /// Topics that no channel has room for.
    left_over: Vec<String>,
    reports: Vec<Report>,
    shown: ShownQueues,
    /// Channels of which it is not yet read what they missed, and since when each hears again.
    unrepaired: BTreeMap<usize, Time>,
    /// How much of it was read, 0 to 1.
    progress: f64,
}

/// What one channel has.
#[derive(Clone, Debug, Default)]
struct Report {
    is_up: bool,
    subscribed: BTreeSet<String>,
    refused: Vec<RefusedTopic>,
}

impl FeedBoard {
    /// A board that is DISCONNECTED since `now`, and those who watch it.
    pub fn new(now: Time) -> (Self, watch::Receiver<FeedStatus>) {
        let (status_tx, status_rx) = watch::channel(FeedStatus {
            state: FeedState::Disconnected,
            since: now,
            stale_since: Some(now),
            last_event_at: None,
            topics_wanted: 0,
            topics_subscribed: 0,
            refused_topics: Vec::new(),
            repair_progress: None,
        });
        let channels = Mutex::default();
        (
            Self(Arc::new(Inner {
                channels,
                status_tx,
                shown_tx: watch::Sender::new(None),
            })),
            status_rx,
        )
    }

    /// The topics are known and spread over so many channels.
    pub fn set_wanted(
        &self,
        now: Time,
        wanted: &BTreeSet<String>,
        channels: usize,
        left_over: Vec<String>,
    ) {
        self.update(now, now, |state| {
            state.wanted = Some(wanted.clone());
            state.left_over = left_over;
            state
                .reports
                .resize_with(channels.max(state.reports.len()), Report::default);
            state.shown = state.queues_shown();
        });
    }

    /// The channel's socket answers, with these topics.
    pub fn up(
        &self,
        now: Time,
        channel: usize,
        subscribed: BTreeSet<String>,
        refused: Vec<RefusedTopic>,
    ) {
        self.update(now, now, |state| {
            state.reports[channel] = Report {
                is_up: true,
                subscribed,
                refused,
            };
            state.shown = state.queues_shown();
        });
    }

    /// The channel has no socket that answers; nothing is sure since `last_heard`.
    pub fn down(&self, now: Time, channel: usize, last_heard: Time) {
        self.update(now, last_heard, |state| {
            let report = &mut state.reports[channel];
            report.is_up = false;
            report.subscribed.clear();
        });
    }

    /// What the channel missed until `at` must be read.
    pub fn blind(&self, at: Time, channel: usize) {
        self.update(at, at, |state| {
            if state.unrepaired.is_empty() {
                state.progress = 0.0;
            }
            let hears = state.unrepaired.entry(channel).or_insert(at);
            *hears = at.max(*hears);
        });
    }

    /// What these channels missed was read, of each until a time: one that was blind once more since
    /// then stays unrepaired.
    pub fn whole(&self, now: Time, read: &BTreeMap<usize, Time>) {
        self.update(now, now, |state| {
            let unrepaired = &mut state.unrepaired;
            unrepaired.retain(|channel, hears| read.get(channel).is_none_or(|it| *hears > *it));
        });
    }

    /// Whether all channels answer, and only these are unrepaired.
    pub fn are_all(&self, unrepaired: &BTreeMap<usize, Time>) -> bool {
        let channels = self.0.channels.lock();
        let channels = channels.unwrap_or_else(PoisonError::into_inner);
        let mut open = channels.unrepaired.keys();
        channels.reports.iter().all(|report| report.is_up)
            && open.all(|channel| unrepaired.contains_key(channel))
    }

    /// The status from now on.
    pub fn watch(&self) -> watch::Receiver<FeedStatus> {
        self.0.status_tx.subscribe()
    }

    /// How much of what was missed was read, 0 to 1.
    pub fn progress(&self, now: Time, share: f64) {
        self.update(now, now, |state| state.progress = share);
    }

    /// The queues that topics show, as they change.
    pub fn shown_queues(&self) -> watch::Receiver<ShownQueues> {
        self.0.shown_tx.subscribe()
    }

    /// Whether nothing is missing now.
    pub fn is_live(&self) -> bool {
        self.0.status_tx.borrow().state == FeedState::Live
    }

    /// A notification came. Wakes nobody: whoever reads the status sees it.
    pub fn heard(&self, at: Time) {
        self.0.status_tx.send_if_modified(|status| {
            status.last_event_at = status.last_event_at.max(Some(at));
            false
        });
    }

    fn update(&self, now: Time, stale_since: Time, change: impl FnOnce(&mut Channels)) {
        let mut channels = self
            .0
            .channels
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(&mut channels);
        // Before the state: whoever sees LIVE must not see queues that were refused.
        self.0.shown_tx.send_if_modified(|shown| {
            let is_new = *shown != channels.shown;
            shown.clone_from(&channels.shown);
            is_new
        });
        let next = channels.status();
        let is_live = if next == FeedState::Live { 1.0 } else { 0.0 };
        metrics::gauge!("gateway_feed_live").set(is_live);
        self.0.status_tx.send_if_modified(|status| {
            let before = status.clone();
            if status.state != next {
                status.state = next;
                status.since = now;
            }
            status.stale_since = match next {
                FeedState::Live => None,
                _ => status.stale_since.or(Some(stale_since)),
            };
            status.topics_wanted = channels.wanted.as_ref().map_or(0, BTreeSet::len);
            status.topics_subscribed = channels.subscribed();
            status.refused_topics = channels.refused();
            status.repair_progress = (next == FeedState::CatchingUp).then_some(channels.progress);
            *status != before
        });
    }
}

impl Channels {
    fn status(&self) -> FeedState {
        let refused = self.reports.iter().flat_map(|report| &report.refused);
        let refused = refused.map(|refused| &refused.topic);
        let refused: BTreeSet<&String> = refused.chain(&self.left_over).collect();
        let is_settled = |topic| refused.contains(topic) || self.is_subscribed(topic);
        let wanted = self.wanted.as_ref();
        let is_live = wanted.is_some_and(|wanted| wanted.iter().all(is_settled))
            && self.reports.iter().all(|report| report.is_up);
        match (is_live, self.unrepaired.is_empty()) {
            (true, true) => FeedState::Live,
            (true, false) => FeedState::CatchingUp,
            (false, _) => FeedState::Disconnected,
        }
    }

    fn is_subscribed(&self, topic: &String) -> bool {
        let mut reports = self.reports.iter();
        reports.any(|report| report.subscribed.contains(topic))
    }

    /// How many of the wanted topics are subscribed.
    fn subscribed(&self) -> usize {
        let wanted = self.wanted.iter().flatten();
        wanted.filter(|topic| self.is_subscribed(topic)).count()
    }

    fn queues_shown(&self) -> ShownQueues {
        let mut shown = topics::all_queues(self.wanted.as_ref()?.iter());
        let refused = self.reports.iter().flat_map(|report| &report.refused);
        let refused = refused.map(|refused| &refused.topic);
        for queue in topics::all_queues(refused.chain(&self.left_over)) {
            shown.remove(&queue);
        }
        Some(Arc::new(shown))
    }

    fn refused(&self) -> Vec<RefusedTopic> {
        let of_channels = self
            .reports
            .iter()
            .flat_map(|report| report.refused.clone());
        let left_over = self.left_over.iter().map(|topic| RefusedTopic {
            topic: topic.clone(),
            reason: Some("Genesys allows no more channels".to_owned()),
            missing_permissions: Vec::new(),
        });
        of_channels.chain(left_over).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    /// The topics of queues `q0`, `q1`, ...
    fn topics_of(queues: usize) -> BTreeSet<String> {
        these(0..queues)
    }

    fn these(queues: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
        queues.into_iter().map(topic_of).collect()
    }

    fn topic_of(queue: usize) -> String {
        format!("v2.routing.queues.q{queue}.conversations")
    }

    fn shown(board: &FeedBoard) -> Vec<String> {
        let shown = board.shown_queues().borrow().clone();
        let shown = shown.expect("they are known");
        shown.iter().map(ToString::to_string).collect()
    }

    fn refused(topic: &str) -> RefusedTopic {
        RefusedTopic {
            topic: topic.to_owned(),
            reason: None,
            missing_permissions: Vec::new(),
        }
    }

    #[test]
    fn the_feed_is_live_when_every_channel_answers_with_all_topics_settled() {
        let (board, status) = FeedBoard::new(at(1));
        assert_eq!(status.borrow().state, FeedState::Disconnected);
        board.set_wanted(at(2), &topics_of(5), 2, Vec::new());
        board.up(at(3), 0, these([0, 1, 2]), Vec::new());
        assert_eq!(status.borrow().state, FeedState::Disconnected);
        assert_eq!(status.borrow().stale_since, Some(at(1)));
        board.up(at(4), 1, these([3]), vec![refused(&topic_of(4))]);
        let live = status.borrow().clone();
        assert_eq!(
            (live.state, live.since, live.stale_since),
            (FeedState::Live, at(4), None)
        );
        assert_eq!((live.topics_wanted, live.topics_subscribed), (5, 4));
        assert_eq!(live.refused_topics, [refused(&topic_of(4))]);
    }

    #[test]
    fn a_queue_that_takes_another_ones_place_is_awaited() {
        let (board, status) = FeedBoard::new(at(1));
        board.set_wanted(at(2), &these([0, 1]), 1, Vec::new());
        board.up(at(3), 0, these([0, 1]), Vec::new());
        assert_eq!(status.borrow().state, FeedState::Live);
        board.set_wanted(at(4), &these([0, 2]), 1, Vec::new());
        let waits = status.borrow().clone();
        assert_eq!(waits.state, FeedState::Disconnected);
        assert_eq!((waits.topics_wanted, waits.topics_subscribed), (2, 1));
        board.up(at(5), 0, these([0, 2]), Vec::new());
        assert_eq!(status.borrow().state, FeedState::Live);
    }

    #[test]
    fn a_lost_channel_makes_the_feed_stale_since_it_was_last_heard() {
        let (board, status) = FeedBoard::new(at(1));
        board.set_wanted(at(2), &topics_of(1), 1, Vec::new());
        board.up(at(3), 0, these([0]), Vec::new());
        board.down(at(20), 0, at(8));
        board.down(at(30), 0, at(25));
        let lost = status.borrow().clone();
        assert_eq!(lost.state, FeedState::Disconnected);
        assert_eq!((lost.since, lost.stale_since), (at(20), Some(at(8))));
    }

    #[test]
    fn a_channel_that_was_blind_again_is_not_whole_by_an_earlier_repair() {
        let (board, status) = FeedBoard::new(at(1));
        board.set_wanted(at(2), &topics_of(2), 2, Vec::new());
        for channel in [0, 1] {
            board.blind(at(3), channel);
            board.up(at(3), channel, these([channel]), Vec::new());
        }
        assert!(board.are_all(&BTreeMap::from([(0, at(3)), (1, at(3))])));
        assert!(!board.are_all(&BTreeMap::from([(0, at(3))])));
        board.blind(at(5), 1);
        board.whole(at(6), &BTreeMap::from([(0, at(3)), (1, at(3))]));
        assert_eq!(status.borrow().state, FeedState::CatchingUp);
        board.whole(at(7), &BTreeMap::from([(1, at(5))]));
        assert_eq!(status.borrow().state, FeedState::Live);
    }

    #[test]
    fn a_notification_is_noted_without_waking_anybody() {
        let (board, mut status) = FeedBoard::new(at(1));
        status.mark_unchanged();
        board.heard(at(7));
        assert!(!status.has_changed().unwrap());
        assert_eq!(status.borrow().last_event_at, Some(at(7)));
    }

    #[test]
    fn topics_beyond_the_last_channel_are_named() {
        let (board, status) = FeedBoard::new(at(1));
        board.set_wanted(at(2), &topics_of(2), 1, vec![topic_of(1)]);
        board.up(at(3), 0, these([0]), Vec::new());
        assert_eq!(status.borrow().state, FeedState::Live);
        assert_eq!(status.borrow().refused_topics[0].topic, topic_of(1));
    }

    #[test]
    fn a_queue_whose_topic_was_refused_or_left_over_is_not_shown() {
        let (board, _status) = FeedBoard::new(at(1));
        assert_eq!(*board.shown_queues().borrow(), None);
        board.set_wanted(at(2), &topics_of(4), 1, vec![topic_of(3)]);
        assert_eq!(shown(&board), ["q0", "q1", "q2"]);
        board.up(at(3), 0, these([0, 2]), vec![refused(&topic_of(1))]);
        assert_eq!(shown(&board), ["q0", "q2"]);
        board.down(at(4), 0, at(3));
        board.set_wanted(at(5), &topics_of(4), 2, Vec::new());
        assert_eq!(shown(&board), ["q0", "q2", "q3"]);
        board.up(at(6), 0, these([0, 1, 2]), Vec::new());
        assert_eq!(shown(&board), ["q0", "q1", "q2", "q3"]);
    }
}
