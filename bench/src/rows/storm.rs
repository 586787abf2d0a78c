//! Everybody comes back at once, each with a cursor, and must miss nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;

use super::count;
use crate::http;
use crate::options::Options;
use crate::report::{Figure, Goal};
use crate::swarm::{Swarm, Wanted, Watch};
use crate::target::{Driver, Kind, Target};

const CONNECTIONS: usize = 10_000;
const QUIET: Duration = Duration::from_secs(10);
/// A change that has not come for so long is none.
const SETTLED: Duration = Duration::from_secs(2);

pub(super) async fn measure(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let connections = options.scaled(CONNECTIONS);
    let conversations = u32::try_from(connections)?;
    let target = Arc::new(Target::start(Kind::Gateway, options, conversations, None).await?);
    let driver = Driver::new(&target);
    let wanted = (0..conversations)
        .map(|index| {
            vec![Wanted {
                watch: Watch::Only(vec![index]),
                after: None,
            }]
        })
        .collect();
    let swarm = Swarm::open(target.socket, wanted).await?;
    change_all(&driver, conversations).await?;
    swarm.until_received(connections as u64, QUIET).await;
    // Nothing more may come between the cursor and the cut: it would be told once more.
    swarm.until_received(u64::MAX, SETTLED).await;
    let cursor = target.cursor().await?;
    let mut clients = swarm.cut().await;
    // What happens while nobody is there must reach everybody afterwards, and once.
    change_all(&driver, conversations).await?;
    while target.log_length().await? < driver.events() + u64::from(conversations) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for client in &mut clients {
        client.resume_after(&cursor);
    }
    let (reads, cpu) = (reads(&target).await?, target.server.cpu()?);
    let begun = tokio::time::Instant::now();
    let swarm = Swarm::reopen(target.socket, clients).await?;
    let caught_up = swarm.until_received(connections as u64, QUIET).await;
    let took = begun.elapsed();
    let cpu = target.server.cpu_since(cpu)?;
    let reads = self::reads(&target).await? - reads;
    // And they are live.
    change_all(&driver, conversations).await?;
    let received = swarm.until_received(2 * connections as u64, QUIET).await;
    let tally = &swarm.tally;
    let none_of = |what, counted: &AtomicU64| {
        let figure = Figure::new(what, "messages", count(counted.load(Ordering::Relaxed)));
        figure.goal(Goal::AtMost(0.0))
    };
    Ok(vec![
        Figure::new("until all were live", "s", took.as_secs_f64()).goal(Goal::AtMost(10.0)),
        Figure::new("database reads", "statements", reads).goal(Goal::AtMost(200.0)),
        Figure::new(
            "CPU per client",
            "µs",
            cpu.as_secs_f64() * 1e6 / count(connections as u64),
        ),
        Figure::new(
            "missing after the storm",
            "deliveries",
            count((connections as u64).saturating_sub(caught_up)),
        )
        .goal(Goal::AtMost(0.0)),
        Figure::new(
            "missing afterwards",
            "deliveries",
            count((2 * connections as u64).saturating_sub(received)),
        )
        .goal(Goal::AtMost(0.0)),
        none_of("skipped", &tally.lost),
        none_of("doubled", &tally.doubled),
        none_of("reordered", &tally.reordered),
        none_of("failed", &tally.failed),
    ])
}

/// Lets each conversation change once, no faster than the sockets of Genesys could tell.
async fn change_all(driver: &Driver, conversations: u32) -> anyhow::Result<()> {
    for _ in 0..conversations.div_ceil(100) {
        driver.make(100.min(conversations)).await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// SQL statements that the gateway has run, by its own count.
async fn reads(target: &Target) -> anyhow::Result<f64> {
    let mut connection = http::Connection::open(target.http).await?;
    let metrics = connection
        .ask(&http::request("GET", "/metrics", &[], ""))
        .await?;
    let name = "gateway_database_reads_total ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    Ok(line
        .context("the gateway does not count its reads")?
        .parse()?)
}
