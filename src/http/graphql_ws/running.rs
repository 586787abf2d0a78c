//! The operations that run on one socket: a set of streams in one task, of which only those that
//! were woken are polled, in the order in which they were woken.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::stream::Stream;
use futures_util::task::AtomicWaker;

pub(super) struct Running<S> {
    /// Keys are numbers of our own, so that any quick hash will do.
    entries: HashMap<u64, Entry<S>, foldhash::fast::RandomState>,
    woken: Arc<Woken>,
}

struct Entry<S> {
    stream: S,
    mark: Arc<Mark>,
}

/// Keys of the streams that want to be polled, first woken first.
#[derive(Default)]
struct Woken {
    // Held for a push or a pop; never over a poll.
    queue: Mutex<VecDeque<u64>>,
    task: AtomicWaker,
}

/// Puts its stream into the queue, once until it is polled.
struct Mark {
    key: u64,
    queued: AtomicBool,
    woken: Arc<Woken>,
}

impl Mark {
    fn queue(&self) -> bool {
        let is_new = !self.queued.swap(true, Ordering::AcqRel);
        if is_new {
            self.woken.lock().push_back(self.key);
        }
        is_new
    }
}

impl Wake for Mark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queue() {
            self.woken.task.wake();
        }
    }
}

impl Woken {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<u64>> {
        self.queue
            .lock()
            .expect("no code panics while it holds this lock")
    }
}

impl<S: Stream + Unpin> Running<S> {
    pub(super) fn new() -> Self {
        Self {
            entries: HashMap::default(),
            woken: Arc::default(),
        }
    }

    /// Adds a stream; it is polled next after those already woken.
    pub(super) fn insert(&mut self, key: u64, stream: S) {
        let mark = Arc::new(Mark {
            key,
            queued: AtomicBool::new(false),
            woken: self.woken.clone(),
        });
        mark.queue();
        self.entries.insert(key, Entry { stream, mark });
    }

    /// Drops a stream at once. Its place in the queue, if it has one, is skipped later.
    pub(super) fn remove(&mut self, key: u64) {
        self.entries.remove(&key);
    }

    /// The next item of any stream, or None for the end of one, which then is gone. Pending when
    /// every stream woken so far has been polled; each is polled once per call at most, so that one
    /// that always wakes itself cannot keep the task. `wakes` tells of an item that its stream has no
    /// more for now and will wake when it has.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        wakes: impl FnOnce(&S::Item) -> bool,
    ) -> Poll<(u64, Option<S::Item>)> {
        self.woken.task.register(cx.waker());
        let waiting = self.woken.lock().len();
        for _ in 0..waiting {
            let Some(key) = self.woken.lock().pop_front() else {
                break;
            };
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            entry.mark.queued.store(false, Ordering::Release);
            // Made when it is needed: one that stays takes room in each of thousands of entries.
            let waker = Waker::from(entry.mark.clone());
            let item = Pin::new(&mut entry.stream).poll_next(&mut Context::from_waker(&waker));
            match item {
                Poll::Ready(Some(item)) => {
                    if !wakes(&item) {
                        // It may have more: again, but behind the others.
                        entry.mark.queue();
                    }
                    return Poll::Ready((key, Some(item)));
                }
                Poll::Ready(None) => {
                    self.entries.remove(&key);
                    return Poll::Ready((key, None));
                }
                Poll::Pending => {}
            }
        }
        if !self.woken.lock().is_empty() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Lets all of them be polled.
    pub(super) fn wake_all(&self) {
        for entry in self.entries.values() {
            entry.mark.queue();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;
    use futures_util::future::poll_fn;
    use futures_util::stream::{self, BoxStream};
    use futures_util::task::noop_waker;
    use std::sync::atomic::AtomicUsize;
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::UnboundedReceiverStream;

    fn poll<S: Stream + Unpin>(running: &mut Running<S>) -> Poll<(u64, Option<S::Item>)> {
        running.poll_next(&mut Context::from_waker(&noop_waker()), |_| false)
    }

    #[test]
    fn an_always_ready_stream_does_not_starve_the_others() {
        let mut running: Running<BoxStream<'static, u64>> = Running::new();
        for key in 1..=3 {
            running.insert(key, stream::repeat(key).boxed());
        }
        let mut keys = Vec::new();
        for _ in 0..9 {
            let Poll::Ready((key, Some(_))) = poll(&mut running) else {
                panic!("not ready")
            };
            keys.push(key);
        }
        assert_eq!(keys, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
    }

    #[tokio::test]
    async fn only_the_woken_stream_is_polled() {
        let polls = Arc::new(AtomicUsize::new(0));
        let mut running: Running<BoxStream<'static, u32>> = Running::new();
        for key in 0..100 {
            let polls = polls.clone();
            let idle = stream::poll_fn(move |_| {
                polls.fetch_add(1, Ordering::Relaxed);
                Poll::Pending
            });
            running.insert(key, idle.boxed());
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        running.insert(100, UnboundedReceiverStream::new(receiver).boxed());
        assert!(poll(&mut running).is_pending());
        assert_eq!(polls.load(Ordering::Relaxed), 100);

        for number in 0..5 {
            sender.send(number).unwrap();
            assert_eq!(
                poll_fn(|cx| running.poll_next(cx, |_| false)).await,
                (100, Some(number))
            );
        }
        assert_eq!(polls.load(Ordering::Relaxed), 100);
    }

    #[tokio::test]
    async fn a_stream_woken_from_another_task_wakes_this_one() {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut running = Running::new();
        running.insert(7, UnboundedReceiverStream::new(receiver));
        assert!(poll(&mut running).is_pending());
        let next = poll_fn(|cx| running.poll_next(cx, |_| false));
        let (item, ()) = tokio::join!(next, async {
            tokio::task::yield_now().await;
            sender.send("late").unwrap();
        });
        assert_eq!(item, (7, Some("late")));
        drop(sender);
        assert_eq!(
            poll_fn(|cx| running.poll_next(cx, |_| false)).await,
            (7, None)
        );
        assert_eq!(running.len(), 0);
    }

    /// Items that wait, and who has polled for more.
    #[derive(Default)]
    struct Waiting {
        items: VecDeque<u32>,
        waker: Option<Waker>,
        polls: usize,
    }

    #[test]
    fn one_that_says_it_wakes_is_polled_when_it_has_woken() {
        let items: Arc<Mutex<Waiting>> = Arc::default();
        let inside = items.clone();
        let mut running = Running::new();
        let stream = stream::poll_fn(move |cx| {
            let mut inside = inside.lock().unwrap();
            inside.polls += 1;
            inside.waker.get_or_insert_with(|| cx.waker().clone());
            inside
                .items
                .pop_front()
                .map_or(Poll::Pending, |item| Poll::Ready(Some(item)))
        });
        running.insert(1, stream);
        assert!(poll(&mut running).is_pending());
        for number in 0..5 {
            let waker = {
                let mut items = items.lock().unwrap();
                items.items.push_back(number);
                items.waker.clone().unwrap()
            };
            waker.wake();
            let waker = noop_waker();
            let mut cx = Context::from_waker(&waker);
            let next = running.poll_next(&mut cx, |_| true);
            assert_eq!(next, Poll::Ready((1, Some(number))));
            assert!(poll(&mut running).is_pending());
        }
        assert_eq!(items.lock().unwrap().polls, 6);
    }

    #[test]
    fn a_removed_stream_is_dropped_at_once_and_never_polled_again() {
        let held = Arc::new(());
        let inside = held.clone();
        let mut running: Running<BoxStream<'static, ()>> = Running::new();
        running.insert(1, stream::repeat_with(move || drop(inside.clone())).boxed());
        assert!(poll(&mut running).is_ready());
        running.remove(1);
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(poll(&mut running).is_pending());
    }

    #[test]
    fn a_stream_that_wakes_itself_gives_the_task_back() {
        let mut running = Running::new();
        running.insert(
            1,
            stream::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<Option<()>>::Pending
            }),
        );
        assert!(poll(&mut running).is_pending());
    }
}
