//! What is followed: thousands of queues, those added later, users, and what happens to topics that
//! Genesys refuses.

use std::time::Duration;

use conversation_gateway::simulator::SimulatorConfig;
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const FEED: &str = "{ feedStatus { state topicsWanted topicsSubscribed
    refusedTopics { topic reason missingPermissions } } }";

async fn feed(gateway: &Gateway) -> Value {
    gateway.query(FEED, json!({})).await["feedStatus"].clone()
}

/// A call that waits in the queue.
async fn waits_in(organisation: &Organisation, queue: &Value) -> String {
    let call = json!({ "mediaType": "voice", "direction": "inbound", "queueId": queue });
    let id = organisation.begin(call).await;
    organisation.steps(&id, &["enqueue"]).await;
    id
}

#[tokio::test]
async fn twelve_thousand_queues_are_followed_within_the_rate_limit_and_so_is_one_added_later() {
    let limit = 300;
    let organisation = Organisation::start_with(SimulatorConfig {
        queues: 12_000,
        rate_limit: limit,
        ..SimulatorConfig::for_tests()
    })
    .await;
    let gateway = Gateway::start_tuned(&organisation, Database::Sqlite, &[], |mut config| {
        config.genesys.rate_limit = limit as usize;
        config.genesys.queue_refresh = Duration::from_secs(3);
        config
    })
    .await;
    let status = feed(&gateway).await;
    assert_eq!(status["topicsWanted"], 12_000);
    assert_eq!(status["topicsSubscribed"], 12_000);
    assert_eq!(status["refusedTopics"], json!([]));
    let stats = organisation.stats().await;
    assert_eq!(stats["sockets"], 12);
    let calls = stats["calls"].as_object().expect("calls");
    let made: u64 = calls.values().filter_map(Value::as_u64).sum();
    assert!(made < u64::from(limit), "{calls:?}");
    let subscribing = &stats["calls"]["PUT /api/v2/notifications/channels/{id}/subscriptions"];
    assert_eq!(*subscribing, 12, "one call for each thousand topics");

    let last_page = "/api/v2/routing/queues?pageSize=500&pageNumber=24";
    let last = organisation.api(last_page).await["entities"][499]["id"].clone();
    let call = waits_in(&organisation, &last).await;
    gateway.until_status(&call, "WAITING_IN_QUEUE").await;

    let added = organisation.add_queue().await;
    eventually("the new queue is followed", || async {
        let status = feed(&gateway).await;
        (status["topicsSubscribed"] == 12_001).then_some(())
    })
    .await;
    let call = waits_in(&organisation, &added).await;
    gateway.until_status(&call, "WAITING_IN_QUEUE").await;
}

/// Its topic has nothing to tell until the call is taken.
#[tokio::test]
async fn what_waits_in_a_queue_before_it_is_followed_is_found() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start_tuned(&organisation, Database::Sqlite, &[], |mut config| {
        config.genesys.queue_refresh = Duration::from_secs(2);
        config
    })
    .await;
    let added = organisation.add_queue().await;
    let call = waits_in(&organisation, &added).await;
    gateway.until_status(&call, "WAITING_IN_QUEUE").await;
}

#[tokio::test]
async fn refused_topics_are_named_and_spoil_no_other() {
    let organisation = Organisation::start_with(SimulatorConfig {
        queues: 30,
        refused_queues: 2,
        ..SimulatorConfig::for_tests()
    })
    .await;
    let flags = ["--topics", "media"];
    let gateway = Gateway::start_with(&organisation, Database::Sqlite, &flags).await;
    let status = feed(&gateway).await;
    assert_eq!(status["topicsWanted"], 150);
    assert_eq!(status["topicsSubscribed"], 140);
    let refused = status["refusedTopics"].as_array().expect("a list");
    assert_eq!(refused.len(), 10);
    for topic in refused {
        assert_eq!(
            topic["missingPermissions"],
            json!(["conversation:communication:view"])
        );
    }
}

#[tokio::test]
async fn users_are_followed_outside_queues_where_that_is_wanted() {
    for shape in ["conversations", "media"] {
        let organisation = Organisation::start().await;
        let flags = ["--user-topics", "all", "--topics", shape];
        let gateway = Gateway::start_with(&organisation, Database::Sqlite, &flags).await;
        let call = json!({ "script": "user-to-user", "speed": 20 });
        let id = organisation.begin(call).await;
        gateway.until_status(&id, "ENDED").await;
        let expected: Vec<String> = organisation
            .expected(&id)
            .await
            .into_iter()
            .map(|step| step.status)
            .collect();
        assert_eq!(gateway.history(&id).await, expected, "{shape}");
    }
}
