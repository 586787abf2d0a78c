//! Conversations kept in memory.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::conversation::Conversation;
use crate::domain::ids::ConversationId;

/// Conversations kept in memory: stored ones to save reading them, followed ones because nothing
/// else holds them. Bounded by two generations: when the newer is full, the older is dropped.
pub(super) struct Known {
    limit: usize,
    newer: HashMap<ConversationId, Kept>,
    older: HashMap<ConversationId, Kept>,
    followed: HashMap<ConversationId, Arc<Conversation>>,
}

/// One that is stored. What was learned of it without a change to tell (a leg's real id, a mark) is
/// written with its next change.
struct Kept {
    present: Arc<Conversation>,
    stored: Arc<Conversation>,
}

impl Known {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(2) / 2,
            newer: HashMap::new(),
            older: HashMap::new(),
            followed: HashMap::new(),
        }
    }

    pub(super) fn get(&self, id: ConversationId) -> Option<&Arc<Conversation>> {
        let kept = self.kept(id).map(|kept| &kept.present);
        kept.or_else(|| self.followed.get(&id))
    }

    /// As it is in the database.
    pub(super) fn stored(&self, id: ConversationId) -> Option<&Arc<Conversation>> {
        self.kept(id).map(|kept| &kept.stored)
    }

    fn kept(&self, id: ConversationId) -> Option<&Kept> {
        self.newer.get(&id).or_else(|| self.older.get(&id))
    }

    pub(super) fn contains(&self, id: ConversationId) -> bool {
        self.get(id).is_some()
    }

    /// Begins a new generation when the newer is full. Between two batches, so that none loses what
    /// it was found to have.
    pub(super) fn make_room(&mut self) {
        if self.newer.len() >= self.limit {
            self.older = std::mem::take(&mut self.newer);
        }
    }

    pub(super) fn insert(&mut self, present: Arc<Conversation>, stored: Arc<Conversation>) {
        let id = present.id;
        self.followed.remove(&id);
        self.newer.insert(id, Kept { present, stored });
    }

    pub(super) fn follow(&mut self, conversation: Arc<Conversation>) {
        self.followed.insert(conversation.id, conversation);
    }

    pub(super) fn forget(&mut self, id: ConversationId) {
        self.newer.remove(&id);
        self.older.remove(&id);
        self.followed.remove(&id);
    }

    /// Drops what can be read again: after a failed write its version is uncertain.
    pub(super) fn clear_stored(&mut self) {
        self.newer.clear();
        self.older.clear();
    }
}
