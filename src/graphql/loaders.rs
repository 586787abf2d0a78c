//! To-many edges, batched: a page costs the same number of statements whatever its length.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::Loader;

use crate::domain::caller::Scope;
use crate::domain::ids::ConversationId;
use crate::domain::registration::ContextLink;
use crate::domain::snapshot::Participant;
use crate::store::{Committed, Page, Slice, Store, StoreError};

/// Loads for one operation. What hangs on a conversation is shown to who sees the conversation now,
/// also where a change of the past is told.
pub(crate) struct Loads {
    pub(crate) store: Store,
    pub(crate) scope: Scope,
}

impl Loads {
    async fn visible(
        &self,
        ids: impl IntoIterator<Item = ConversationId>,
    ) -> Result<Vec<ConversationId>, Arc<StoreError>> {
        let ids: Vec<_> = ids.into_iter().collect();
        Ok(self.store.visible(&self.scope, ids).await?)
    }
}

/// The participants of a conversation of which only the row is at hand.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct WholeKey(pub(crate) ConversationId);

/// A page of a conversation's history.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct HistoryKey {
    pub(crate) id: ConversationId,
    pub(crate) page: Page,
}

impl Loader<ConversationId> for Loads {
    type Value = Vec<ContextLink>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Self::Value>, Self::Error> {
        let ids = self.visible(ids.iter().copied()).await?;
        Ok(self.store.links(&ids).await?)
    }
}

impl Loader<WholeKey> for Loads {
    type Value = Arc<Vec<Participant>>;
    type Error = Arc<StoreError>;

    async fn load(&self, keys: &[WholeKey]) -> Result<HashMap<WholeKey, Self::Value>, Self::Error> {
        let ids = self.visible(keys.iter().map(|key| key.0)).await?;
        let found = self.store.participants(&ids).await?;
        Ok(found
            .into_iter()
            .map(|(id, participants)| (WholeKey(id), Arc::new(participants)))
            .collect())
    }
}

impl Loader<HistoryKey> for Loads {
    type Value = Arc<Slice<Arc<Committed>>>;
    type Error = Arc<StoreError>;

    async fn load(
        &self,
        keys: &[HistoryKey],
    ) -> Result<HashMap<HistoryKey, Self::Value>, Self::Error> {
        let mut by_page: HashMap<&Page, Vec<ConversationId>> = HashMap::new();
        for key in keys {
            by_page.entry(&key.page).or_default().push(key.id);
        }
        let mut found = HashMap::new();
        for (page, ids) in by_page {
            let ids = self.visible(ids).await?;
            for (id, slice) in self.store.status_history(&ids, page).await? {
                let key = HistoryKey {
                    id,
                    page: page.clone(),
                };
                found.insert(key, Arc::new(slice));
            }
        }
        Ok(found)
    }
}
