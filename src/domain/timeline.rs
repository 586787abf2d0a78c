//! What the first whole snapshot of a conversation tells of the time before it.
//!
//! Legs carry the times at which they connected and ended, so the conversation can be drawn as it
//! stood at each of those moments. What a hold or a park was, no leg tells.

use super::row::ConversationStatus;
use super::snapshot::{AcwState, Leg, LegState, Participant};
use super::status::{Phase, Role, phase_of, role_of, status_of};
use super::time::Time;

/// The conversation as it stood at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    pub at: Time,
    pub participants: Vec<Participant>,
}

/// A hand-over shorter than this is no step of its own: badges don't show it either.
const SHORTEST_HANDOVER_MS: i64 = 1_000;

/// The moments before the present one at which the status changed, oldest first. The last known
/// status, that of `participants` themselves, is not among them.
pub fn moments(participants: &[Participant], present_end: Option<Time>) -> Vec<Moment> {
    let mut found: Vec<(ConversationStatus, Moment)> = Vec::new();
    let times = times_of(participants);
    for (index, at) in times.iter().copied().enumerate() {
        let participants = as_of(participants, at);
        let status = status_of(&participants, None).status;
        let lasts = times.get(index + 1).map_or(i64::MAX, |next| next.since(at));
        let passing = status == ConversationStatus::Created
            || (status == ConversationStatus::Transferring && lasts < SHORTEST_HANDOVER_MS);
        let repeated = found.last().is_some_and(|(last, _)| *last == status);
        if !passing && !repeated {
            found.push((status, Moment { at, participants }));
        }
    }
    let present = status_of(participants, present_end).status;
    while found.last().is_some_and(|(last, _)| *last == present) {
        found.pop();
    }
    found.into_iter().map(|(_, moment)| moment).collect()
}

fn times_of(participants: &[Participant]) -> Vec<Time> {
    let mut times: Vec<Time> = participants
        .iter()
        .flat_map(|participant| {
            let legs = participant.legs.iter().flat_map(|leg| {
                let acw = leg.acw.as_ref();
                [
                    leg.start_alerting_time,
                    leg.connected_time,
                    leg.disconnected_time,
                    acw.and_then(|acw| acw.end_time),
                ]
            });
            [participant.connected_time, participant.end_time]
                .into_iter()
                .chain(legs)
        })
        .flatten()
        .collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// The participants as they stood at `at`, as far as their times tell.
pub fn as_of(participants: &[Participant], at: Time) -> Vec<Participant> {
    participants
        .iter()
        .filter_map(|participant| {
            let legs: Vec<Leg> = participant
                .legs
                .iter()
                .filter_map(|leg| leg_as_of(leg, participant, at))
                .collect();
            let began =
                began_by(participant.connected_time, at) || began_by(participant.start_time, at);
            (began || !legs.is_empty()).then(|| Participant {
                connected_time: participant.connected_time.filter(|time| *time <= at),
                end_time: participant.end_time.filter(|time| *time <= at),
                start_acw_time: participant.start_acw_time.filter(|time| *time <= at),
                end_acw_time: participant.end_acw_time.filter(|time| *time <= at),
                wrapup: participant
                    .wrapup
                    .clone()
                    .filter(|wrapup| wrapup.end_time.is_some_and(|time| time <= at)),
                legs,
                ..participant.clone()
            })
        })
        .collect()
}

fn leg_as_of(leg: &Leg, participant: &Participant, at: Time) -> Option<Leg> {
    let ended = phase_of(leg, participant) == Phase::Ended
        && leg
            .disconnected_time
            .or(participant.end_time)
            .is_none_or(|time| time <= at);
    let connected = began_by(leg.connected_time, at);
    let rang = began_by(leg.start_alerting_time, at);
    if !connected && !rang {
        return None;
    }
    if ended {
        return Some(Leg {
            acw: leg.acw.clone().map(|mut acw| {
                if acw.end_time.is_some_and(|time| time > at) {
                    acw.state = AcwState::Pending;
                    acw.end_time = None;
                }
                acw
            }),
            ..leg.clone()
        });
    }
    let state = if connected {
        LegState::Connected
    } else if role_of(participant) == Role::Agent {
        LegState::Alerting
    } else {
        LegState::Offering
    };
    Some(Leg {
        state,
        held: false,
        start_hold_time: None,
        park_time: None,
        connected_time: leg.connected_time.filter(|time| *time <= at),
        disconnected_time: None,
        disconnect_type: None,
        error: None,
        acw: None,
        wrapup: None,
        ..leg.clone()
    })
}

fn began_by(time: Option<Time>, at: Time) -> bool {
    time.is_some_and(|time| time <= at)
}
