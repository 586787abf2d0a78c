//! Lets cursors grow old: a client that was away for longer takes a snapshot, not a month of changes.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::time::Time;
use crate::duration::duration;
use crate::hub::Hub;
use crate::store::{Store, StoreError};

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Live feed")]
pub struct RetentionConfig {
    /// For how long a cursor can be resumed from; an older one is refused as `CURSOR_EXPIRED`. History
    /// is kept for ever
    #[arg(long, env = "GATEWAY_CURSOR_LIFETIME", value_name = "TIME", default_value = "30d", value_parser = duration)]
    pub cursor_lifetime: Duration,
    /// How often cursors' age is looked at
    #[arg(long, env = "GATEWAY_RETENTION_SWEEP", value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub retention_sweep: Duration,
}

pub struct Retention {
    pub config: RetentionConfig,
    pub store: Store,
    pub hub: Hub,
    pub clock: Arc<dyn Clock>,
}

impl Retention {
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        loop {
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "old cursors cannot be told from new ones");
            }
            let pause = tokio::time::sleep(self.config.retention_sweep);
            if token.run_until_cancelled(pause).await.is_none() {
                return Ok(());
            }
        }
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        let lifetime = i64::try_from(self.config.cursor_lifetime.as_millis()).unwrap_or(i64::MAX);
        let oldest = self.clock.now().as_millis().saturating_sub(lifetime);
        let floor = self.store.raise_floor(Time::from_millis(oldest)).await?;
        self.hub.raise_floor(floor);
        Ok(())
    }
}
