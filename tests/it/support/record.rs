//! What a gateway says of its feed and its conversations.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::{PATIENCE, client, eventually, eventually_within};

/// The record of the gateway at an address.
#[derive(Clone, Copy)]
pub struct Record(pub SocketAddr);

impl Record {
    pub async fn until_live(self) {
        self.until_live_within(PATIENCE).await;
    }

    pub async fn until_live_within(self, patience: Duration) {
        eventually_within(patience, "the feed is live", || async {
            let query = "{ feedStatus { state } }";
            let data = client::query(self.0, query, json!({})).await;
            (data["feedStatus"]["state"] == "LIVE").then_some(())
        })
        .await;
    }

    /// Waits until nothing is told any more; gives the last cursor.
    pub async fn until_still(self) -> String {
        eventually("the log stands still", || async {
            let before = self.head().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
            (self.head().await == before).then_some(before)
        })
        .await
    }

    /// The cursor of the newest change.
    pub async fn head(self) -> String {
        let data = client::query(self.0, "{ feedCursor }", json!({})).await;
        data["feedCursor"].as_str().expect("a cursor").to_owned()
    }

    /// How many conversations there are, ended ones too.
    pub async fn count(self) -> usize {
        let statuses =
            "CREATED SCHEDULED IN_FLOW WAITING_IN_QUEUE ALERTING DIALING CONNECTED ON_HOLD PARKED
            VOICEMAIL TRANSFERRING TRANSFERRED_OUT AFTER_CALL_WORK IDLE ENDED";
        let query = format!(
            "{{ conversationCounts(filter: {{ statuses: [{statuses}] }}, groupBy: [STATUS]) {{ count }} }}"
        );
        let data = client::query(self.0, &query, json!({})).await;
        let counts = data["conversationCounts"].as_array().expect("a list");
        let counts = counts.iter().filter_map(|group| group["count"].as_u64());
        usize::try_from(counts.sum::<u64>()).expect("it fits")
    }

    pub async fn history(self, id: &str) -> Vec<String> {
        let nodes = self.nodes(id).await;
        let status = |node: &Value| node["status"].as_str().expect("a status").to_owned();
        nodes.iter().map(status).collect()
    }

    /// Where the conversation stands; null when it is not known.
    pub async fn row(self, id: &str) -> Value {
        let query = "query($id: ID!) { conversation(conversationId: $id) {
            calculatedStatus conversationEnd owner { kind genesysId } } }";
        let data = client::query(self.0, query, json!({ "id": id })).await;
        data["conversation"].clone()
    }

    /// The history for people; each change follows on the one before.
    pub async fn told(self, id: &str) -> Vec<String> {
        let nodes = self.nodes(id).await;
        let line = |node: &Value| {
            format!(
                "{} {} {} {}",
                node["occurredAt"], node["status"], node["cause"], node["gapBefore"]
            )
        };
        nodes.iter().map(line).collect()
    }

    async fn nodes(self, id: &str) -> Vec<Value> {
        let query =
            "query($id: ID!) { conversation(conversationId: $id) { statusHistory(first: 200) {
            nodes { number previousStatus status occurredAt cause gapBefore } } } }";
        let data = client::query(self.0, query, json!({ "id": id })).await;
        let nodes = &data["conversation"]["statusHistory"]["nodes"];
        let nodes = nodes.as_array().cloned().unwrap_or_default();
        let mut previous = &Value::Null;
        for (node, number) in nodes.iter().zip(1..) {
            assert_eq!(node["number"], number, "{nodes:#?}");
            assert_eq!(&node["previousStatus"], previous, "{nodes:#?}");
            previous = &node["status"];
        }
        nodes
    }
}
