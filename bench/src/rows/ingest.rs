//! The way in: a simulated organisation's whole business, from its sockets to the commits.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use super::count;
use crate::http;
use crate::options::Options;
use crate::report::{Figure, Goal};
use crate::target::{Kind, Target};

/// More than is wanted: the slower of the two, simulator or gateway, sets the pace.
const PER_SECOND: f64 = 2_500.0;
const ALIVE: usize = 2_000;
/// How long the gateway may take to write what waits at the end.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn measure(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let target = Target::start(Kind::Gateway, options, 0, None).await?;
    order(&target, PER_SECOND).await?;
    tokio::time::sleep(options.warm_up()).await;
    let (cpu, sent, written) = (
        target.server.cpu()?,
        snapshots(&target).await?,
        target.log_length().await?,
    );
    let begun = tokio::time::Instant::now();
    tokio::time::sleep(options.length()).await;
    let (cpu, took) = (target.server.cpu_since(cpu)?, begun.elapsed());
    let sent = snapshots(&target).await? - sent;
    let written = target.log_length().await? - written;
    order(&target, 0.0).await?;
    let wrong = wrong_statuses(&target).await?;
    Ok(vec![
        Figure::new("snapshots", "per s", sent / took.as_secs_f64()).goal(Goal::AtLeast(2_000.0)),
        Figure::new(
            "changes committed",
            "per s",
            count(written) / took.as_secs_f64(),
        ),
        Figure::new("CPU per snapshot", "µs", cpu.as_secs_f64() * 1e6 / sent),
        Figure::new(
            "conversations unlike the truth",
            "conversations",
            count(wrong),
        )
        .goal(Goal::AtMost(0.0)),
    ])
}

async fn order(target: &Target, per_second: f64) -> anyhow::Result<()> {
    let order = json!({ "eventsPerSecond": per_second, "conversations": ALIVE, "seconds": 0 });
    http::post(
        target.organisation()?.address,
        "/sim/traffic",
        &order.to_string(),
    )
    .await?;
    Ok(())
}

async fn snapshots(target: &Target) -> anyhow::Result<f64> {
    let stats = get(target, "/sim/stats").await?;
    stats["snapshots"].as_f64().context("no count of snapshots")
}

async fn get(target: &Target, path: &str) -> anyhow::Result<Value> {
    let mut connection = http::Connection::open(target.organisation()?.address).await?;
    let answer = connection.ask(&http::request("GET", path, &[], "")).await?;
    Ok(serde_json::from_str(&answer)?)
}

/// Holds the gateway's records against the organisation's truth, once what waits is written.
async fn wrong_statuses(target: &Target) -> anyhow::Result<u64> {
    let begun = tokio::time::Instant::now();
    loop {
        let truth = statuses(&get(target, "/sim/truth").await?);
        let mut wrong = 0;
        let ids: Vec<&String> = truth.keys().collect();
        for portion in ids.chunks(200) {
            let query = "query($ids: [ID!]!) { conversations(filter: {conversationIds: $ids}, first: 200) { nodes { conversationId calculatedStatus } } }";
            let answer = target.ask(query, json!({ "ids": portion })).await?;
            let nodes = answer["data"]["conversations"]["nodes"]
                .as_array()
                .context("no list")?;
            let known: HashMap<&str, &str> = nodes
                .iter()
                .filter_map(|node| {
                    Some((
                        node["conversationId"].as_str()?,
                        node["calculatedStatus"].as_str()?,
                    ))
                })
                .collect();
            let is_wrong = |id: &&&String| {
                known.get(id.as_str()).copied() != Some(truth[id.as_str()].as_str())
            };
            wrong += portion.iter().filter(is_wrong).count() as u64;
        }
        if wrong == 0 || begun.elapsed() > PATIENCE {
            return Ok(wrong);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The status that each conversation must show now, of those that a queue has told of.
fn statuses(truth: &Value) -> HashMap<String, String> {
    let conversations = truth["conversations"].as_array().into_iter().flatten();
    conversations
        .filter_map(|conversation| {
            let steps = conversation["steps"].as_array()?;
            steps.iter().find(|step| step["heard"] == true)?;
            let last = steps
                .iter()
                .rfind(|step| step["tellable"] == true || step["heard"] == true)?;
            let id = conversation["id"].as_str()?.to_owned();
            Some((id, last["status"].as_str()?.to_owned()))
        })
        .collect()
}
