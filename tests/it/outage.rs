//! A day without the gateway: it makes up for all of it with few calls of Genesys.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation_gateway::simulator::SimulatorConfig;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::eventually_within;
use crate::support::gateway::{Database, Restartable};
use crate::support::organisation::Organisation;

/// Conversations of the day; `GATEWAY_OUTAGE_CONVERSATIONS` says another number.
const CONVERSATIONS: u64 = 50_000;
/// Conversations that are going on at any time, as at the outage's end.
const AT_ONCE: u64 = 300;
/// Of all conversations every so many are compared step by step.
const SAMPLE: usize = 100;

/// 1,200 for the whole day.
const fn most_calls(conversations: u64) -> u64 {
    conversations / 50 + 200
}

fn calls(stats: &Value) -> u64 {
    let calls = stats["calls"].as_object().expect("calls by name");
    calls.values().filter_map(Value::as_u64).sum()
}

async fn play(organisation: &Organisation, conversations: u64) {
    organisation
        .traffic(json!({ "eventsPerSecond": 100_000, "conversations": AT_ONCE, "seconds": 0 }))
        .await;
    eventually_within(Duration::from_mins(20), "the day is over", || async {
        let stats = organisation.stats().await;
        (stats["conversations"].as_u64() >= Some(conversations)).then_some(())
    })
    .await;
    organisation.traffic(json!({ "eventsPerSecond": 0 })).await;
}

/// The steps that Genesys still shows, neighbours of equal status merged.
fn tellable(truth: &Value) -> Vec<String> {
    let steps = truth["steps"].as_array().expect("steps").iter();
    let told = steps.filter(|step| step["tellable"] == true);
    let mut statuses = told
        .map(|step| step["status"].as_str().expect("a status").to_owned())
        .collect::<Vec<_>>();
    statuses.dedup();
    statuses
}

/// Time runs faster: what a contact centre sees in a day happens in some minutes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: make soak"]
async fn a_days_outage_is_made_up_for_with_few_calls() {
    let organisation = Organisation::start_with(SimulatorConfig {
        keep_ended: 100_000,
        ..SimulatorConfig::for_tests()
    })
    .await;
    // The pace of what goes on besides is that of the product, not of tests.
    let mut gateway = Restartable::start_with(&organisation, Database::Sqlite, |config| {
        config.genesys.queue_refresh = Duration::from_secs(30);
        config.genesys.enrichment_interval = Duration::from_secs(10);
    })
    .await;
    gateway.until_live().await;
    play(&organisation, AT_ONCE).await;
    gateway.kill().await;
    let number = std::env::var("GATEWAY_OUTAGE_CONVERSATIONS").ok();
    let number = number.and_then(|number| number.parse().ok());
    let conversations: u64 = number.unwrap_or(CONVERSATIONS);
    play(&organisation, conversations).await;

    let before = calls(&organisation.stats().await);
    let begun = Instant::now();
    gateway.restart(&organisation).await;
    gateway.until_live_within(Duration::from_mins(30)).await;
    let after = organisation.stats().await;
    let made = calls(&after) - before;
    println!(
        "{} conversations, {made} calls, {} s: {}",
        after["conversations"],
        begun.elapsed().as_secs(),
        after["calls"]
    );
    assert!(made <= most_calls(conversations), "{made} calls");

    let truth = organisation.truth().await;
    let begun_ones = truth.iter().filter(|it| !tellable(it).is_empty());
    let ids: BTreeSet<&str> = begun_ones.filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(gateway.count().await, ids.len());
    for told in truth.iter().step_by(SAMPLE) {
        let id = told["id"].as_str().expect("an id");
        assert_eq!(gateway.history(id).await, tellable(told), "{told:#}");
    }
}
