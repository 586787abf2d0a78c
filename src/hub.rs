//! In-process fan-out of committed updates, in the log's order and without a gap.
//!
//! The hub takes only what `store` has committed, so "write, then tell" is checked by the compiler.
//! Entries may arrive out of order or not at all (another replica wrote them, or a commit's answer
//! was lost): the hub holds back what is ahead and reads what is missing from the log. It knows
//! nothing of filters or callers, and never blocks the writer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::store::{Committed, Position, Store, StoreError};

/// Entries that are published together.
pub type Batch = Arc<[Arc<Committed>]>;

#[derive(clap::Args, Clone, Debug)]
pub struct HubConfig {
    /// How many batches a slow subscriber may fall behind before it reads the log instead
    #[arg(long, env = "GATEWAY_HUB_CAPACITY", default_value_t = 1024)]
    pub hub_capacity: usize,
    /// How often the log is looked at for entries that others wrote, in milliseconds
    #[arg(long, env = "GATEWAY_LOG_POLL_MS", default_value_t = 500)]
    pub log_poll_ms: u64,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            hub_capacity: 1024,
            log_poll_ms: 500,
        }
    }
}

#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    updates_tx: broadcast::Sender<Batch>,
    /// Tells this log from any other.
    epoch: u64,
    /// Held for a few steps only, never over an await.
    order: Mutex<Order>,
    gap: Notify,
    poll: Duration,
}

struct Order {
    /// The sequence published last.
    head: u64,
    /// Committed, but something before them has not arrived yet.
    ahead: BTreeMap<u64, Arc<Committed>>,
}

impl Hub {
    /// A hub that continues after `head`, where the log ended at the start.
    pub fn new(config: &HubConfig, head: Position) -> Self {
        let (updates_tx, _) = broadcast::channel(config.hub_capacity.max(1));
        Self {
            shared: Arc::new(Shared {
                updates_tx,
                epoch: head.epoch,
                order: Mutex::new(Order {
                    head: head.sequence,
                    ahead: BTreeMap::new(),
                }),
                gap: Notify::new(),
                poll: Duration::from_millis(config.log_poll_ms.max(1)),
            }),
        }
    }

    /// The sequence published last: a reader that joins now gets everything after it.
    pub fn head(&self) -> u64 {
        self.order().head
    }

    pub fn epoch(&self) -> u64 {
        self.shared.epoch
    }

    /// Joins the live updates. Join first, then read the log, then skip what was read.
    pub fn join(&self) -> broadcast::Receiver<Batch> {
        self.shared.updates_tx.subscribe()
    }

    /// Publishes committed entries; those that are already published are ignored.
    pub fn publish(&self, entries: impl IntoIterator<Item = Arc<Committed>>) {
        let mut order = self.order();
        for entry in entries {
            if entry.sequence() > order.head {
                order.ahead.insert(entry.sequence(), entry);
            }
        }
        let mut ready = VecDeque::new();
        while let Some(entry) = order.take_next() {
            ready.push_back(entry);
        }
        if !order.ahead.is_empty() {
            self.shared.gap.notify_one();
        }
        if !ready.is_empty() {
            // Nobody listening is no failure.
            let _ = self.shared.updates_tx.send(ready.into_iter().collect());
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
        const STEP: usize = 500;
        loop {
            let entries = store.updates_after(self.head(), STEP).await?;
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
    fn take_next(&mut self) -> Option<Arc<Committed>> {
        let entry = self.ahead.remove(&(self.head + 1))?;
        self.head += 1;
        Some(entry)
    }
}
