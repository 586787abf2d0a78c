//! The trail of who did what, when, and from where. It names things by their ids; it never holds
//! what they contain.

use std::net::IpAddr;
use std::sync::Arc;

use super::caller::Caller;
use super::ids::ConversationId;
use super::row::words;
use super::time::Time;

words! {
    /// What can be done that leaves a trace.
    Deed {
        Registered = "REGISTERED",
        Linked = "LINKED",
        Unlinked = "UNLINKED",
        Closed = "CLOSED",
        Refreshed = "REFRESHED",
        SessionEnded = "SESSION_ENDED",
        KeyCreated = "API_KEY_CREATED",
        KeyRevoked = "API_KEY_REVOKED",
    }
}

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub at: Time,
    /// Who.
    pub subject: Arc<str>,
    pub deed: Deed,
    pub conversation_id: Option<ConversationId>,
    /// What else it was done to: a DCM object, a session, a key.
    pub object: Option<String>,
    /// From where.
    pub address: Option<IpAddr>,
}

impl AuditEntry {
    /// What a caller does to a conversation.
    pub fn of(caller: &Caller, deed: Deed, conversation_id: ConversationId, at: Time) -> Self {
        Self {
            conversation_id: Some(conversation_id),
            ..Self::about(caller, deed, None, at)
        }
    }

    /// What a caller does to something else.
    pub fn about(caller: &Caller, deed: Deed, object: Option<String>, at: Time) -> Self {
        Self {
            at,
            subject: Arc::clone(&caller.subject),
            deed,
            conversation_id: None,
            object,
            address: caller.address,
        }
    }
}

/// Which lines of the trail are asked for; all given conditions hold together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub subject: Option<String>,
    pub deeds: Option<Vec<Deed>>,
    pub conversation_id: Option<ConversationId>,
    /// Inclusive.
    pub from: Option<Time>,
    /// Exclusive.
    pub to: Option<Time>,
}
