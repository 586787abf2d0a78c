//! Marks that come and go: each change of them is seen, in the order in which it came.

use serde_json::json;

use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

async fn history_of(medium: &str, steps: &[&str], last: &str) -> Vec<String> {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = organisation
        .begin(json!({ "mediaType": medium, "direction": "inbound" }))
        .await;
    organisation
        .steps(&id, &["enqueue", "offer", "answer"])
        .await;
    gateway.until_status(&id, "CONNECTED").await;
    organisation.steps(&id, steps).await;
    gateway.until_status(&id, last).await;
    gateway.history(&id).await
}

/// The part of a history from the answer on.
fn since_the_answer(history: &[String]) -> &[String] {
    let answered = history
        .iter()
        .position(|status| status == "CONNECTED")
        .expect("it was answered");
    &history[answered..]
}

#[tokio::test]
async fn hold_unhold_hold_unhold_are_four_changes() {
    let steps = [
        "hold",
        "unhold",
        "hold",
        "unhold",
        "hold",
        "agent-disconnect",
    ];
    let history = history_of("voice", &steps, "AFTER_CALL_WORK").await;
    assert_eq!(
        since_the_answer(&history),
        [
            "CONNECTED",
            "ON_HOLD",
            "CONNECTED",
            "ON_HOLD",
            "CONNECTED",
            "ON_HOLD",
            "AFTER_CALL_WORK"
        ]
    );
}

#[tokio::test]
async fn park_unpark_park_and_end_are_each_seen() {
    let steps = ["park", "unpark", "park", "unpark", "agent-disconnect"];
    let history = history_of("email", &steps, "AFTER_CALL_WORK").await;
    assert_eq!(
        since_the_answer(&history),
        [
            "CONNECTED",
            "PARKED",
            "CONNECTED",
            "PARKED",
            "CONNECTED",
            "AFTER_CALL_WORK"
        ]
    );
}
