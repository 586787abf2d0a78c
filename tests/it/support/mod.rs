//! Boots the real gateway on a free port with its own database and its own simulated organisation,
//! then speaks to it like a client.

pub mod client;
pub mod gateway;
pub mod organisation;
pub mod postgres;
pub mod process;
pub mod record;

use std::time::Duration;

/// How long a condition may take to become true before the test fails.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until `condition` gives a value.
pub async fn eventually<T, F>(what: &str, condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    eventually_within(PATIENCE, what, condition).await
}

/// The same, for what takes longer than most.
pub async fn eventually_within<T, F>(
    patience: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Option<T>>,
{
    let waiting = async {
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(patience, waiting).await.ok();
    found.unwrap_or_else(|| panic!("waited in vain until {what}"))
}
