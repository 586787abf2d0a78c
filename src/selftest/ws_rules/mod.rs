//! The rule table of the WebSocket: graphql-transport-ws PROTOCOL, RFC 6455, and what the gateway
//! promises beyond them.

mod connection;
mod framing;
mod handshake;
mod messages;
mod operations;

use serde_json::{Value, json};

use super::rule::{Check, Level, Rule};
use super::script::{Opening, Step};

const PROTOCOL: &str = "graphql-transport-ws PROTOCOL";
const RFC: &str = "RFC 6455";
const GATEWAY: &str = "the gateway's own contract";

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = handshake::rules();
    rules.extend(connection::rules());
    rules.extend(messages::rules());
    rules.extend(operations::rules());
    rules.extend(framing::rules());
    rules
}

/// A rule that is played on an acknowledged connection.
fn open(id: impl Into<String>, says: &'static str, source: &'static str, steps: Vec<Step>) -> Rule {
    played(id, says, source, Opening::Acknowledged, steps)
}

/// A rule that is played from the handshake on.
fn fresh(
    id: impl Into<String>,
    says: &'static str,
    source: &'static str,
    steps: Vec<Step>,
) -> Rule {
    played(id, says, source, Opening::Handshaken, steps)
}

fn played(
    id: impl Into<String>,
    says: &'static str,
    source: &'static str,
    opening: Opening,
    steps: Vec<Step>,
) -> Rule {
    Rule::new(id, Level::Must, says, source, Check::Socket(opening, steps))
}

fn subscribe(id: &str, query: &str) -> Step {
    subscribe_with(id, &json!({ "query": query }))
}

fn subscribe_with(id: &str, payload: &Value) -> Step {
    Step::Say(json!({ "id": id, "type": "subscribe", "payload": payload }))
}

fn complete(id: &str) -> Step {
    Step::Say(json!({ "id": id, "type": "complete" }))
}

fn hear_complete(id: &str) -> Step {
    Step::Hear(json!({ "id": id, "type": "complete", "payload": super::pattern::ABSENT }))
}

/// The result of `{ __typename }`.
fn hear_typename(id: &str) -> Step {
    let data = json!({ "__typename": "Query" });
    Step::Hear(json!({ "id": id, "type": "next", "payload": { "data": data } }))
}

fn hear_error(id: &str) -> Step {
    let errors = json!([{ "message": super::pattern::TEXT }]);
    Step::Hear(json!({ "id": id, "type": "error", "payload": errors }))
}
