//! Events that AWS `EventBridge` delivers: stored before they are answered, harmless when they come twice
//! or out of order, and a way to see conversations that no topic shows.

use serde_json::{Value, json};

use crate::support::client;
use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

fn event(kind: &str, id: &str) -> Value {
    let body = json!({ "eventTime": 1_760_000_000_000_i64, "conversationId": id });
    json!({
        "version": "0", "id": "7b0c9b1e", "detail-type": kind, "source": "aws.partner/genesys.com",
        "account": "1", "time": "2026-03-02T09:00:00Z", "region": "eu-central-1", "resources": [],
        "detail": { "topicName": kind.replace("{id}", id), "version": "2", "eventBody": body,
            "metadata": { "CorrelationId": "c" }, "timestamp": "2026-03-02T09:00:00.000Z" },
    })
}

async fn send(gateway: &Gateway, body: &Value) -> u16 {
    let address = format!("http://{}/ingest/eventbridge", gateway.address);
    let sent = client::http().post(address).json(body).send().await;
    sent.expect("it answers").status().as_u16()
}

const STARTED: &str = "v2.detail.events.conversation.{id}.customer.start";
const ENDED: &str = "v2.detail.events.conversation.{id}.customer.end";

async fn a_conversation_that_no_topic_shows_is_seen(database: Database) {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, database).await;
    let call = json!({ "mediaType": "voice", "direction": "inbound" });
    let id = organisation.begin(call).await;
    organisation.steps(&id, &["ivr"]).await;
    assert_eq!(send(&gateway, &event(STARTED, &id)).await, 202);
    assert_eq!(send(&gateway, &event(STARTED, &id)).await, 202);
    gateway.until_status(&id, "IN_FLOW").await;
    organisation.steps(&id, &["customer-disconnect"]).await;
    assert_eq!(send(&gateway, &event(ENDED, &id)).await, 202);
    assert_eq!(send(&gateway, &event(STARTED, &id)).await, 202);
    gateway.until_status(&id, "ENDED").await;
    assert_eq!(gateway.history(&id).await, ["IN_FLOW", "ENDED"]);
    eventually("all wishes are granted", || async {
        let wanted = gateway.store.wanted_readings(10).await.expect("it is read");
        wanted.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_conversation_that_no_topic_shows_is_seen_on_sqlite() {
    a_conversation_that_no_topic_shows_is_seen(Database::Sqlite).await;
}

#[tokio::test]
async fn a_conversation_that_no_topic_shows_is_seen_on_postgresql() {
    a_conversation_that_no_topic_shows_is_seen(Database::Postgres).await;
}

#[tokio::test]
async fn an_event_is_kept_until_genesys_can_be_asked() {
    let organisation = Organisation::start().await;
    let flags = ["--eventbridge-retry-ms", "50"];
    let gateway = Gateway::start_with(&organisation, Database::Sqlite, &flags).await;
    let call = json!({ "mediaType": "voice", "direction": "inbound" });
    let id = organisation.begin(call).await;
    organisation.steps(&id, &["ivr"]).await;
    organisation
        .fault(json!({ "status": 503, "path": "/api/v2/conversations/" }))
        .await;
    assert_eq!(send(&gateway, &event(STARTED, &id)).await, 202);
    let wanted = gateway.store.wanted_readings(10).await.expect("it is read");
    assert_eq!(wanted.len(), 1);
    organisation.heal().await;
    gateway.until_status(&id, "IN_FLOW").await;
}

#[tokio::test]
async fn events_of_no_conversation_are_taken_and_what_is_no_event_is_refused() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let unknown = event("v2.of.tomorrow.{id}", "x");
    assert_eq!(send(&gateway, &unknown).await, 202);
    assert_eq!(send(&gateway, &json!({ "hello": 1 })).await, 400);
    let wanted = gateway.store.wanted_readings(10).await.expect("it is read");
    assert_eq!(wanted, []);
}

#[tokio::test]
async fn only_who_may_write_may_send_events() {
    let organisation = Organisation::start().await;
    let flags = ["--jwt-secret", "a secret of at least thirty-two bytes"];
    let gateway = Gateway::start_unready(&organisation, Database::Sqlite, &flags).await;
    assert_eq!(send(&gateway, &event(STARTED, "x")).await, 401);
}
