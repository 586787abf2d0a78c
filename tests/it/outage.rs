//! A day without the gateway: it makes up for all of it with few calls of Genesys.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::organisation::Organisation;
use crate::support::record::Record;
use crate::support::{eventually_within, process};

/// Conversations of the day; `GATEWAY_OUTAGE_CONVERSATIONS` says another number.
const CONVERSATIONS: u64 = 50_000;
/// Conversations that are going on at any time, as at the outage's end.
const AT_ONCE: u64 = 300;
/// Of all conversations every so many are compared step by step.
const SAMPLE: usize = 100;

/// 1,200 for the whole day; 300 of them read what goes on one by one, however long the outage was.
const fn most_calls(conversations: u64) -> u64 {
    conversations * 14 / 1_000 + 500
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

/// Time runs faster: what a contact centre sees in a day happens in less than a minute, and what the
/// gateway waits for is shortened likewise. What it may ask in a minute is not.
const SCALED: [[&str; 2]; 4] = [
    ["--genesys-analytics-lag", "300ms"],
    ["--genesys-repair-margin", "100ms"],
    ["--genesys-journal-interval", "1s"],
    // The organisation stands still meanwhile: what has no news is not watched.
    ["--genesys-watch-sweep", "1h"],
];

/// Both programs are processes of their own: `make soak` names an optimised one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: make soak"]
async fn a_days_outage_is_made_up_for_with_few_calls() {
    let unlimited = ["--rate-limit", "0", "--keep-ended", "100000"];
    let lagging = ["--analytics-lag", "100ms", "--heartbeat", "2s"];
    let organisation = Organisation::start_process(&[unlimited, lagging].concat()).await;
    let data = tempfile::tempdir().expect("a directory");
    let address = process::free_address();
    let start = || process::gateway(&organisation, data.path(), address, SCALED.as_flattened());
    let record = Record(address);

    let gateway = start().await;
    record.until_live().await;
    play(&organisation, AT_ONCE).await;
    record.until_still().await;
    drop(gateway);
    let conversations = conversations();
    play(&organisation, conversations).await;

    let before = organisation.stats().await;
    let begun = Instant::now();
    let _gateway = start().await;
    record.until_live_within(Duration::from_mins(30)).await;
    let after = organisation.stats().await;
    let made = calls(&after) - calls(&before);
    println!(
        "{} conversations, {made} calls, {} s: {} before, {}",
        after["conversations"],
        begun.elapsed().as_secs(),
        before["calls"],
        after["calls"]
    );
    assert!(made <= most_calls(conversations), "{made} calls");
    check(&organisation, record).await;
}

fn conversations() -> u64 {
    let number = std::env::var("GATEWAY_OUTAGE_CONVERSATIONS").ok();
    let number = number.map(|number| number.parse().expect("a number"));
    number.unwrap_or(CONVERSATIONS)
}

/// The record has all conversations of the truth that have reached a queue, and the sample's
/// histories are whole.
async fn check(organisation: &Organisation, record: Record) {
    let truth = organisation.truth().await;
    let is_followed = |it: &&Value| it["queueIds"].as_array().is_some_and(|ids| !ids.is_empty());
    let followed: Vec<_> = truth.iter().filter(is_followed).collect();
    assert_eq!(record.count().await, followed.len());
    for told in followed.iter().step_by(SAMPLE) {
        let id = told["id"].as_str().expect("an id");
        assert_eq!(record.history(id).await, tellable(told), "{told:#}");
    }
}
