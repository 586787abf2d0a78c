//! Who asks, and what he may see.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::ids::{QueueId, UserId};
use super::permission::{Permission, Permissions};
use super::row::Row;

/// The one who asks. Every read, subscription and command takes one, so that none can forget it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Names the caller in the audit trail and as `createdBy`.
    pub subject: Arc<str>,
    pub permissions: Permissions,
    pub scope: Scope,
    /// From where he speaks, for the audit trail.
    pub address: Option<IpAddr>,
}

/// Which conversations a caller may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    Everything,
    /// Those whose last queue is one of these, and those the user is an active agent of.
    Narrowed {
        queues: Arc<BTreeSet<QueueId>>,
        user: Option<UserId>,
    },
}

impl Caller {
    /// The name of those who were not asked for theirs. No token may carry it.
    pub const ANONYMOUS: &str = "anonymous";

    /// A caller who may see and do all, as long as no authentication is configured.
    pub fn everything() -> Self {
        Self::new(Self::ANONYMOUS, Permissions::all(), Scope::Everything)
    }

    /// To administer takes the whole view: a narrowed caller is no administrator, whatever his
    /// token says.
    pub fn new(subject: impl Into<Arc<str>>, permissions: Permissions, scope: Scope) -> Self {
        let permissions = match scope {
            Scope::Everything => permissions,
            Scope::Narrowed { .. } => permissions.without(Permission::Admin),
        };
        Self {
            subject: subject.into(),
            permissions,
            scope,
            address: None,
        }
    }

    /// Whether nobody was asked for his name.
    pub fn is_anonymous(&self) -> bool {
        &*self.subject == Self::ANONYMOUS
    }

    pub fn sees_everything(&self) -> bool {
        self.scope == Scope::Everything
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }
}

impl Scope {
    /// Whether a queue is one of those whose conversations may be seen.
    pub fn sees_queue(&self, queue: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Narrowed { queues, .. } => queues.iter().any(|it| it.as_str() == queue),
        }
    }

    /// The scope of nobody.
    pub fn nothing() -> Self {
        Self::Narrowed {
            queues: Arc::default(),
            user: None,
        }
    }

    /// Whether a conversation in this state is visible (README, "Authentication").
    pub fn sees(&self, row: &Row) -> bool {
        match self {
            Self::Everything => true,
            Self::Narrowed { queues, user } => {
                row.last_queue_id
                    .as_ref()
                    .is_some_and(|queue| queues.contains(queue))
                    || user.as_ref().is_some_and(|user| row.agents.contains(user))
            }
        }
    }
}
