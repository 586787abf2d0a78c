//! Reading the log for those who are not live: from the hub's memory where it reaches, else from the
//! database, page by page, each page once for all who need it at the same time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::OnceCell;

use super::{FeedConfig, FeedError};
use crate::domain::caller::{Caller, Scope};
use crate::domain::filter::{AnyOf, Filter};
use crate::domain::ids::ConversationId;
use crate::hub::Hub;
use crate::store::{Committed, Cursor, CursorRefused, Latest, Position, Store, StoreError};

/// Entries of a page, and of one step along the hub's memory.
const PAGE: u64 = 500;
const STEP: usize = 500;

type Page = Arc<[Arc<Committed>]>;
/// What a database read gave, for all who waited for it.
type Shared<T> = Arc<OnceCell<Result<T, Arc<StoreError>>>>;

pub(super) struct Replay {
    store: Store,
    hub: Hub,
    pages: Mutex<Pages>,
    snapshots: Mutex<HashMap<Question, Shared<Snapshot>>>,
    most_in_snapshot: usize,
}

/// Pages of the log, the one asked for first goes first.
struct Pages {
    by_number: HashMap<u64, Shared<Page>>,
    order: VecDeque<u64>,
    room: usize,
}

/// What a snapshot is of.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    filter: Filter,
    scope: Scope,
    latest: Latest,
}

/// The log compacted, as of a place. In pages, so that who reads it slowly holds only what he has not
/// been told yet.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) head: Position,
    pages: Vec<Page>,
}

impl Snapshot {
    fn new(head: Position, entries: &[Arc<Committed>]) -> Self {
        Self {
            head,
            pages: entries.chunks(STEP).map(Page::from).collect(),
        }
    }

    fn len(&self) -> usize {
        self.pages.iter().map(|page| page.len()).sum()
    }

    /// The entries in order. A page that was told is let go.
    pub(super) fn into_entries(self) -> impl Stream<Item = Arc<Committed>> {
        stream::iter(self.pages)
            .flat_map(|page| stream::iter(0..page.len()).map(move |place| Arc::clone(&page[place])))
    }
}

impl Replay {
    pub(super) fn new(store: Store, hub: Hub, config: &FeedConfig) -> Self {
        Self {
            most_in_snapshot: config.feed_snapshot,
            store,
            hub,
            pages: Mutex::new(Pages {
                by_number: HashMap::new(),
                order: VecDeque::new(),
                room: config.feed_pages.max(1),
            }),
            snapshots: Mutex::default(),
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.hub.epoch()
    }

    pub(super) fn head(&self) -> Position {
        self.hub.head()
    }

    /// Whether the log can be followed from the cursor.
    pub(super) async fn check(
        &self,
        cursor: &Cursor,
    ) -> Result<Result<(), CursorRefused>, Arc<StoreError>> {
        match self.hub.check(cursor) {
            Some(verdict) => Ok(verdict),
            None => Ok(self.store.check(cursor).await?),
        }
    }

    /// Some of the entries after a place, in order; none when there are no more.
    pub(super) async fn after(
        &self,
        sequence: u64,
    ) -> Result<Vec<Arc<Committed>>, Arc<StoreError>> {
        let (entries, _) = self
            .sift(None, sequence, |entry| Some(Arc::clone(entry)))
            .await?;
        Ok(entries)
    }

    /// What `sift` makes of some of the entries after a place, and the place up to which it has seen
    /// them: the same one when there are no more. Where conversations are named, those of others may
    /// be left out.
    pub(super) async fn sift<T>(
        &self,
        of: Option<&AnyOf<ConversationId>>,
        sequence: u64,
        mut sift: impl FnMut(&Arc<Committed>) -> Option<T>,
    ) -> Result<(Vec<T>, u64), Arc<StoreError>> {
        if let Some(sifted) = self.hub.sift(of, sequence, STEP, &mut sift) {
            return Ok(sifted);
        }
        let page = self.page(sequence / PAGE).await?;
        let read_before = usize::try_from(sequence % PAGE).expect("a page is small");
        let entries = page.get(read_before..).unwrap_or_default();
        let last = entries.last().map_or(sequence, |entry| entry.sequence());
        Ok((entries.iter().filter_map(sift).collect(), last))
    }

    /// Whether what follows a place need not be read from the database.
    pub(super) fn is_in_memory(&self, sequence: u64) -> bool {
        self.hub.holds_after(sequence)
    }

    /// Reads what follows a place, so that it is there when it is asked for. What can't be read is
    /// read, and fails, again when it is.
    pub(super) async fn read_ahead(&self, sequence: u64) {
        let _ = self.page(sequence / PAGE).await;
    }

    /// A page of the database's, read once for all who need it at the same time.
    async fn page(&self, number: u64) -> Result<Page, Arc<StoreError>> {
        let cell = self.pages().cell(number);
        let read = cell.get_or_init(|| self.read(number)).await;
        let complete = read.as_ref().is_ok_and(|page| page.len() as u64 == PAGE);
        if !complete {
            self.pages().forget(number);
        }
        read.clone()
    }

    async fn read(&self, number: u64) -> Result<Page, Arc<StoreError>> {
        let entries = self.store.updates_after(number * PAGE, STEP).await?;
        Ok(entries.into())
    }

    /// The log compacted. Those who ask the same at the same time share one reading: whenever it was
    /// made, the log goes on behind its head.
    pub(super) async fn snapshot(
        &self,
        caller: &Caller,
        filter: &Filter,
        latest: Latest,
    ) -> Result<Snapshot, FeedError> {
        let waiter = self.wait_for(Question {
            filter: filter.clone(),
            scope: caller.scope.clone(),
            latest,
        });
        let limit = self.most_in_snapshot;
        let read = waiter.cell.get_or_init(|| async {
            let current = self.store.current(caller, filter, latest, limit + 1);
            let (head, entries) = current.await?;
            Ok(Snapshot::new(head, &entries))
        });
        let snapshot = read.await.clone()?;
        if snapshot.len() > limit {
            return Err(FeedError::TooMany { limit });
        }
        Ok(snapshot)
    }

    fn wait_for(&self, question: Question) -> Waiter<'_> {
        let cell = Arc::clone(self.snapshots().entry(question.clone()).or_default());
        Waiter {
            replay: self,
            question,
            cell,
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages
            .lock()
            .expect("no code that holds the lock panics")
    }

    fn snapshots(&self) -> MutexGuard<'_, HashMap<Question, Shared<Snapshot>>> {
        self.snapshots
            .lock()
            .expect("no code that holds the lock panics")
    }
}

/// Waits for a snapshot that is read.
struct Waiter<'a> {
    replay: &'a Replay,
    question: Question,
    cell: Shared<Snapshot>,
}

impl Drop for Waiter<'_> {
    /// What was read is for those who waited; what nobody waits for any more is not read on.
    fn drop(&mut self) {
        let mut all = self.replay.snapshots();
        let is_mine = |known: &Shared<Snapshot>| Arc::ptr_eq(known, &self.cell);
        let is_last = Arc::strong_count(&self.cell) == 2;
        if all.get(&self.question).is_some_and(is_mine) && (self.cell.initialized() || is_last) {
            all.remove(&self.question);
        }
    }
}

impl Pages {
    fn cell(&mut self, number: u64) -> Shared<Page> {
        if let Some(cell) = self.by_number.get(&number) {
            return Arc::clone(cell);
        }
        while self.order.len() >= self.room {
            if let Some(first) = self.order.pop_front() {
                self.by_number.remove(&first);
            }
        }
        let cell = Shared::default();
        self.by_number.insert(number, Arc::clone(&cell));
        self.order.push_back(number);
        cell
    }

    fn forget(&mut self, number: u64) {
        self.by_number.remove(&number);
        self.order.retain(|other| *other != number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::domain::conversation::Conversation;
    use crate::domain::time::Time;
    use crate::domain::update::{ChangeCause, ChangeKinds, Update};

    fn entry(sequence: u64) -> Arc<Committed> {
        let conversation_id = ConversationId::from_uuid(uuid::Uuid::from_u128(sequence.into()));
        let now = Time::from_millis(0);
        let update = Update {
            conversation_id,
            version: 1,
            kinds: ChangeKinds::default(),
            before: None,
            after: Arc::new(Conversation::unknown(conversation_id, now).row),
            occurred_at: now,
            cause: ChangeCause::GenesysEvent,
            gap_before: false,
            actor: None,
        };
        Arc::new(Committed::invented(sequence, update))
    }

    /// The next entry's number.
    fn told(reader: &mut (impl Stream<Item = Arc<Committed>> + Unpin)) -> Option<u64> {
        let next = reader.next().now_or_never().expect("it never waits");
        next.map(|entry| entry.sequence())
    }

    #[test]
    fn of_a_snapshot_only_what_some_reader_has_not_been_told_is_held() {
        let all = 3 * PAGE;
        let entries: Vec<_> = (1..=all).map(entry).collect();
        let known: Vec<_> = entries.iter().map(Arc::downgrade).collect();
        let held = || known.iter().filter(|it| it.strong_count() > 0).count() as u64;
        let head = Position {
            epoch: 1,
            sequence: all,
            check: 1,
        };
        let snapshot = Snapshot::new(head, &entries);
        drop(entries);
        let mut first = snapshot.clone().into_entries();
        let mut second = snapshot.into_entries();
        for sequence in 1..=all {
            assert_eq!(told(&mut first), Some(sequence));
        }
        assert_eq!(told(&mut first), None);
        assert_eq!(held(), all, "the second reader was told nothing yet");
        for sequence in 1..=all {
            assert_eq!(told(&mut second), Some(sequence));
            assert!(held() <= all - sequence + PAGE, "after {sequence}");
        }
        assert_eq!(told(&mut second), None);
        assert_eq!(held(), 0);
    }
}
