//! When a snapshot is older than the record.
//!
//! Genesys numbers nothing, so age shows only in what can't be undone: a snapshot that takes such a
//! fact back is older. Marks that come and go (hold, park, scheduled times) are no evidence.

use super::naming;
use super::phase::{Phase, phase_of};
use super::snapshot::{AcwState, AfterCallWork, Leg, Medium, Participant, Shape, Snapshot};

/// Whether `snapshot` takes back a fact of `known` that can't be undone.
pub fn is_older(snapshot: &Snapshot, known: &[Participant]) -> bool {
    known.iter().any(|known| {
        let legs: Vec<&Leg> = known
            .legs
            .iter()
            .filter(|leg| shows(snapshot.shape, leg.medium))
            .collect();
        if legs.is_empty() && snapshot.shape != Shape::Whole {
            return false;
        }
        match snapshot
            .participants
            .iter()
            .find(|participant| participant.id == known.id)
        {
            None => true,
            Some(said) => {
                (snapshot.shape == Shape::Whole && participant_lost(known, said))
                    || legs
                        .iter()
                        .any(|leg| leg_lost(known, leg, said, snapshot.shape))
            }
        }
    })
}

/// Whether a notification shows the conversation as it was before a reading of it.
pub fn precedes(said: &Snapshot, reading: &Snapshot) -> bool {
    let said = naming::named(said, &reading.participants);
    is_older(&said, &reading.participants)
}

fn shows(shape: Shape, medium: Medium) -> bool {
    match shape {
        Shape::Whole => true,
        Shape::Medium(shown) => shown == medium,
    }
}

fn participant_lost(known: &Participant, said: &Participant) -> bool {
    (known.connected_time.is_some() && said.connected_time.is_none())
        || (known.end_time.is_some() && said.end_time.is_none())
}

/// A per-media snapshot shows only the newest leg of a participant, and has after-call work only where
/// it runs or ran: what it leaves out is not taken back.
fn leg_lost(participant: &Participant, known: &Leg, said: &Participant, shape: Shape) -> bool {
    let is_whole = shape == Shape::Whole;
    let Some(leg) = said.same_leg(known) else {
        return is_whole || phase_of(known, participant) != Phase::Ended;
    };
    let reopened =
        phase_of(known, participant) == Phase::Ended && phase_of(leg, said) != Phase::Ended;
    reopened
        || (known.connected_time.is_some() && leg.connected_time.is_none())
        || (known.disconnected_time.is_some() && leg.disconnected_time.is_none())
        || ((is_whole || leg.acw.is_some()) && acw_lost(known, leg))
}

/// Whether after-call work is over, done or not.
pub const fn is_settled(acw: &AfterCallWork) -> bool {
    acw.end_time.is_some()
        || matches!(
            acw.state,
            AcwState::Complete | AcwState::Skipped | AcwState::NotApplicable
        )
}

fn acw_lost(known: &Leg, said: &Leg) -> bool {
    let Some(known) = &known.acw else {
        return false;
    };
    let said_end = said.acw.as_ref().and_then(|acw| acw.end_time);
    let said_state = said.acw.as_ref().map(|acw| acw.state);
    (known.end_time.is_some() && said_end.is_none())
        || (known.state == AcwState::Complete && said_state == Some(AcwState::Pending))
}
