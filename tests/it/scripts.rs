//! Every script of the simulator, played through the running gateway on both databases: the record
//! equals what the script's author says DCM must show.

use serde_json::{Value, json};

use crate::support::client::Subscription;
use crate::support::eventually;
use crate::support::gateway::{Database, Gateway, course};
use crate::support::organisation::{Organisation, Step};

const SCRIPTS: &[(&str, &str)] = &[
    ("simple-voice", "voice"),
    ("abandoned-in-queue", "voice"),
    ("blind-transfer", "voice"),
    ("consult-transfer", "voice"),
    ("conference", "voice"),
    ("conference-agent-leaves-first", "voice"),
    ("hold", "voice"),
    ("requeue", "voice"),
    ("rona-twice", "voice"),
    ("email-parked", "email"),
    ("async-message", "message"),
    ("callback", "callback"),
    ("overflow", "voice"),
];

const HALVES: &[&str] = &["together", "customer-first", "agent-first"];

const CHANGES: &str =
    "subscription { conversationChanged { cursor version conversationId previousStatus status
    owner { kind genesysId } recordedAt conversation { calculatedStatus } } }";

const STATUS_CHANGES: &str = "subscription { conversationStatusChanged { cursor number conversationId previousStatus status } }";

#[tokio::test]
async fn every_script_equals_the_truth_on_sqlite() {
    play_all(Database::Sqlite).await;
}

#[tokio::test]
async fn every_script_equals_the_truth_on_postgresql() {
    play_all(Database::Postgres).await;
}

async fn play_all(database: Database) {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, database).await;
    let mut changes = gateway.subscribe(CHANGES, json!({})).await;
    let mut status_changes = gateway.subscribe(STATUS_CHANGES, json!({})).await;

    let mut played = Vec::new();
    for (script, medium) in SCRIPTS {
        for halves in HALVES {
            let wanted = json!({
                "mediaType": medium, "direction": "inbound", "script": script, "speed": 20, "halves": halves
            });
            played.push((
                format!("{script} {halves}"),
                organisation.begin(wanted).await,
            ));
        }
    }
    for (_, id) in &played {
        eventually("the script has played", || async {
            organisation.has_ended(id).await.then_some(())
        })
        .await;
    }

    let mut wrong = Vec::new();
    let mut heard_changes = Vec::new();
    let mut heard_statuses = Vec::new();
    for (name, id) in &played {
        let expected = organisation.expected(id).await;
        gateway
            .until_status(id, &expected.last().expect("steps").status)
            .await;
        hear_until(
            &gateway,
            &mut changes,
            "conversationChanged",
            &mut heard_changes,
            id,
        )
        .await;
        hear_until(
            &gateway,
            &mut status_changes,
            "conversationStatusChanged",
            &mut heard_statuses,
            id,
        )
        .await;
        let told = course(&heard_changes, id);
        if told != expected {
            wrong.push(format!(
                "{name}: expected {expected:#?}, the feed told {told:#?}"
            ));
        }
        let statuses = statuses(&expected);
        let history = gateway.history(id).await;
        if history != statuses {
            wrong.push(format!(
                "{name}: expected {statuses:?}, the history says {history:?}"
            ));
        }
        check_status_feed(&heard_statuses, id, &statuses);
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        played.len(),
        wrong.join("\n")
    );
    check_order(&heard_changes);
}

/// Reads the feed up to the conversation's present version.
async fn hear_until(
    gateway: &Gateway,
    feed: &mut Subscription,
    field: &str,
    heard: &mut Vec<Value>,
    id: &str,
) {
    let data = gateway
        .query(
            "query($id: ID!) { conversation(conversationId: $id) { statusHistory(last: 1) { nodes { cursor } } } }",
            json!({ "id": id }),
        )
        .await;
    let last = &data["conversation"]["statusHistory"]["nodes"][0]["cursor"];
    while !heard.iter().any(|change| change["cursor"] == *last) {
        let payload = feed.next().await;
        let change = payload["data"][field].clone();
        assert_eq!(
            payload["extensions"]["cursor"], change["cursor"],
            "the cursor stands in extensions, too"
        );
        heard.push(change);
    }
}

fn statuses(steps: &[Step]) -> Vec<String> {
    let mut statuses: Vec<String> = steps.iter().map(|step| step.status.clone()).collect();
    statuses.dedup();
    statuses
}

/// Numbers run 1, 2, 3 and every status follows from the one before.
fn check_status_feed(heard: &[Value], id: &str, expected: &[String]) {
    let changes: Vec<&Value> = heard
        .iter()
        .filter(|change| change["conversationId"] == id)
        .collect();
    let mut previous = Value::Null;
    for (place, change) in changes.iter().enumerate() {
        assert_eq!(change["number"], place + 1, "{change}");
        assert_eq!(change["previousStatus"], previous, "{change}");
        assert_eq!(change["status"], expected[place], "{change}");
        previous = change["status"].clone();
    }
    assert_eq!(changes.len(), expected.len());
}

/// Each once, by version within a conversation, `recordedAt` never going back.
fn check_order(heard: &[Value]) {
    let mut versions = std::collections::HashMap::new();
    let mut recorded = String::new();
    for change in heard {
        let version = change["version"].as_i64().expect("a version");
        let known = versions
            .insert(change["conversationId"].clone(), version)
            .unwrap_or(0);
        assert_eq!(version, known + 1, "{change}");
        let at = change["recordedAt"].as_str().expect("a time").to_owned();
        assert!(at >= recorded, "{change}");
        recorded = at;
    }
}
