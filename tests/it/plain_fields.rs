//! A selection of plain fields is answered in one step; it must say what the general way says.

use serde_json::{Value, json};

use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const PLAIN: &str = "id conversationId initiatedBy registeredAt initialScreenPopTarget conversationStart \
     conversationEnd direction originalMediaType activeMediaType calculatedStatus statusSince waitingSince \
     lastQueueId lastQueueName errorMessage errorAt version createdAt updatedAt again: version";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_fields_are_what_the_general_way_says() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = organisation.begin(json!({ "mediaType": "VOICE" })).await;
    organisation.steps(&id, &["enqueue"]).await;
    gateway.until_status(&id, "WAITING_IN_QUEUE").await;
    let register = "mutation($id: ID!) { registerConversation(input: { conversationId: $id, initiatedBy: DCM, \
         initialScreenPopTarget: CASE, context: { key: CASE, objectId: \"1\" } }) { created } }";
    gateway.query(register, json!({ "id": id })).await;
    let quick = answers(&gateway, &id, PLAIN).await;
    // A fragment, a directive or an object's own selection leads every field the general way.
    let fragment = format!("... on Conversation {{ {PLAIN} }}");
    assert_eq!(answers(&gateway, &id, &fragment).await, quick);
    let skipped = format!("{PLAIN} id @skip(if: false)");
    assert_eq!(answers(&gateway, &id, &skipped).await, quick);
    assert_eq!(quick[0]["initialScreenPopTarget"], "CASE");
    assert_eq!(quick[0]["again"], quick[0]["version"]);
    assert_eq!(quick[1], quick[0]);
    assert_eq!(quick[2], quick[0]);
}

/// The conversation by its id, on the page of its case, and as an edge of a list.
async fn answers(gateway: &Gateway, id: &str, fields: &str) -> Vec<Value> {
    let query = format!(
        "query($id: ID!) {{ conversation(conversationId: $id) {{ {fields} }} \
         case: conversations(filter: {{ context: {{ key: CASE, objectId: \"1\" }} }}) {{ nodes {{ {fields} }} }} \
         listed: conversations(filter: {{ conversationIds: [$id] }}) {{ edges {{ node {{ {fields} }} }} }} }}"
    );
    let mut data = gateway.query(&query, json!({ "id": id })).await;
    vec![
        data["conversation"].take(),
        data["case"]["nodes"][0].take(),
        data["listed"]["edges"][0]["node"].take(),
    ]
}
