//! Reading after a change: `Gateway-At-Least` waits for the place in the log that it names.

use conversation_gateway::store::Cursor;
use serde_json::{Value, json};

use crate::support::client;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const REGISTER: &str = "mutation { registerConversation(input: { conversationId: \"5b1e7c90-2a3d-4c8f-b6e1-7d90a4f2c3e8\", initiatedBy: DCM }) { feedCursor } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_waits_for_the_place_it_wants_to_see() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let answer = gateway.query(REGISTER, json!({})).await;
    let cursor = answer["registerConversation"]["feedCursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let ask = async |at_least: &str| -> Value {
        let query = "{ conversation(conversationId: \"5b1e7c90-2a3d-4c8f-b6e1-7d90a4f2c3e8\") { calculatedStatus } }";
        client::http()
            .post(format!("http://{}/graphql", gateway.address))
            .header("Gateway-At-Least", at_least)
            .json(&json!({ "query": query }))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    assert_eq!(
        ask(&cursor).await["data"]["conversation"]["calculatedStatus"],
        "CREATED"
    );
    let code = async |cursor: &str| ask(cursor).await["errors"][0]["extensions"]["code"].clone();
    assert_eq!(code("nonsense").await, "BAD_USER_INPUT");
    let here = Cursor::decode(&cursor).unwrap();
    let future = Cursor::new(here.epoch, here.sequence + 1_000, here.check);
    assert_eq!(code(&future.encode()).await, "TIMEOUT");
    let other_log = Cursor::new(here.epoch ^ 1, here.sequence, here.check);
    assert_eq!(code(&other_log.encode()).await, "CURSOR_UNKNOWN");
}
