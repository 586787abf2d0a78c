//! What a record remembers of Genesys' words: the facts it was calculated from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::SessionId;
use super::row::Direction;
use super::snapshot::{Participant, Source};
use super::time::Time;

/// What Genesys said, as far as the rules read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    pub participants: Vec<Participant>,
    /// REST `startTime` or analytics `conversationStart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Time>,
    /// REST `endTime` or analytics `conversationEnd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Time>,
    /// Analytics `originatingDirection`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub originating_direction: Option<Direction>,
    /// When the first snapshot came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen_at: Option<Time>,
    /// When the newest applied snapshot came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_mark: Option<MarkChange>,
    /// Of the legs that were ever held or parked.
    #[serde(skip_serializing_if = "Marks::is_empty")]
    pub marks: Marks,
}

/// How often the marks of each leg came and went.
pub type Marks = BTreeMap<SessionId, MarkCount>;

/// Hold and park leave no trace in a leg once they are over, so they are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkCount {
    /// One for each beginning and one for each end: odd while a mark is on.
    pub turns: usize,
    /// When the newest one began, by Genesys' time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Time>,
}

/// The latest change of nothing but reversible marks (hold, park).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarkChange {
    pub at: Time,
    pub source: Source,
    /// The marks as they were before it.
    pub before: Vec<Mark>,
}

/// The reversible marks of one leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub session: SessionId,
    pub held: bool,
    pub parked: bool,
}
