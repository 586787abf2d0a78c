//! A conversation heard notification by notification ends as the same row as one that is read once
//! after its end.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async;

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const ROW: &str = "query($id: ID!) { conversation(conversationId: $id) {
    calculatedStatus conversationStart conversationEnd direction originalMediaType lastQueueId lastQueueName
    owner { kind genesysId } errorMessage
    participants(includeSystem: true) { participantId purpose purposeName userId name queueId
        active onHold consulted afterCallWorkPending connectedTime endTime wrapUpCode
        sessions { sessionId mediaType direction state connectedTime endTime disconnectType wrapUpCode } } } }";

/// Keeps the notifications of all queues as any client of Genesys may.
struct Recorder {
    frames: JoinSet<Vec<Value>>,
}

impl Recorder {
    async fn start(organisation: &Organisation) -> Self {
        let queues = organisation
            .api("/api/v2/routing/queues?pageSize=100")
            .await;
        let topics = queues["entities"].as_array().expect("queues").iter();
        let topics = topics.map(|queue| {
            let queue = queue["id"].as_str().expect("an id");
            json!({ "id": format!("v2.routing.queues.{queue}.conversations") })
        });
        let channels = "/api/v2/notifications/channels";
        let channel = organisation.api_post(channels, json!({})).await;
        let id = channel["id"].as_str().expect("an id");
        let topics = topics.collect::<Vec<_>>();
        organisation
            .api_post(&format!("{channels}/{id}/subscriptions"), json!(topics))
            .await;
        let uri = channel["connectUri"].as_str().expect("an address");
        let (mut socket, _) = connect_async(uri).await.expect("the socket opens");
        let mut frames = JoinSet::new();
        frames.spawn(async move {
            let mut heard = Vec::new();
            while let Some(Ok(message)) = socket.next().await {
                let text = message.to_text().unwrap_or_default();
                let frame: Value = serde_json::from_str(text).unwrap_or_default();
                if frame["eventBody"]["participants"].is_array() {
                    let (topic, body) = (&frame["topicName"], &frame["eventBody"]);
                    let at = 20 * heard.len();
                    heard.push(json!({ "at": at, "topicName": topic, "eventBody": body }));
                }
            }
            heard
        });
        Self { frames }
    }

    /// What was heard until the sockets closed.
    async fn stop(mut self, organisation: &Organisation) -> Vec<Value> {
        organisation.fault(json!({ "dropSockets": true })).await;
        let heard = self.frames.join_next().await;
        heard.expect("it records").expect("it does not panic")
    }
}

async fn row(gateway: &Gateway, id: &str) -> Value {
    gateway.query(ROW, json!({ "id": id })).await["conversation"].clone()
}

async fn ends_as_read_once(script: &str, media: &str) {
    let organisation = Organisation::start().await;
    let recorder = Recorder::start(&organisation).await;
    let play =
        json!({ "mediaType": media, "direction": "inbound", "script": script, "speed": 100 });
    let id = organisation.begin(play).await;
    eventually("the last notification is heard", || async {
        let truth = organisation.truth().await;
        let told = truth.iter().find(|it| it["id"] == id.as_str())?;
        let last = told["steps"].as_array()?.last()?;
        (told["ended"] == true && last["heard"] == true).then_some(())
    })
    .await;
    let recorded = recorder.stop(&organisation).await;
    let reading = Gateway::start(&organisation, Database::Sqlite).await;
    // Analytics may correct start and end later; elsewhere they know nothing of it.
    let fault = json!({ "status": 500, "path": "/analytics", "forMs": 600_000 });
    organisation.fault(fault).await;
    let link = "mutation($id: ID!) { linkConversation(input: { conversationId: $id, key: CASE, objectId: \"c\", verb: CREATED }) {
        conversation { calculatedStatus } } }";
    reading.query(link, json!({ "id": id })).await;

    let elsewhere = Organisation::start().await;
    let hearing = Gateway::start(&elsewhere, Database::Sqlite).await;
    assert!(recorded.len() > 3, "{script}: {recorded:#?}");
    elsewhere.replay(json!({ "snapshots": recorded })).await;
    let mut rows = (Value::Null, Value::Null);
    for _ in 0..100 {
        rows = (row(&reading, &id).await, row(&hearing, &id).await);
        if rows.0["calculatedStatus"] == "ENDED" && rows.0 == rows.1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{script}: read once\n{:#}\nheard\n{:#}", rows.0, rows.1);
}

#[tokio::test]
async fn a_recorded_call_ends_as_one_that_is_read_once() {
    for script in ["hold", "rona-twice", "consult-transfer", "conference"] {
        ends_as_read_once(script, "voice").await;
    }
}

#[tokio::test]
async fn a_recorded_thread_ends_as_one_that_is_read_once() {
    ends_as_read_once("email-parked", "email").await;
    ends_as_read_once("message-reopened", "message").await;
}
