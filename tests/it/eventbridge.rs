//! Events that AWS `EventBridge` delivers: stored before they are answered, harmless when they come twice
//! or out of order, and a way to see conversations that no topic shows.

use conversation_gateway::clock::{Clock, SystemClock};
use conversation_gateway::simulator::SimulatorConfig;
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

const ONE: &str = "GET /api/v2/conversations/{id}";
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
        (gateway.wanted_readings().await == 0).then_some(())
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
    eventually("readings were refused", || async {
        // One may be the survey's at the start.
        let asked = organisation.calls().await[ONE].as_u64();
        (asked > Some(2)).then_some(())
    })
    .await;
    assert_eq!(gateway.wanted_readings().await, 1);
    assert!(gateway.history(&id).await.is_empty());
    organisation.heal().await;
    gateway.until_status(&id, "IN_FLOW").await;
}

/// Many wishes, each older than the next.
async fn want(gateway: &Gateway, prefix: &str, count: usize) {
    for number in 0..count {
        let id = format!("{prefix}-0000-4000-8000-{number:012}");
        let id = id.parse().expect("an id");
        let wanted = gateway.store.want_reading(id, SystemClock.now()).await;
        wanted.expect("it is stored");
    }
}

#[tokio::test]
async fn many_events_are_seen_to_without_a_pause() {
    let organisation = Organisation::start().await;
    let an_hour = ["--eventbridge-retry-ms", "3600000"];
    let gateway = Gateway::start_with(&organisation, Database::Sqlite, &an_hour).await;
    want(&gateway, "bbbbbbbb", 250).await;
    let unknown = "bbbbbbbb-ffff-4fff-8fff-ffffffffffff";
    assert_eq!(send(&gateway, &event(STARTED, unknown)).await, 202);
    eventually("all wishes are settled", || async {
        (gateway.wanted_readings().await == 0).then_some(())
    })
    .await;
}

async fn those_that_cannot_be_read_keep_no_other_from_it(database: Database) {
    let organisation = Organisation::start().await;
    let flags = ["--eventbridge-retry-ms", "1000"];
    let gateway = Gateway::start_with(&organisation, database, &flags).await;
    organisation
        .fault(json!({ "status": 500, "path": "/conversations/aaaaaaaa" }))
        .await;
    want(&gateway, "aaaaaaaa", 100).await;
    let call = json!({ "mediaType": "voice", "direction": "inbound" });
    let id = organisation.begin(call).await;
    organisation.steps(&id, &["ivr"]).await;
    assert_eq!(send(&gateway, &event(STARTED, &id)).await, 202);
    gateway.until_status(&id, "IN_FLOW").await;
    eventually("its wish alone is settled", || async {
        (gateway.wanted_readings().await == 100).then_some(())
    })
    .await;
}

#[tokio::test]
async fn those_that_cannot_be_read_keep_no_other_from_it_on_sqlite() {
    those_that_cannot_be_read_keep_no_other_from_it(Database::Sqlite).await;
}

#[tokio::test]
async fn those_that_cannot_be_read_keep_no_other_from_it_on_postgresql() {
    those_that_cannot_be_read_keep_no_other_from_it(Database::Postgres).await;
}

/// A conversation in a queue whose topic Genesys refuses is shown by nobody: its events are its news.
#[tokio::test]
async fn events_of_a_queue_whose_topic_is_refused_are_read() {
    let organisation = Organisation::start_with(SimulatorConfig {
        queues: 2,
        refused_queues: 1,
        ..SimulatorConfig::for_tests()
    })
    .await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let feed = "{ feedStatus { refusedTopics { topic } } }";
    let refused = gateway.query(feed, json!({})).await["feedStatus"]["refusedTopics"].take();
    let topic = refused[0]["topic"].as_str().expect("one is refused");
    let queue = topic.split('.').nth(3).expect("its queue");
    let call = json!({ "mediaType": "voice", "direction": "inbound", "queueId": queue });
    let id = organisation.begin(call).await;
    for (step, status) in [("enqueue", "WAITING_IN_QUEUE"), ("offer", "ALERTING")] {
        organisation.steps(&id, &[step]).await;
        assert_eq!(send(&gateway, &event(STARTED, &id)).await, 202);
        gateway.until_status(&id, status).await;
    }
}

#[tokio::test]
async fn events_of_no_conversation_are_taken_and_what_is_no_event_is_refused() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let unknown = event("v2.of.tomorrow.{id}", "x");
    assert_eq!(send(&gateway, &unknown).await, 202);
    assert_eq!(send(&gateway, &json!({ "hello": 1 })).await, 400);
    assert_eq!(gateway.wanted_readings().await, 0);
}

#[tokio::test]
async fn only_who_may_write_may_send_events() {
    let organisation = Organisation::start().await;
    let flags = ["--jwt-secret", "a secret of at least thirty-two bytes"];
    let gateway = Gateway::start_unready(&organisation, Database::Sqlite, &flags).await;
    assert_eq!(send(&gateway, &event(STARTED, "x")).await, 401);
}
