//! Filters, scopes and changes for property tests, of so few values that they often meet.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::domain::caller::Scope;
use crate::domain::filter::Filter;
use crate::domain::ids::{ConversationId, QueueId, UserId};
use crate::domain::row::{ContextKey, ContextRef, ConversationStatus, InitiatedBy, Row};
use crate::domain::time::Time;
use crate::domain::update::{ChangeCause, ChangeKind, Update};

pub(super) fn id() -> impl Strategy<Value = ConversationId> {
    (0_u128..4).prop_map(|number| ConversationId::from_uuid(uuid::Uuid::from_u128(number)))
}

fn queue() -> impl Strategy<Value = QueueId> {
    select(vec!["support", "sales", "claims"]).prop_map(QueueId::from)
}

fn user() -> impl Strategy<Value = UserId> {
    select(vec!["ann", "bob", "eve"]).prop_map(UserId::from)
}

fn status() -> impl Strategy<Value = ConversationStatus> {
    select(vec![
        ConversationStatus::Connected,
        ConversationStatus::OnHold,
        ConversationStatus::Ended,
    ])
}

fn context() -> impl Strategy<Value = ContextRef> {
    let key = select(vec![ContextKey::Case, ContextKey::Task]);
    (key, select(vec!["1", "2"])).prop_map(|(key, object)| ContextRef {
        key,
        custom_key: String::new(),
        object_id: object.to_owned(),
    })
}

pub(super) fn scope() -> impl Strategy<Value = Scope> {
    let narrowed =
        (btree_set(queue(), 0..3), option::of(user())).prop_map(|(queues, user)| Scope::Narrowed {
            queues: Arc::new(queues),
            user,
        });
    prop_oneof![Just(Scope::Everything), narrowed]
}

/// Mostly few conditions, or nothing would ever match.
pub(super) fn filter() -> impl Strategy<Value = Filter> {
    (
        option::weighted(0.3, btree_set(id(), 0..3)),
        option::weighted(0.2, context()),
        option::weighted(0.2, btree_set(status(), 0..3)),
        option::weighted(0.2, btree_set(queue(), 0..3)),
        option::weighted(0.2, btree_set(user(), 0..3)),
        option::weighted(0.2, btree_set(user(), 0..3)),
        option::weighted(0.1, any::<bool>()),
    )
        .prop_map(
            |(ids, context, statuses, queues, agents, handlers, open)| Filter {
                conversation_ids: ids.map(|ids| ids.into_iter().collect()),
                context,
                statuses: statuses.map(|statuses| statuses.into_iter().collect()),
                queue_ids: queues.map(|queues| queues.into_iter().collect()),
                agent_ids: agents.map(|agents| agents.into_iter().collect()),
                handled_by_ids: handlers.map(|handlers| handlers.into_iter().collect()),
                open,
                ..Filter::default()
            },
        )
}

fn row() -> impl Strategy<Value = Row> {
    (
        status(),
        option::weighted(0.8, queue()),
        btree_set(user(), 0..3),
        btree_set(user(), 0..3),
        btree_set(context(), 0..3),
    )
        .prop_map(|(status, queue, agents, handled_by, contexts)| Row {
            last_queue_id: queue,
            agents: sorted(agents),
            handled_by: sorted(handled_by),
            contexts: sorted(contexts),
            ..bare(status)
        })
}

fn sorted<T>(values: BTreeSet<T>) -> Vec<T> {
    values.into_iter().collect()
}

fn bare(status: ConversationStatus) -> Row {
    let now = Time::from_millis(0);
    Row {
        initiated_by: InitiatedBy::Genesys,
        registered_at: None,
        initial_screen_pop_target: None,
        conversation_start: None,
        conversation_end: None,
        direction: None,
        original_media_type: None,
        active_media_type: None,
        status,
        status_since: now,
        waiting_since: None,
        last_queue_id: None,
        last_queue_name: None,
        owner: None,
        failure: None,
        status_number: 1,
        created_at: now,
        updated_at: now,
        agents: Vec::new(),
        handled_by: Vec::new(),
        contexts: Vec::new(),
    }
}

pub(super) fn updates(most: usize) -> impl Strategy<Value = Vec<Update>> {
    vec(update(), 1..most)
}

fn update() -> impl Strategy<Value = Update> {
    (id(), option::weighted(0.8, row()), row()).prop_map(|(conversation_id, before, after)| {
        Update {
            conversation_id,
            version: 1,
            kinds: [ChangeKind::Status].into_iter().collect(),
            before: before.map(Arc::new),
            after: Arc::new(after),
            occurred_at: Time::from_millis(0),
            cause: ChangeCause::GenesysEvent,
            gap_before: false,
            actor: None,
        }
    })
}
