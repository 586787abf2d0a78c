//! Registering: before, together with and after the listener's first sight, twice, all at once.

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const REGISTER: &str =
    "mutation($input: RegisterConversationInput!) { registerConversation(input: $input) {
    created feedCursor clientMutationId
    conversation { calculatedStatus initiatedBy registeredAt originalMediaType lastQueueId
        context { key objectId name verb } } } }";

fn input(id: &str) -> Value {
    json!({ "input": {
        "conversationId": id, "initiatedBy": "DCM", "initialScreenPopTarget": "CASE", "clientMutationId": "m1",
        "context": { "key": "CASE", "objectId": "case-7", "name": "C-7" }
    } })
}

async fn row(gateway: &Gateway, id: &str) -> Value {
    let data = gateway
        .query(
            "query($id: ID!) { conversation(conversationId: $id) { calculatedStatus initiatedBy registeredAt
                initialScreenPopTarget originalMediaType lastQueueId context { objectId verb } } }",
            json!({ "id": id }),
        )
        .await;
    data["conversation"].clone()
}

fn check_joined(row: &Value) {
    assert_eq!(row["initiatedBy"], "DCM");
    assert_eq!(row["initialScreenPopTarget"], "CASE");
    assert_eq!(row["originalMediaType"], "VOICE");
    assert_eq!(row["calculatedStatus"], "WAITING_IN_QUEUE");
    assert!(row["registeredAt"].is_string() && row["lastQueueId"].is_string());
    assert_eq!(
        row["context"],
        json!([{ "objectId": "case-7", "verb": "INITIAL" }])
    );
}

async fn registered_around_the_first_sight(database: Database) {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, database).await;

    // After the first sight.
    let voice = json!({ "mediaType": "voice", "direction": "inbound" });
    let after = organisation.begin(voice.clone()).await;
    organisation.steps(&after, &["enqueue"]).await;
    gateway.until_status(&after, "WAITING_IN_QUEUE").await;
    let answer = gateway.query(REGISTER, input(&after)).await;
    assert_eq!(answer["registerConversation"]["created"], false);
    check_joined(&row(&gateway, &after).await);

    // Before it: the conversation is still in the IVR, where no queue's topic shows it.
    let before = organisation.begin(voice.clone()).await;
    let answer = gateway.query(REGISTER, input(&before)).await;
    let payload = &answer["registerConversation"];
    assert_eq!(payload["created"], true);
    assert_eq!(payload["clientMutationId"], "m1");
    assert_eq!(payload["conversation"]["calculatedStatus"], "CREATED");
    organisation.steps(&before, &["enqueue"]).await;
    gateway.until_status(&before, "WAITING_IN_QUEUE").await;
    check_joined(&row(&gateway, &before).await);

    // Together with it, many times at once.
    let together = organisation.begin(voice).await;
    let registrations = (0..20).map(|_| gateway.query(REGISTER, input(&together)));
    let (answers, ()) = tokio::join!(
        futures_util::future::join_all(registrations),
        organisation.steps(&together, &["enqueue"])
    );
    let created = answers
        .iter()
        .filter(|answer| answer["registerConversation"]["created"] == true)
        .count();
    assert!(created <= 1, "{created} say they made it");
    eventually("both are joined", || async {
        (row(&gateway, &together).await["lastQueueId"].is_string()).then_some(())
    })
    .await;
    check_joined(&row(&gateway, &together).await);
}

#[tokio::test]
async fn one_row_joins_registration_and_first_sight_on_sqlite() {
    registered_around_the_first_sight(Database::Sqlite).await;
}

#[tokio::test]
async fn one_row_joins_registration_and_first_sight_on_postgresql() {
    registered_around_the_first_sight(Database::Postgres).await;
}

#[tokio::test]
async fn a_contradiction_is_a_conflict_that_changes_nothing() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = "0c0ffee0-0000-4000-8000-000000000001";
    gateway.query(REGISTER, input(id)).await;
    let before = row(&gateway, id).await;
    let mut other = input(id);
    other["input"]["initiatedBy"] = json!("GENESYS");
    other["input"]["context"]["objectId"] = json!("case-8");
    let answer = gateway.ask(REGISTER, other).await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "CONFLICT");
    assert_eq!(extensions["fields"], json!(["initiatedBy", "context"]));
    assert_eq!(row(&gateway, id).await, before);
}

#[tokio::test]
async fn links_are_made_refreshed_and_taken_away() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = organisation
        .begin(json!({ "mediaType": "voice", "direction": "inbound" }))
        .await;
    // Unknown to the gateway as yet: it is read from Genesys.
    let link = "mutation($input: LinkConversationInput!) { linkConversation(input: $input) {
        conversation { calculatedStatus context { id name verb customKey } } } }";
    let mut said = json!({ "input": { "conversationId": id, "key": "CUSTOM", "customKey": "order", "objectId": "o-1", "verb": "UPDATED" } });
    let first = gateway.query(link, said.clone()).await;
    let context = &first["linkConversation"]["conversation"]["context"];
    assert_eq!(context[0]["customKey"], "order");
    assert_eq!(context[0]["name"], Value::Null);
    said["input"]["name"] = json!("Order 1");
    let second = gateway.query(link, said).await;
    assert_eq!(
        second["linkConversation"]["conversation"]["context"][0]["name"],
        "Order 1"
    );

    let found = gateway
        .query(
            "query($id: ID!) { node(id: $id) { __typename id } }",
            json!({ "id": context[0]["id"] }),
        )
        .await;
    assert_eq!(found["node"]["__typename"], "ContextLink");

    let unlink = "mutation($input: UnlinkConversationInput!) { unlinkConversation(input: $input) { conversation { context { id } } } }";
    let gone = json!({ "input": { "conversationId": id, "key": "CUSTOM", "customKey": "order", "objectId": "o-1", "verb": "UPDATED" } });
    let answer = gateway.query(unlink, gone.clone()).await;
    assert_eq!(
        answer["unlinkConversation"]["conversation"]["context"],
        json!([])
    );
    let answer = gateway.ask(unlink, gone).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let cases = [
        (
            "{ conversation(conversationId: \"x\") { id } }",
            "conversationId",
        ),
        (
            "{ conversations(first: 1, last: 1) { nodes { id } } }",
            "last",
        ),
        ("{ conversations(first: 201) { nodes { id } } }", "first"),
        ("{ conversations(first: -1) { nodes { id } } }", "first"),
        ("{ conversations(after: \"x\") { nodes { id } } }", "after"),
        ("{ node(id: \"x\") { id } }", "id"),
        (
            "{ conversations(filter: { conversationIds: [\"x\"] }) { nodes { id } } }",
            "filter.conversationIds",
        ),
        (
            "{ conversations(filter: { statuses: [ENDED, OVER] }) { nodes { id } } }",
            "filter.statuses",
        ),
        (
            "{ conversations(filter: { startedFrom: \"today\" }) { nodes { id } } }",
            "filter.startedFrom",
        ),
        ("{ conversations(size: 1) { nodes { id } } }", "size"),
        ("{ conversation { id } }", "conversationId"),
    ];
    let check = async |query: &str, variables: Value, argument: &str| {
        let answer = gateway.ask(query, variables).await;
        let extensions = &answer["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "BAD_USER_INPUT", "{query}: {answer}");
        assert_eq!(extensions["argument"], argument, "{query}: {answer}");
    };
    for (query, argument) in cases {
        check(query, json!({}), argument).await;
    }
    let query = "query ($filter: ConversationFilter, $size: Int) {
        conversations(filter: $filter, first: $size) { nodes { id } } }";
    for (variables, argument) in [
        (
            json!({ "filter": { "statuses": ["OVER"] } }),
            "filter.statuses",
        ),
        (
            json!({ "filter": { "startedTo": "2026-11-23 10:00" } }),
            "filter.startedTo",
        ),
        (json!({ "filter": { "startedTo": 7 } }), "filter.startedTo"),
        (json!({ "size": "many" }), "size"),
    ] {
        check(query, variables, argument).await;
    }
}
