//! Every path with no token, an expired one, one for somebody else, and one that allows all but
//! what is asked.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation_gateway::graphql::bare_schema;
use serde_json::{Value, json};

use super::guarded::{
    ALL, Guarded, Heard, expired_token, for_another_audience, narrowed, short_token, token,
};
use crate::support::eventually;
use crate::support::gateway::Database;
use crate::support::organisation::Organisation;

/// A way into the schema, the permission it needs, and what somebody meets who is narrowed to other
/// queues. Said here once more, and not read from the code: a rule that changes by mistake is noticed.
struct Path {
    kind: &'static str,
    field: &'static str,
    needs: Option<&'static str>,
    foreign: Foreign,
}

/// What the field is asked, with `$id` for the foreign conversation, and what comes.
enum Foreign {
    /// It says nothing of conversations.
    Untold,
    /// The question is answered as if there were no such conversation.
    Answers(&'static str, &'static str),
    /// The question is refused with this code.
    Refuses(&'static str, &'static str),
    /// The subscription tells of another conversation first.
    Skips(&'static str),
}

const READ: Option<&str> = Some("conversations:read");
const WRITE: Option<&str> = Some("conversations:write");
const CLOSE: Option<&str> = Some("conversations:close");
const ADMIN: Option<&str> = Some("admin");
const NOT_FOUND: &str = "NOT_FOUND";
const FORBIDDEN: &str = "FORBIDDEN";

const fn path(
    kind: &'static str,
    field: &'static str,
    needs: Option<&'static str>,
    foreign: Foreign,
) -> Path {
    Path {
        kind,
        field,
        needs,
        foreign,
    }
}

use Foreign::{Answers, Refuses, Skips, Untold};

/// Every field of the three roots.
const PATHS: &[Path] = &[
    path("query", "conversation", READ, Answers(
        "query($id: ID!) { conversation(conversationId: $id) { id } }",
        r#"{ "conversation": null }"#,
    )),
    path("query", "conversations", READ, Answers(
        "query($id: ID!) { conversations { nodes { id } edges { cursor } }
            named: conversations(filter: { conversationIds: [$id] }) { nodes { id } } }",
        r#"{ "conversations": { "nodes": [], "edges": [] }, "named": { "nodes": [] } }"#,
    )),
    path("query", "conversationCounts", READ, Answers(
        "{ conversationCounts(groupBy: [QUEUE, STATUS]) { queueId count } }",
        r#"{ "conversationCounts": [] }"#,
    )),
    path("query", "contexts", READ, Answers(
        "{ contexts(key: CASE) { nodes { objectId name } edges { cursor } } }",
        r#"{ "contexts": { "nodes": [], "edges": [] } }"#,
    )),
    path("query", "node", READ, Answers(
        "query($node: ID!) { node(id: $node) { id } }",
        r#"{ "node": null }"#,
    )),
    path("query", "queues", READ, Untold),
    path("query", "agents", READ, Untold),
    path("query", "wrapUpCodes", READ, Untold),
    path("query", "feedStatus", READ, Untold),
    path("query", "feedCursor", READ, Untold),
    path("query", "sessions", ADMIN, Refuses("{ sessions { nodes { subject } } }", FORBIDDEN)),
    path("query", "auditTrail", ADMIN, Refuses(
        "query($id: ID!) { auditTrail(filter: { conversationId: $id }) { nodes { subject } } }",
        FORBIDDEN,
    )),
    path("mutation", "registerConversation", WRITE, Refuses(
        "mutation($id: ID!) { registerConversation(input: { conversationId: $id, initiatedBy: DCM })
            { created } }",
        NOT_FOUND,
    )),
    path("mutation", "linkConversation", WRITE, Refuses(
        "mutation($id: ID!) { linkConversation(input: { conversationId: $id, key: CASE,
            objectId: \"2\", verb: UPDATED }) { feedCursor } }",
        NOT_FOUND,
    )),
    path("mutation", "unlinkConversation", WRITE, Refuses(
        "mutation($id: ID!) { unlinkConversation(input: { conversationId: $id, key: CASE,
            objectId: \"7\", verb: INITIAL }) { feedCursor } }",
        NOT_FOUND,
    )),
    path("mutation", "refreshConversation", WRITE, Refuses(
        "mutation($id: ID!) { refreshConversation(input: { conversationId: $id }) { feedCursor } }",
        NOT_FOUND,
    )),
    path("mutation", "closeConversation", CLOSE, Refuses(
        "mutation($id: ID!) { closeConversation(input: { conversationId: $id, force: true })
            { feedCursor } }",
        NOT_FOUND,
    )),
    path("mutation", "renewSession", None, Untold),
    path("mutation", "endSession", ADMIN, Refuses(
        "mutation { endSession(input: { sessionId: \"1\" }) { session { subject } } }",
        FORBIDDEN,
    )),
    path("subscription", "conversationStatusChanged", READ, Skips(
        "subscription { conversationStatusChanged(includeCurrent: true) { conversationId } }",
    )),
    path("subscription", "conversationChanged", READ, Skips(
        "subscription { conversationChanged(includeCurrent: true) { conversationId } }",
    )),
    path("subscription", "conversationCountsChanged", READ, Answers(
        "subscription { conversationCountsChanged(groupBy: [QUEUE]) { queueId count } }",
        r#"{ "conversationCountsChanged": [] }"#,
    )),
    path("subscription", "feedStatusChanged", READ, Untold),
];

/// Each path as an operation that asks for it. Neither arguments nor selection are there: who may
/// not ask is told so before they are missed.
fn operations() -> Vec<(String, Option<&'static str>)> {
    let operation = |path: &Path| (format!("{} {{ {} }}", path.kind, path.field), path.needs);
    PATHS.iter().map(operation).collect()
}

#[tokio::test]
async fn the_table_has_a_row_for_every_field_of_the_roots() {
    let query = "{ __schema { queryType { fields { name } } mutationType { fields { name } }
        subscriptionType { fields { name } } } }";
    let answer = bare_schema().execute(query).await.data.into_json();
    let schema = &answer.expect("JSON")["__schema"];
    let mut fields = BTreeSet::new();
    for (kind, of) in [
        ("query", "queryType"),
        ("mutation", "mutationType"),
        ("subscription", "subscriptionType"),
    ] {
        for field in schema[of]["fields"].as_array().expect("fields") {
            fields.insert((kind, field["name"].as_str().expect("a name")));
        }
    }
    let rows: BTreeSet<_> = PATHS.iter().map(|path| (path.kind, path.field)).collect();
    assert_eq!(rows, fields);
}

fn all_but(permission: &str) -> String {
    ALL.replace(permission, "")
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"]
        .as_str()
        .unwrap_or_default()
}

#[tokio::test]
async fn every_path_over_http_asks_who_comes_and_what_he_may() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    for (operation, permission) in operations() {
        let strangers = [
            None,
            Some(expired_token()),
            Some(for_another_audience()),
            Some("nonsense".to_owned()),
        ];
        for stranger in strangers {
            let headers: Vec<_> = stranger
                .iter()
                .map(|token| ("authorization", format!("Bearer {token}")))
                .collect();
            let (status, answer) = guarded.ask_with(&headers, &operation, json!({})).await;
            assert_eq!(
                (status, code(&answer)),
                (401, "UNAUTHENTICATED"),
                "{operation}"
            );
            assert!(answer.get("data").is_none(), "{operation}: {answer}");
        }
        let Some(permission) = permission else {
            continue;
        };
        let headers = [(
            "authorization",
            format!("Bearer {}", token("a", &all_but(permission))),
        )];
        let (status, answer) = guarded.ask_with(&headers, &operation, json!({})).await;
        assert_eq!(
            (status, code(&answer)),
            (403, "FORBIDDEN"),
            "{operation}: {answer}"
        );
        assert!(answer.get("data").is_none(), "{operation}: {answer}");
        let headers = [(
            "authorization",
            format!("Bearer {}", token("a", permission)),
        )];
        let (status, answer) = guarded.ask_with(&headers, &operation, json!({})).await;
        assert!(![401, 403].contains(&status), "{operation}: {answer}");
    }
}

#[tokio::test]
async fn every_path_over_a_websocket_asks_too() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let strangers = [
        Value::Null,
        json!({}),
        json!({ "token": expired_token() }),
        json!({ "authorization": format!("Bearer {}", for_another_audience()) }),
        json!({ "apiKey": "cgk_unknown" }),
    ];
    for stranger in strangers {
        let mut socket = guarded.socket(stranger.clone(), &[]).await;
        match socket.next().await {
            Heard::Closed(4403, _) => {}
            other => panic!("{stranger}: {other:?}"),
        }
    }
    for (operation, permission) in operations() {
        let Some(permission) = permission else {
            continue;
        };
        let mut socket = guarded.open_socket(&token("a", &all_but(permission))).await;
        socket.subscribe("1", &operation, json!({})).await;
        let message = socket.message().await;
        assert_eq!(message["type"], "error", "{operation}: {message}");
        let code = &message["payload"][0]["extensions"]["code"];
        assert_eq!(code, "FORBIDDEN", "{operation}: {message}");
    }
}

#[tokio::test]
async fn every_subscription_as_an_event_stream_asks_too() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    for (operation, permission) in operations() {
        for stranger in [None, Some(expired_token()), Some(for_another_audience())] {
            let (status, text) = guarded.first_event(stranger.as_deref(), &operation).await;
            assert_eq!(status, 401, "{operation}");
            assert!(text.contains("UNAUTHENTICATED"), "{operation}: {text}");
        }
        let Some(permission) = permission else {
            continue;
        };
        let weak = token("a", &all_but(permission));
        let (_, text) = guarded.first_event(Some(&weak), &operation).await;
        assert!(text.contains("FORBIDDEN"), "{operation}: {text}");
        assert!(!text.contains("\"data\":{"), "{operation}: {text}");
    }
}

#[tokio::test]
async fn a_socket_takes_its_token_from_the_payload_or_the_upgrade() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let reader = token("a", "conversations:read");
    let bearer = format!("Bearer {reader}");
    for (init, headers) in [
        (json!({ "authorization": bearer }), vec![]),
        (json!({ "Authorization": bearer }), vec![]),
        (json!({ "token": reader }), vec![]),
        (Value::Null, vec![("authorization", bearer.clone())]),
        // The payload outranks the headers, which a browser can't set.
        (
            json!({ "token": reader }),
            vec![("authorization", "Bearer nonsense".to_owned())],
        ),
    ] {
        let mut socket = guarded.socket(init.clone(), &headers).await;
        let ack = Heard::Message(json!({ "type": "connection_ack" }));
        assert_eq!(socket.next().await, ack, "{init} {headers:?}");
        socket.subscribe("1", "{ feedCursor }", json!({})).await;
        let message = socket.message().await;
        assert_eq!(message["type"], "next", "{message}");
    }
}

#[tokio::test]
async fn a_stranger_is_told_why_but_nothing_else() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let headers = [("authorization", format!("Bearer {}", expired_token()))];
    let (_, answer) = guarded
        .ask_with(&headers, "{ feedCursor }", json!({}))
        .await;
    assert_eq!(
        answer,
        json!({ "errors": [{
            "message": "The token has expired.", "extensions": { "code": "UNAUTHENTICATED" }
        }] })
    );
}

#[tokio::test]
async fn a_token_opens_until_it_ends() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let short = short_token("a", ALL, Duration::from_secs(3));
    let data = guarded.data(&short, "{ feedCursor }", json!({})).await;
    assert!(data["feedCursor"].is_string());
    eventually("it has ended", || async {
        let answer = guarded.ask(&short, "{ feedCursor }", json!({})).await;
        (code(&answer) == "UNAUTHENTICATED").then_some(())
    })
    .await;
}

#[tokio::test]
async fn who_is_narrowed_is_no_administrator() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let narrowed = narrowed("a", ALL, &["q1"], &[], None);
    for operation in ["{ auditTrail }", "{ sessions }", "mutation { endSession }"] {
        let answer = guarded.ask(&narrowed, operation, json!({})).await;
        assert_eq!(code(&answer), "FORBIDDEN", "{operation}: {answer}");
    }
    guarded.data(&narrowed, "{ feedCursor }", json!({})).await;
}

const FOREIGN: &str = "0c0ffee0-0000-4000-8000-000000000001";
const OWN: &str = "0c0ffee0-0000-4000-8000-000000000002";

/// Somebody who sees all registers a conversation of a queue.
async fn register(guarded: &Guarded, id: &str, queue: &str) -> Value {
    let query =
        "mutation($input: RegisterConversationInput!) { registerConversation(input: $input) {
        conversation { id } } }";
    let context = json!({ "key": "CASE", "objectId": "7", "name": "Seven" });
    let input = json!({
        "conversationId": id, "initiatedBy": "DCM", "queueId": queue, "context": context
    });
    let data = guarded
        .data(&token("admin", ALL), query, json!({ "input": input }))
        .await;
    data["registerConversation"]["conversation"]["id"].clone()
}

async fn no_path_shows_what_is_foreign(database: Database) {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, database).await;
    let node = register(&guarded, FOREIGN, "theirs").await;
    let anna = narrowed("anna", ALL, &["ours"], &[], Some("anna"));
    let variables = json!({ "id": FOREIGN, "node": node });
    let mut sockets = Vec::new();
    for path in PATHS {
        match path.foreign {
            Untold => {}
            Answers(question, expected) => {
                let expected: Value = serde_json::from_str(expected).expect("JSON");
                let mut socket = guarded.open_socket(&anna).await;
                socket.subscribe("1", question, variables.clone()).await;
                let message = socket.message().await;
                assert_eq!(
                    message["payload"],
                    json!({ "data": expected }),
                    "{question}"
                );
            }
            Refuses(question, expected) => {
                let answer = guarded.ask(&anna, question, variables.clone()).await;
                assert_eq!(code(&answer), expected, "{question}: {answer}");
                assert!(answer["data"].is_null(), "{question}: {answer}");
                assert!(
                    !answer.to_string().contains("Seven"),
                    "{question}: {answer}"
                );
            }
            Skips(question) => {
                let mut socket = guarded.open_socket(&anna).await;
                socket.subscribe("1", question, json!({})).await;
                sockets.push((path.field, socket));
            }
        }
    }
    // The foreign one changes, and then there is one of his own: that is the first he hears of.
    let admin = token("admin", ALL);
    let link = "mutation($id: ID!) { linkConversation(input: { conversationId: $id, key: TASK,
        objectId: \"1\", verb: CREATED }) { feedCursor } }";
    guarded.data(&admin, link, json!({ "id": FOREIGN })).await;
    register(&guarded, OWN, "ours").await;
    for (field, mut socket) in sockets {
        let message = socket.message().await;
        let heard = &message["payload"]["data"][field]["conversationId"];
        assert_eq!(heard, OWN, "{message}");
    }
}

#[tokio::test]
async fn no_path_shows_what_is_foreign_on_sqlite() {
    Box::pin(no_path_shows_what_is_foreign(Database::Sqlite)).await;
}

#[tokio::test]
async fn no_path_shows_what_is_foreign_on_postgresql() {
    Box::pin(no_path_shows_what_is_foreign(Database::Postgres)).await;
}

/// Unknown here, known to Genesys, and then another queue's: neither linked nor shown.
#[tokio::test]
async fn what_turns_out_to_be_foreign_is_not_linked() {
    let organisation = Organisation::start().await;
    let flags = ["--track", "registered"];
    let guarded = Guarded::start_with(&organisation, Database::Sqlite, &flags).await;
    let id = organisation
        .begin(json!({ "mediaType": "VOICE", "direction": "INBOUND" }))
        .await;
    organisation.steps(&id, &["enqueue"]).await;
    let anna = narrowed("anna", ALL, &["ours"], &[], None);
    let link = "mutation($id: ID!) { linkConversation(input: { conversationId: $id, key: CASE,
        objectId: \"1\", verb: UPDATED }) { conversation { id } } }";
    let answer = guarded.ask(&anna, link, json!({ "id": id })).await;
    assert_eq!(code(&answer), "NOT_FOUND", "{answer}");
    assert!(answer["data"].is_null(), "{answer}");
    let query = "query($id: ID!) { conversation(conversationId: $id) { context { id } } }";
    let known = guarded
        .data(&token("admin", ALL), query, json!({ "id": id }))
        .await;
    let links = known["conversation"]["context"].as_array();
    assert!(links.is_none_or(Vec::is_empty), "{known}");
}
