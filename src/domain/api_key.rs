//! API keys of machines: what is kept of them. The keys themselves are not.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::UserId;
use super::permission::Permissions;
use super::time::Time;

/// What the gateway keeps of an API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Names the key in lists and in the audit trail.
    pub id: Arc<str>,
    /// What its maker calls it.
    pub name: String,
    pub grant: Grant,
    pub created_at: Time,
    pub created_by: String,
    pub expires_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

/// What a token or a key allows, in DCM's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    pub permissions: Permissions,
    /// `None`: all conversations.
    pub narrowing: Option<Narrowing>,
}

/// Only conversations of these queues or teams, and those that the user is an active agent of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrowing {
    pub queues: BTreeSet<String>,
    pub teams: BTreeSet<String>,
    pub user: Option<UserId>,
}

impl ApiKey {
    /// Whether it opens the door at this moment.
    pub fn holds(&self, now: Time) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
