//! Signals, supervised tasks and the drain: first signal drains, the second aborts.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The tasks of a process. Any that ends early stops all the others with a failure.
pub struct Lifecycle {
    token: CancellationToken,
    tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
    drain_limit: Duration,
}

impl Lifecycle {
    /// `drain_limit`: how long tasks may take to finish after the first signal.
    pub fn new(token: CancellationToken, drain_limit: Duration) -> Self {
        Self {
            token,
            tasks: JoinSet::new(),
            drain_limit,
        }
    }

    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    pub fn spawn<F>(&mut self, name: &'static str, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.tasks.spawn(async move { (name, task.await) });
    }

    /// Runs until the token is cancelled or a task ends, then drains.
    ///
    /// # Errors
    /// The failure of the task that ended first, or that the drain took too long.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let early = tokio::select! {
            () = self.token.cancelled() => None,
            ended = self.tasks.join_next() => ended,
        };
        let mut outcome = match early {
            None => Ok(()),
            Some(ended) => {
                let failure = failure_of(ended, self.token.is_cancelled());
                self.token.cancel();
                failure
            }
        };
        let drained = tokio::time::timeout(self.drain_limit, async {
            while let Some(ended) = self.tasks.join_next().await {
                let failure = failure_of(ended, true);
                if outcome.is_ok() {
                    outcome = failure;
                }
            }
        })
        .await;
        if drained.is_err() {
            self.tasks.abort_all();
            anyhow::bail!(
                "not everything ended within {} s",
                self.drain_limit.as_secs()
            );
        }
        outcome
    }
}

/// Cancels `token` at the first SIGINT or SIGTERM and ends the process at the second. It never
/// returns but with a failure.
///
/// # Errors
/// When the signal handlers can't be installed.
pub async fn watch_signals(token: CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    for is_second in [false, true] {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if is_second {
            std::process::exit(130);
        }
        tracing::info!("stopping; a second signal aborts");
        token.cancel();
    }
    std::future::pending().await
}

fn failure_of(
    ended: Result<(&'static str, anyhow::Result<()>), tokio::task::JoinError>,
    expected: bool,
) -> anyhow::Result<()> {
    match ended {
        Ok((_, Ok(()))) if expected => Ok(()),
        Ok((name, Ok(()))) => Err(anyhow::anyhow!("{name} ended early")),
        Ok((name, Err(error))) => Err(error.context(format!("{name} failed"))),
        Err(error) if error.is_cancelled() => Ok(()),
        Err(error) => Err(anyhow::anyhow!(error).context("a task panicked")),
    }
}
