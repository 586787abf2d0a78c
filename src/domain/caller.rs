//! Who asks, and what he may see.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ids::{QueueId, UserId};
use super::row::Row;

const ANONYMOUS: &str = "anonymous";

/// The one who asks. Every read, subscription and command takes one, so that none can forget it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Names the caller in the audit trail and as `createdBy`.
    pub subject: Arc<str>,
    pub scope: Scope,
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
    /// A caller who may see and do all, as long as no authentication is configured.
    pub fn everything() -> Self {
        Self {
            subject: Arc::from(ANONYMOUS),
            scope: Scope::Everything,
        }
    }

    /// Whether nobody was asked for his name.
    pub fn is_anonymous(&self) -> bool {
        *self.subject == *ANONYMOUS
    }

    pub fn sees_everything(&self) -> bool {
        self.scope == Scope::Everything
    }
}

impl Scope {
    /// Whether a conversation in this state is visible (contract: scope).
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
