//! The owner of a conversation.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{ID, SimpleObject};

use super::enums::OwnerKind;
use crate::domain::row::{Owner as Owned, OwnerKind as Kind};
use crate::graphql::scalars::DateTime;

/// Who has the conversation: the team of its queue, or an agent. When a conversation has no owner,
/// leave the case with the owner it has.
#[derive(SimpleObject)]
pub struct Owner {
    /// A team or a user.
    pub kind: OwnerKind,
    /// DCM's id of it where the gateway is configured to map it, else Genesys' own.
    pub owner_id: ID,
    /// Genesys' id: the queue's of a team, the user's of a user.
    pub genesys_id: ID,
    /// The queue's or the agent's name.
    pub name: Option<String>,
    /// Since when.
    pub since: DateTime,
}

/// DCM's own ids for Genesys' queues and users.
#[derive(Clone, Debug, Default)]
pub struct OwnerIds {
    pub teams: Arc<HashMap<String, String>>,
    pub users: Arc<HashMap<String, String>>,
}

impl OwnerIds {
    pub(crate) fn owner(&self, owned: &Owned) -> Owner {
        let ids = match owned.kind {
            Kind::Team => &self.teams,
            Kind::User => &self.users,
        };
        let owner_id = ids.get(&owned.genesys_id).unwrap_or(&owned.genesys_id);
        Owner {
            kind: owned.kind.into(),
            owner_id: ID(owner_id.clone()),
            genesys_id: ID(owned.genesys_id.clone()),
            name: owned.name.clone(),
            since: owned.since.into(),
        }
    }
}
