//! The end of every change: the row is derived, and what differs becomes an update.

use std::sync::Arc;

use super::{Change, Conversation};
use crate::domain::derive::{Derived, derive};
use crate::domain::row::{ConversationStatus, Row};
use crate::domain::update::{ChangeCause, ChangeKind, ChangeKinds, Update};

impl Conversation {
    /// Derives the row anew from facts already taken in.
    pub(super) fn settle(
        &mut self,
        cause: ChangeCause,
        kinds: ChangeKinds,
        change: Change<'_>,
    ) -> Vec<Update> {
        let mut derived = derive(&self.facts, self.registration.as_ref());
        if self.row.status == ConversationStatus::Ended && self.version > 0 {
            derived.stay_ended();
        }
        self.conclude(derived, kinds, Change { cause, ..change })
            .into_iter()
            .collect()
    }

    /// Writes the derived values into the row and makes the update, if there is any difference.
    pub(super) fn conclude(
        &mut self,
        derived: Derived,
        kinds: ChangeKinds,
        change: Change<'_>,
    ) -> Option<Update> {
        let known_before = self.version > 0;
        let occurred_at = if known_before {
            change.occurred_at.max(self.row.updated_at_or_since())
        } else {
            change.occurred_at
        };
        let mut after = self.row.clone();
        derived.write_into(&mut after, occurred_at, change.received_at, known_before);
        after.contexts = self.links.iter().map(|link| link.context.clone()).collect();
        after.contexts.sort();
        after.contexts.dedup();
        let kinds = kinds_between(known_before.then_some(&self.row), &after, kinds);
        if kinds.is_empty() {
            return None;
        }
        if kinds.contains(ChangeKind::Status) {
            after.status_number += 1;
            after.status_since = occurred_at;
        }
        after.updated_at = occurred_at;
        if !known_before {
            after.created_at = change.received_at;
        }
        let before =
            known_before.then(|| Arc::new(std::mem::replace(&mut self.row, after.clone())));
        self.row = after;
        self.version += 1;
        Some(Update {
            conversation_id: self.id,
            version: self.version,
            kinds,
            before,
            after: Arc::new(self.row.clone()),
            occurred_at,
            cause: change.cause,
            gap_before: change.gap_before,
            actor: change.actor.cloned(),
        })
    }
}

/// Adds to `kinds` what differs between the two rows.
fn kinds_between(before: Option<&Row>, after: &Row, mut kinds: ChangeKinds) -> ChangeKinds {
    let blank;
    let before = if let Some(row) = before {
        row
    } else {
        kinds.insert(ChangeKind::Status);
        blank = Row::blank(after.created_at);
        &blank
    };
    if before.status != after.status {
        kinds.insert(ChangeKind::Status);
    }
    if before.last_queue_id != after.last_queue_id {
        kinds.insert(ChangeKind::Queue);
    }
    if let Some(owner) = &after.owner
        && before
            .owner
            .as_ref()
            .is_none_or(|known| !known.is_same(owner))
    {
        kinds.insert(ChangeKind::Owner);
    }
    if before.agents != after.agents || before.handled_by != after.handled_by {
        kinds.insert(ChangeKind::Participants);
    }
    if before.contexts != after.contexts {
        kinds.insert(ChangeKind::Context);
    }
    if before.failure != after.failure {
        kinds.insert(ChangeKind::Error);
    }
    if details_differ(before, after) {
        kinds.insert(ChangeKind::Details);
    }
    kinds
}

fn details_differ(before: &Row, after: &Row) -> bool {
    before.initiated_by != after.initiated_by
        || before.registered_at != after.registered_at
        || before.initial_screen_pop_target != after.initial_screen_pop_target
        || before.conversation_start != after.conversation_start
        || before.conversation_end != after.conversation_end
        || before.direction != after.direction
        || before.original_media_type != after.original_media_type
        || before.active_media_type != after.active_media_type
        || before.waiting_since != after.waiting_since
        || before.last_queue_name != after.last_queue_name
}
