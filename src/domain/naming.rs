//! Ids for legs that come without one.
//!
//! A participant of a per-media snapshot is one leg, and Genesys tells no id of it. It gets the id of
//! the known leg that it must be, else one made from its participant's, until a whole snapshot tells
//! the real one.

use std::borrow::Cow;

use super::facts::Facts;
use super::ids::{ParticipantId, SessionId};
use super::snapshot::{Leg, Medium, Participant, Shape, Snapshot};
use super::time::Time;

/// The snapshot with an id for every leg, by the legs that `known` has.
pub(super) fn named<'a>(snapshot: &'a Snapshot, known: &[Participant]) -> Cow<'a, Snapshot> {
    let Shape::Medium(medium) = snapshot.shape else {
        return Cow::Borrowed(snapshot);
    };
    let mut snapshot = snapshot.clone();
    for said in &mut snapshot.participants {
        let legs = known
            .iter()
            .find(|known| known.id == said.id)
            .map_or(&[][..], |known| &known.legs);
        let began = said.start_time;
        for leg in &mut said.legs {
            if leg.id.as_str().is_empty() {
                leg.id = id_for(leg, began, &said.id, legs, medium);
            }
        }
    }
    Cow::Owned(snapshot)
}

/// The id of the leg that this must be: the one that connected at the same time, else the newest,
/// unless that one was over before this one began.
fn id_for(
    said: &Leg,
    began: Option<Time>,
    participant: &ParticipantId,
    known: &[Leg],
    medium: Medium,
) -> SessionId {
    let of_medium = || known.iter().filter(|leg| leg.medium == medium);
    let same =
        |leg: &&Leg| leg.connected_time.is_some() && leg.connected_time == said.connected_time;
    if let Some(leg) = of_medium().rfind(same) {
        return leg.id.clone();
    }
    let began = said.connected_time.into_iter().chain(began).min();
    let follows = |ended: Time| began.is_some_and(|began| began > ended);
    match of_medium().next_back() {
        Some(newest) if !newest.disconnected_time.is_some_and(follows) => newest.id.clone(),
        _ => made_up(participant, medium, of_medium().count()),
    }
}

fn made_up(participant: &ParticipantId, medium: Medium, place: usize) -> SessionId {
    format!("{participant}/{}/{place}", medium.word()).into()
}

pub(super) fn is_made_up(leg: &SessionId, participant: &ParticipantId) -> bool {
    let rest = leg.as_str().strip_prefix(participant.as_str());
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Puts the ids that a whole snapshot tells in the place of those that were made up.
pub(super) fn learn(facts: &mut Facts, told: &[Participant]) {
    let mut learned = Vec::new();
    for known in &mut facts.participants {
        let Some(told) = told.iter().find(|told| told.id == known.id) else {
            continue;
        };
        for place in 0..known.legs.len() {
            if !is_made_up(&known.legs[place].id, &known.id) {
                continue;
            }
            if let Some(real) = real_id(&known.legs, place, &told.legs) {
                let made_up = std::mem::replace(&mut known.legs[place].id, real.clone());
                learned.push((made_up, real));
            }
        }
    }
    for (made_up, real) in learned {
        if let Some(count) = facts.marks.remove(&made_up) {
            facts.marks.insert(real.clone(), count);
        }
        let marks = facts.last_mark.iter_mut().flat_map(|last| &mut last.before);
        for mark in marks.filter(|mark| mark.session == made_up) {
            mark.session = real.clone();
        }
    }
}

/// The told leg that the known one must be: of those that no other known leg is, the one that
/// connected at the same time, else the oldest.
fn real_id(known: &[Leg], place: usize, told: &[Leg]) -> Option<SessionId> {
    let leg = &known[place];
    let free =
        |told: &&Leg| told.medium == leg.medium && known.iter().all(|known| known.id != told.id);
    let same = |told: &&Leg| told.connected_time == leg.connected_time;
    let found = told.iter().filter(free).find(same);
    found
        .or_else(|| told.iter().find(free))
        .map(|told| told.id.clone())
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::{LegState, Source};
    use super::super::testing::{at, customer, leg, snapshot};
    use super::*;

    fn message(id: &str, from: i64, to: Option<i64>) -> Leg {
        let state = match to {
            Some(_) => LegState::Disconnected,
            None => LegState::Connected,
        };
        Leg {
            connected_time: Some(at(from)),
            disconnected_time: to.map(at),
            ..leg(id, Medium::Message, state)
        }
    }

    fn named_id(said: Leg, known: Vec<Leg>) -> String {
        let said = Snapshot {
            shape: Shape::Medium(Medium::Message),
            source: Source::Topic("t".to_owned()),
            ..snapshot(vec![customer(vec![said])])
        };
        let known = [customer(known)];
        let named = named(&said, &known);
        named.participants[0].legs[0].id.to_string()
    }

    #[test]
    fn a_leg_without_an_id_is_the_known_one_or_the_next_of_its_participant() {
        assert_eq!(named_id(message("", 1, None), vec![]), "customer/message/0");
        let first = || message("m1", 1, None);
        assert_eq!(named_id(message("", 1, Some(9)), vec![first()]), "m1");
        let ended = || message("m1", 1, Some(9));
        assert_eq!(named_id(message("", 1, Some(9)), vec![ended()]), "m1");
        assert_eq!(
            named_id(message("", 20, None), vec![ended()]),
            "customer/message/1"
        );
        let second = || message("m2", 20, None);
        assert_eq!(
            named_id(message("", 20, Some(30)), vec![ended(), second()]),
            "m2"
        );
        assert_eq!(
            named_id(message("", 1, Some(9)), vec![ended(), second()]),
            "m1"
        );
    }

    #[test]
    fn real_ids_take_the_place_of_those_that_were_made_up() {
        let known = vec![
            message("m1", 1, Some(9)),
            message("customer/message/1", 20, None),
        ];
        let mut facts = Facts {
            participants: vec![customer(known)],
            ..Facts::default()
        };
        facts.marks.insert(
            "customer/message/1".into(),
            super::super::facts::MarkCount::default(),
        );
        let told = vec![message("m1", 1, Some(9)), message("m2", 20, Some(30))];
        learn(&mut facts, &[customer(told)]);
        assert_eq!(facts.participants[0].legs[1].id.as_str(), "m2");
        assert!(facts.marks.contains_key(&SessionId::from("m2")));
    }
}
