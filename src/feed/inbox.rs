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
    Take(Made),
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
            return Poll::Ready(Next::Take(made));
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

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}
