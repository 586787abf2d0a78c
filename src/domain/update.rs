//! What one change did to a conversation: the value that is committed, numbered and told.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::ConversationId;
use super::row::{Row, words};
use super::time::Time;

words! {
    /// Why a change was made.
    ChangeCause {
        GenesysEvent = "GENESYS_EVENT",
        Registered = "REGISTERED",
        Linked = "LINKED",
        Closed = "CLOSED",
        Refreshed = "REFRESHED",
        Reconciled = "RECONCILED",
        Reopened = "REOPENED",
        Enriched = "ENRICHED",
        Erased = "ERASED",
    }
}

words! {
    /// What kind of fact a change touched.
    ChangeKind {
        Status = "STATUS",
        Queue = "QUEUE",
        Owner = "OWNER",
        Participants = "PARTICIPANTS",
        Context = "CONTEXT",
        Details = "DETAILS",
        Error = "ERROR",
    }
}

/// A set of [`ChangeKind`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeKinds(u8);

impl ChangeKinds {
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    pub const fn bits(self) -> u8 {
        self.0
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn insert(&mut self, kind: ChangeKind) {
        self.0 |= 1 << kind as u8;
    }

    pub const fn contains(self, kind: ChangeKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub fn iter(self) -> impl Iterator<Item = ChangeKind> {
        ChangeKind::ALL
            .iter()
            .copied()
            .filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<ChangeKind> for ChangeKinds {
    fn from_iter<I: IntoIterator<Item = ChangeKind>>(kinds: I) -> Self {
        let mut set = Self::default();
        for kind in kinds {
            set.insert(kind);
        }
        set
    }
}

/// One change of one conversation, not yet numbered along the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub conversation_id: ConversationId,
    /// The conversation's version after this change; the first is 1.
    pub version: u32,
    pub kinds: ChangeKinds,
    /// The row before; `None` for the change that made the conversation known.
    pub before: Option<Arc<Row>>,
    pub after: Arc<Row>,
    /// When it happened, by Genesys' own times where it gives them.
    pub occurred_at: Time,
    pub cause: ChangeCause,
    /// The gateway was blind just before: there may have been more.
    pub gap_before: bool,
    /// The caller whose request made the change; `None` for Genesys.
    pub actor: Option<Arc<str>>,
}

impl Update {
    pub fn is_status_change(&self) -> bool {
        self.kinds.contains(ChangeKind::Status)
    }
}
