//! `POST /ingest/registration`: registering for callers that judge by the HTTP status.

use serde_json::{Value, json};

use crate::support::client;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const PATH: &str = "/ingest/registration";

async fn registers(database: Database) {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, database).await;
    let id = uuid::Uuid::new_v4().to_string();
    let mut flat = json!({
        "conversationId": id.to_uppercase(), "initiatedBy": "GENESYS", "initialScreenPopTarget": "CASE",
        "direction": "INBOUND", "originalMediaType": "VOICE", "queueId": "", "queueName": null,
        "contextKey": "CASE", "contextCustomKey": "", "contextObjectId": "case-7", "contextName": "C-7",
    });
    let told = |created: bool| json!({ "conversationId": id, "calculatedStatus": "CREATED", "created": created });
    let post = async |body: &Value| client::post(gateway.address, PATH, body).await;
    assert_eq!(post(&flat).await, (201, told(true)));
    assert_eq!(post(&flat).await, (200, told(false)));

    flat["direction"] = "OUTBOUND".into();
    let (status, conflict) = post(&flat).await;
    assert_eq!(status, 409);
    assert_eq!(conflict["code"], "CONFLICT");
    assert_eq!(conflict["fields"], json!(["direction"]));

    let row = gateway
        .query(
            "query ($id: ID!) { conversation(conversationId: $id) {
                direction originalMediaType context { key objectId name verb } } }",
            json!({ "id": id }),
        )
        .await;
    let context =
        json!([{ "key": "CASE", "objectId": "case-7", "name": "C-7", "verb": "INITIAL" }]);
    assert_eq!(
        row["conversation"],
        json!({ "direction": "INBOUND", "originalMediaType": "VOICE", "context": context })
    );
}

#[tokio::test]
async fn a_flat_registration_is_the_mutation_sqlite() {
    registers(Database::Sqlite).await;
}

#[tokio::test]
async fn a_flat_registration_is_the_mutation_postgres() {
    registers(Database::Postgres).await;
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused_and_nothing_is_written() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let before = gateway.store.head().await.unwrap().cursor();
    let id = uuid::Uuid::new_v4().to_string();
    for body in [
        json!({}),
        json!([]),
        json!({ "conversationId": id }),
        json!({ "conversationId": "", "initiatedBy": "DCM" }),
        json!({ "conversationId": "not-a-uuid", "initiatedBy": "DCM" }),
        json!({ "conversationId": id, "initiatedBy": "SOMEBODY" }),
        json!({ "conversationId": id, "initiatedBy": "DCM", "direction": "SIDEWAYS" }),
        json!({ "conversationId": id, "initiatedBy": "DCM", "contextKey": "CASE" }),
        json!({ "conversationId": id, "initiatedBy": "DCM", "contextName": "C-7" }),
        json!({ "conversationId": id, "initiatedBy": "DCM", "queueId": 7 }),
        json!({ "conversationId": id, "initiatedBy": "DCM", "queue": "x" }),
    ] {
        let (status, told) = client::post(gateway.address, PATH, &body).await;
        assert_eq!(status, 400, "{body}: {told}");
        assert!(told["message"].is_string(), "{told}");
    }
    let url = format!("http://{}{PATH}", gateway.address);
    let untyped = client::http().post(url).body("{}").send().await.unwrap();
    assert_eq!(untyped.status(), 415);
    assert_eq!(gateway.store.head().await.unwrap().cursor(), before);
}
