//! Counts of conversations.

use async_graphql::{Enum, ID, SimpleObject};

use super::enums::{ConversationStatus, Direction, MediaType};
use crate::counts::{Count, Group};
use crate::graphql::scalars::DateTime;

/// What conversations are grouped by.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::counts::Dimension")]
pub enum CountDimension {
    /// The universal status.
    Status,
    /// The queue it is or was in last.
    Queue,
    /// The medium it began on.
    MediaType,
    /// The medium of the leg that makes the status.
    ActiveMediaType,
    /// Who reached out to whom.
    Direction,
    /// An agent who is in it now. A conversation with several counts for each of them.
    Agent,
}

/// A group of conversations. What was not grouped by is null, and so is what the group's
/// conversations do not have.
#[derive(SimpleObject)]
pub struct ConversationCount {
    /// Their status.
    status: Option<ConversationStatus>,
    /// The queue they are or were in last.
    queue_id: Option<ID>,
    /// That queue's latest name.
    queue_name: Option<String>,
    /// The medium they began on.
    media_type: Option<MediaType>,
    /// The medium of the leg that makes their status.
    active_media_type: Option<MediaType>,
    /// Their direction.
    direction: Option<Direction>,
    /// An agent who is in them now.
    agent_id: Option<ID>,
    /// How many there are.
    count: i32,
    /// Since when the one that waits longest does so: the least `waitingSince`, else `statusSince`.
    oldest_since: Option<DateTime>,
}

impl ConversationCount {
    pub(crate) fn of(group: &Group, count: &Count) -> Self {
        Self {
            status: group.status.map(Into::into),
            queue_id: group.queue.as_ref().map(|id| ID(id.to_string())),
            queue_name: count.queue_name.clone(),
            media_type: group.media_type.map(Into::into),
            active_media_type: group.active_media_type.map(Into::into),
            direction: group.direction.map(Into::into),
            agent_id: group.agent.as_ref().map(|id| ID(id.to_string())),
            count: i32::try_from(count.conversations).unwrap_or(i32::MAX),
            oldest_since: count.oldest_since.map(DateTime),
        }
    }
}
