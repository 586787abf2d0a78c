//! Finds in the database what ended and was not settled: after a restart, and when Genesys' analytics
//! had no answer for long.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::time::Time;
use crate::ingest::Need;
use crate::store::Store;

/// For so long after the end analytics are asked.
const RETRIED_FOR: Duration = Duration::from_hours(24);

/// Looks once per interval, and at once at the start.
pub struct Settling {
    pub store: Store,
    pub needs: mpsc::Sender<Need>,
    pub clock: Arc<dyn Clock>,
    pub interval: Duration,
}

impl Settling {
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        loop {
            if token.run_until_cancelled(self.look()).await.is_none() {
                return Ok(());
            }
            let pause = tokio::time::sleep(self.interval);
            if token.run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
        }
    }

    /// A database that can't be read now is read the next time.
    async fn look(&self) {
        let kept = i64::try_from(RETRIED_FOR.as_millis()).unwrap_or(i64::MAX);
        let since = Time::from_millis(self.clock.now().as_millis() - kept);
        match self.store.unsettled(since).await {
            Ok(ids) => {
                for id in ids {
                    // Fails only when nobody settles any more: the process is about to stop.
                    let _ = self.needs.send(Need::Settle(id)).await;
                }
            }
            Err(error) => tracing::warn!(%error, "unsettled conversations cannot be looked for"),
        }
    }
}
