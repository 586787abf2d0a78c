//! Reads what the listener missed while it was blind: after a restart, a lost socket, an expired
//! channel, a skipped frame.
//!
//! Three questions find it: which conversations of the record were going on; which ones analytics
//! know to be going on; which ones analytics know to have ended since. Each is then read once.
//! Until a run is through, the note of how far the feed was heard stays where it was; a run that a
//! restart interrupts goes on with the ended ones where it was.

mod done;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::backoff::Backoff;
use super::client::GenesysClient;
use super::config::GenesysConfig;
use super::feed_board::FeedBoard;
use super::sink::Sink;
use crate::clock::Clock;
use crate::domain::ids::QueueId;
use crate::domain::time::Time;
use crate::ingest::{SendRefused, Shown, Sight};
use run::Run;

/// A channel hears again, from `until` on without a gap.
#[derive(Clone, Debug)]
pub struct Order {
    pub channel: usize,
    pub shown: Shown,
    /// When it was last heard before; `None` when this process never heard it.
    pub since: Option<Time>,
    pub until: Time,
}

pub struct Repair<S> {
    pub config: GenesysConfig,
    pub client: GenesysClient,
    pub sink: S,
    pub clock: Arc<dyn Clock>,
    pub board: FeedBoard,
    pub backoff: Backoff,
}

/// What one run is to find.
struct Window {
    /// `None` on the very first start: nothing was missed that was ever followed.
    since: Option<Time>,
    until: Time,
    channels: BTreeMap<usize, Shown>,
}

impl<S: Sink> Repair<S> {
    /// Runs order after order; those that come meanwhile wait for the next run together.
    pub async fn run(self, mut orders: mpsc::UnboundedReceiver<Order>) -> Result<(), SendRefused> {
        let mut noted = self.heard_until().await;
        let mut journal = interval(self.config.journal_interval);
        journal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_live = false;
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => {
                    let Some(order) = order else {
                        return std::future::pending().await;
                    };
                    noted = self.repair_all(order, &mut orders, noted).await?;
                    was_live = false;
                }
                _ = journal.tick() => {
                    let is_live = self.board.is_live();
                    if is_live && was_live {
                        noted = self.note(self.surely_heard()).await.or(noted);
                    }
                    was_live = is_live;
                }
            }
        }
    }

    /// Makes runs until no order waits; says how far the feed is noted to have been heard.
    async fn repair_all(
        &self,
        first: Order,
        orders: &mut mpsc::UnboundedReceiver<Order>,
        mut noted: Option<Time>,
    ) -> Result<Option<Time>, SendRefused> {
        let mut waiting = vec![first];
        while !waiting.is_empty() {
            waiting.extend(std::iter::from_fn(|| orders.try_recv().ok()));
            let window = Window::of(std::mem::take(&mut waiting), noted);
            waiting = self.repair(&window, orders).await?;
            waiting.extend(std::iter::from_fn(|| orders.try_recv().ok()));
            self.report_whole(&window, &waiting).await?;
            // A channel that is still blind missed something before that.
            if self.board.is_live() {
                noted = self.note(window.until).await.or(noted);
            }
        }
        Ok(noted)
    }

    /// Makes up for a window; gives back the orders that came meanwhile.
    async fn repair(
        &self,
        window: &Window,
        orders: &mut mpsc::UnboundedReceiver<Order>,
    ) -> Result<Vec<Order>, SendRefused> {
        tracing::info!(since = ?window.since, until = %window.until, channels = window.channels.len(), "what was missed is read");
        let mut run = Run::of(self, window).await;
        let mut waiting = Vec::new();
        run.ask().await?;
        if let Some(wait) = run.lacks_for() {
            let settled = Instant::now() + wait;
            loop {
                let order = tokio::select! {
                    () = sleep_until(settled) => break,
                    Some(order) = orders.recv() => order,
                };
                // What goes on is read before the next run. A skipped frame does not hurry.
                if order.since != Some(order.until) {
                    run.read_open(&Window::of(vec![order.clone()], None))
                        .await?;
                }
                waiting.push(order);
            }
            run.ask_again().await?;
        }
        metrics::counter!("gateway_genesys_repairs_total").increment(1);
        Ok(waiting)
    }

    /// The window's channels have been made up for, but those that were blind again meanwhile.
    async fn report_whole(&self, window: &Window, waiting: &[Order]) -> Result<(), SendRefused> {
        for channel in window.channels.keys() {
            let sight = Sight::Whole {
                channel: *channel,
                until: window.until,
            };
            self.sink.note(sight).await?;
        }
        let again: BTreeSet<usize> = waiting.iter().map(|order| order.channel).collect();
        let channels = window.channels.keys().copied();
        let whole = channels
            .filter(|channel| !again.contains(channel))
            .collect();
        self.board.whole(self.clock.now(), &whole);
        Ok(())
    }

    async fn heard_until(&self) -> Option<Time> {
        let mut backoff = self.backoff.clone();
        loop {
            match self.sink.heard_until().await {
                Ok(heard) => return heard,
                Err(error) => {
                    tracing::warn!(%error, "cannot read how far the feed was heard");
                    sleep(backoff.next_wait(None)).await;
                }
            }
        }
    }

    /// A socket that is silent from now on counts as lost only later.
    fn surely_heard(&self) -> Time {
        let lost = i64::try_from(self.config.lost_after.as_millis()).unwrap_or(i64::MAX);
        self.clock.now().plus_millis(-lost)
    }

    async fn note(&self, until: Time) -> Option<Time> {
        match self.sink.set_heard_until(until).await {
            Ok(()) => Some(until),
            Err(error) => {
                tracing::warn!(%error, "cannot note how far the feed was heard");
                None
            }
        }
    }
}

impl Window {
    /// One window of all orders.
    fn of(orders: Vec<Order>, noted: Option<Time>) -> Self {
        let until = orders.iter().map(|order| order.until).max();
        Self {
            since: orders.iter().filter_map(|it| it.since.or(noted)).min(),
            until: until.expect("there is an order"),
            channels: orders
                .into_iter()
                .map(|order| (order.channel, order.shown))
                .collect(),
        }
    }

    /// Whether one of the channels shows conversations of these queues.
    fn shows<'a>(&self, mut queues: impl Iterator<Item = &'a QueueId>) -> bool {
        if self.channels.values().any(Option::is_none) {
            return true;
        }
        queues.any(|queue| {
            let mut shown = self.channels.values().flatten();
            shown.any(|shown| shown.contains(queue))
        })
    }
}

#[cfg(test)]
mod tests;
