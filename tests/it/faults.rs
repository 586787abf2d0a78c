//! Genesys answers wrongly, or not at all: the gateway stays up, says so, and recovers by itself.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

async fn state(gateway: &Gateway) -> Value {
    gateway
        .query("{ feedStatus { state staleSince } }", json!({}))
        .await["feedStatus"]
        .clone()
}

async fn until_not_live(gateway: &Gateway) {
    eventually("the feed says that it is not live", || async {
        let status = state(gateway).await;
        (status["state"] != "LIVE" && status["staleSince"].is_string()).then_some(())
    })
    .await;
}

/// A conversation that begins now is seen.
async fn check_alive(organisation: &Organisation, gateway: &Gateway) {
    gateway.until_live().await;
    let id = organisation
        .begin(json!({ "mediaType": "voice", "direction": "inbound" }))
        .await;
    organisation.steps(&id, &["enqueue"]).await;
    gateway.until_status(&id, "WAITING_IN_QUEUE").await;
}

/// Breaks the feed, with `fault` in force until `DELETE /sim/faults`.
async fn breaks_and_heals(fault: Value) {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    organisation.fault(fault).await;
    organisation.fault(json!({ "dropSockets": true })).await;
    until_not_live(&gateway).await;
    organisation.heal().await;
    check_alive(&organisation, &gateway).await;
}

#[tokio::test]
async fn a_lost_socket_is_said_and_healed() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let query = "subscription { feedStatusChanged { state staleSince } }";
    let mut feed = gateway.subscribe(query, json!({})).await;
    assert_eq!(
        feed.next().await["data"]["feedStatusChanged"]["state"],
        "LIVE"
    );
    organisation.fault(json!({ "dropSockets": true })).await;
    let next = feed.next().await["data"]["feedStatusChanged"].clone();
    assert_eq!(next["state"], "DISCONNECTED");
    assert!(next["staleSince"].is_string());
    check_alive(&organisation, &gateway).await;
}

#[tokio::test]
async fn a_429_is_waited_out() {
    breaks_and_heals(json!({ "status": 429, "forMs": 600_000 })).await;
}

#[tokio::test]
async fn a_500_is_waited_out() {
    breaks_and_heals(json!({ "status": 500, "forMs": 600_000 })).await;
}

#[tokio::test]
async fn silence_is_noticed_and_healed() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    organisation.fault(json!({ "silentMs": 600_000 })).await;
    until_not_live(&gateway).await;
    organisation.heal().await;
    check_alive(&organisation, &gateway).await;
}

#[tokio::test]
async fn revoked_tokens_are_renewed() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let tokens = || async { organisation.calls().await["POST /oauth/token"].as_u64() };
    let before = tokens().await;
    organisation.fault(json!({ "revokeTokens": true })).await;
    organisation.fault(json!({ "dropSockets": true })).await;
    check_alive(&organisation, &gateway).await;
    assert!(before < tokens().await, "no new token was asked for");
}

/// Runs `serve` with wrong settings and gives its exit code and what it says.
fn refusal(flags: &[&str]) -> (Option<i32>, String) {
    let data = tempfile::tempdir().expect("a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_conversation-gateway"))
        .args(["serve", "--insecure-no-auth", "--data-dir"])
        .arg(data.path())
        .args(flags)
        .env("RUST_LOG", "error")
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    (output.status.code(), said)
}

fn check_refused(flags: &[&str], named: &str) {
    let (code, said) = refusal(flags);
    assert!(matches!(code, Some(1 | 2)), "{code:?}: {said}");
    assert_eq!(
        said.lines()
            .filter(|line| line.contains("conversation-gateway: ") || line.starts_with("error: "))
            .count(),
        1,
        "{said}"
    );
    assert!(said.contains(named), "{named} is not named: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_stop_the_start_with_one_line() {
    let organisation = Organisation::start().await;
    let url = organisation.url();
    let genesys = [
        "--genesys-api-url",
        &url,
        "--genesys-login-url",
        &url,
        "--genesys-client-id",
        "simulator-client",
    ];
    let with = |more: &[&'static str]| [&genesys[..], more].concat();
    let right = with(&[
        "--genesys-client-secret",
        "simulator-secret",
        "--listen",
        "127.0.0.1:0",
    ]);

    check_refused(
        &with(&[
            "--genesys-client-secret",
            "wrong",
            "--listen",
            "127.0.0.1:0",
        ]),
        "OAuth client",
    );
    let taken = organisation.address.to_string();
    let port_in_use = [
        &with(&["--genesys-client-secret", "simulator-secret"])[..],
        &["--listen", &taken],
    ]
    .concat();
    check_refused(&port_in_use, &taken);
    let no_database = [
        &right[..],
        &["--database-url", "postgres://127.0.0.1:1/none"],
    ]
    .concat();
    check_refused(&no_database, "database");
    check_refused(
        &[
            "--genesys-region",
            "atlantis",
            "--genesys-client-id",
            "a",
            "--genesys-client-secret",
            "b",
        ],
        "atlantis",
    );
}

/// At twenty new conversations a second no user's command waits behind enrichment: commands are
/// answered while the budget for the rest is used up.
#[tokio::test(flavor = "multi_thread")]
async fn commands_go_before_enrichment() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start_with(
        &organisation,
        Database::Sqlite,
        &["--genesys-rate-limit", "60"],
    )
    .await;
    for _ in 0..60 {
        let wanted = json!({ "mediaType": "voice", "direction": "inbound", "script": "abandoned-in-queue", "speed": 50 });
        organisation.begin(wanted).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Linking an unknown conversation makes the gateway read it from Genesys.
    let id = organisation
        .begin(json!({ "mediaType": "voice", "direction": "inbound" }))
        .await;
    let link = "mutation($id: ID!) { linkConversation(input: { conversationId: $id, key: CASE, objectId: \"c\", verb: CREATED }) {
        conversation { conversationId } } }";
    let answer = gateway.query(link, json!({ "id": id })).await;
    assert_eq!(
        answer["linkConversation"]["conversation"]["conversationId"],
        id.as_str()
    );
}
