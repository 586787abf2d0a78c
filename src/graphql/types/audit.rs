//! The audit trail.

use async_graphql::connection::PageInfo;
use async_graphql::{Enum, Error, ID, InputObject, SimpleObject};

use super::input::conversation_id;
use crate::domain::audit::{AuditEntry as Known, AuditFilter as Wanted};
use crate::graphql::pagination;
use crate::graphql::scalars::DateTime;
use crate::store::Slice;

/// What someone did.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::domain::audit::Deed")]
pub enum AuditAction {
    /// Registered a conversation.
    Registered,
    /// Linked a conversation to a DCM object.
    Linked,
    /// Took such a link away.
    Unlinked,
    /// Asked Genesys to end a conversation.
    Closed,
    /// Had a conversation read from Genesys again.
    Refreshed,
    /// Ended somebody's connection.
    SessionEnded,
    /// Made an API key.
    #[graphql(name = "API_KEY_CREATED")]
    KeyCreated,
    /// Revoked an API key.
    #[graphql(name = "API_KEY_REVOKED")]
    KeyRevoked,
}

/// Who did what, when, and from where. It never holds what a customer said or is called.
#[derive(SimpleObject, Clone)]
pub struct AuditEntry {
    /// When.
    pub at: DateTime,
    /// Who: the subject of the token, `key:` with an API key's name and id, or `cli:` with the
    /// system's user.
    pub subject: String,
    /// What.
    pub action: AuditAction,
    /// To which conversation.
    pub conversation_id: Option<ID>,
    /// To what else: a linked object, a session, a key.
    pub object: Option<String>,
    /// From which network address.
    pub address: Option<String>,
}

/// Which entries. All given conditions hold together; what is absent or null is no condition.
#[derive(InputObject, Default)]
pub struct AuditFilter {
    /// Done by this subject.
    pub subject: Option<String>,
    /// Any of these.
    pub actions: Option<Vec<AuditAction>>,
    /// Done to this conversation.
    pub conversation_id: Option<ID>,
    /// At or after this moment.
    pub from: Option<DateTime>,
    /// Before this moment.
    pub to: Option<DateTime>,
}

/// A page of the audit trail.
#[derive(SimpleObject)]
pub struct AuditConnection {
    /// The entries with their cursors.
    pub edges: Vec<AuditEdge>,
    /// The entries.
    pub nodes: Vec<AuditEntry>,
    /// Whether there is more.
    pub page_info: PageInfo,
}

/// An entry in a page.
#[derive(SimpleObject)]
pub struct AuditEdge {
    /// For `after` of the same list.
    pub cursor: String,
    /// The entry.
    pub node: AuditEntry,
}

impl AuditFilter {
    pub(crate) fn into_domain(self) -> Result<Wanted, Error> {
        let id = self.conversation_id.as_ref();
        let id = id.map(|id| conversation_id("filter.conversationId", id));
        let actions = self.actions;
        Ok(Wanted {
            subject: self.subject,
            deeds: actions.map(|actions| actions.into_iter().map(Into::into).collect()),
            conversation_id: id.transpose()?,
            from: self.from.map(|from| from.0),
            to: self.to.map(|to| to.0),
        })
    }
}

impl From<&Known> for AuditEntry {
    fn from(known: &Known) -> Self {
        Self {
            at: known.at.into(),
            subject: known.subject.to_string(),
            action: known.deed.into(),
            conversation_id: known.conversation_id.map(|id| ID(id.to_string())),
            object: known.object.clone(),
            address: known.address.map(|address| address.to_string()),
        }
    }
}

impl AuditConnection {
    pub(crate) fn of(slice: &Slice<Known>) -> Self {
        let edges: Vec<AuditEdge> = slice
            .items
            .iter()
            .map(|item| AuditEdge {
                cursor: item.cursor.clone(),
                node: AuditEntry::from(&item.node),
            })
            .collect();
        Self {
            nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
            edges,
            page_info: pagination::page_info(slice),
        }
    }
}
