//! The organisation's queues: which there are, and what they are called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::client::{ApiError, GenesysClient};
use super::directory::{Listed, Listing, sorted};
use crate::domain::ids::QueueId;

/// Names of the queues as last listed; a cheap handle.
#[derive(Clone, Debug, Default)]
pub struct QueueNames(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    names: BTreeMap<QueueId, String>,
    listing: Option<Listing>,
}

impl QueueNames {
    pub fn name(&self, queue: &QueueId) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.names.get(queue).cloned()
    }

    /// The queues that there are now, by name.
    pub fn listing(&self) -> Listing {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.listing.clone().unwrap_or_else(|| Arc::from([]))
    }

    /// Queues that are gone keep their names: conversations of theirs may still come.
    fn learn(&self, listed: Vec<Listed>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let named = listed
            .iter()
            .filter_map(|queue| Some((QueueId::from(queue.id.as_str()), queue.name.clone()?)));
        known.names.extend(named);
        known.listing = Some(sorted(listed));
    }
}

/// Lists all queues and remembers their names.
pub async fn list(client: &GenesysClient) -> Result<BTreeSet<QueueId>, ApiError> {
    let mut listed: Vec<Listed> = Vec::new();
    for page in 1.. {
        let listing = client.queues(page).await?;
        let is_last = listing.is_last(page);
        listed.extend(listing.entities.into_iter().map(Listed::from));
        if is_last {
            break;
        }
    }
    let ids = listed
        .iter()
        .map(|queue| queue.id.as_str().into())
        .collect();
    client.queue_names().learn(listed);
    Ok(ids)
}
