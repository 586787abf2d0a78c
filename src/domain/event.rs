//! What may happen to a conversation, from whichever side it comes.

use std::sync::Arc;

use super::ids::ConversationId;
use super::registration::{ContextLink, Registration};
use super::row::{ContextRef, ContextVerb, Direction, Work};
use super::settling::SettledSession;
use super::snapshot::Snapshot;
use super::time::Time;
use super::update::ChangeCause;

/// A decoded fact about one conversation, with the moment it reached the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationEvent {
    pub conversation_id: ConversationId,
    pub received_at: Time,
    /// The caller who asked for it; `None` for Genesys.
    pub actor: Option<Arc<str>>,
    pub fact: Fact,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Genesys showed the conversation.
    Seen {
        snapshot: Snapshot,
        /// `GENESYS_EVENT` for a notification, `REFRESHED`, `CLOSED` or `RECONCILED` for a reading.
        cause: ChangeCause,
        /// When the reading began, of what was read by REST: a notification that came meanwhile is
        /// newer than the reading.
        read_at: Option<Time>,
        /// The gateway was blind before this.
        gap_before: bool,
    },
    Registered(Registration),
    Linked(ContextLink),
    Unlinked {
        context: ContextRef,
        verb: ContextVerb,
    },
    /// Genesys' own later word on start, end, direction and durations.
    Enriched {
        start: Option<Time>,
        end: Option<Time>,
        direction: Option<Direction>,
        /// Durations of the sessions that are over.
        sessions: Vec<SettledSession>,
    },
    /// Work with Genesys over this conversation failed; the message is free of customers' data.
    Failed {
        work: Work,
        message: String,
    },
    Succeeded {
        work: Work,
    },
}

/// Why an event was refused. Snapshots never are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// An earlier registration said otherwise in these input fields.
    #[error("an earlier registration contradicts in {}", fields.join(", "))]
    Conflict { fields: Vec<&'static str> },
    /// There is no such conversation, or no such link.
    #[error("not found")]
    NotFound,
    /// The conversation has as many links as it may.
    #[error("a conversation has at most {limit} links")]
    TooManyLinks { limit: usize },
    /// The database takes everything but this.
    #[error("it cannot be stored")]
    Unwritable,
}
