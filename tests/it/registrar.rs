//! The demo's registrar: every conversation is about something, also what began while it was away.

use conversation_gateway::registrar::Registrar;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

#[tokio::test(flavor = "multi_thread")]
async fn every_open_conversation_gets_its_case() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let stop = CancellationToken::new();
    let mut ids = begin(&organisation, 6).await;
    for id in &ids {
        gateway.until_status(id, "WAITING_IN_QUEUE").await;
    }
    let registrar = Registrar::new(&format!("http://{}", gateway.address)).expect("a client");
    let running = tokio::task::spawn(registrar.run(stop.clone()));
    ids.extend(begin(&organisation, 6).await);

    eventually("each has a case and a page to open", || async {
        let data = gateway
            .query(
                "{ conversations { nodes { initialScreenPopTarget context { key } } } }",
                json!({}),
            )
            .await;
        let nodes = data["conversations"]["nodes"].as_array().cloned();
        nodes.filter(|nodes| nodes.len() == ids.len() && nodes.iter().all(has_case))
    })
    .await;
    stop.cancel();
    running.await.expect("no panic").expect("it ends well");
}

async fn begin(organisation: &Organisation, number: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..number {
        let voice = json!({ "mediaType": "voice", "direction": "inbound" });
        let id = organisation.begin(voice).await;
        organisation.steps(&id, &["enqueue"]).await;
        ids.push(id);
    }
    ids
}

fn has_case(conversation: &Value) -> bool {
    let links = conversation["context"].as_array();
    let case = links.is_some_and(|links| links.iter().any(|link| link["key"] == "CASE"));
    case && conversation["initialScreenPopTarget"].is_string()
}
