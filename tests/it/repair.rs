//! What happened while the gateway was blind is told afterwards, each step once and in order.

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const HISTORY: &str = "query($id: ID!) { conversation(conversationId: $id) {
    calculatedStatus statusHistory(first: 200) { nodes { status previousStatus occurredAt cause gapBefore number } } } }";

async fn nodes(gateway: &Gateway, id: &str) -> Vec<Value> {
    let data = gateway.query(HISTORY, json!({ "id": id })).await;
    let nodes = &data["conversation"]["statusHistory"]["nodes"];
    nodes.as_array().cloned().unwrap_or_default()
}

fn statuses(nodes: &[Value]) -> Vec<&str> {
    nodes
        .iter()
        .map(|node| node["status"].as_str().expect("a status"))
        .collect()
}

/// Nothing reaches the gateway until `sees`.
async fn blind(organisation: &Organisation) {
    organisation
        .fault(json!({ "silentMs": 600_000, "status": 503, "forMs": 600_000 }))
        .await;
}

async fn sees(organisation: &Organisation, gateway: &Gateway) {
    organisation.heal().await;
    organisation.fault(json!({ "dropSockets": true })).await;
    gateway.until_live().await;
}

async fn call(organisation: &Organisation, steps: &[&str]) -> String {
    let id = organisation
        .begin(json!({ "mediaType": "voice", "direction": "inbound" }))
        .await;
    organisation.steps(&id, steps).await;
    id
}

async fn what_was_missed_is_told(database: Database) {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, database).await;
    let known = call(&organisation, &["enqueue", "offer", "answer"]).await;
    gateway.until_status(&known, "CONNECTED").await;

    blind(&organisation).await;
    organisation
        .steps(
            &known,
            &["hold", "unhold", "hold", "unhold", "customer-disconnect"],
        )
        .await;
    let unseen = call(
        &organisation,
        &[
            "ivr",
            "enqueue",
            "offer",
            "no-answer",
            "offer",
            "answer",
            "hold",
            "customer-disconnect",
            "wrap-up",
        ],
    )
    .await;
    sees(&organisation, &gateway).await;

    let of_known = nodes(&gateway, &known).await;
    assert_eq!(
        statuses(&of_known),
        [
            "WAITING_IN_QUEUE",
            "ALERTING",
            "CONNECTED",
            "ON_HOLD",
            "CONNECTED",
            "ON_HOLD",
            "CONNECTED",
            "AFTER_CALL_WORK"
        ]
    );
    assert!(
        of_known[3..]
            .iter()
            .all(|node| node["cause"] == "RECONCILED"),
        "{of_known:#?}"
    );
    let of_unseen = nodes(&gateway, &unseen).await;
    assert_eq!(
        statuses(&of_unseen),
        [
            "IN_FLOW",
            "WAITING_IN_QUEUE",
            "ALERTING",
            "WAITING_IN_QUEUE",
            "ALERTING",
            "CONNECTED",
            "ON_HOLD",
            "AFTER_CALL_WORK",
            "ENDED"
        ]
    );
    for nodes in [of_known, of_unseen] {
        let mut previous = Value::Null;
        let mut at = String::new();
        for node in nodes {
            assert_eq!(node["previousStatus"], previous);
            previous = node["status"].clone();
            let occurred = node["occurredAt"].as_str().expect("a time").to_owned();
            assert!(occurred > at, "{occurred} after {at}");
            at = occurred;
        }
    }
}

#[tokio::test]
async fn what_was_missed_is_told_on_sqlite() {
    what_was_missed_is_told(Database::Sqlite).await;
}

#[tokio::test]
async fn what_was_missed_is_told_on_postgresql() {
    what_was_missed_is_told(Database::Postgres).await;
}

/// Where nothing can be read in time, the first change says that there may have been more.
#[tokio::test]
async fn a_change_that_could_not_be_read_says_that_there_may_have_been_more() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start_with(
        &organisation,
        Database::Sqlite,
        &["--ingest-patience-ms", "300"],
    )
    .await;
    let id = call(&organisation, &["enqueue", "offer", "answer"]).await;
    gateway.until_status(&id, "CONNECTED").await;
    let fault = json!({ "status": 500, "forMs": 600_000, "path": "/conversations" });
    organisation.fault(fault).await;
    organisation.fault(json!({ "dropSockets": true })).await;
    eventually("the socket is open again", || async {
        let data = gateway.query("{ feedStatus { state } }", json!({})).await;
        (data["feedStatus"]["state"] == "CATCHING_UP").then_some(())
    })
    .await;
    organisation.steps(&id, &["hold"]).await;
    gateway.until_status(&id, "ON_HOLD").await;
    let told = nodes(&gateway, &id).await;
    assert_eq!(
        told.last().expect("a change")["gapBefore"],
        true,
        "{told:#?}"
    );
    organisation.heal().await;
    gateway.until_live().await;
}
