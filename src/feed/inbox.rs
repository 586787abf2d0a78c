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
    waiting: VecDeque<Made>,
    /// The log must be read after this place; `None` while live.
    behind: Option<u64>,
    waker: Option<Waker>,
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
            waiting: VecDeque::new(),
            behind: Some(sequence),
            waker: None,
        }))
    }

    pub(super) fn is_live(&self) -> bool {
        self.state().behind.is_none()
    }

    /// The log has been read up to where the router is.
    pub(super) fn go_live(&self) {
        self.state().behind = None;
    }

    /// From now on results are to be read from the log after this place.
    pub(super) fn fall_behind(&self, sequence: u64) {
        self.state().fall_behind(sequence);
    }

    /// Puts a result in, or, where there is no room, leaves it and those that wait to the log.
    pub(super) fn put(&self, made: &Made, room: usize) {
        let mut state = self.state();
        if state.behind.is_some() {
            return;
        }
        if state.waiting.len() < room {
            state.waiting.push_back(made.clone());
        } else {
            let first = state.waiting.front().unwrap_or(made).sequence;
            state.fall_behind(first - 1);
            return;
        }
        state.wake();
    }

    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Next> {
        let mut state = self.state();
        if let Some(made) = state.waiting.pop_front() {
            let wakes = state.waiting.is_empty() && state.wakes(cx);
            return Poll::Ready(Next::Take { made, wakes });
        }
        if let Some(sequence) = state.behind {
            return Poll::Ready(Next::ReadAfter(sequence));
        }
        match &mut state.waker {
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
        let first = self
            .waiting
            .front()
            .map_or(sequence, |made| made.sequence - 1);
        self.waiting = VecDeque::new();
        self.behind = Some(first.min(sequence));
        self.wake();
    }

    fn wakes(&self, cx: &Context<'_>) -> bool {
        let waker = self.waker.as_ref();
        self.behind.is_none() && waker.is_some_and(|waker| waker.will_wake(cx.waker()))
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
