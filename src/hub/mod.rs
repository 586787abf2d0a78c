//! In-process fan-out of committed updates, in the log's order and without a gap.
//!
//! The hub takes only what `store` has committed, so "write, then tell" is checked by the compiler.
//! Entries may arrive out of order or not at all (another replica wrote them, or a commit's answer
//! was lost): the hub holds back what is ahead and reads what is missing from the log. It keeps the
//! log's newest entries in memory, so that those who fell a little behind, or come back all at once,
//! need not read the database. It knows nothing of filters or callers, and never blocks the writer.

mod tail;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use self::tail::Tail;
use crate::domain::filter::AnyOf;
use crate::domain::ids::ConversationId;
use crate::store::{Committed, Cursor, CursorRefused, Position, Store, StoreError};

/// Entries read from the log in one step.
const STEP: usize = 500;

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Live feed")]
pub struct HubConfig {
    /// How many of the log's newest entries are kept in memory, about 1.5 kB each
    #[arg(long, env = "GATEWAY_LOG_TAIL", default_value_t = 16_384)]
    pub log_tail: usize,
    /// How often the log is looked at for entries that others wrote, in milliseconds
    #[arg(long, env = "GATEWAY_LOG_POLL_MS", default_value_t = 500)]
    pub log_poll_ms: u64,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            log_tail: 16_384,
            log_poll_ms: 500,
        }
    }
}

#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    /// The sequence published last.
    head_tx: watch::Sender<u64>,
    /// Tells this log from any other.
    epoch: u64,
    /// Held for a few steps only, never over an await.
    order: Mutex<Order>,
    gap: Notify,
    poll: Duration,
}

struct Order {
    /// The place of the entry published last.
    head: Position,
    /// The oldest place that can be followed from.
    floor: u64,
    /// Committed, but something before them has not arrived yet.
    ahead: BTreeMap<u64, Arc<Committed>>,
    /// The entries published last, without a gap, up to the head.
    tail: Tail,
}

impl Hub {
    /// A hub that continues where the log ends now, with the newest entries in memory already: after
    /// a restart all clients come back at once.
    ///
    /// # Errors
    /// A database that can't be read.
    pub async fn begin(config: &HubConfig, store: &Store) -> Result<Self, StoreError> {
        let hub = Self::new(config, store.head().await?);
        hub.raise_floor(store.floor().await?);
        let head = hub.head().sequence;
        let mut read = head.saturating_sub(config.log_tail as u64);
        while read < head {
            let step = usize::try_from(head - read).unwrap_or(STEP).min(STEP);
            let entries = store.updates_after(read, step).await?;
            read = entries.last().map_or(head, |entry| entry.sequence());
            for entry in entries {
                hub.order().tail.push(entry);
            }
        }
        Ok(hub)
    }

    /// A hub that continues after `head`, with nothing in memory.
    pub fn new(config: &HubConfig, head: Position) -> Self {
        let (head_tx, _) = watch::channel(head.sequence);
        Self {
            shared: Arc::new(Shared {
                head_tx,
                epoch: head.epoch,
                order: Mutex::new(Order {
                    head,
                    floor: 0,
                    ahead: BTreeMap::new(),
                    tail: Tail::new(config.log_tail),
                }),
                gap: Notify::new(),
                poll: Duration::from_millis(config.log_poll_ms.max(1)),
            }),
        }
    }

    /// The place of the entry published last: who joins now gets everything after it.
    pub fn head(&self) -> Position {
        self.order().head
    }

    pub fn epoch(&self) -> u64 {
        self.shared.epoch
    }

    /// The published entries after a place, in order; `None` when they are not in memory any more.
    pub fn after(&self, sequence: u64) -> Option<Vec<Arc<Committed>>> {
        let order = self.order();
        let (entries, _) = order
            .tail
            .after(sequence, order.head.sequence, usize::MAX)?;
        Some(entries.into_iter().cloned().collect())
    }

    /// Looks through the published entries after a place, at most `limit` of them, and keeps what
    /// `sift` makes of them; and says how far it has looked. Of some conversations only, if they are
    /// named. `None` when they are not in memory any more.
    pub fn sift<T>(
        &self,
        of: Option<&AnyOf<ConversationId>>,
        sequence: u64,
        limit: usize,
        sift: impl FnMut(&Arc<Committed>) -> Option<T>,
    ) -> Option<(Vec<T>, u64)> {
        let order = self.order();
        let head = order.head.sequence;
        let (entries, last) = match of {
            Some(ids) => order.tail.after_of(ids, sequence, head, limit)?,
            None => order.tail.after(sequence, head, limit)?,
        };
        Some((entries.into_iter().filter_map(sift).collect(), last))
    }

    /// Those of the conversations of which a newer version was published than the given one.
    pub fn overtaken(
        &self,
        known: impl IntoIterator<Item = (ConversationId, u32)>,
    ) -> Vec<ConversationId> {
        let order = self.order();
        let is_old = |(id, version): &(ConversationId, u32)| {
            order
                .tail
                .newest_version(*id)
                .is_some_and(|newest| newest > *version)
        };
        let old = known.into_iter().filter(is_old);
        old.map(|(id, _)| id).collect()
    }

    /// Whether all entries after a place are in memory.
    pub fn holds_after(&self, sequence: u64) -> bool {
        let order = self.order();
        let found = order.tail.after(sequence, order.head.sequence, 0);
        found.is_some()
    }

    /// Whether the log can be followed from the cursor; `None` when only the database can tell.
    pub fn check(&self, cursor: &Cursor) -> Option<Result<(), CursorRefused>> {
        let order = self.order();
        if !cursor.is_current_version() || cursor.epoch != self.shared.epoch {
            return Some(Err(CursorRefused::Unknown { head: order.head }));
        }
        if cursor.sequence < order.floor {
            return Some(Err(CursorRefused::Expired { head: order.head }));
        }
        let known = if cursor.sequence == order.head.sequence {
            order.head.check
        } else {
            order.tail.get(cursor.sequence)?.check()
        };
        Some(if cursor.check == known {
            Ok(())
        } else {
            Err(CursorRefused::Unknown { head: order.head })
        })
    }

    /// From now on the log can't be followed from before this place.
    pub fn raise_floor(&self, floor: u64) {
        let mut order = self.order();
        order.floor = order.floor.max(floor);
    }

    /// Returns when the entry of this sequence has been published.
    pub async fn reached(&self, sequence: u64) {
        let mut head = self.shared.head_tx.subscribe();
        // Fails only when the sender is gone, which this handle holds.
        let _ = head.wait_for(|head| *head >= sequence).await;
    }

    /// Publishes committed entries; those that are already published are ignored.
    pub fn publish(&self, entries: impl IntoIterator<Item = Arc<Committed>>) {
        let mut order = self.order();
        for entry in entries {
            if entry.sequence() > order.head.sequence {
                order.ahead.insert(entry.sequence(), entry);
            }
        }
        let published = order.head.sequence;
        while order.take_next(self.shared.epoch) {}
        if !order.ahead.is_empty() {
            self.shared.gap.notify_one();
        }
        if order.head.sequence > published {
            self.shared.head_tx.send_replace(order.head.sequence);
        }
    }

    /// Reads from the log what others wrote, until cancelled.
    pub async fn follow(self, store: Store, token: CancellationToken) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                () = self.shared.gap.notified() => {}
                () = tokio::time::sleep(self.shared.poll) => {}
            }
            if let Err(error) = self.catch_up(&store).await {
                tracing::warn!(error = %error, "cannot read the event log");
                tokio::time::sleep(self.shared.poll).await;
            }
        }
    }

    async fn catch_up(&self, store: &Store) -> Result<(), StoreError> {
        loop {
            let entries = store.updates_after(self.head().sequence, STEP).await?;
            let last_step = entries.len() < STEP;
            self.publish(entries);
            if last_step {
                return Ok(());
            }
        }
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.shared
            .order
            .lock()
            .expect("no code that holds the lock panics")
    }
}

impl Order {
    /// Publishes the next entry, if it is there.
    fn take_next(&mut self, epoch: u64) -> bool {
        let Some(entry) = self.ahead.remove(&(self.head.sequence + 1)) else {
            return false;
        };
        self.head = Position {
            epoch,
            sequence: entry.sequence(),
            check: entry.check(),
        };
        self.tail.push(entry);
        true
    }
}
