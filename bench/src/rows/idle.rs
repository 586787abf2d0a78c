//! What connections and subscriptions cost while nothing happens.

use std::time::Duration;

use super::count;
use crate::options::Options;
use crate::report::{Figure, Goal};
use crate::swarm::{Swarm, Wanted, Watch};
use crate::target::{Kind, Target};

#[derive(Debug)]
pub(super) struct Idle {
    pub(super) connections: usize,
    pub(super) subscriptions: usize,
    pub(super) ids: usize,
    pub(super) per_connection: Option<f64>,
    pub(super) per_id: Option<f64>,
    pub(super) per_subscription: Option<f64>,
    pub(super) in_all: Option<f64>,
}

impl Idle {
    pub(super) async fn measure(
        &self,
        server: Kind,
        options: &Options,
    ) -> anyhow::Result<Vec<Figure>> {
        let connections = options.scaled(self.connections);
        let empty = self
            .memory(server, options, vec![Vec::new(); connections])
            .await?;
        let full = self
            .memory(server, options, self.wanted(connections))
            .await?;
        let per_connection = count(empty.in_all - empty.before) / count(connections as u64);
        let subscriptions = count((connections * self.subscriptions) as u64);
        let added = count(full.in_all.saturating_sub(empty.in_all));
        Ok([
            ("memory per connection", per_connection, self.per_connection),
            (
                "memory per watched id",
                added / subscriptions / count(self.ids as u64),
                self.per_id,
            ),
            // The connections are theirs, too, where many share one.
            (
                "memory per subscription",
                count(full.in_all - full.before) / subscriptions,
                self.per_subscription,
            ),
            ("memory in all", count(full.in_all), self.in_all),
        ]
        .into_iter()
        .map(|(what, value, goal)| {
            let figure = Figure::new(what, "bytes", value);
            match goal {
                Some(most) => figure.goal(Goal::AtMost(most)),
                None => figure,
            }
        })
        .collect())
    }

    /// Each server is new: memory that was used once is seldom given back.
    async fn memory(
        &self,
        server: Kind,
        options: &Options,
        wanted: Vec<Vec<Wanted>>,
    ) -> anyhow::Result<Memory> {
        let target = Target::start(server, options, 10, None).await?;
        let before = target.server.memory()?;
        let swarm = Swarm::open(target.socket, wanted).await?;
        tokio::time::sleep(Duration::from_secs(options.seconds.min(5))).await;
        let in_all = target.server.memory()?;
        drop(swarm);
        Ok(Memory { before, in_all })
    }

    fn wanted(&self, connections: usize) -> Vec<Vec<Wanted>> {
        let ids = u32::try_from(self.ids).expect("few ids");
        let mut next = 0;
        let mut badges = || {
            let first = next;
            next += ids;
            Wanted {
                watch: Watch::Only((first..next).collect()),
                after: None,
            }
        };
        (0..connections)
            .map(|_| (0..self.subscriptions).map(|_| badges()).collect())
            .collect()
    }
}

struct Memory {
    before: u64,
    in_all: u64,
}
