//! Every path with no token, an expired one, one for somebody else, and one that allows all but
//! what is asked.

use std::time::Duration;

use conversation_gateway::graphql::bare_schema;
use serde_json::{Value, json};

use super::guarded::{
    ALL, Guarded, Heard, expired_token, for_another_audience, narrowed, short_token, token,
};
use crate::support::eventually;
use crate::support::gateway::Database;
use crate::support::organisation::Organisation;

/// Each root field of the schema as an operation that asks for it, with the permission it needs.
/// Neither arguments nor selection are there: who may not ask is told so before they are missed.
async fn operations() -> Vec<(String, Option<&'static str>)> {
    let query = "{ __schema { queryType { fields { name } } mutationType { fields { name } }
        subscriptionType { fields { name } } } }";
    let answer = bare_schema().execute(query).await.data.into_json();
    let schema = &answer.expect("JSON")["__schema"];
    let mut operations = Vec::new();
    for (kind, of) in [
        ("query", "queryType"),
        ("mutation", "mutationType"),
        ("subscription", "subscriptionType"),
    ] {
        for field in schema[of]["fields"].as_array().expect("fields") {
            let name = field["name"].as_str().expect("a name");
            operations.push((format!("{kind} {{ {name} }}"), needs(kind, name)));
        }
    }
    assert!(operations.len() > 10);
    operations
}

/// Said here once more, and not read from the code: a rule that changes by mistake is noticed.
fn needs(kind: &str, field: &str) -> Option<&'static str> {
    match (kind, field) {
        (_, "renewSession") => None,
        (_, "auditTrail" | "sessions" | "endSession") => Some("admin"),
        (_, "closeConversation") => Some("conversations:close"),
        ("mutation", _) => Some("conversations:write"),
        _ => Some("conversations:read"),
    }
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
    for (operation, permission) in operations().await {
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
    for (operation, permission) in operations().await {
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
    for (operation, permission) in operations().await {
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
