//! The paths by which others hand something in: they ask who comes and what he may, before anything
//! is taken.

use serde_json::{Value, json};

use super::guarded::{ALL, Guarded, token};
use crate::support::client;
use crate::support::gateway::Database;
use crate::support::organisation::Organisation;

const ID: &str = "3f0c1a52-7c1e-4d0b-9a8e-2b6f5d1c9e70";
const WRITE: &str = "conversations:write";

fn event() -> Value {
    let kind = "v2.detail.events.conversation.{id}.customer.start";
    json!({ "detail-type": kind, "detail": { "eventBody": { "conversationId": ID } } })
}

fn registration() -> Value {
    json!({ "conversationId": ID, "initiatedBy": "GENESYS" })
}

async fn status(guarded: &Guarded, path: &str, token: Option<&str>, body: &Value) -> u16 {
    let url = format!("http://{}{path}", guarded.gateway.address);
    let mut request = client::http().post(url).json(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.expect("the gateway answers");
    answer.status().as_u16()
}

/// Nobody and one who may all but write are sent away; then one who may write nothing else comes.
async fn only_a_writer_hands_in(path: &str, body: &Value, taken: u16) {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let all_but_writing = token("reader", &ALL.replace(WRITE, ""));
    let before = guarded.gateway.store.head().await.unwrap().cursor();

    assert_eq!(status(&guarded, path, None, body).await, 401);
    let forbidden = status(&guarded, path, Some(&all_but_writing), body).await;
    assert_eq!(forbidden, 403);
    assert_eq!(guarded.gateway.store.head().await.unwrap().cursor(), before);
    assert_eq!(guarded.gateway.wanted_readings().await, 0);

    let writer = token("writer", WRITE);
    assert_eq!(status(&guarded, path, Some(&writer), body).await, taken);
}

#[tokio::test]
async fn only_a_writer_hands_in_events() {
    only_a_writer_hands_in("/ingest/eventbridge", &event(), 202).await;
}

#[tokio::test]
async fn only_a_writer_hands_in_registrations() {
    only_a_writer_hands_in("/ingest/registration", &registration(), 201).await;
}
