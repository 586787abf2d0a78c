//! A selection of plain fields is answered in one step; it must say what the general way says.

use serde_json::{Value, json};

use crate::support::client;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const PLAIN: &str = "id conversationId initiatedBy registeredAt initialScreenPopTarget conversationStart \
     conversationEnd direction originalMediaType activeMediaType calculatedStatus statusSince waitingSince \
     lastQueueId lastQueueName errorMessage errorAt version createdAt updatedAt again: version __typename";

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

/// A known document's answer is written straight from memory; who names a place in the log is always
/// answered the general way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_from_memory_is_the_very_text_of_the_general_way() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = organisation.begin(json!({ "mediaType": "VOICE" })).await;
    organisation.steps(&id, &["enqueue"]).await;
    gateway.until_status(&id, "WAITING_IN_QUEUE").await;
    let other = organisation.begin(json!({ "mediaType": "VOICE" })).await;
    organisation.steps(&other, &["enqueue"]).await;
    gateway.until_status(&other, "WAITING_IN_QUEUE").await;
    let link = "mutation($id: ID!) { linkConversation(input: { conversationId: $id, \
         verb: UPDATED, key: CASE, objectId: \"a \\\"case\\\"\" }) { conversation { version } } }";
    for id in [&id, &other] {
        gateway.query(link, json!({ "id": id })).await;
    }
    let unknown = "3f0c8a52-1d44-4b7e-9a60-52c1d7e80a11";
    for selection in selections() {
        let one = format!(
            "query One($id: ID!) {{ it: conversation(conversationId: $id) {{ {selection} }} }}"
        );
        let case = format!(
            "query($filter: ConversationFilter!, $first: Int) \
             {{ conversations(filter: $filter, first: $first) {{ all: nodes {{ {selection} }} }} }}"
        );
        let of_case = |case: &str, first: Value| json!({ "filter": { "context": { "key": "CASE", "objectId": case } }, "first": first });
        for (query, variables) in [
            (&one, json!({ "id": id })),
            (&one, json!({ "id": other.to_uppercase() })),
            (&one, json!({ "id": unknown })),
            (&one, json!({ "id": "no id" })),
            (&case, of_case("a \"case\"", json!(50))),
            (&case, of_case("a \"case\"", json!(1))),
            (&case, of_case("a \"case\"", Value::Null)),
            (&case, of_case("another", json!(50))),
            (&case, of_case("another", json!(1_000))),
        ] {
            let general = text(&gateway, query, &variables, true).await;
            for _ in 0..2 {
                assert_eq!(text(&gateway, query, &variables, false).await, general);
            }
        }
    }
}

/// Some of the plain fields in ever another order, some of them under other names and some twice.
fn selections() -> impl Iterator<Item = String> {
    let fields: Vec<&str> = PLAIN.split_whitespace().collect();
    let fields: Vec<&str> = fields.into_iter().filter(|it| !it.ends_with(':')).collect();
    (1..fields.len()).map(move |turn| {
        let wanted = fields.iter().cycle().skip(turn * 5).step_by(turn % 3 + 1);
        let wanted = wanted
            .take(turn)
            .enumerate()
            .map(|(place, field)| match place % 4 {
                1 => format!("as{place}: {field}"),
                2 => format!("{field} {field}"),
                _ => (*field).to_owned(),
            });
        wanted.collect::<Vec<_>>().join(" ")
    })
}

/// The bytes of an answer. The general way leads through a place in the log that was reached long ago.
async fn text(gateway: &Gateway, query: &str, variables: &Value, general: bool) -> String {
    let mut request = client::http()
        .post(format!("http://{}/graphql", gateway.address))
        .json(&json!({ "query": query, "variables": variables }));
    if general {
        let head = gateway.query("{ feedCursor }", json!({})).await;
        let head = head["feedCursor"].as_str().expect("a cursor");
        request = request.header("Gateway-At-Least", head);
    }
    let answer = request.send().await.expect("the gateway answers");
    answer.text().await.expect("a text")
}
