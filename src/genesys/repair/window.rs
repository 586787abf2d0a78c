//! What was missed: since when, until when, and by which channels.

use std::collections::BTreeMap;

use crate::domain::ids::QueueId;
use crate::domain::time::Time;
use crate::ingest::{Shown, shown_by_both};

/// A channel hears again, from `until` on without a gap.
#[derive(Clone, Debug)]
pub struct Order {
    pub channel: usize,
    pub shown: Shown,
    /// When it was last heard before; `None` when this process never heard it.
    pub since: Option<Time>,
    pub until: Time,
}

impl Order {
    /// Whether one frame was skipped, and nothing else was missed.
    pub(super) fn is_of_a_skipped_frame(&self) -> bool {
        self.since == Some(self.until)
    }
}

/// What one run is to find.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// `None` on the very first start: nothing was missed that was ever followed.
    pub(super) since: Option<Time>,
    pub(super) until: Time,
    channels: BTreeMap<usize, Shown>,
    /// From when on each channel hears.
    hears: BTreeMap<usize, Time>,
}

impl Window {
    /// `noted`: until when the feed was heard before this process.
    pub(super) fn of(order: Order, noted: Option<Time>) -> Self {
        Self {
            since: order.since.or(noted),
            until: order.until,
            channels: BTreeMap::from([(order.channel, order.shown)]),
            hears: BTreeMap::from([(order.channel, order.until)]),
        }
    }

    /// One window of this and another.
    pub(super) fn join(&mut self, other: Self) {
        self.since = self.since.into_iter().chain(other.since).min();
        self.until = self.until.max(other.until);
        for (channel, shown) in other.channels {
            let joined = match self.channels.get(&channel) {
                Some(known) => shown_by_both(known, &shown),
                None => shown,
            };
            self.channels.insert(channel, joined);
        }
        for (channel, at) in other.hears {
            let hears = self.hears.entry(channel).or_insert(at);
            *hears = at.max(*hears);
        }
    }

    /// The channels, and from when on each hears.
    pub(super) const fn hears(&self) -> &BTreeMap<usize, Time> {
        &self.hears
    }

    /// What each channel shows, always in the same order.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Shown> {
        self.channels.values()
    }

    /// Whether one of the channels shows conversations of these queues.
    pub(super) fn shows<'a>(&self, mut queues: impl Iterator<Item = &'a QueueId>) -> bool {
        if self.channels.values().any(Option::is_none) {
            return true;
        }
        queues.any(|queue| {
            let mut shown = self.channels.values().flatten();
            shown.any(|shown| shown.contains(queue))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;

    const fn at(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    fn order(channel: usize, queue: &str, since: Option<i64>, until: i64) -> Order {
        Order {
            channel,
            shown: Some(Arc::new(BTreeSet::from([queue.into()]))),
            since: since.map(at),
            until: at(until),
        }
    }

    #[test]
    fn joined_windows_reach_from_the_first_to_the_last_and_show_what_either_shows() {
        let mut window = Window::of(order(0, "a", None, 9), Some(at(4)));
        window.join(Window::of(order(1, "b", Some(6), 8), Some(at(4))));
        window.join(Window::of(order(0, "a", Some(9), 12), Some(at(4))));
        assert_eq!((window.since, window.until), (Some(at(4)), at(12)));
        assert_eq!(*window.hears(), BTreeMap::from([(0, at(12)), (1, at(8))]));
        let shows = |queue: &str| window.shows([queue.into()].iter());
        assert_eq!(["a", "b", "c"].map(shows), [true, true, false]);
    }

    #[test]
    fn nothing_was_missed_before_anything_was_followed() {
        let mut window = Window::of(order(0, "a", None, 9), None);
        window.join(Window::of(order(1, "b", None, 8), None));
        assert_eq!(window.since, None);
    }
}
