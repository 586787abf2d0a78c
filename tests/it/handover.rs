//! At the moment of a hand-over between agents or queues one change tells of it, and the status
//! stays.

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const CHANGES: &str = "subscription($filter: ConversationFilter) { conversationChanged(filter: $filter, includeCurrent: true) {
    kinds conversationId previousStatus status previousQueueId queueId
    previousOwner { kind genesysId } owner { kind genesysId } } }";

/// Plays a script and gives the changes that tell of another owner or queue under the same status.
async fn handovers(script: &str, kind: &str) -> Vec<Value> {
    let organisation = Organisation::start().await;
    let gateway = Box::pin(Gateway::start(&organisation, Database::Sqlite)).await;
    let mut feed = gateway.subscribe(CHANGES, json!({})).await;
    let id = organisation
        .begin(
            json!({ "mediaType": "voice", "direction": "inbound", "script": script, "speed": 20 }),
        )
        .await;
    let mut changes = Vec::new();
    loop {
        let change = feed.next().await["data"]["conversationChanged"].clone();
        let ended = change["status"] == "ENDED";
        changes.push(change);
        if ended {
            break;
        }
    }
    eventually("the script has played", || async {
        organisation.has_ended(&id).await.then_some(())
    })
    .await;
    changes.retain(|change| {
        let kinds = change["kinds"].as_array().expect("kinds");
        kinds.iter().any(|it| it == kind) && change["previousStatus"] == change["status"]
    });
    changes
}

async fn check_owner(script: &str) {
    let handovers = handovers(script, "OWNER").await;
    assert_eq!(handovers.len(), 1, "{script}: {handovers:#?}");
    let change = &handovers[0];
    assert!(
        !change["kinds"]
            .as_array()
            .unwrap()
            .contains(&json!("STATUS")),
        "{change}"
    );
    assert_eq!(change["status"], "CONNECTED", "{change}");
    let ids = [
        &change["previousOwner"]["genesysId"],
        &change["owner"]["genesysId"],
    ];
    assert!(
        ids[0].is_string() && ids[1].is_string() && ids[0] != ids[1],
        "{change}"
    );
}

#[tokio::test]
async fn a_consult_transfer_is_one_change_of_owner() {
    Box::pin(check_owner("consult-transfer")).await;
}

#[tokio::test]
async fn a_conference_whose_first_agent_leaves_is_one_change_of_owner() {
    Box::pin(check_owner("conference-agent-leaves-first")).await;
}

#[tokio::test]
async fn an_overflow_is_one_change_of_queue() {
    let handovers = handovers("overflow", "QUEUE").await;
    assert_eq!(handovers.len(), 1, "{handovers:#?}");
    let change = &handovers[0];
    assert_eq!(change["status"], "WAITING_IN_QUEUE", "{change}");
    assert!(change["previousQueueId"].is_string(), "{change}");
    assert_ne!(change["previousQueueId"], change["queueId"], "{change}");
}
