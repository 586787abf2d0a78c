//! Subscribers who get the same text: it is made once for all of them.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use futures_util::FutureExt;
use lru::LruCache;
use tokio::sync::OnceCell;

use super::{MakeRender, Render, Shape, Told};
use crate::domain::caller::Scope;
use crate::domain::filter::Sighting;

/// Renderers that a group keeps for its next results. One serves the router; more are needed only
/// while several of its subscribers read the log.
const IDLE: usize = 2;

/// All who asked for the same shape of result and may see the same.
pub(super) struct Group {
    number: u64,
    /// What its subscribers may see.
    pub(super) scope: Scope,
    make: MakeRender,
    idle: Mutex<Vec<Box<dyn Render>>>,
    /// Its results need the database: the router leaves them to the subscribers.
    waits: AtomicBool,
}

impl Group {
    /// The text, if it can be made at once. Otherwise the subscribers make it among themselves.
    pub(super) fn render_now(&self, told: Told) -> Option<Arc<str>> {
        if self.waits() {
            return None;
        }
        // A panic is left to the subscribers, too: there it ends their subscription and no more.
        let made = catch_unwind(AssertUnwindSafe(|| {
            let mut renderer = self.renderer();
            let text = renderer.render(told).now_or_never()?;
            Some((renderer, text))
        }));
        let Ok(Some((renderer, text))) = made else {
            self.waits.store(true, Ordering::Relaxed);
            return None;
        };
        self.put_back(renderer);
        Some(text)
    }

    /// The text, shared with all who need it at the same time.
    ///
    /// `as_of` is 0 for an entry of the log as it stands there, and the head of a snapshot for one that
    /// shows the row as of that head.
    pub(super) async fn render(&self, results: &Results, told: Told, as_of: u64) -> Arc<str> {
        let key = Key {
            group: self.number,
            sequence: told.entry.sequence(),
            as_of,
            sighting: told.sighting,
        };
        let cell = results.cell(key);
        let text = cell.get_or_init(|| self.render_alone(told)).await.clone();
        if self.waits() {
            // What the database says is told as it is when sent: the next one asks anew.
            results.forget(&key);
        }
        text
    }

    async fn render_alone(&self, told: Told) -> Arc<str> {
        let mut renderer = self.renderer();
        let text = {
            let mut render = renderer.render(told);
            if let Some(text) = (&mut render).now_or_never() {
                text
            } else {
                self.waits.store(true, Ordering::Relaxed);
                render.await
            }
        };
        self.put_back(renderer);
        text
    }

    fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    fn renderer(&self) -> Box<dyn Render> {
        let idle = lock(&self.idle).pop();
        idle.unwrap_or_else(|| (self.make)())
    }

    fn put_back(&self, renderer: Box<dyn Render>) {
        let mut idle = lock(&self.idle);
        if idle.len() < IDLE {
            idle.push(renderer);
        }
    }
}

/// The groups that have subscribers.
#[derive(Default)]
pub(super) struct Groups {
    by_shape: Mutex<HashMap<Shape, Weak<Group>>>,
    last: AtomicU64,
}

impl Groups {
    /// The group of a shape; `first` is a renderer that a new group begins with.
    pub(super) fn join(
        &self,
        shape: Shape,
        first: Box<dyn Render>,
        make: MakeRender,
    ) -> Arc<Group> {
        let mut by_shape = lock(&self.by_shape);
        if let Some(group) = by_shape.get(&shape).and_then(Weak::upgrade) {
            return group;
        }
        if by_shape.len() == by_shape.capacity() {
            by_shape.retain(|_, group| group.strong_count() > 0);
        }
        let group = Arc::new(Group {
            number: self.last.fetch_add(1, Ordering::Relaxed),
            scope: shape.scope.clone(),
            make,
            idle: Mutex::new(vec![first]),
            waits: AtomicBool::new(false),
        });
        by_shape.insert(shape, Arc::downgrade(&group));
        group
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    group: u64,
    sequence: u64,
    as_of: u64,
    sighting: Sighting,
}

/// The results made last for those who read the log, so that many who come back together share
/// them. Bounded: those that were not asked for longest go first.
pub(super) struct Results(Mutex<LruCache<Key, Arc<OnceCell<Arc<str>>>>>);

impl Results {
    pub(super) fn new(room: usize) -> Self {
        let room = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
        Self(Mutex::new(LruCache::new(room)))
    }

    fn cell(&self, key: Key) -> Arc<OnceCell<Arc<str>>> {
        let mut kept = lock(&self.0);
        Arc::clone(kept.get_or_insert(key, Arc::default))
    }

    fn forget(&self, key: &Key) {
        lock(&self.0).pop(key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no code that holds the lock panics")
}
