//! What documents made to hurt do to everybody else: the gateway runs on one core, answers
//! ordinary queries at a steady rate, and gets bombs beside them.

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::http::{self, Connection};
use crate::options::Options;
use crate::report::{Figure, Goal};
use crate::target::{Kind, Target};
use crate::traffic::{NINE_FIELDS, conversation_id};

const CONVERSATIONS: usize = 1_000;
const CONNECTIONS: u32 = 8;
const QUERIES_PER_SECOND: u32 = 200;
const BOMBS_PER_SECOND: u32 = 50;

pub(super) async fn measure(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let conversations = u32::try_from(options.scaled(CONVERSATIONS))?;
    let target = Target::start(Kind::Gateway, options, conversations, None).await?;
    on_one_core(target.server.pid())?;
    queries(&target, options.warm_up()).await?;
    let alone = queries(&target, options.length()).await?;
    let bombs = async {
        let mut connections = JoinSet::new();
        for (name, bomb) in bombs() {
            let connection = Connection::open(target.http).await?;
            connections.spawn(throw(connection, name, bomb, options.length()));
        }
        let mut thrown = 0;
        while let Some(one) = connections.join_next().await {
            thrown += one??;
        }
        anyhow::Ok(thrown)
    };
    let (beside, thrown) = tokio::try_join!(queries(&target, options.length()), bombs)?;
    let (alone, beside) = (p99(alone)?, p99(beside)?);
    Ok(vec![
        Figure::new("p99 of a query, alone", "ms", alone),
        Figure::new("p99 beside the bombs", "ms", beside),
        Figure::new("times as long", "", beside / alone).goal(Goal::AtMost(2.0)),
        Figure::new("bombs refused", "", f64::from(thrown)),
    ])
}

/// All threads of the process on the first core.
fn on_one_core(pid: u32) -> anyhow::Result<()> {
    let pinned = std::process::Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", "0", &pid.to_string()])
        .stdout(std::process::Stdio::null())
        .status()
        .context("taskset (util-linux) cannot be run")?;
    ensure!(pinned.success(), "the gateway can't be kept on one core");
    Ok(())
}

/// How long each ordinary query took, from the moment it was due.
async fn queries(target: &Target, length: Duration) -> anyhow::Result<Vec<Duration>> {
    let mut connections = JoinSet::new();
    for place in 0..CONNECTIONS {
        let mut connection = Connection::open(target.http).await?;
        let id = conversation_id(place);
        connections.spawn(async move {
            let query = format!(
                "query Point($id: ID!) {{ conversation(conversationId: $id) {{ {NINE_FIELDS} }} }}"
            );
            let body = http::graphql(&query, &json!({ "id": id }));
            let request = http::request("POST", "/graphql", &[], &body);
            let mut took = Vec::new();
            let end = Instant::now() + length;
            let mut due = interval(Duration::from_secs(1) * CONNECTIONS / QUERIES_PER_SECOND);
            due.set_missed_tick_behavior(MissedTickBehavior::Burst);
            while Instant::now() < end {
                let begun = due.tick().await;
                let body = connection.exchange(&request).await?;
                ensure!(
                    memchr::memmem::find(connection.answer(body), b"\"version\":").is_some(),
                    "a wrong answer"
                );
                took.push(begun.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(one) = connections.join_next().await {
        all.extend(one??);
    }
    Ok(all)
}

/// Sends one kind of bomb at its share of the rate; gives how many were refused.
async fn throw(
    mut connection: Connection,
    name: &'static str,
    bomb: String,
    length: Duration,
) -> anyhow::Result<u32> {
    let body = http::graphql(&bomb, &json!({}));
    let request = http::request("POST", "/graphql", &[], &body);
    let kinds = u32::try_from(bombs().len())?;
    let mut due = interval(Duration::from_secs(1) * kinds / BOMBS_PER_SECOND);
    let end = Instant::now() + length;
    let mut thrown = 0;
    while Instant::now() < end {
        due.tick().await;
        let body = connection.exchange(&request).await?;
        let answer = String::from_utf8_lossy(connection.answer(body)).into_owned();
        ensure!(
            answer.contains("\"errors\"") && answer.len() < 8_000,
            "{name} was answered with {answer:.200}"
        );
        thrown += 1;
    }
    Ok(thrown)
}

fn bombs() -> [(&'static str, String); 5] {
    let mut doubling = String::from("{ ...F0 }");
    for level in 0..30 {
        let next = level + 1;
        let _ = write!(
            doubling,
            " fragment F{level} on Query {{ ...F{next} ...F{next} }}"
        );
    }
    doubling.push_str(" fragment F30 on Query { feedCursor }");
    let aliases = (0..5_000).fold(String::new(), |mut text, number| {
        let _ = write!(text, "a{number}:feedCursor ");
        text
    });
    [
        ("fragments", doubling),
        ("aliases", format!("{{ {aliases} }}")),
        (
            "directives",
            format!("{{ feedCursor {} }}", "@aa ".repeat(10_000)),
        ),
        // Just below the limits, so that it is parsed and validated, too.
        (
            "few directives",
            format!("{{ feedCursor {} }}", "@aa ".repeat(99)),
        ),
        ("brackets", "{a".repeat(30_000)),
    ]
}

/// In milliseconds.
fn p99(mut took: Vec<Duration>) -> anyhow::Result<f64> {
    took.sort_unstable();
    let place = took.len() * 99 / 100;
    Ok(took
        .get(place)
        .context("no query was answered")?
        .as_secs_f64()
        * 1e3)
}
