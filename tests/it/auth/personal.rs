//! Customers' names and addresses, where the operator keeps them: they are shown to those who may see
//! them, and they are in no record of the log.

use conversation_gateway::store::Store;
use migration::sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::guarded::{ALL, Guarded, Heard, token};
use crate::support::eventually;
use crate::support::gateway::Database;
use crate::support::organisation::Organisation;

const READ: &str = "conversations:read";
const CASE: &str = "query($id: ID!) { conversation(conversationId: $id) {
    participants { purpose name address } } }";
const FOLLOW: &str = "subscription { conversationChanged(includeCurrent: true) {
    conversationId conversation { participants { purpose name address } } } }";

fn customer(participants: &Value) -> Option<&Value> {
    let participants = participants.as_array()?;
    participants.iter().find(|it| it["purpose"] == "CUSTOMER")
}

fn agent_name(participants: &Value) -> Option<&str> {
    let participants = participants.as_array()?;
    let agent = participants.iter().find(|it| it["purpose"] == "AGENT")?;
    agent["name"].as_str()
}

/// Everything that the log's tables hold.
async fn log(store: &Store) -> String {
    let database = store.database();
    let backend = database.get_database_backend();
    let sql = "SELECT status || record AS record FROM gateway_event_log";
    let rows = database.query_all_raw(Statement::from_string(backend, sql));
    let rows = rows.await.expect("the log");
    let texts = rows.iter().map(|row| row.try_get("", "record"));
    let texts: Result<Vec<String>, _> = texts.collect();
    texts.expect("texts").concat()
}

#[tokio::test]
async fn what_the_operator_keeps_is_shown_to_who_may_see_it() {
    let organisation = Organisation::start().await;
    let keep = ["--keep", "customer-name,customer-address"];
    let guarded = Guarded::start_with(&organisation, Database::Sqlite, &keep).await;
    let voice = json!({ "mediaType": "voice", "direction": "inbound" });
    let id = organisation.begin(voice).await;
    organisation
        .steps(&id, &["enqueue", "offer", "answer"])
        .await;
    let may = token("anna", ALL);
    let kept = eventually("customer and agent are known", || async {
        let data = guarded.ask(&may, CASE, json!({ "id": id })).await;
        let participants = &data["data"]["conversation"]["participants"];
        agent_name(participants)?;
        customer(participants).cloned()
    })
    .await;
    let name = kept["name"].as_str().expect("a name");
    let address = kept["address"].as_str().expect("an address");
    assert!(!name.is_empty() && address.starts_with("tel:"), "{kept}");

    let may_not = token("bert", READ);
    let data = guarded.data(&may_not, CASE, json!({ "id": id })).await;
    let participants = &data["conversation"]["participants"];
    let hidden = json!({ "purpose": "CUSTOMER", "name": null, "address": null });
    assert_eq!(customer(participants), Some(&hidden));
    assert!(agent_name(participants).is_some(), "{data}");

    // The same text on both sockets: what one may see is not made for the other.
    for (bearer, expected) in [(&may, &kept), (&may_not, &hidden), (&may, &kept)] {
        let mut socket = guarded.open_socket(bearer).await;
        socket.subscribe("1", FOLLOW, json!({})).await;
        let Heard::Message(message) = socket.next().await else {
            panic!("the socket was closed");
        };
        let change = &message["payload"]["data"]["conversationChanged"];
        let told = customer(&change["conversation"]["participants"]);
        assert_eq!(told, Some(expected), "{message}");
    }
    let log = log(&guarded.gateway.store).await;
    assert!(log.contains("CONNECTED"), "{log}");
    assert!(!log.contains(name) && !log.contains(address), "{log}");
}
