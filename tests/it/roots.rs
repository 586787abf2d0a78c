//! However the root of a subscription is written, with fragments or in several parts, its one field
//! gives all that was selected.

use serde_json::{Value, json};

use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const ID: &str = "0c0ffee0-0000-4000-8000-000000000001";

#[tokio::test]
async fn fragments_and_parts_of_a_root_give_what_they_select() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let mut subscribers = Vec::new();
    for query in [
        "subscription { conversationStatusChanged { status number } }",
        "subscription { ...F } fragment F on Subscription { conversationStatusChanged { status number } }",
        "subscription { ... on Subscription { ... { conversationStatusChanged { status number } } } }",
        "subscription { conversationStatusChanged { status } conversationStatusChanged { number } }",
        "subscription { conversationStatusChanged { status } ...F }
         fragment F on Subscription { conversationStatusChanged { ...G } }
         fragment G on ConversationStatusChange { number }",
        "subscription {
            conversationStatusChanged @include(if: true) { status number @include(if: true) } }",
    ] {
        // The second of each is told by what was made for the first.
        for _ in 0..2 {
            subscribers.push((query, gateway.subscribe(query, json!({})).await));
        }
    }
    gateway.register(ID).await;
    for (query, subscriber) in &mut subscribers {
        let told = subscriber.next().await;
        let expected = json!({ "conversationStatusChanged": { "status": "CREATED", "number": 1 } });
        assert_eq!(told["data"], expected, "{query}: {told}");
    }
}

#[tokio::test]
async fn what_can_not_be_put_together_is_refused() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    for query in [
        "subscription { feedStatusChanged { state } ... { other: feedStatusChanged { state } } }",
        "subscription { ... @include(if: true) { feedStatusChanged { state } } }",
        "subscription { feedStatusChanged { state } feedStatusChanged @skip(if: true) { since } }",
        "subscription { conversationChanged { cursor } conversationChanged(after: \"x\") { cursor } }",
        "subscription { ...F } fragment F on Query { feedCursor }",
        "subscription { ...F } fragment F on Subscription { feedStatusChanged { nonsense } }",
    ] {
        let mut refused = gateway.subscribe(query, json!({})).await;
        let message = refused.message().await.expect("an answer");
        let code: &Value = &message["payload"][0]["extensions"]["code"];
        assert_eq!(
            (&message["type"], code),
            (&json!("error"), &json!("BAD_USER_INPUT")),
            "{query}"
        );
    }
}
