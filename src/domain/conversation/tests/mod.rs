mod commands;
mod life;
mod marks;
mod media;
mod order;
mod readings;
mod reopening;

use super::*;
use crate::domain::caller::Scope;
use crate::domain::filter::{Filter, Membership, sighting};
use crate::domain::ids::UserId;
use crate::domain::row::{
    ContextKey, ContextRef, ContextVerb, ConversationStatus as S, Direction, InitiatedBy,
    MediaType, OwnerKind,
};
use crate::domain::snapshot::{
    Activity, AcwState, Leg, LegState as L, Medium, Participant, Segment, Shape, Snapshot, Source,
};
use crate::domain::testing::{
    agent, at, call, conversation_id, customer, inbound_call, leg, participant, queue, seen,
    snapshot,
};

fn unknown() -> Conversation {
    Conversation::unknown(conversation_id(), at(0))
}

fn play(life: &[(i64, Vec<Participant>)]) -> (Conversation, Vec<Update>) {
    let mut conversation = unknown();
    let mut updates = Vec::new();
    for (second, participants) in life {
        let event = seen(snapshot(participants.clone()), *second);
        updates.extend(conversation.apply(&event).unwrap().updates);
    }
    (conversation, updates)
}

fn statuses(updates: &[Update]) -> Vec<S> {
    updates
        .iter()
        .filter(|update| update.is_status_change())
        .map(|update| update.after.status)
        .collect()
}

fn owners(updates: &[Update]) -> Vec<Option<String>> {
    let mut owners: Vec<Option<String>> = updates
        .iter()
        .map(|update| {
            update
                .after
                .owner
                .as_ref()
                .map(|owner| owner.genesys_id.clone())
        })
        .collect();
    owners.dedup();
    owners
}

fn registration() -> Registration {
    Registration {
        initiated_by: InitiatedBy::Dcm,
        initial_screen_pop_target: None,
        direction: Some(Direction::Outbound),
        original_media_type: Some(MediaType::Email),
        conversation_start: None,
        queue_id: Some("q9".into()),
        queue_name: Some("Nine".into()),
        context: Some(ContextRef {
            key: ContextKey::Case,
            custom_key: String::new(),
            object_id: "case-1".into(),
        }),
        context_name: None,
    }
}

fn registered(said: Registration, second: i64) -> ConversationEvent {
    ConversationEvent {
        conversation_id: conversation_id(),
        received_at: at(second),
        actor: Some("dcm".into()),
        fact: Fact::Registered(said),
    }
}
