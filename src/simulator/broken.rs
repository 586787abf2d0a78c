//! Frames that cannot be used, of every kind that a listener must survive.

use axum::extract::ws::{Message, Utf8Bytes};
use serde::Deserialize;
use serde_json::{Value, json};

use super::socket::Frame;

/// Large enough that nobody would call it a notification.
const HUGE: usize = 10 * 1024 * 1024;
/// Beyond what readers of JSON follow.
const DEPTH: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Broken {
    /// Cut off in the middle.
    Truncated,
    /// No JSON at all.
    Garbage,
    /// A body whose fields are of other types.
    WrongTypes,
    /// Bytes in place of text.
    Binary,
    /// Lists in lists in lists.
    Deep,
    /// Words of tomorrow in place of states and purposes.
    UnknownWords,
    /// The body has 10 MB more, and breaks off.
    Huge,
}

impl Broken {
    /// Those that tell nothing and cost little.
    pub(crate) const COMMON: [Self; 5] = [
        Self::Truncated,
        Self::Garbage,
        Self::WrongTypes,
        Self::Binary,
        Self::Deep,
    ];

    /// What is sent in place of the frame.
    pub(crate) fn of(self, frame: &Frame) -> Message {
        let text = frame.text.as_str();
        let with = |participants: Value| {
            let body = json!({"id": frame.conversation, "participants": participants});
            json!({"topicName": topic_of(text), "version": "2", "eventBody": body}).to_string()
        };
        match self {
            Self::Truncated => text_of(half(text)),
            Self::Garbage => text_of("<html>502 Bad Gateway</html>"),
            Self::WrongTypes => text_of(&with(json!("unreadable"))),
            Self::Binary => Message::Binary(text.as_bytes().to_vec().into()),
            Self::Deep => {
                let lists = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
                text_of(&with(json!("DEEP")).replace(r#""DEEP""#, &lists))
            }
            Self::UnknownWords => text_of(
                &text
                    .replace(r#""state":"connected""#, r#""state":"levitating""#)
                    .replace(r#""purpose":"acd""#, r#""purpose":"oracle""#),
            ),
            Self::Huge => text_of(&format!("{}{}", half(text), " ".repeat(HUGE))),
        }
    }
}

fn text_of(text: &str) -> Message {
    Message::Text(Utf8Bytes::from(text))
}

fn half(text: &str) -> &str {
    let mut places = (0..=text.len() / 2).rev();
    let at = places.find(|at| text.is_char_boundary(*at));
    &text[..at.unwrap_or(0)]
}

fn topic_of(text: &str) -> Value {
    let frame = serde_json::from_str::<Value>(text).unwrap_or_default();
    frame["topicName"].clone()
}
