//! Live connections: who is there, how one ends, and how one goes on.

use std::time::Duration;

use conversation_gateway::auth::revoke;
use conversation_gateway::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use super::guarded::{ALL, Guarded, Heard, Socket, grant, narrowed, short_token, token};
use super::keys::key;
use crate::support::eventually;
use crate::support::gateway::Database;
use crate::support::organisation::Organisation;

const SESSIONS: &str =
    "{ sessions { nodes { sessionId transport subject since expiresAt subscriptions
    lagMilliseconds address } } }";
const RENEW: &str =
    "mutation($token: String!) { renewSession(input: { token: $token }) { expiresAt } }";
const FEED: &str = "subscription { feedStatusChanged { state } }";
const CHANGES: &str =
    "subscription { conversationStatusChanged(includeCurrent: true) { conversationId } }";

async fn sessions(guarded: &Guarded) -> Vec<Value> {
    let admin = token("admin", "admin");
    let data = guarded.data(&admin, SESSIONS, json!({})).await;
    data["sessions"]["nodes"].as_array().expect("nodes").clone()
}

async fn end_of(socket: &mut Socket) -> (u16, String) {
    loop {
        if let Heard::Closed(code, reason) = socket.next().await {
            return (code, reason);
        }
    }
}

#[tokio::test]
async fn an_expired_token_closes_its_socket_and_ends_its_event_stream() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let register = "mutation($id: ID!) {
        registerConversation(input: { conversationId: $id, initiatedBy: DCM }) { created } }";
    let id = json!({ "id": "0c0ffee0-0000-4000-8000-000000000001" });
    guarded.data(&token("anna", ALL), register, id).await;
    let short = short_token("anna", ALL, Duration::from_secs(3));
    let mut socket = guarded.open_socket(&short).await;
    socket.subscribe("1", FEED, json!({})).await;
    let stream = guarded.whole_stream(&short, CHANGES);
    let (end, stream) = tokio::join!(end_of(&mut socket), stream);
    assert_eq!(end, (4403, "Token expired".to_owned()));
    let mut ids = stream.lines().filter_map(|line| line.strip_prefix("id: "));
    let cursor = ids.next_back().expect("a change was told");
    let mut events = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    let last = events.next_back().expect("an event");
    let told: Value = serde_json::from_str(last).expect("JSON");
    let expected =
        json!({ "code": "SUBSCRIPTION_ENDED", "reason": "PERMISSION", "cursor": cursor });
    assert_eq!(told["errors"][0]["extensions"], expected, "{stream}");
    assert_eq!(told["errors"][0]["message"], "Token expired", "{stream}");
    eventually("both are gone from the list", || async {
        sessions(&guarded).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_revoked_key_closes_its_socket() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let (kept, secret) = key(&guarded, grant("conversations:read"), None).await;
    let mut socket = guarded.socket(json!({ "apiKey": secret }), &[]).await;
    assert_eq!(socket.message().await["type"], "connection_ack");
    socket.subscribe("1", FEED, json!({})).await;
    assert_eq!(socket.message().await["type"], "next");
    let store = &guarded.gateway.store;
    let revoked = revoke(store, &kept.id, "test", SystemClock.now()).await;
    assert!(revoked.expect("the database").is_some());
    let end = end_of(&mut socket).await;
    assert_eq!(end, (4403, "API key revoked".to_owned()));
}

#[tokio::test]
async fn a_newer_token_keeps_the_socket_open() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let mut socket = guarded
        .open_socket(&short_token(
            "anna",
            "conversations:read",
            Duration::from_secs(4),
        ))
        .await;
    let longer = short_token("anna", "conversations:read", Duration::from_secs(8));
    for (wrong, code) in [
        (token("bert", ALL), "FORBIDDEN"),
        ("nonsense".to_owned(), "UNAUTHENTICATED"),
    ] {
        socket
            .subscribe("w", RENEW, json!({ "token": wrong }))
            .await;
        let message = socket.message().await;
        let errors = &message["payload"]["errors"];
        assert_eq!(errors[0]["extensions"]["code"], code, "{message}");
        assert_eq!(socket.message().await["type"], "complete");
    }
    socket
        .subscribe("r", RENEW, json!({ "token": longer }))
        .await;
    let message = socket.message().await;
    let expires_at = &message["payload"]["data"]["renewSession"]["expiresAt"];
    assert!(expires_at.is_string(), "{message}");
    assert_eq!(sessions(&guarded).await[0]["expiresAt"], *expires_at);
    // The first token's end passes; the second one's comes.
    let expires_at = expires_at.as_str().expect("a time").to_owned();
    assert_eq!(end_of(&mut socket).await.0, 4403);
    let now = SystemClock.now().to_string();
    assert!(now >= expires_at, "closed at {now}, before {expires_at}");
}

#[tokio::test]
async fn only_a_socket_can_be_renewed() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let anna = token("anna", "");
    let answer = guarded.ask(&anna, RENEW, json!({ "token": anna })).await;
    let code = &answer["errors"][0]["extensions"]["code"];
    assert_eq!(code, "BAD_USER_INPUT", "{answer}");
}

#[tokio::test]
async fn fewer_permissions_count_from_the_renewal_on() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let mut socket = guarded.open_socket(&token("anna", ALL)).await;
    socket
        .subscribe("1", "{ sessions { nodes { subject } } }", json!({}))
        .await;
    assert_eq!(socket.message().await["type"], "next");
    assert_eq!(socket.message().await["type"], "complete");
    let weaker = narrowed("anna", ALL, &["q1"], &[], None);
    socket
        .subscribe("2", RENEW, json!({ "token": weaker }))
        .await;
    assert_eq!(socket.message().await["type"], "next");
    assert_eq!(socket.message().await["type"], "complete");
    socket
        .subscribe("3", "{ sessions { nodes { subject } } }", json!({}))
        .await;
    let message = socket.message().await;
    assert_eq!(
        message["payload"][0]["extensions"]["code"], "FORBIDDEN",
        "{message}"
    );
}

#[tokio::test]
async fn a_narrower_token_ends_what_the_wider_one_was_told() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let follow =
        "subscription($after: String) { conversationChanged(after: $after) { conversationId
        cursor } }";
    let register = |number: u32| {
        format!(
            "mutation {{ registerConversation(input: {{ conversationId: \"0c0ffee0-0000-4000-8000-0000000{number:05}\",
                initiatedBy: DCM, queueId: \"q{number}\" }}) {{ created }} }}"
        )
    };
    let wide = token("anna", ALL);
    let mut socket = guarded.open_socket(&wide).await;
    socket.subscribe("1", follow, json!({})).await;
    // The feed begins where the log ends when it is asked for: repeat until it has begun.
    guarded.data(&wide, &register(1), json!({})).await;
    let mut cursor = Value::Null;
    for number in 2..9 {
        guarded.data(&wide, &register(number), json!({})).await;
        if let Some(Heard::Message(message)) = socket.heard_soon().await {
            cursor = message["payload"]["data"]["conversationChanged"]["cursor"].clone();
            break;
        }
    }
    assert!(cursor.is_string());
    let narrow = narrowed("anna", ALL, &["q91"], &[], None);
    socket
        .subscribe("2", RENEW, json!({ "token": narrow }))
        .await;
    let ended = loop {
        let message = socket.message().await;
        if message["type"] == "error" {
            break message;
        }
        if message["id"] == "1" {
            cursor = message["payload"]["data"]["conversationChanged"]["cursor"].clone();
        }
    };
    let extensions = &ended["payload"][0]["extensions"];
    assert_eq!(extensions["code"], "SUBSCRIPTION_ENDED", "{ended}");
    assert_eq!(extensions["reason"], "PERMISSION", "{ended}");
    assert_eq!(extensions["cursor"], cursor, "{ended}");
    // It resumes there with the new rights: the foreign one is not told, the own one is.
    for number in [90, 91] {
        guarded.data(&wide, &register(number), json!({})).await;
    }
    socket
        .subscribe("3", follow, json!({ "after": cursor }))
        .await;
    let told = loop {
        let message = socket.message().await;
        if message["id"] == "3" {
            break message;
        }
    };
    let id = &told["payload"]["data"]["conversationChanged"]["conversationId"];
    assert_eq!(id, "0c0ffee0-0000-4000-8000-000000000091", "{told}");
}

#[tokio::test]
async fn an_administrator_sees_who_is_there_and_ends_one() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let mut anna = guarded.open_socket(&token("anna", ALL)).await;
    anna.subscribe("1", FEED, json!({})).await;
    anna.subscribe("2", FEED, json!({})).await;
    let mut bert = guarded.open_socket(&token("bert", ALL)).await;
    let listed = eventually("both are listed", || async {
        let listed = sessions(&guarded).await;
        (listed.len() == 2 && listed[0]["subscriptions"] == 2).then_some(listed)
    })
    .await;
    assert_eq!(
        (&listed[0]["subject"], &listed[1]["subject"]),
        (&json!("anna"), &json!("bert"))
    );
    for session in &listed {
        assert_eq!(session["transport"], "WEBSOCKET");
        assert_eq!(session["address"], "127.0.0.1");
        assert!(session["since"].is_string() && session["expiresAt"].is_string());
    }
    let end = "mutation($id: ID!) { endSession(input: { sessionId: $id, reason: \"Go home\" }) {
        session { subject } } }";
    let admin = token("admin", "admin");
    let id = &listed[0]["sessionId"];
    let data = guarded.data(&admin, end, json!({ "id": id })).await;
    assert_eq!(data["endSession"]["session"]["subject"], "anna");
    assert_eq!(end_of(&mut anna).await, (4403, "Go home".to_owned()));
    eventually("one is left", || async {
        (sessions(&guarded).await.len() == 1).then_some(())
    })
    .await;
    let answer = guarded.ask(&admin, end, json!({ "id": id })).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
    bert.subscribe("1", "{ feedCursor }", json!({})).await;
    assert_eq!(bert.message().await["type"], "next");
    let trail = "{ auditTrail(filter: { actions: [SESSION_ENDED] }) { nodes { subject object } } }";
    let data = guarded.data(&admin, trail, json!({})).await;
    let expected = json!([{ "subject": "admin", "object": id }]);
    assert_eq!(data["auditTrail"]["nodes"], expected);
}
