//! The messages of the protocol as JSON text, in both directions.

use async_graphql::{Request, Response, ServerError};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::http::request::from_parameters;
use crate::http::response::{Body, Errors, to_json};

#[derive(Debug)]
pub(super) enum ClientMessage {
    ConnectionInit { payload: Option<Map<String, Value>> },
    Ping { payload: Option<Map<String, Value>> },
    Pong,
    Subscribe { id: String, request: Box<Request> },
    Complete { id: String },
}

impl ClientMessage {
    /// Reads a message. The error says what is wrong with it, for the close frame.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return Err("Message is not JSON".into());
        };
        let Value::Object(mut message) = message else {
            return Err("Message is not an object".into());
        };
        let Some(Value::String(kind)) = message.remove("type") else {
            return Err("Message has no type".into());
        };
        match kind.as_str() {
            "connection_init" => Ok(Self::ConnectionInit {
                payload: payload(&mut message)?,
            }),
            "ping" => Ok(Self::Ping {
                payload: payload(&mut message)?,
            }),
            "pong" => payload(&mut message).map(|_| Self::Pong),
            "subscribe" => {
                let id = id(&mut message)?;
                let parameters = payload(&mut message)?.ok_or("Message has no payload")?;
                let request =
                    from_parameters(parameters).map_err(|e| format!("Invalid payload: {e}"))?;
                Ok(Self::Subscribe {
                    id,
                    request: Box::new(request),
                })
            }
            "complete" => Ok(Self::Complete {
                id: id(&mut message)?,
            }),
            "connection_ack" | "next" | "error" => {
                Err(format!("Message type {kind} is the server's"))
            }
            _ => Err(format!("Unknown message type {kind}")),
        }
    }
}

fn payload(message: &mut Map<String, Value>) -> Result<Option<Map<String, Value>>, String> {
    match message.remove("payload") {
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(Value::Null) | None => Ok(None),
        Some(_) => Err("Message payload is not an object".into()),
    }
}

fn id(message: &mut Map<String, Value>) -> Result<String, String> {
    match message.remove("id") {
        Some(Value::String(id)) if !id.is_empty() => Ok(id),
        Some(Value::String(_)) => Err("Message id is empty".into()),
        Some(_) => Err("Message id is not a string".into()),
        None => Err("Message has no id".into()),
    }
}

#[derive(Serialize)]
struct ServerMessage<'a, P: Serialize> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<P>,
}

fn text<P: Serialize>(id: Option<&str>, r#type: &'static str, payload: Option<P>) -> String {
    to_json(&ServerMessage {
        id,
        r#type,
        payload,
    })
}

pub(super) fn connection_ack() -> String {
    text(None, "connection_ack", None::<()>)
}

pub(super) fn pong(payload: Option<&Map<String, Value>>) -> String {
    text(None, "pong", payload)
}

pub(super) fn next(id: &str, response: &Response) -> String {
    text(Some(id), "next", Some(Body(response)))
}

/// A result that is text already.
pub(super) fn next_text(id: &str, payload: &str) -> String {
    let escaped;
    let id = if is_plain(id) {
        id
    } else {
        escaped = to_json(&id);
        &escaped[1..escaped.len() - 1]
    };
    let parts = [
        "{\"id\":\"",
        id,
        "\",\"type\":\"next\",\"payload\":",
        payload,
        "}",
    ];
    // Of exactly the room it takes: so it becomes a message without another allocation.
    parts.concat()
}

/// Whether JSON writes a text as it is (RFC 8259, 7).
fn is_plain(text: &str) -> bool {
    let escaped = |byte| matches!(byte, 0..=0x1f | b'"' | b'\\');
    !text.bytes().any(escaped)
}

pub(super) fn error(id: &str, errors: &[ServerError]) -> String {
    text(Some(id), "error", Some(Errors(errors)))
}

pub(super) fn complete(id: &str) -> String {
    text(Some(id), "complete", None::<()>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_so_that_it_is_read_as_it_was() {
        for id in [
            "1",
            "a b",
            "\"",
            "\\",
            "\n",
            "\u{1f}",
            "\u{7f}",
            "ä/\u{2028}",
            "\0",
        ] {
            let message: Value = serde_json::from_str(&next_text(id, "{}")).unwrap();
            assert_eq!(message["id"], id, "{id:?}");
        }
    }
}
