//! Every script of the simulator, played through the running gateway on both databases: the record
//! equals what the script's author says DCM must show.

use serde_json::{Value, json};

use crate::support::client::Subscription;
use crate::support::eventually;
use crate::support::gateway::{Database, Gateway, course};
use crate::support::organisation::{Organisation, Step};

/// Scripts that no queue ever sees: the gateway learns of them by a registration.
const UNSEEN: &[&str] = &["abandoned-in-ivr", "user-to-user"];

const HALVES: &[&str] = &["together", "customer-first", "agent-first"];

const CHANGES: &str =
    "subscription { conversationChanged { cursor version conversationId previousStatus status
    owner { kind genesysId } recordedAt conversation { calculatedStatus } } }";

const STATUS_CHANGES: &str = "subscription { conversationStatusChanged { cursor number conversationId previousStatus status } }";

#[tokio::test]
async fn every_script_equals_the_truth_on_sqlite() {
    Box::pin(play_all(Database::Sqlite, &[])).await;
}

#[tokio::test]
async fn every_script_equals_the_truth_on_postgresql() {
    Box::pin(play_all(Database::Postgres, &[])).await;
}

#[tokio::test]
async fn every_script_equals_the_truth_through_per_media_topics() {
    Box::pin(play_all(Database::Sqlite, &["--topics", "media"])).await;
}

/// A script that was played, and as which conversation.
struct Played {
    name: String,
    id: String,
    registered: bool,
}

/// Plays every script in each of the ways in which a hang-up can show, side by side.
async fn play_all(database: Database, flags: &[&str]) {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start_with(&organisation, database, flags).await;
    let mut changes = gateway.subscribe(CHANGES, json!({})).await;
    let mut status_changes = gateway.subscribe(STATUS_CHANGES, json!({})).await;

    let scripts = organisation.scripts().await;
    assert!(scripts.len() >= 28, "{scripts:?}");
    let mut played = Vec::new();
    for script in &scripts {
        for halves in HALVES {
            let wanted = json!({ "script": script, "speed": 20, "halves": halves });
            let id = organisation.begin(wanted).await;
            let registered = UNSEEN.contains(&script.as_str());
            if registered {
                gateway.register(&id).await;
            }
            let name = format!("{script} {halves}");
            played.push(Played {
                name,
                id,
                registered,
            });
        }
    }
    eventually("all scripts have played", || async {
        let truth = organisation.truth().await;
        truth.iter().all(|it| it["playing"] == false).then_some(())
    })
    .await;

    let mut wrong = Vec::new();
    let mut heard_changes = Vec::new();
    let mut heard_statuses = Vec::new();
    for Played {
        name,
        id,
        registered,
    } in &played
    {
        let mut expected = organisation.expected(id).await;
        if *registered {
            let status = "CREATED".to_owned();
            expected.insert(
                0,
                Step {
                    status,
                    owner: None,
                },
            );
            expected.dedup();
        }
        let last = &expected.last().expect("steps").status;
        if !gateway.reaches(id, last).await {
            let history = gateway.history(id).await;
            wrong.push(format!("{name}: {last} is not reached: {history:?}"));
            continue;
        }
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
            continue;
        }
        let statuses = statuses(&expected);
        let history = gateway.history(id).await;
        if history != statuses {
            wrong.push(format!(
                "{name}: expected {statuses:?}, the history says {history:?}"
            ));
            continue;
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
