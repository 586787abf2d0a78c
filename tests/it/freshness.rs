//! Reading and the log: `Gateway-At-Least` waits for the place that it names, `feedCursor` is none too new, a
//! snapshot tells each conversation as it is.

use std::collections::HashMap;

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

fn sequence(cursor: &Value) -> u64 {
    let cursor = cursor.as_str().expect("a cursor");
    Cursor::decode(cursor).expect("a cursor").sequence
}

/// Whoever lists and then follows the log from there must not miss what came between the two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_cursor_is_no_newer_than_what_is_read_beside_it() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let registered = gateway.query(REGISTER, json!({})).await;
    let id = "5b1e7c90-2a3d-4c8f-b6e1-7d90a4f2c3e8";
    let link = "mutation($id: ID!, $name: String!) { linkConversation(input: {
        conversationId: $id, key: CASE, objectId: \"1\", verb: UPDATED, name: $name }) {
        feedCursor conversation { version } } }";
    let changes = async {
        let mut places = HashMap::from([(
            1,
            sequence(&registered["registerConversation"]["feedCursor"]),
        )]);
        for number in 0..150 {
            let variables = json!({ "id": id, "name": number.to_string() });
            let linked = gateway.query(link, variables).await["linkConversation"].take();
            let version = linked["conversation"]["version"].as_u64().expect("one");
            places.insert(version, sequence(&linked["feedCursor"]));
        }
        places
    };
    let reads = async {
        let mut reads = Vec::new();
        let query = "query($id: ID!) { conversation(conversationId: $id) { version participants { id } } feedCursor }";
        for _ in 0..300 {
            let read = gateway.query(query, json!({ "id": id })).await;
            let version = read["conversation"]["version"].as_u64().expect("one");
            reads.push((version, sequence(&read["feedCursor"])));
        }
        reads
    };
    let (places, reads) = tokio::join!(changes, reads);
    for (version, cursor) in reads {
        if let Some(next) = places.get(&(version + 1)) {
            assert!(
                cursor < *next,
                "version {version} at {cursor}, the next at {next}"
            );
        }
    }
}

#[tokio::test]
async fn a_snapshot_tells_the_entry_as_it_was_and_the_conversation_as_it_is_and_has_a_bound() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start_tuned(&organisation, Database::Sqlite, &[], |mut config| {
        config.feed.feed_snapshot = 1;
        config
    })
    .await;
    gateway.query(REGISTER, json!({})).await;
    let link = "mutation { linkConversation(input: { verb: UPDATED, key: CASE, objectId: \"1\",
        conversationId: \"5b1e7c90-2a3d-4c8f-b6e1-7d90a4f2c3e8\" }) { clientMutationId } }";
    gateway.query(link, json!({})).await;
    let query = "subscription { conversationChanged(kinds: [STATUS], includeCurrent: true) {
        version kinds conversation { version } } }";
    let mut feed = gateway.subscribe(query, json!({})).await;
    let change = feed.next().await["data"]["conversationChanged"].take();
    assert_eq!(change["version"], 1);
    assert_eq!(change["conversation"]["version"], 2);

    let other = REGISTER.replace("5b1e7c90", "6b1e7c90");
    gateway.query(&other, json!({})).await;
    let mut refused = gateway.subscribe(query, json!({})).await;
    let told = refused.message().await.expect("a message");
    let extensions = &told["payload"][0]["extensions"];
    assert_eq!(extensions["code"], "LIMIT_EXCEEDED", "{told}");
    assert_eq!(
        (&extensions["what"], &extensions["limit"]),
        (&json!("conversations"), &json!(1))
    );
}
