//! How far a repair has come, kept so that one that a restart interrupts goes on where it was.
//!
//! Conversations that ended are asked for day by day, the one that ended last first. Noted is which
//! ends of each day were taken: from a moment back to another, or all of them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::Window;
use crate::domain::time::Time;

/// The ends of one day that were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    /// Analytics surely knew all ends until then.
    pub(super) until: Time,
    /// Taken back to this end; `None` when all were.
    pub(super) reached: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    since: Option<Time>,
    /// Which conversations were looked for: with other queues the note says nothing.
    shown: u64,
    days: BTreeMap<String, Taken>,
}

impl Done {
    /// Goes on with the note where it covers the window, else begins anew.
    pub(super) fn resume(note: Option<&str>, window: &Window) -> Self {
        let shown = fingerprint(window);
        let noted = note.and_then(|note| serde_json::from_str::<Self>(note).ok());
        let covers = |noted: &Self| noted.shown == shown && noted.since <= window.since;
        noted.filter(covers).unwrap_or(Self {
            since: window.since,
            shown,
            days: BTreeMap::new(),
        })
    }

    pub(super) fn note(&self) -> String {
        serde_json::to_string(self).expect("times and names are always JSON")
    }

    pub(super) fn of(&self, day: &str) -> Option<Taken> {
        self.days.get(day).copied()
    }

    pub(super) fn take(&mut self, day: &str, taken: Taken) {
        self.days.insert(day.to_owned(), taken);
    }
}

impl Taken {
    /// Whether a conversation that ended then was taken.
    pub(super) fn holds(&self, end: Time) -> bool {
        end <= self.until && self.reached.is_none_or(|reached| end > reached)
    }
}

fn fingerprint(window: &Window) -> u64 {
    let mut hasher = DefaultHasher::new();
    for shown in window.shown() {
        shown.as_deref().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::window::Order;
    use super::*;

    const fn at(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    fn window(since: i64, channels: usize) -> Window {
        let orders = (0..channels).map(|channel| Order {
            channel,
            shown: None,
            since: Some(at(since)),
            until: at(10_000),
        });
        let mut windows = orders.map(|order| Window::of(order, None));
        let mut window = windows.next().expect("a channel");
        windows.for_each(|other| window.join(other));
        window
    }

    #[test]
    fn a_note_holds_for_the_same_queues_and_no_earlier_window() {
        let mut done = Done::resume(None, &window(5, 1));
        let taken = Taken {
            until: at(9),
            reached: Some(at(7)),
        };
        done.take("day", taken);
        let note = done.note();
        let of = |window: &Window| Done::resume(Some(&note), window).of("day");
        assert_eq!(of(&window(5, 1)), Some(taken));
        assert_eq!(of(&window(6, 1)), Some(taken));
        assert_eq!(of(&window(4, 1)), None);
        assert_eq!(of(&window(5, 2)), None);
        assert_eq!(Done::resume(Some("?"), &window(5, 1)).of("day"), None);
    }

    #[test]
    fn what_was_taken_lies_between_two_ends() {
        let part = Taken {
            until: at(9),
            reached: Some(at(7)),
        };
        assert_eq!(
            [7, 8, 9, 10].map(|end| part.holds(at(end))),
            [false, true, true, false]
        );
        let all = Taken {
            reached: None,
            ..part
        };
        assert!(all.holds(at(1)));
    }
}
