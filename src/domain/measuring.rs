//! How long a leg was in each phase, as snapshots show it.

use super::phase::{Phase, phase_of};
use super::snapshot::{Leg, LegState, Participant, Timings};
use super::time::Time;

/// Adds the phase that is over to the leg's durations.
pub(super) fn measure(
    known: Option<(&Participant, &Leg)>,
    leg: &Leg,
    participant: &Participant,
    now: Time,
) -> Timings {
    let mut timings = known
        .map(|(_, known)| known.timings.clone())
        .unwrap_or_default();
    if timings.is_final {
        return timings;
    }
    let began = began_at(leg).unwrap_or(now);
    let Some((known_participant, known_leg)) = known else {
        timings.since = Some(began);
        if phase_of(leg, participant) == Phase::Ended {
            timings.talk_ms = span(leg.connected_time, leg.disconnected_time);
            timings.alert_ms = span(
                leg.start_alerting_time,
                leg.connected_time.or(leg.disconnected_time),
            );
            timings.since = leg.disconnected_time.or(participant.end_time);
        }
        add_acw(&mut timings, leg);
        return timings;
    };
    let before = bucket(known_leg, known_participant);
    let after = bucket(leg, participant);
    if before != after {
        let until = changed_at(leg, participant, before, after).unwrap_or(now);
        let spent = timings.since.map_or(0, |since| until.since(since));
        match before {
            Bucket::Alert => timings.alert_ms += spent,
            Bucket::Dial => timings.dial_ms += spent,
            Bucket::Talk => timings.talk_ms += spent,
            Bucket::Hold => timings.hold_ms += spent,
            Bucket::Park => timings.park_ms += spent,
            Bucket::None => {}
        }
        timings.since = Some(until);
    }
    add_acw(&mut timings, leg);
    timings
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bucket {
    Alert,
    Dial,
    Talk,
    Hold,
    Park,
    None,
}

fn bucket(leg: &Leg, participant: &Participant) -> Bucket {
    match phase_of(leg, participant) {
        Phase::Pending if matches!(leg.state, LegState::Contacting | LegState::Dialing) => {
            Bucket::Dial
        }
        Phase::Pending => Bucket::Alert,
        Phase::Active if leg.held => Bucket::Hold,
        Phase::Active => Bucket::Talk,
        Phase::Parked => Bucket::Park,
        Phase::Scheduled | Phase::Ended | Phase::Silent => Bucket::None,
    }
}

fn changed_at(leg: &Leg, participant: &Participant, from: Bucket, into: Bucket) -> Option<Time> {
    match into {
        Bucket::Hold => leg.start_hold_time,
        Bucket::Park => leg.park_time,
        Bucket::None => leg.disconnected_time.or(participant.end_time),
        Bucket::Talk if !matches!(from, Bucket::Hold | Bucket::Park) => leg.connected_time,
        _ => None,
    }
}

fn began_at(leg: &Leg) -> Option<Time> {
    leg.connected_time.or(leg.start_alerting_time)
}

fn span(from: Option<Time>, to: Option<Time>) -> i64 {
    from.zip(to).map_or(0, |(from, to)| to.since(from))
}

fn add_acw(timings: &mut Timings, leg: &Leg) {
    if let Some(acw) = &leg.acw {
        timings.acw_ms = span(acw.start_time, acw.end_time);
    }
}
