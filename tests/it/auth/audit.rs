//! Who did what, when and from where.

use conversation_gateway::auth::revoke;
use conversation_gateway::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use super::guarded::{ALL, Guarded, grant, token};
use super::keys::key;
use crate::support::gateway::Database;
use crate::support::organisation::Organisation;

const TRAIL: &str = "query($filter: AuditFilter, $first: Int, $after: String) {
    auditTrail(filter: $filter, first: $first, after: $after) {
        nodes { at subject action conversationId object address } pageInfo { hasNextPage endCursor } } }";

async fn trail(guarded: &Guarded, filter: Value) -> Vec<Value> {
    let admin = token("admin", "admin");
    let data = guarded
        .data(&admin, TRAIL, json!({ "filter": filter }))
        .await;
    let nodes = data["auditTrail"]["nodes"].as_array().expect("nodes");
    nodes.clone()
}

fn deeds(lines: &[Value]) -> Vec<String> {
    lines
        .iter()
        .map(|line| {
            let text = |field: &str| line[field].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", text("subject"), text("action"), text("object"))
        })
        .collect()
}

async fn deeds_leave_a_trail(database: Database) {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, database).await;
    let id = "0c0ffee0-0000-4000-8000-0000000000a1";
    let anna = token("anna", ALL);
    let register = format!(
        "mutation {{ registerConversation(input: {{ conversationId: \"{id}\", initiatedBy: DCM,
            context: {{ key: CASE, objectId: \"case-7\", name: \"Secret Name\" }} }}) {{ created }} }}"
    );
    let link = |objects: &str, extra: &str| {
        format!(
            "input: {{ conversationId: \"{id}\", key: CUSTOM, customKey: \"order\", objectId: \"{objects}\", verb: UPDATED {extra} }}"
        )
    };
    guarded.data(&anna, &register, json!({})).await;
    // A repeat changes nothing, and so does what is refused.
    guarded.data(&anna, &register, json!({})).await;
    let contradiction = register.replace("DCM", "GENESYS");
    assert!(guarded.ask(&anna, &contradiction, json!({})).await["errors"].is_array());
    let bert = token("bert", ALL);
    let linking = link("17", "description: \"Secret Text\"");
    let linking = format!("mutation {{ linkConversation({linking}) {{ feedCursor }} }}");
    guarded.data(&bert, &linking, json!({})).await;
    let unlinking = format!(
        "mutation {{ unlinkConversation({}) {{ feedCursor }} }}",
        link("17", "")
    );
    guarded.data(&anna, &unlinking, json!({})).await;
    assert!(guarded.ask(&anna, &unlinking, json!({})).await["errors"].is_array());

    let lines = trail(&guarded, json!({ "conversationId": id })).await;
    assert_eq!(
        deeds(&lines),
        [
            "anna UNLINKED CUSTOM order 17 UPDATED",
            "bert LINKED CUSTOM order 17 UPDATED",
            "anna REGISTERED CASE case-7",
        ]
    );
    for line in &lines {
        assert_eq!(line["address"], "127.0.0.1");
        assert!(line["at"].is_string());
    }
    assert!(!json!(lines).to_string().contains("Secret"));

    let filtered = trail(
        &guarded,
        json!({ "subject": "anna", "actions": ["REGISTERED", "LINKED"] }),
    );
    assert_eq!(deeds(&filtered.await), ["anna REGISTERED CASE case-7"]);
    let at = lines[0]["at"].clone();
    assert!(
        trail(&guarded, json!({ "to": lines[2]["at"] }))
            .await
            .is_empty()
    );
    assert!(!trail(&guarded, json!({ "from": at })).await.is_empty());
}

#[tokio::test]
async fn what_is_asked_of_genesys_leaves_a_trail() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let voice = json!({ "mediaType": "voice", "direction": "inbound" });
    let id = organisation.begin(voice).await;
    organisation.steps(&id, &["enqueue"]).await;
    let anna = token("anna", ALL);
    for mutation in ["refreshConversation", "closeConversation"] {
        let query = format!(
            "mutation {{ {mutation}(input: {{ conversationId: \"{id}\" }}) {{ feedCursor }} }}"
        );
        guarded.data(&anna, &query, json!({})).await;
    }
    let lines = trail(&guarded, json!({ "conversationId": id })).await;
    assert_eq!(deeds(&lines), ["anna CLOSED -", "anna REFRESHED -"]);
}

#[tokio::test]
async fn deeds_leave_a_trail_on_sqlite() {
    deeds_leave_a_trail(Database::Sqlite).await;
}

#[tokio::test]
async fn deeds_leave_a_trail_on_postgresql() {
    deeds_leave_a_trail(Database::Postgres).await;
}

#[tokio::test]
async fn keys_leave_a_trail_and_pages_join() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        let (kept, _) = key(&guarded, grant("admin"), None).await;
        expected.push(format!("test API_KEY_CREATED {}", kept.id));
        let store = &guarded.gateway.store;
        let revoked = revoke(store, &kept.id, "boss", SystemClock.now()).await;
        assert!(revoked.expect("the database").is_some());
        expected.push(format!("boss API_KEY_REVOKED {}", kept.id));
    }
    expected.reverse();
    let admin = token("admin", "admin");
    let (mut walked, mut after) = (Vec::new(), Value::Null);
    loop {
        let variables = json!({ "first": 4, "after": after });
        let data = guarded.data(&admin, TRAIL, variables).await;
        let page = &data["auditTrail"];
        walked.extend(deeds(page["nodes"].as_array().expect("nodes")));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(walked, expected);
}
