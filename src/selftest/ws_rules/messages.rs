//! Messages that are none: all of them close with 4400.

use super::{PROTOCOL, open};
use crate::selftest::exchange::QUERY;
use crate::selftest::frames::{Frame, opcode};
use crate::selftest::rule::Rule;
use crate::selftest::script::Step::{Closed, Hear, Quiet, Say, Send, Text};
use serde_json::json;

/// Id, what the rule says, and the text that breaks it.
const INVALID: &[(&str, &str, &str)] = &[
    ("text", "A text that is not JSON", "nonsense"),
    ("empty", "An empty message", ""),
    ("cut", "JSON that breaks off", r#"{"type":"ping""#),
    ("list", "A list of messages", r#"[{"type":"ping"}]"#),
    ("number", "A number", "7"),
    ("null", "Null", "null"),
    ("no-type", "A message without a type", "{}"),
    ("type-number", "A type that is no string", r#"{"type":7}"#),
    ("type-empty", "An empty type", r#"{"type":""}"#),
    ("type-unknown", "An unknown type", r#"{"type":"selftest"}"#),
    ("type-case", "A type in other letters", r#"{"type":"Ping"}"#),
    (
        "type-legacy",
        "A type of the older subprotocol",
        r#"{"type":"start","id":"1","payload":{"query":"{ __typename }"}}"#,
    ),
    (
        "type-ack",
        "An acknowledgement, which is the server's",
        r#"{"type":"connection_ack"}"#,
    ),
    (
        "type-next",
        "A result, which is the server's",
        r#"{"type":"next","id":"1","payload":{"data":null}}"#,
    ),
    (
        "type-error",
        "An error, which is the server's",
        r#"{"type":"error","id":"1","payload":[{"message":"no"}]}"#,
    ),
    (
        "no-id",
        "`subscribe` without an id",
        r#"{"type":"subscribe","payload":{"query":"{ __typename }"}}"#,
    ),
    (
        "id-empty",
        "`subscribe` with an empty id",
        r#"{"type":"subscribe","id":"","payload":{"query":"{ __typename }"}}"#,
    ),
    (
        "id-number",
        "`subscribe` with an id that is no string",
        r#"{"type":"subscribe","id":7,"payload":{"query":"{ __typename }"}}"#,
    ),
    (
        "no-payload",
        "`subscribe` without a payload",
        r#"{"type":"subscribe","id":"1"}"#,
    ),
    (
        "payload-text",
        "`subscribe` with a payload that is no object",
        r#"{"type":"subscribe","id":"1","payload":"{ __typename }"}"#,
    ),
    (
        "no-query",
        "`subscribe` without a query",
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
    ),
    (
        "query-number",
        "`subscribe` with a query that is no string",
        r#"{"type":"subscribe","id":"1","payload":{"query":7}}"#,
    ),
    (
        "operation-name",
        "`subscribe` with an operationName that is no string",
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","operationName":7}}"#,
    ),
    (
        "variables",
        "`subscribe` with variables that are no map",
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":[]}}"#,
    ),
    (
        "extensions",
        "`subscribe` with extensions that are no map",
        r#"{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","extensions":1}}"#,
    ),
    (
        "complete-no-id",
        "`complete` without an id",
        r#"{"type":"complete"}"#,
    ),
    (
        "complete-id-number",
        "`complete` with an id that is no string",
        r#"{"type":"complete","id":7}"#,
    ),
    (
        "ping-payload",
        "A `ping` whose payload is no object",
        r#"{"type":"ping","payload":7}"#,
    ),
    (
        "pong-payload",
        "A `pong` whose payload is no object",
        r#"{"type":"pong","payload":"x"}"#,
    ),
];

pub(super) fn rules() -> Vec<Rule> {
    let invalid = INVALID.iter().map(|(id, says, text)| {
        let steps = vec![Text(text), Closed(&[4400])];
        open(format!("ws-4400-{id}"), says, PROTOCOL, steps)
    });
    invalid.chain(others()).collect()
}

fn others() -> Vec<Rule> {
    let message = json!({
        "id": "1", "type": "subscribe", "extra": 1,
        "payload": { "query": QUERY, "extra": { "more": true } },
    });
    vec![
        open(
            "ws-4400-binary",
            "A binary message, even of JSON",
            PROTOCOL,
            vec![
                Send(Frame::new(opcode::BINARY, r#"{"type":"ping"}"#)),
                Closed(&[4400]),
            ],
        ),
        open(
            "ws-4400-reason",
            "The reason of a close fits its frame, however long the message's own words are",
            super::RFC,
            vec![Say(json!({ "type": "é".repeat(500) })), Closed(&[4400])],
        ),
        open(
            "ws-extra-fields",
            "Fields that the protocol does not know are ignored",
            PROTOCOL,
            vec![
                Say(json!({ "type": "ping", "extra": [] })),
                Hear(json!({ "type": "pong" })),
                Say(message),
                super::hear_typename("1"),
                super::hear_complete("1"),
                Quiet,
            ],
        ),
    ]
}
