//! A long log, read by one subscriber who comes back after everything.

use std::time::Duration;

use conversation_gateway::store::Cursor;

use super::count;
use crate::options::Options;
use crate::report::{Figure, Goal};
use crate::seed;
use crate::swarm::{Swarm, Wanted, Watch};
use crate::target::{Kind, Target};

const CONVERSATIONS: usize = 50_000;
/// Of each conversation: one links it to a case, the others change its status.
const CHANGES: u32 = 20;

pub(super) async fn measure(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let conversations = u32::try_from(options.scaled(CONVERSATIONS))?;
    let seeded = seed::database(options, conversations, CHANGES).await?;
    let target = Target::start(Kind::Gateway, options, 0, Some(&seeded)).await?;
    let head = Cursor::decode(&target.cursor().await?)?;
    let wanted = Wanted {
        watch: Watch::All(conversations),
        after: Some(Cursor::new(head.epoch, 0, 0).encode()),
    };
    let (told, of) = seed::status_changes(CHANGES)?;
    let changes = u64::from(conversations) * told;
    let (cpu, begun) = (target.server.cpu()?, tokio::time::Instant::now());
    let swarm = Swarm::open(target.socket, vec![vec![wanted]]).await?;
    let received = swarm.until_received(changes, Duration::from_secs(5)).await;
    let took = begun.elapsed();
    let cpu = target.server.cpu_since(cpu)?;
    let entries = count(received) * count(of) / count(told);
    Ok(vec![
        Figure::new("changes read", "per s", entries / took.as_secs_f64())
            .goal(Goal::AtLeast(50_000.0)),
        Figure::new("CPU per change", "µs", cpu.as_secs_f64() * 1e6 / entries),
        Figure::new(
            "missing",
            "deliveries",
            count(changes.saturating_sub(received)),
        )
        .goal(Goal::AtMost(0.0)),
    ])
}
