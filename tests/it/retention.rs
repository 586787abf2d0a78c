//! Cursors grow old: what cannot be resumed any more says so, and a snapshot stands in.

use serde_json::{Value, json};

use crate::support::client::Subscription;
use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const REGISTER: &str = "mutation Register($id: ID!) { registerConversation(input: { conversationId: $id, initiatedBy: DCM }) { feedCursor } }";
const FOLLOW: &str = "subscription Follow($after: String, $includeCurrent: Boolean!) { conversationStatusChanged(after: $after, includeCurrent: $includeCurrent) { status } }";
const LIFETIME: [&str; 2] = ["--cursor-lifetime=100ms", "--retention-sweep=20ms"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_is_too_old_is_refused_and_a_snapshot_stands_in() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start_with(&organisation, Database::Sqlite, &LIFETIME).await;
    let old = register(&gateway, "5b1e7c90-2a3d-4c8f-b6e1-7d90a4f2c3e8").await;
    let new = register(&gateway, "6c2f8da1-3b4e-4d90-a7f2-8ea1b503d4f9").await;

    let expired = eventually("the cursor is too old", || async {
        let mut subscription = follow(&gateway, &old, false).await;
        let message = subscription.message().await.expect("an answer");
        (message["type"] == "error").then(|| message["payload"][0].clone())
    })
    .await;
    assert_eq!(expired["extensions"]["code"], "CURSOR_EXPIRED", "{expired}");
    assert_eq!(expired["extensions"]["head"], json!(new));

    let mut snapshot = follow(&gateway, &old, true).await;
    let first = snapshot.next().await;
    assert_eq!(first["extensions"]["feed"]["recovered"], "SNAPSHOT");

    let mut resumed = follow(&gateway, &new, false).await;
    register(&gateway, "7d30ab12-4c5f-4ea1-b803-9fb2c614e50a").await;
    let first = resumed.next().await;
    assert_eq!(
        first["extensions"]["feed"]["recovered"], "RESUMED",
        "the end of the log never grows old"
    );
}

#[tokio::test]
async fn what_is_no_cursor_gives_the_snapshot_where_one_may_be() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    register(&gateway, "2f1f8a34-70a5-4d3c-9d0b-6f0e2a4f7c11").await;
    let mut snapshot = follow(&gateway, "nonsense", true).await;
    let first = snapshot.next().await;
    assert_eq!(first["extensions"]["feed"]["recovered"], "SNAPSHOT");
    assert_eq!(
        first["data"]["conversationStatusChanged"]["status"],
        "CREATED"
    );

    let mut refused = follow(&gateway, "nonsense", false).await;
    let message = refused.message().await.expect("an answer");
    let code = &message["payload"][0]["extensions"]["code"];
    assert_eq!(code, "BAD_USER_INPUT", "{message}");
}

async fn register(gateway: &Gateway, id: &str) -> String {
    let answer = gateway.query(REGISTER, json!({ "id": id })).await;
    let cursor: &Value = &answer["registerConversation"]["feedCursor"];
    cursor.as_str().expect("a cursor").to_owned()
}

async fn follow(gateway: &Gateway, after: &str, include_current: bool) -> Subscription {
    let variables = json!({ "after": after, "includeCurrent": include_current });
    gateway.subscribe(FOLLOW, variables).await
}
