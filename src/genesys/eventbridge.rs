//! Reads events as Genesys sends them through AWS `EventBridge`.
//!
//! They come unordered and more than once, and most tell less than a conversation. So an event is taken
//! as a hint only: there is news of this conversation.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::ids::ConversationId;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Conversation(ConversationId),
    /// An event of another kind, or one that names no conversation.
    Other,
}

/// Not an event in the form of `EventBridge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event: a JSON object with `detail-type` and `detail` is wanted")]
pub struct NotAnEvent;

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    #[serde(default)]
    topic_name: Option<String>,
    #[serde(default)]
    event_body: Value,
}

/// Templates of topics that are about a conversation, by how they begin.
const OF_CONVERSATIONS: [&str; 3] = [
    "v2.detail.events.conversation.",
    "v2.routing.queues.",
    "v2.users.",
];

/// Reads one event.
///
/// # Errors
/// The body is none.
pub fn read(body: &[u8]) -> Result<Heard, NotAnEvent> {
    let event: Envelope = serde_json::from_slice(body).map_err(|_| NotAnEvent)?;
    let kind = event.detail_type.to_ascii_lowercase();
    let is_of_conversations = OF_CONVERSATIONS
        .iter()
        .any(|begin| kind.starts_with(begin) && kind.contains("conversation"));
    if !is_of_conversations {
        return Ok(Heard::Other);
    }
    let body = &event.detail.event_body;
    let named = body["conversationId"].as_str().or(body["id"].as_str());
    let in_topic = event.detail.topic_name.as_deref().and_then(|topic| {
        let rest = topic.strip_prefix(OF_CONVERSATIONS[0])?;
        rest.split('.').next()
    });
    let id = named.or(in_topic).and_then(|id| id.parse().ok());
    Ok(id.map_or(Heard::Other, Heard::Conversation))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "5b1e7c90-2a3d-4c8f-b6e1-7d90a4f2c3e8";

    fn heard(event: &Value) -> Result<Heard, NotAnEvent> {
        read(event.to_string().as_bytes())
    }

    fn event(kind: &str, topic: &str, body: &Value) -> Value {
        json!({ "version": "0", "id": "1", "detail-type": kind, "source": "aws.partner/genesys.com",
            "detail": { "topicName": topic, "version": "2", "eventBody": body, "timestamp": "t" } })
    }

    #[test]
    fn events_of_conversations_name_theirs() {
        let id = Heard::Conversation(ID.parse().unwrap());
        let start = "v2.detail.events.conversation.{id}.customer.start";
        let named = event(start, "", &json!({ "conversationId": ID, "eventTime": 1 }));
        assert_eq!(heard(&named), Ok(id));
        let topic = format!("v2.detail.events.conversation.{ID}.acd.end");
        assert_eq!(heard(&event(start, &topic, &json!({}))), Ok(id));
        let queue = "v2.routing.queues.{id}.conversations";
        let shown = event(queue, "", &json!({ "id": ID, "participants": [] }));
        assert_eq!(heard(&shown), Ok(id));
    }

    #[test]
    fn other_events_are_told_apart_and_what_is_no_event_is_refused() {
        let presence = event("v2.users.{id}.presence", "", &json!({ "id": ID }));
        assert_eq!(heard(&presence), Ok(Heard::Other));
        let unknown = event("v9.of.tomorrow", "", &json!(7));
        assert_eq!(heard(&unknown), Ok(Heard::Other));
        let nobody = "v2.detail.events.conversation.{id}.acw";
        assert_eq!(heard(&event(nobody, "x", &Value::Null)), Ok(Heard::Other));
        for body in [json!([]), json!({}), json!({ "detail-type": "x" })] {
            assert_eq!(heard(&body), Err(NotAnEvent), "{body}");
        }
        assert_eq!(read(b"{"), Err(NotAnEvent));
    }
}
