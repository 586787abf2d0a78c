//! How fresh the picture is.

use async_graphql::SimpleObject;

use super::enums::FeedState;
use crate::domain::feed as domain;
use crate::graphql::scalars::DateTime;

/// What the gateway can say of its own view of Genesys: whether its picture may be stale.
#[derive(SimpleObject)]
pub struct FeedStatus {
    /// Live, catching up, or disconnected.
    pub state: FeedState,
    /// Since when it is in this state.
    pub since: DateTime,
    /// Since when the picture may lack something; null while live.
    pub stale_since: Option<DateTime>,
    /// When Genesys' latest notification came.
    pub last_event_at: Option<DateTime>,
    /// How many topics the gateway wants to follow.
    pub topics_wanted: i32,
    /// How many it follows on a socket that answers.
    pub topics_subscribed: i32,
    /// Topics that Genesys won't let the gateway have.
    pub refused_topics: Vec<RefusedTopic>,
    /// 0 to 1 while catching up.
    pub repair_progress: Option<f64>,
}

/// A topic that Genesys won't let the gateway have. It does not make the feed stale.
#[derive(SimpleObject)]
pub struct RefusedTopic {
    /// The topic's name.
    pub topic: String,
    /// Genesys' reason.
    pub reason: Option<String>,
    /// The permissions the OAuth client lacks.
    pub missing_permissions: Vec<String>,
}

impl From<&domain::FeedStatus> for FeedStatus {
    fn from(status: &domain::FeedStatus) -> Self {
        Self {
            state: status.state.into(),
            since: status.since.into(),
            stale_since: status.stale_since.map(DateTime),
            last_event_at: status.last_event_at.map(DateTime),
            topics_wanted: clamp(status.topics_wanted),
            topics_subscribed: clamp(status.topics_subscribed),
            refused_topics: status
                .refused_topics
                .iter()
                .map(RefusedTopic::from)
                .collect(),
            repair_progress: status.repair_progress,
        }
    }
}

impl From<&domain::RefusedTopic> for RefusedTopic {
    fn from(refused: &domain::RefusedTopic) -> Self {
        Self {
            topic: refused.topic.clone(),
            reason: refused.reason.clone(),
            missing_permissions: refused.missing_permissions.clone(),
        }
    }
}

fn clamp(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
