//! What no notification tells of is found all the same: by reading it again.

use std::time::Duration;

use conversation_gateway::config::Config;
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const ONE: &str = "GET /api/v2/conversations/{id}";
const MANY: &str = "GET /api/v2/analytics/conversations/details";

/// Conversations without news are read again soon; a socket is not taken for lost meanwhile.
fn impatient(mut config: Config) -> Config {
    let ms = Duration::from_millis;
    config.genesys.lost_after = Duration::from_mins(1);
    config.genesys.watch.watch_quiet = ms(400);
    config.genesys.watch.watch_idle = ms(400);
    config.genesys.watch.watch_stuck = ms(100);
    config.genesys.watch.watch_forgotten = ms(300);
    config.genesys.watch.watch_wrap_up = vec![ms(400)];
    config
}

async fn start(organisation: &Organisation, database: Database) -> Gateway {
    Gateway::start_tuned(organisation, database, &[], impatient).await
}

async fn call(organisation: &Organisation, steps: &[&str]) -> String {
    let call = json!({ "mediaType": "voice", "direction": "inbound" });
    let id = organisation.begin(call).await;
    organisation.steps(&id, steps).await;
    id
}

/// Makes steps of which no notification arrives, although the socket stays.
async fn unheard(organisation: &Organisation, id: &str, steps: &[&str]) {
    organisation.fault(json!({ "silentMs": 600_000 })).await;
    organisation.steps(id, steps).await;
}

#[tokio::test]
async fn a_registered_conversation_that_no_topic_shows_is_read_at_once_and_watched_to_its_end() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = call(&organisation, &["ivr"]).await;
    gateway.register(&id).await;
    gateway.until_status(&id, "IN_FLOW").await;
    organisation.steps(&id, &["customer-disconnect"]).await;
    gateway.until_status(&id, "ENDED").await;
    assert_eq!(gateway.history(&id).await, ["CREATED", "IN_FLOW", "ENDED"]);
}

#[tokio::test]
async fn one_registered_before_anybody_is_in_it_is_found_when_it_begins() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = call(&organisation, &[]).await;
    gateway.register(&id).await;
    eventually("it was asked for", || async {
        let asked = organisation.calls().await[ONE].as_u64();
        (asked > Some(1)).then_some(())
    })
    .await;
    organisation.steps(&id, &["ivr"]).await;
    gateway.until_status(&id, "IN_FLOW").await;
    let data = gateway
        .query(
            "query($id: ID!) { conversation(conversationId: $id) { errorMessage } }",
            json!({ "id": id }),
        )
        .await;
    assert_eq!(data["conversation"]["errorMessage"], Value::Null);
}

async fn an_end_that_was_not_heard_is_found(database: Database) {
    let organisation = Organisation::start().await;
    let gateway = start(&organisation, database).await;
    let talk = call(&organisation, &["enqueue", "offer", "answer"]).await;
    gateway.until_status(&talk, "CONNECTED").await;
    unheard(&organisation, &talk, &["customer-disconnect"]).await;
    gateway.until_status(&talk, "AFTER_CALL_WORK").await;
    organisation.steps(&talk, &["wrap-up"]).await;
    gateway.until_status(&talk, "ENDED").await;
}

#[tokio::test]
async fn an_end_that_was_not_heard_is_found_on_sqlite() {
    an_end_that_was_not_heard_is_found(Database::Sqlite).await;
}

#[tokio::test]
async fn an_end_that_was_not_heard_is_found_on_postgresql() {
    an_end_that_was_not_heard_is_found(Database::Postgres).await;
}

#[tokio::test]
async fn many_quiet_conversations_are_asked_for_together() {
    let organisation = Organisation::start().await;
    let gateway = start(&organisation, Database::Sqlite).await;
    let mut ids = Vec::new();
    for _ in 0..60 {
        ids.push(call(&organisation, &["enqueue", "offer", "answer"]).await);
    }
    for id in &ids {
        gateway.until_status(id, "CONNECTED").await;
    }
    organisation.fault(json!({ "silentMs": 600_000 })).await;
    eventually("they are asked for in batches", || async {
        let asked = organisation.calls().await[MANY].as_u64();
        (asked > Some(2)).then_some(())
    })
    .await;
    unheard(&organisation, &ids[30], &["customer-disconnect", "wrap-up"]).await;
    gateway.until_status(&ids[30], "ENDED").await;
}

#[tokio::test]
async fn a_leg_that_genesys_forgot_is_named_and_taken_back_when_it_is_gone() {
    let organisation = Organisation::start().await;
    let gateway = start(&organisation, Database::Sqlite).await;
    let queue = organisation.api("/api/v2/routing/queues").await["entities"][0]["id"].clone();
    let topic = format!(
        "v2.routing.queues.{}.conversations",
        queue.as_str().expect("an id")
    );
    let id = "0b7c6f4e-56f1-4f1a-9d0e-8a4b7f1f3c11";
    let body = |agent: Value| {
        json!({ "id": id, "participants": [
            { "id": "c", "purpose": "customer", "connectedTime": "2026-03-02T09:00:00.000Z",
              "endTime": "2026-03-02T09:05:00.000Z", "calls": [{ "id": "c1", "state": "terminated",
                "direction": "inbound", "connectedTime": "2026-03-02T09:00:00.000Z",
                "disconnectedTime": "2026-03-02T09:05:00.000Z", "disconnectType": "endpoint" }] },
            { "id": "a", "purpose": "agent", "userId": "u", "queueId": queue,
              "connectedTime": "2026-03-02T09:00:10.000Z", "calls": [agent] },
        ]})
    };
    let open = json!({ "id": "a1", "state": "connected", "direction": "inbound",
        "connectedTime": "2026-03-02T09:00:10.000Z" });
    let replay = async |agent: Value| {
        let frame = json!({ "at": 0, "topicName": topic, "eventBody": body(agent) });
        organisation.replay(json!({ "snapshots": [frame] })).await;
    };
    let message = async || {
        let data = gateway
            .query(
                "query($id: ID!) { conversation(conversationId: $id) { errorMessage } }",
                json!({ "id": id }),
            )
            .await;
        data["conversation"]["errorMessage"].clone()
    };

    replay(open.clone()).await;
    gateway.until_status(id, "CONNECTED").await;
    eventually("the leg is named", || async {
        let said = message().await;
        let said = said.as_str()?;
        (said.contains("a1") && said.contains("force")).then_some(())
    })
    .await;

    let mut over = open;
    over["state"] = json!("terminated");
    over["disconnectedTime"] = json!("2026-03-02T09:20:00.000Z");
    over["disconnectType"] = json!("client");
    replay(over).await;
    gateway.until_status(id, "ENDED").await;
    eventually("the error is taken back", || async {
        message().await.is_null().then_some(())
    })
    .await;
}
