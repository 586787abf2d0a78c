//! The shape of per-media topics: one medium, state and times directly on the participant, queue and
//! user as references.

use super::{Skip, Terms, filled, time};
use crate::domain::snapshot::{Medium, Participant};
use crate::genesys::{topics, wire};

/// A participant of one leg. The leg has no id; the times of the participant are the leg's.
pub(super) fn participant(
    mut sent: wire::Participant,
    medium: Medium,
    terms: Terms,
) -> Result<Participant, Skip> {
    let id_of = |reference: Option<wire::EntityRef>| reference.and_then(|it| filled(it.id));
    sent.user_id = filled(sent.user_id).or(id_of(sent.user.take()));
    sent.external_contact_id =
        filled(sent.external_contact_id).or(id_of(sent.external_contact.take()));
    if let Some(queue) = sent.queue.take() {
        sent.queue_id = filled(sent.queue_id).or(filled(queue.id));
        sent.queue_name = filled(sent.queue_name).or(filled(queue.name));
    }
    let leg = wire::Leg {
        id: None,
        state: sent.state.take(),
        initial_state: sent.initial_state.take(),
        direction: sent.direction.take(),
        held: sent.held,
        start_hold_time: sent.start_hold_time.take(),
        park_time: sent.park_time.take(),
        start_alerting_time: None,
        connected_time: sent.connected_time.take(),
        disconnected_time: sent.end_time.take(),
        disconnect_type: sent.disconnect_type.take(),
        error_info: sent.error_info.take(),
        after_call_work: after_call_work(&sent),
        wrapup: None,
        segments: None,
    };
    let mut participant = super::participant(sent, terms)?;
    let mut leg = super::leg(leg, medium, participant.id.as_str(), 0);
    leg.id = "".into();
    participant.legs = vec![leg];
    Ok(participant)
}

/// The shape has no `afterCallWork`: its times say that it runs or is over.
fn after_call_work(sent: &wire::Participant) -> Option<wire::AfterCallWork> {
    time(sent.start_acw_time.as_deref())?;
    let is_over = time(sent.end_acw_time.as_deref()).is_some();
    let is_skipped = sent.wrapup_skipped == Some(true);
    let state = match (is_over, is_skipped) {
        (_, true) => "skipped",
        (true, false) => "complete",
        (false, false) => "pending",
    };
    Some(wire::AfterCallWork {
        state: Some(state.to_owned()),
        start_time: sent.start_acw_time.clone(),
        end_time: sent.end_acw_time.clone(),
    })
}

/// Reads `/api/v2/conversations/callbacks/{id}`: the conversation has callbacks, too.
pub(super) fn others(uris: Option<Vec<Option<String>>>) -> Vec<Medium> {
    uris.into_iter()
        .flatten()
        .flatten()
        .filter_map(|uri| {
            let (_, rest) = uri.split_once("/conversations/")?;
            topics::medium_of(rest.split('/').next()?)
        })
        .collect()
}
