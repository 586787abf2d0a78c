//! Counts over the API: all groups first, then what changes.

use serde_json::json;

use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const BY_STATUS: &str =
    "subscription { conversationCountsChanged(groupBy: [STATUS]) { status count } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_to_counts_follows_a_conversation_to_its_end() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let mut counts = gateway.subscribe(BY_STATUS, json!({})).await;
    assert_eq!(
        counts.next().await["data"]["conversationCountsChanged"],
        json!([])
    );
    let id = organisation.begin(json!({ "mediaType": "VOICE" })).await;
    organisation
        .steps(&id, &["enqueue", "offer", "answer"])
        .await;
    let mut groups = std::collections::BTreeMap::new();
    while groups.get("CONNECTED") != Some(&1) {
        take(
            &mut groups,
            &counts.next().await["data"]["conversationCountsChanged"],
        );
    }
    organisation.steps(&id, &["hold"]).await;
    while groups.get("ON_HOLD") != Some(&1) {
        take(
            &mut groups,
            &counts.next().await["data"]["conversationCountsChanged"],
        );
    }
    // What a group lost was told with zero.
    assert_eq!(groups.values().sum::<i64>(), 1, "{groups:?}");
    let query = "{ conversationCounts(groupBy: [STATUS, QUEUE]) { status queueId queueName count oldestSince } }";
    let data = gateway.query(query, json!({})).await;
    let counted = &data["conversationCounts"];
    assert_eq!(counted.as_array().map(Vec::len), Some(1), "{counted}");
    assert_eq!(counted[0]["status"], "ON_HOLD");
    assert_eq!(counted[0]["count"], 1);
    assert!(counted[0]["queueId"].is_string() && counted[0]["queueName"].is_string());
    assert!(counted[0]["oldestSince"].is_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sum_of_all_is_one_group_even_when_it_is_zero() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let query = "{ conversationCounts(groupBy: []) { status count oldestSince } }";
    let data = gateway.query(query, json!({})).await;
    let zero = json!([{ "status": null, "count": 0, "oldestSince": null }]);
    assert_eq!(data["conversationCounts"], zero);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_groups_than_allowed_are_refused_by_their_limit() {
    let organisation = Organisation::start().await;
    let flags = ["--count-groups", "1"];
    let gateway = Gateway::start_with(&organisation, Database::Sqlite, &flags).await;
    let register = "mutation ($id: ID!, $queue: ID!) { registerConversation(
        input: { conversationId: $id, initiatedBy: DCM, queueId: $queue }) { created } }";
    for queue in ["one", "two"] {
        let id = uuid::Uuid::new_v4().to_string();
        let variables = json!({ "id": id, "queue": queue });
        gateway.query(register, variables).await;
    }
    let query = "{ conversationCounts(groupBy: [QUEUE]) { count } }";
    let answer = gateway.ask(query, json!({})).await;
    let expected = json!({ "code": "LIMIT_EXCEEDED", "what": "groups", "limit": 1 });
    assert_eq!(answer["errors"][0]["extensions"], expected, "{answer}");
}

fn take(groups: &mut std::collections::BTreeMap<String, i64>, told: &serde_json::Value) {
    for group in told.as_array().expect("a list") {
        let status = group["status"].as_str().expect("a status").to_owned();
        groups.insert(status, group["count"].as_i64().expect("a number"));
    }
}
