//! Where one live subscriber's results wait for his socket.
//!
//! It holds a few. When one more comes, all go: the subscriber reads them from the log when his
//! socket has room again. So a slow reader costs next to nothing and nobody waits for him.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// A result that was made, and its place in the log.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) sequence: u64,
    pub(super) check: u64,
    pub(super) text: Arc<str>,
}

pub(super) struct Inbox(Mutex<State>);

struct State {
    stand: Stand,
    waker: Option<Waker>,
}

enum Stand {
    /// What comes is put here.
    Live(VecDeque<Made>),
    /// The log must be read after this place.
    Behind(u64),
}

/// What the subscriber does next.
pub(super) enum Next {
    /// Take this result. `wakes`: none waits behind it, and the next one wakes whoever takes this.
    Take { made: Made, wakes: bool },
    /// Read the log after this place.
    ReadAfter(u64),
}

impl Inbox {
    /// Of one who has yet to read the log after this place.
    pub(super) const fn behind(sequence: u64) -> Self {
        Self(Mutex::new(State {
            stand: Stand::Behind(sequence),
            waker: None,
        }))
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self.state().stand, Stand::Live(_))
    }

    /// The log has been read up to where the router is.
    pub(super) fn go_live(&self) {
        self.state().stand = Stand::Live(VecDeque::new());
    }

    /// From now on results are to be read from the log after this place.
    pub(super) fn fall_behind(&self, sequence: u64) {
        self.state().fall_behind(sequence);
    }

    /// Puts a result in, or, where there is no room, leaves it and those that wait to the log.
    pub(super) fn put(&self, made: &Made, room: usize) {
        let mut state = self.state();
        let Stand::Live(waiting) = &mut state.stand else {
            return;
        };
        if waiting.len() < room {
            waiting.push_back(made.clone());
            state.wake();
        } else {
            state.fall_behind(made.sequence - 1);
        }
    }

    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Next> {
        let mut state = self.state();
        let State { stand, waker } = &mut *state;
        let waiting = match stand {
            Stand::Live(waiting) => waiting,
            Stand::Behind(sequence) => return Poll::Ready(Next::ReadAfter(*sequence)),
        };
        if let Some(made) = waiting.pop_front() {
            let will_wake = |waker: &Waker| waker.will_wake(cx.waker());
            let wakes = waiting.is_empty() && waker.as_ref().is_some_and(will_wake);
            return Poll::Ready(Next::Take { made, wakes });
        }
        match waker {
            Some(waker) => waker.clone_from(cx.waker()),
            waker => *waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no code that holds the lock panics")
    }
}

impl State {
    fn fall_behind(&mut self, sequence: u64) {
        let reached = match &self.stand {
            Stand::Live(waiting) => waiting.front().map(|made| made.sequence - 1),
            Stand::Behind(reached) => Some(*reached),
        };
        let reached = reached.unwrap_or(sequence);
        self.stand = Stand::Behind(reached.min(sequence));
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker;

    use super::*;

    fn made(sequence: u64) -> Made {
        Made {
            sequence,
            check: 0,
            text: "".into(),
        }
    }

    /// The sequence and `wakes` of what is taken.
    fn take(inbox: &Inbox, waker: &Waker) -> Option<(u64, bool)> {
        match inbox.poll_next(&Context::from_waker(waker)) {
            Poll::Ready(Next::Take { made, wakes }) => Some((made.sequence, wakes)),
            _ => None,
        }
    }

    #[test]
    fn only_the_last_that_waits_is_followed_by_a_wake() {
        let (inbox, waker) = (Inbox::behind(0), noop_waker());
        inbox.go_live();
        inbox.put(&made(1), 2);
        assert_eq!(take(&inbox, &waker), Some((1, false)), "nobody waits yet");
        assert_eq!(take(&inbox, &waker), None);
        inbox.put(&made(2), 2);
        inbox.put(&made(3), 2);
        assert_eq!(take(&inbox, &waker), Some((2, false)));
        assert_eq!(take(&inbox, &waker), Some((3, true)));
        inbox.put(&made(4), 2);
        let other = futures_util::task::waker(std::sync::Arc::new(Silent));
        assert_eq!(take(&inbox, &other), Some((4, false)), "another one waits");
    }

    struct Silent;

    impl futures_util::task::ArcWake for Silent {
        fn wake_by_ref(_: &std::sync::Arc<Self>) {}
    }
}
