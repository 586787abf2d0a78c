//! Reads what the listener missed while it was blind: after a restart, a lost socket, an expired
//! channel, a skipped frame.
//!
//! Three questions find it: which conversations of the record were going on; which ones analytics
//! know to be going on; which ones analytics know to have ended since. Each is then read once.
//! Channels that are lost together mostly hear again together: a run waits a while for those that
//! are still down, and makes up for all of them.
//!
//! Until a run is through, the note of how far the feed was heard stays where it was. A run that a
//! restart interrupts goes on with the ended ones where it was, if it again begins with the same
//! queues; else from the start.

mod done;
mod reading;
mod run;
mod window;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout_at};

use super::backoff::Backoff;
use super::client::GenesysClient;
use super::config::GenesysConfig;
use super::feed_board::FeedBoard;
use super::sink::Sink;
use crate::clock::Clock;
use crate::domain::ids::ConversationId;
use crate::domain::time::Time;
use crate::ingest::{SendRefused, Sight};
use reading::Readings;
use run::Run;
pub use window::Order;
use window::Window;

pub struct Repair<S> {
    pub config: GenesysConfig,
    pub client: GenesysClient,
    pub sink: S,
    pub clock: Arc<dyn Clock>,
    pub board: FeedBoard,
    pub backoff: Backoff,
}

/// A window that waits for its run.
struct Ordered {
    window: Window,
    /// The part of it whose open conversations were not read yet.
    unread: Option<Window>,
    /// What was read since the other channels hear again.
    read: BTreeSet<ConversationId>,
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
        let mut next = Some(Ordered::of(first, noted));
        while let Some(ordered) = next {
            let repaired;
            (repaired, next) = self.repair(ordered, orders, noted).await?;
            self.report_whole(&repaired).await?;
            // A channel that is still blind missed something before that.
            if self.board.is_live() {
                noted = self.note(repaired.until).await.or(noted);
            }
            while let Ok(order) = orders.try_recv() {
                Ordered::add(&mut next, Ordered::of(order, noted));
            }
        }
        Ok(noted)
    }

    /// Makes up for a window, and for what other channels missed who soon hear again; gives back
    /// which window that was, and what was ordered meanwhile.
    async fn repair(
        &self,
        ordered: Ordered,
        orders: &mut mpsc::UnboundedReceiver<Order>,
        noted: Option<Time>,
    ) -> Result<(Window, Option<Ordered>), SendRefused> {
        let Ordered {
            mut window,
            unread,
            read,
        } = ordered;
        let mut readings = Readings::of(self, read);
        if let Some(unread) = unread {
            readings.read_open(&unread).await?;
        }
        self.gather(&mut window, orders, noted, &mut readings)
            .await?;
        tracing::info!(since = ?window.since, until = %window.until, channels = window.hears().len(), "what was missed is read");
        let mut run = Run::of(self, &window, readings).await;
        let mut next = None;
        run.ask().await?;
        if let Some(wait) = run.lacks_for() {
            let settled = Instant::now() + wait;
            while let Some(order) = order_before(settled, orders).await {
                let may_wait = order.is_of_a_skipped_frame();
                let mut ordered = Ordered::of(order, noted);
                // What goes on is read before the next run. A skipped frame does not hurry.
                if !may_wait {
                    ordered.read.extend(run.read_open(&ordered.window).await?);
                    ordered.unread = None;
                }
                Ordered::add(&mut next, ordered);
            }
            run.ask().await?;
        }
        metrics::counter!("gateway_genesys_repairs_total").increment(1);
        Ok((window, next))
    }

    /// While other channels are down, waits a while for their orders: analytics are asked once for
    /// all. What goes on is read at once.
    async fn gather(
        &self,
        window: &mut Window,
        orders: &mut mpsc::UnboundedReceiver<Order>,
        noted: Option<Time>,
        readings: &mut Readings<'_, S>,
    ) -> Result<(), SendRefused> {
        let give_up = Instant::now() + self.config.lost_after;
        let mut status = self.board.watch();
        let mut skipped = None;
        while !self.board.are_all(window.hears()) {
            let order = tokio::select! {
                () = sleep_until(give_up) => break,
                _ = status.changed() => continue,
                Some(order) = orders.recv() => order,
            };
            let may_wait = order.is_of_a_skipped_frame();
            let other = Window::of(order, noted);
            if may_wait {
                join(&mut skipped, other.clone());
            } else {
                readings.read_open(&other).await?;
            }
            window.join(other);
        }
        if let Some(skipped) = skipped {
            readings.read_open(&skipped).await?;
        }
        Ok(())
    }

    /// The window's channels have been made up for.
    async fn report_whole(&self, window: &Window) -> Result<(), SendRefused> {
        for (channel, until) in window.hears() {
            let (channel, until) = (*channel, *until);
            self.sink.note(Sight::Whole { channel, until }).await?;
        }
        self.board.whole(self.clock.now(), window.hears());
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

impl Ordered {
    fn of(order: Order, noted: Option<Time>) -> Self {
        let window = Window::of(order, noted);
        Self {
            unread: Some(window.clone()),
            window,
            read: BTreeSet::new(),
        }
    }

    fn add(all: &mut Option<Self>, other: Self) {
        let Some(all) = all else {
            *all = Some(other);
            return;
        };
        all.window.join(other.window);
        all.read.extend(other.read);
        if let Some(unread) = other.unread {
            join(&mut all.unread, unread);
        }
    }
}

fn join(window: &mut Option<Window>, other: Window) {
    match window {
        Some(window) => window.join(other),
        None => *window = Some(other),
    }
}

/// The next order, unless that time comes first.
async fn order_before(at: Instant, orders: &mut mpsc::UnboundedReceiver<Order>) -> Option<Order> {
    timeout_at(at, orders.recv()).await.ok().flatten()
}

#[cfg(test)]
mod tests;
