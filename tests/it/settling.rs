//! Durations: measured while a conversation runs, settled by Genesys' analytics once it is over.

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;
use conversation_gateway::domain::time::Time;

const SESSIONS: &str = "query($id: ID!) { conversation(conversationId: $id) { calculatedStatus
    participants(includeSystem: true) { purposeName timingsFinal sessions {
        sessionId timingsFinal endTime alertSeconds talkSeconds holdSeconds acwSeconds } } } }";
const CHANGES: &str = "subscription { conversationChanged(includeCurrent: true) {
    conversationId kinds cause } }";

async fn sessions(gateway: &Gateway, id: &str) -> Vec<Value> {
    let data = gateway.query(SESSIONS, json!({ "id": id })).await;
    let participants = data["conversation"]["participants"].as_array().cloned();
    participants
        .unwrap_or_default()
        .iter()
        .flat_map(|one| one["sessions"].as_array().cloned().unwrap_or_default())
        .collect()
}

fn all_final(sessions: &[Value]) -> bool {
    let mut over = sessions.iter().filter(|one| one["endTime"].is_string());
    over.clone().next().is_some() && over.all(|one| one["timingsFinal"] == true)
}

/// Seconds of a kind, as analytics tell them of a session.
async fn told(organisation: &Organisation, id: &str, session: &Value, kind: &str) -> f64 {
    let path = format!("/api/v2/analytics/conversations/{id}/details");
    let details = organisation.api(&path).await;
    let participants = details["participants"].as_array().unwrap();
    let all = participants
        .iter()
        .flat_map(|one| one["sessions"].as_array().unwrap());
    let it = all
        .clone()
        .find(|one| one["sessionId"] == *session)
        .unwrap();
    let of_kind = |one: &&Value| one["segmentType"] == kind;
    let time = |value: &Value| Time::parse(value.as_str().unwrap()).unwrap();
    let lasted = |one: &Value| time(&one["segmentEnd"]).since(time(&one["segmentStart"]));
    let segments = it["segments"].as_array().unwrap();
    let millis: i64 = segments.iter().filter(of_kind).map(lasted).sum();
    f64::from(i32::try_from(millis).unwrap()) / 1000.0
}

#[tokio::test]
async fn durations_are_settled_once_by_analytics_after_the_end() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let mut changes = gateway.subscribe(CHANGES, json!({})).await;
    let id = organisation.begin(json!({ "mediaType": "VOICE" })).await;
    let steps = [
        "enqueue",
        "offer",
        "answer",
        "hold",
        "unhold",
        "customer-disconnect",
    ];
    organisation.steps(&id, &steps).await;
    gateway.until_status(&id, "AFTER_CALL_WORK").await;
    let measured = sessions(&gateway, &id).await;
    assert!(
        measured.iter().all(|one| one["timingsFinal"] == false),
        "{measured:?}"
    );
    organisation.steps(&id, &["wrap-up"]).await;
    let settled = eventually("all durations are final", || async {
        let settled = sessions(&gateway, &id).await;
        all_final(&settled).then_some(settled)
    })
    .await;
    for session in &settled {
        let of = |kind| told(&organisation, &id, &session["sessionId"], kind);
        assert_eq!(
            session["talkSeconds"],
            json!(of("interact").await),
            "{session}"
        );
        assert_eq!(session["holdSeconds"], json!(of("hold").await), "{session}");
        assert_eq!(
            session["alertSeconds"],
            json!(of("alert").await),
            "{session}"
        );
        assert_eq!(
            session["acwSeconds"],
            json!(of("wrapup").await),
            "{session}"
        );
    }
    loop {
        let next = changes.next().await;
        let change = &next["data"]["conversationChanged"];
        let kinds = change["kinds"].as_array().unwrap();
        if change["cause"] == "ENRICHED" && kinds.contains(&json!("PARTICIPANTS")) {
            break;
        }
    }
}

#[tokio::test]
async fn a_thread_is_settled_each_time_it_becomes_idle() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = organisation.begin(json!({ "mediaType": "MESSAGE" })).await;
    // The customer who writes again finds his thread in its queue.
    for (round, begins) in [(1, "enqueue"), (2, "message")] {
        let steps = [begins, "offer", "answer", "agent-disconnect", "wrap-up"];
        organisation.steps(&id, &steps).await;
        gateway.until_status(&id, "IDLE").await;
        eventually("the sessions so far are final", || async {
            let settled = sessions(&gateway, &id).await;
            let over = settled.iter().filter(|one| one["endTime"].is_string());
            (over.count() >= 2 * round && all_final(&settled)).then_some(())
        })
        .await;
    }
}

async fn unsettled_ones_are_found(database: Database) {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, database).await;
    organisation
        .fault(json!({ "status": 500, "path": "/analytics/" }))
        .await;
    let id = organisation
        .begin(json!({ "mediaType": "VOICE", "script": "simple-voice", "speed": 100 }))
        .await;
    gateway.until_status(&id, "ENDED").await;
    let since = Time::from_millis(0);
    let found = gateway.store.unsettled(since).await.unwrap();
    assert_eq!(found, [id.parse().unwrap()]);
    let future = Time::parse("2100-01-01T00:00:00.000Z").unwrap();
    assert_eq!(gateway.store.unsettled(future).await.unwrap(), []);
    organisation.heal().await;
    eventually("nothing is unsettled", || async {
        let left = gateway.store.unsettled(since).await.unwrap();
        left.is_empty().then_some(())
    })
    .await;
    assert!(all_final(&sessions(&gateway, &id).await));
}

#[tokio::test]
async fn the_database_knows_what_is_unsettled_on_sqlite() {
    unsettled_ones_are_found(Database::Sqlite).await;
}

#[tokio::test]
async fn the_database_knows_what_is_unsettled_on_postgresql() {
    unsettled_ones_are_found(Database::Postgres).await;
}
