//! The organisation's queues: which there are, and what they are called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::client::{ApiError, GenesysClient};
use crate::domain::ids::QueueId;

/// Names of the queues as last listed; a cheap handle.
#[derive(Clone, Debug, Default)]
pub struct QueueNames(Arc<RwLock<BTreeMap<QueueId, String>>>);

impl QueueNames {
    pub fn name(&self, queue: &QueueId) -> Option<String> {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.get(queue).cloned()
    }

    /// Queues that are gone keep their names: conversations of theirs may still come.
    fn learn(&self, listed: impl IntoIterator<Item = (QueueId, String)>) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        names.extend(listed);
    }
}

/// Lists all queues and remembers their names.
pub async fn list(client: &GenesysClient) -> Result<BTreeSet<QueueId>, ApiError> {
    let mut ids = BTreeSet::new();
    for page in 1.. {
        let listing = client.queues(page).await?;
        let is_last = listing.is_last(page);
        let named = listing.entities.into_iter().filter_map(|queue| {
            let id = QueueId::from(queue.id);
            ids.insert(id.clone());
            Some((id, queue.name?))
        });
        client.queue_names().learn(named);
        if is_last {
            break;
        }
    }
    Ok(ids)
}
