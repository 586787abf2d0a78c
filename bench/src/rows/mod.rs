//! What is measured.

mod bombs;
mod fan_out;
mod idle;
mod index;
mod ingest;
mod judge;
mod queries;
mod replay;
mod storm;

use anyhow::{Context, bail};

use crate::options::Options;
use crate::report::{Figure, Goal};
use crate::target::Kind;

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What is done, in a sentence.
    pub(crate) title: &'static str,
    work: Work,
    /// The servers that can do it.
    servers: &'static [Kind],
}

#[derive(Debug)]
enum Work {
    Idle(idle::Idle),
    FanOut(fan_out::FanOut),
    Index,
    Storm,
    Replay,
    Query(queries::Query),
    Ingest,
    Judge,
    Bombs,
}

const ALL: &[Kind] = &[Kind::Floor, Kind::Gateway, Kind::Naive];
const LEAN: &[Kind] = &[Kind::Floor, Kind::Gateway];
const GATEWAY: &[Kind] = &[Kind::Gateway];

static ROWS: &[Row] = &[
    Row {
        name: "idle-badges",
        title: "10,000 connections, each with one subscription to 30 conversations; nothing happens",
        work: Work::Idle(idle::Idle {
            connections: 10_000,
            subscriptions: 1,
            ids: 30,
            per_connection: Some(8_000.0),
            per_id: Some(500.0),
            per_subscription: None,
            in_all: Some(300_000_000.0),
        }),
        servers: LEAN,
    },
    Row {
        name: "idle-subscriptions",
        title: "50,000 subscriptions on 500 connections; nothing happens",
        work: Work::Idle(idle::Idle {
            connections: 500,
            subscriptions: 100,
            ids: 1,
            per_connection: None,
            per_id: None,
            per_subscription: Some(800.0),
            in_all: None,
        }),
        servers: ALL,
    },
    Row {
        name: "idle-1000-ids",
        title: "500 connections, each with one subscription to 1,000 conversations; nothing happens",
        work: Work::Idle(idle::Idle {
            connections: 500,
            subscriptions: 1,
            ids: 1_000,
            per_connection: None,
            per_id: Some(500.0),
            per_subscription: None,
            in_all: None,
        }),
        servers: LEAN,
    },
    Row {
        name: "fanout-1000",
        title: "100 events a second, each to 1,000 subscribers on 1,000 connections",
        work: Work::FanOut(fan_out::FanOut {
            connections: 1_000,
            subscriptions: 1,
            watch: fan_out::Pattern::Everything,
            conversations: 1_000,
            per_second: 100.0,
            goal: fan_out::Aim::Gross(Goal::TimesFloor(1.4)),
        }),
        servers: ALL,
    },
    Row {
        name: "fanout-100",
        title: "100 events a second, each to 1,000 subscribers on 100 connections",
        work: Work::FanOut(fan_out::FanOut {
            connections: 100,
            subscriptions: 10,
            watch: fan_out::Pattern::Everything,
            conversations: 1_000,
            per_second: 100.0,
            goal: fan_out::Aim::Gross(Goal::TimesFloor(2.0)),
        }),
        servers: ALL,
    },
    Row {
        name: "one-of-10000",
        title: "1,000 events a second; 10,000 subscribers of one conversation each, on 500 connections",
        work: Work::FanOut(fan_out::FanOut {
            connections: 500,
            subscriptions: 20,
            watch: fan_out::Pattern::Each(1),
            conversations: 10_000,
            per_second: 1_000.0,
            goal: fan_out::Aim::Net(Goal::AtMost(18.0)),
        }),
        servers: ALL,
    },
    Row {
        name: "badges-50",
        title: "200 events a second; 1,000 subscribers of 50 conversations each",
        work: Work::FanOut(fan_out::FanOut {
            connections: 1_000,
            subscriptions: 1,
            watch: fan_out::Pattern::Each(50),
            conversations: 10_000,
            per_second: 200.0,
            goal: fan_out::Aim::Net(Goal::AtMost(25.0)),
        }),
        servers: ALL,
    },
    Row {
        name: "ten-watchers",
        title: "300 events a second, each with ten watchers among 3,000 connections of 30 conversations each",
        work: Work::FanOut(fan_out::FanOut {
            connections: 3_000,
            subscriptions: 1,
            watch: fan_out::Pattern::Each(30),
            conversations: 9_000,
            per_second: 300.0,
            goal: fan_out::Aim::Latency(Goal::AtMost(25.0)),
        }),
        servers: LEAN,
    },
    Row {
        name: "sustained",
        title: "120 events a second offered, each to 1,000 subscribers on 1,000 connections",
        work: Work::FanOut(fan_out::FanOut {
            connections: 1_000,
            subscriptions: 1,
            watch: fan_out::Pattern::Everything,
            conversations: 1_000,
            per_second: 120.0,
            goal: fan_out::Aim::Rate(Goal::AtLeast(100_000.0)),
        }),
        servers: LEAN,
    },
    Row {
        name: "index",
        title: "The routing index alone: changes of conversations that nobody watches",
        work: Work::Index,
        servers: GATEWAY,
    },
    Row {
        name: "storm",
        title: "10,000 connections come back at once, each with a cursor",
        work: Work::Storm,
        servers: GATEWAY,
    },
    Row {
        name: "replay",
        title: "One subscriber reads a log of 1,000,000 entries from SQLite",
        work: Work::Replay,
        servers: GATEWAY,
    },
    Row {
        name: "query-point",
        title: "One of 100,000 conversations by its id, nine fields, over HTTP",
        work: Work::Query(queries::Query::Point),
        servers: ALL,
    },
    Row {
        name: "query-case",
        title: "The 50 conversations of a case, nine fields each, over HTTP",
        work: Work::Query(queries::Query::Case),
        servers: ALL,
    },
    Row {
        name: "ingest",
        title: "Snapshots of a simulated organisation, from the socket to the commit on SQLite",
        work: Work::Ingest,
        servers: GATEWAY,
    },
    Row {
        name: "judge",
        title: "Nasty documents of up to 100 kB before the judge",
        work: Work::Judge,
        servers: GATEWAY,
    },
    Row {
        name: "bombs",
        title: "Bombs at 50 requests a second beside ordinary requests",
        work: Work::Bombs,
        servers: GATEWAY,
    },
];

/// The rows that the options name.
pub(crate) fn chosen(options: &Options) -> anyhow::Result<Vec<&'static Row>> {
    if options.rows.is_empty() {
        return Ok(ROWS.iter().collect());
    }
    let find = |name: &String| {
        let known = || {
            ROWS.iter()
                .map(|row| row.name)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let found = ROWS.iter().find(|row| row.name == name);
        found.with_context(|| format!("there is no row {name}; there are {}", known()))
    };
    options.rows.iter().map(find).collect()
}

impl Row {
    /// Where it is measured.
    pub(crate) fn servers(&self, options: &Options) -> Vec<Kind> {
        let wanted = |kind: &&Kind| options.servers.contains(kind);
        self.servers.iter().filter(wanted).copied().collect()
    }

    pub(crate) async fn measure(
        &self,
        server: Kind,
        options: &Options,
    ) -> anyhow::Result<Vec<Figure>> {
        let figures = match &self.work {
            Work::Idle(idle) => idle.measure(server, options).await,
            Work::FanOut(fan_out) => fan_out.measure(server, options).await,
            Work::Index => index::measure(options),
            Work::Storm => storm::measure(options).await,
            Work::Replay => replay::measure(options).await,
            Work::Query(query) => query.measure(server, options).await,
            Work::Ingest => ingest::measure(options).await,
            Work::Judge => judge::measure(),
            Work::Bombs => bombs::measure(options).await,
        }?;
        if figures.iter().any(|figure| !figure.value.is_finite()) {
            bail!("nothing was delivered");
        }
        Ok(figures)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(crate) const fn count(number: u64) -> f64 {
    number as f64
}
