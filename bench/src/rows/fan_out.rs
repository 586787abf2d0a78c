//! Events that go to many subscribers: what a delivery costs, and how late it is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::count;
use crate::options::Options;
use crate::report::{Figure, Goal};
use crate::swarm::{Swarm, Wanted, Watch};
use crate::target::{Driver, Kind, Target};

/// Deliveries that do not come for so long will not come.
const QUIET: Duration = Duration::from_secs(3);
/// Longest time for which events are measured that nobody listens to.
const ALONE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct FanOut {
    pub(super) connections: usize,
    /// On each connection.
    pub(super) subscriptions: usize,
    pub(super) watch: Pattern,
    pub(super) conversations: usize,
    pub(super) per_second: f64,
    pub(super) goal: Aim,
}

#[derive(Debug)]
pub(super) enum Pattern {
    Everything,
    /// So many conversations each; together the subscriptions go round all of them evenly.
    Each(u32),
}

/// Which figure the goal is about.
#[derive(Debug)]
pub(super) enum Aim {
    /// CPU per delivery, all included.
    Gross(Goal),
    /// CPU per delivery without what the events cost when nobody listens.
    Net(Goal),
    Latency(Goal),
    Rate(Goal),
}

impl FanOut {
    pub(super) async fn measure(
        &self,
        server: Kind,
        options: &Options,
    ) -> anyhow::Result<Vec<Figure>> {
        let conversations = u32::try_from(options.scaled(self.conversations))?;
        let target = Arc::new(Target::start(server, options, conversations, None).await?);
        let driver = Driver::new(&target);
        let alone = self.alone(&target, &driver, options).await?;

        let swarm = Swarm::open(target.socket, self.wanted(options, conversations)).await?;
        let running = driver.run(self.per_second);
        tokio::time::sleep(options.warm_up()).await;
        running.stop().await?;
        self.settle(&swarm).await;
        let (events_before, received_before) = (driver.events(), swarm.received());
        let running = driver.run(self.per_second);
        swarm.tally.timing.store(true, Ordering::Relaxed);
        let (cpu_before, begun) = (target.server.cpu()?, tokio::time::Instant::now());
        tokio::time::sleep(options.length()).await;
        let (cpu, took) = (target.server.cpu_since(cpu_before)?, begun.elapsed());
        let delivered = swarm.received() - received_before;
        running.stop().await?;

        let events = driver.events() - events_before;
        let wanted = received_before + events * self.watchers(options, conversations);
        let received = swarm.until_received(wanted, QUIET).await;
        let gross = cpu.as_secs_f64() * 1e6 / count(delivered);
        let share = took.as_secs_f64() / alone.took.as_secs_f64();
        let net = (cpu.as_secs_f64() - alone.cpu.as_secs_f64() * share) * 1e6 / count(delivered);
        let tally = &swarm.tally;
        Ok(self.with_goal(vec![
            Figure::new("CPU per delivery", "µs", gross),
            Figure::new("CPU per delivery, net", "µs", net),
            Figure::new("latency from commit, p50", "ms", tally.latency(0.5)),
            Figure::new("latency from commit, p99", "ms", tally.latency(0.99)),
            Figure::new("deliveries", "per s", count(delivered) / took.as_secs_f64()),
            Figure::new(
                "CPU of the events alone",
                "µs each",
                alone.cpu.as_secs_f64() * 1e6 / count(alone.events),
            ),
            Figure::new(
                "bytes of a delivery",
                "bytes",
                count(tally.bytes.load(Ordering::Relaxed)) / count(received),
            ),
            Figure::new(
                "missing",
                "deliveries",
                count(wanted.saturating_sub(received)),
            ),
            Figure::new(
                "skipped",
                "deliveries",
                count(tally.lost.load(Ordering::Relaxed)),
            ),
            Figure::new(
                "doubled",
                "deliveries",
                count(tally.doubled.load(Ordering::Relaxed)),
            ),
            Figure::new(
                "reordered",
                "deliveries",
                count(tally.reordered.load(Ordering::Relaxed)),
            ),
            Figure::new(
                "failed",
                "messages",
                count(tally.failed.load(Ordering::Relaxed)),
            ),
        ]))
    }

    /// What the events cost when nobody listens.
    async fn alone(
        &self,
        target: &Target,
        driver: &Driver,
        options: &Options,
    ) -> anyhow::Result<Alone> {
        let running = driver.run(self.per_second);
        tokio::time::sleep(options.warm_up().min(Duration::from_secs(2))).await;
        let (cpu, events, begun) = (
            target.server.cpu()?,
            driver.events(),
            tokio::time::Instant::now(),
        );
        tokio::time::sleep(options.length().min(ALONE)).await;
        let alone = Alone {
            cpu: target.server.cpu_since(cpu)?,
            events: driver.events() - events,
            took: begun.elapsed(),
        };
        running.stop().await?;
        Ok(alone)
    }

    /// Waits until the deliveries of the warm-up have come.
    async fn settle(&self, swarm: &Swarm) {
        swarm.until_received(u64::MAX, Duration::from_secs(1)).await;
    }

    fn with_goal(&self, mut figures: Vec<Figure>) -> Vec<Figure> {
        let (place, goal) = match self.goal {
            Aim::Gross(goal) => (0, goal),
            Aim::Net(goal) => (1, goal),
            Aim::Latency(goal) => (3, goal),
            Aim::Rate(goal) => (4, goal),
        };
        figures[place].goal = Some(goal);
        for figure in figures.iter_mut().skip(7) {
            figure.goal = Some(Goal::AtMost(0.0));
        }
        figures
    }

    fn wanted(&self, options: &Options, conversations: u32) -> Vec<Vec<Wanted>> {
        let mut next = 0;
        let mut wanted = || Wanted {
            after: None,
            watch: match self.watch {
                Pattern::Everything => Watch::All(conversations),
                Pattern::Each(ids) => {
                    let mut watched: Vec<u32> = (0..ids.min(conversations))
                        .map(|place| (next + place) % conversations)
                        .collect();
                    next = (next + ids) % conversations;
                    watched.sort_unstable();
                    Watch::Only(watched)
                }
            },
        };
        (0..options.scaled(self.connections))
            .map(|_| (0..self.subscriptions).map(|_| wanted()).collect())
            .collect()
    }

    /// How many subscriptions each event reaches.
    fn watchers(&self, options: &Options, conversations: u32) -> u64 {
        let subscriptions = (options.scaled(self.connections) * self.subscriptions) as u64;
        match self.watch {
            Pattern::Everything => subscriptions,
            Pattern::Each(ids) => subscriptions * u64::from(ids) / u64::from(conversations),
        }
    }
}

struct Alone {
    cpu: Duration,
    events: u64,
    took: Duration,
}
