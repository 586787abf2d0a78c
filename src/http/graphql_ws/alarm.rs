//! A bell for what a socket waits for all its life and that seldom has anything to say: its futures
//! are polled only when they have rung, not with every message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use futures_util::task::AtomicWaker;

pub(super) struct Alarm {
    bell: Arc<Bell>,
    /// Made of `bell`, once.
    waker: Waker,
}

#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Alarm {
    /// It rings from the start, so that everything is polled once.
    pub(super) fn new() -> Self {
        let bell = Arc::new(Bell::default());
        bell.rung.store(true, Ordering::Relaxed);
        Self {
            waker: Waker::from(Arc::clone(&bell)),
            bell,
        }
    }

    /// Polls what waits if it has rung since; it will ring for this task again.
    pub(super) fn poll<T>(
        &self,
        cx: &Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> T,
    ) -> Option<T> {
        self.bell.task.register(cx.waker());
        let has_rung = self.bell.rung.swap(false, Ordering::AcqRel);
        has_rung.then(|| poll(&mut Context::from_waker(&self.waker)))
    }

    /// Something new wants to be polled, or the task has to come again.
    pub(super) fn ring(&self) {
        self.waker.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::poll_fn;
    use std::task::Poll;
    use tokio::sync::oneshot;

    #[test]
    fn who_waits_is_polled_once_and_then_when_he_was_woken() {
        let alarm = Alarm::new();
        let cx = Context::from_waker(Waker::noop());
        let (sender, mut receiver) = oneshot::channel();
        let mut poll = || {
            alarm.poll(&cx, |cx| {
                Future::poll(std::pin::Pin::new(&mut receiver), cx)
            })
        };
        assert!(matches!(poll(), Some(Poll::Pending)));
        assert!(poll().is_none());
        sender.send(7).unwrap();
        assert!(matches!(poll(), Some(Poll::Ready(Ok(7)))));
        assert!(poll().is_none());
    }

    #[tokio::test]
    async fn a_bell_wakes_the_task() {
        let alarm = Arc::new(Alarm::new());
        let mut polls = 0;
        let waiting = poll_fn(|cx| {
            polls += u32::from(alarm.poll(cx, |_| ()).is_some());
            if polls == 2 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        tokio::join!(waiting, async { alarm.ring() });
    }
}
