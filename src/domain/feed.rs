//! How fresh the picture is: what the gateway can say of its own view of Genesys.

use super::row::words;
use super::time::Time;

words! {
    /// Whether what Genesys does reaches the gateway.
    FeedState {
        /// Every wanted topic is subscribed on a socket that answers, and nothing is being repaired.
        Live = "LIVE",
        /// Connected again; what was missed is being read.
        CatchingUp = "CATCHING_UP",
        /// Some wanted topic has no socket that answers.
        Disconnected = "DISCONNECTED",
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FeedStatus {
    pub state: FeedState,
    /// Since when it is in this state.
    pub since: Time,
    /// Since when the picture may lack something; `None` while live.
    pub stale_since: Option<Time>,
    /// When Genesys' latest notification came.
    pub last_event_at: Option<Time>,
    pub topics_wanted: usize,
    pub topics_subscribed: usize,
    pub refused_topics: Vec<RefusedTopic>,
    /// 0 to 1 while catching up.
    pub repair_progress: Option<f64>,
}

/// A topic that Genesys won't let the client have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedTopic {
    pub topic: String,
    pub reason: Option<String>,
    pub missing_permissions: Vec<String>,
}
