//! Identifiers as newtypes, so that a queue can't be taken for a user.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Genesys' identifier of a conversation, a UUID in its lower-case form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConversationId(uuid::Uuid);

/// The text was not a UUID.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a UUID")]
pub struct NotAUuid;

impl ConversationId {
    pub const fn from_uuid(uuid: uuid::Uuid) -> Self {
        Self(uuid)
    }

    pub const fn as_uuid(self) -> uuid::Uuid {
        self.0
    }
}

impl FromStr for ConversationId {
    type Err = NotAUuid;

    /// Takes the hyphenated form in either case. Other spellings of a UUID are not Genesys'.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 36 {
            return Err(NotAUuid);
        }
        uuid::Uuid::try_parse(text).map(Self).map_err(|_| NotAUuid)
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A participant of a conversation. Every offer to an agent makes a new one.
    ParticipantId
);
text_id!(
    /// One leg of a participant on one medium; Genesys says communication, or session in analytics.
    SessionId
);
text_id!(
    /// A Genesys queue.
    QueueId
);
text_id!(
    /// A Genesys user.
    UserId
);
