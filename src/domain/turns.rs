//! How often a leg's marks, its holds and parks, came and went.

use super::facts::{MarkCount, Marks};
use super::snapshot::{Activity, Leg, LegState, Participant};
use super::time::Time;

/// A mark that came or went.
#[derive(Clone, Copy)]
pub(super) struct MarkTurn {
    pub(super) at: Time,
    pub(super) on: bool,
    pub(super) parked: bool,
}

/// How often the leg's marks are known to have come and gone.
pub(super) fn turns_of(leg: &Leg, marks: &Marks) -> usize {
    marks
        .get(&leg.id)
        .map_or(usize::from(is_marked(leg)), |count| count.turns)
}

/// When a mark of a leg that goes on last came or went, as its segments tell it, of those that `known`
/// does not count yet.
pub(super) fn newest_turn(known: &Marks, told: &[Participant], until: Time) -> Option<Time> {
    let legs = told.iter().flat_map(|participant| &participant.legs);
    let told = legs.filter(|leg| !leg.segments.is_empty() && leg.disconnected_time.is_none());
    let news = told.flat_map(|leg| {
        let counted = known.get(&leg.id).map_or(0, |count| count.turns);
        marks_of(leg, 0).into_iter().skip(counted)
    });
    news.map(|mark| mark.at).filter(|at| *at <= until).max()
}

/// The number of times the leg's marks came and went, where the leg tells it: by its segments.
pub(super) fn told_turns(leg: &Leg) -> Option<MarkCount> {
    if leg.segments.is_empty() {
        return None;
    }
    let marks = marks_of(leg, 0);
    let begins = marks.iter().filter(|mark| mark.on).map(|mark| mark.at);
    Some(MarkCount {
        turns: marks.len(),
        newest: begins.max(),
    })
}

/// The same of all legs.
pub(super) fn told_marks(participants: &[Participant]) -> Marks {
    let legs = participants.iter().flat_map(|it| &it.legs);
    legs.filter_map(|leg| Some((leg.id.clone(), told_turns(leg)?)))
        .collect()
}

/// Where among the turns of `told` a notification's leg stands, counted from `known` turns; `None`
/// when it fits nowhere from there on: then the notification is older.
pub(super) fn place_of(said: &Leg, ended: bool, told: &Leg, known: usize) -> Option<usize> {
    let marks = marks_of(told, 0);
    if ended {
        return Some(marks.len());
    }
    let place = if is_marked(said) {
        let began = said.start_hold_time.or(said.park_time);
        let exact = marks
            .iter()
            .position(|mark| mark.on && Some(mark.at) == began);
        exact.map_or(known + usize::from(known.is_multiple_of(2)), |index| {
            index + 1
        })
    } else {
        known + known % 2
    };
    (known..=marks.len()).contains(&place).then_some(place)
}

pub(super) const fn is_marked(leg: &Leg) -> bool {
    leg.held || matches!(leg.state, LegState::Parked)
}

/// The turns of the leg's marks: by its segments, else the one that is on, as the turn after the
/// `known` ones.
pub(super) fn marks_of(leg: &Leg, known: usize) -> Vec<MarkTurn> {
    if leg.segments.is_empty() {
        let began = leg.start_hold_time.or(leg.park_time);
        let parked = leg.state == LegState::Parked;
        return began
            .filter(|_| is_marked(leg) && known.is_multiple_of(2))
            .map(|at| MarkTurn {
                at,
                on: true,
                parked,
            })
            .into_iter()
            .collect();
    }
    let marked = leg
        .segments
        .iter()
        .filter(|segment| matches!(segment.activity, Activity::Hold | Activity::Parked));
    marked
        .flat_map(|segment| {
            let parked = segment.activity == Activity::Parked;
            let on = MarkTurn {
                at: segment.start,
                on: true,
                parked,
            };
            let off = segment
                .end
                .filter(|end| Some(*end) != leg.disconnected_time)
                .map(|at| MarkTurn {
                    at,
                    on: false,
                    parked,
                });
            [Some(on), off].into_iter().flatten()
        })
        .collect()
}
