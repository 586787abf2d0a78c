//! One subscriber's way through the log: replay what he missed, then follow what is live.
//!
//! ```text
//! join the hub ─► snapshot, or log after the cursor ─► live, skipping what was sent
//!       ▲                                                │ fell behind
//!       └──────────────── log after the last sent ◄──────┘
//! ```
//! Nothing is skipped, repeated or sent out of order; a reader who falls behind reads the log again
//! from the place he reached.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::domain::caller::Caller;
use crate::domain::filter::{Filter, Membership, Sighting, sighting};
use crate::domain::update::{ChangeKind, ChangeKinds};
use crate::hub::{Batch, Hub};
use crate::store::{Committed, Cursor, CursorRefused, Latest, Store, StoreError};

/// Entries read from the log in one step.
const STEP: usize = 500;

/// What a subscriber asks for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub filter: Filter,
    pub changes: Changes,
    /// Resume behind this place.
    pub after: Option<Cursor>,
    /// Begin with the present state of everything that matches.
    pub include_current: bool,
}

#[derive(Clone, Copy, Debug)]
pub enum Changes {
    /// Status changes, and changes that enter or leave the filter.
    Status,
    /// Entries of these kinds; all without.
    OfKinds(Option<ChangeKinds>),
}

/// What a (re)subscribe became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    Resumed,
    Snapshot,
    Live,
}

/// The verdict of a (re)subscribe: how it began, and between which places.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub recovered: Recovered,
    pub from: Cursor,
    pub head: Cursor,
}

/// An entry for the subscriber, with what it means to him.
#[derive(Clone, Debug)]
pub struct Told {
    pub entry: Arc<Committed>,
    pub sighting: Sighting,
}

#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error("the cursor can't be resumed from")]
    Cursor(CursorRefused),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process stops.
    #[error("the feed has ended")]
    Ended,
}

/// One subscriber.
pub struct Feed {
    store: Store,
    caller: Caller,
    wanted: Wanted,
    live: broadcast::Receiver<Batch>,
    verdict: Verdict,
    /// Everything up to this sequence has been looked at.
    seen: u64,
    /// The log must be read up to here before live entries count.
    behind: bool,
    waiting: VecDeque<Told>,
}

impl Feed {
    /// Joins the hub, then finds the place to begin at.
    ///
    /// # Errors
    /// A cursor that can't be resumed from, unless a snapshot may stand in for it.
    pub async fn begin(
        store: &Store,
        hub: &Hub,
        caller: &Caller,
        wanted: Wanted,
    ) -> Result<Self, FeedError> {
        let live = hub.join();
        let resumed = match &wanted.after {
            None => None,
            Some(cursor) => match store.check(cursor).await? {
                Ok(()) => Some(*cursor),
                Err(_) if wanted.include_current => None,
                Err(refused) => return Err(FeedError::Cursor(refused)),
            },
        };
        let mut waiting = VecDeque::new();
        let (recovered, from, head) = if let Some(cursor) = resumed {
            (Recovered::Resumed, cursor, store.head().await?.cursor())
        } else if wanted.include_current {
            let (head, current) = store
                .current(caller, &wanted.filter, wanted.latest())
                .await?;
            let entered = Sighting {
                membership: Membership::Entered,
                out_of_scope: false,
            };
            waiting.extend(current.into_iter().map(|entry| Told {
                entry,
                sighting: entered,
            }));
            (Recovered::Snapshot, head.cursor(), head.cursor())
        } else {
            let head = store.head().await?.cursor();
            (Recovered::Live, head, head)
        };
        Ok(Self {
            store: store.clone(),
            caller: caller.clone(),
            seen: from.sequence,
            verdict: Verdict {
                recovered,
                from,
                head,
            },
            live,
            behind: true,
            waiting,
            wanted,
        })
    }

    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The next entry for this subscriber, in the log's order.
    ///
    /// # Errors
    /// [`FeedError::Ended`] when the process stops; a database that can't be read.
    pub async fn next(&mut self) -> Result<Told, FeedError> {
        loop {
            if let Some(told) = self.waiting.pop_front() {
                return Ok(told);
            }
            if self.behind {
                self.replay().await?;
                continue;
            }
            match self.live.recv().await {
                Ok(batch) => self.look_at_live(&batch),
                Err(broadcast::error::RecvError::Lagged(_)) => self.behind = true,
                Err(broadcast::error::RecvError::Closed) => return Err(FeedError::Ended),
            }
        }
    }

    async fn replay(&mut self) -> Result<(), FeedError> {
        let entries = self.store.updates_after(self.seen, STEP).await?;
        self.behind = entries.len() == STEP;
        for entry in &entries {
            self.look_at(entry);
        }
        Ok(())
    }

    fn look_at_live(&mut self, batch: &Batch) {
        let gap = batch
            .first()
            .is_some_and(|entry| entry.sequence() > self.seen + 1);
        if gap {
            self.behind = true;
            return;
        }
        for entry in batch.iter() {
            self.look_at(entry);
        }
    }

    fn look_at(&mut self, entry: &Arc<Committed>) {
        if entry.sequence() <= self.seen {
            return;
        }
        self.seen = entry.sequence();
        let update = entry.update();
        let Some(sighting) = sighting(&self.wanted.filter, &self.caller.scope, update) else {
            return;
        };
        let told = match self.wanted.changes {
            Changes::Status => {
                update.is_status_change() || sighting.membership != Membership::Stayed
            }
            Changes::OfKinds(kinds) => kinds.is_none_or(|kinds| update.kinds.intersects(kinds)),
        };
        if told {
            self.waiting.push_back(Told {
                entry: Arc::clone(entry),
                sighting,
            });
        }
    }
}

impl Wanted {
    fn latest(&self) -> Latest {
        match self.changes {
            Changes::Status => Latest::Status,
            Changes::OfKinds(kinds) => {
                Latest::Of(kinds.unwrap_or_else(|| ChangeKind::ALL.iter().copied().collect()))
            }
        }
    }
}
