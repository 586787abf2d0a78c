//! What a snapshot tells of the time before it.
//!
//! Legs carry the times at which they connected and ended, and as read from Genesys also the
//! segments between: offers, dialling, holds, parks. So whatever the record does not know yet can
//! be drawn as it stood at each of those moments. The record's own facts are part of every such
//! picture, so none goes back behind what was committed.

use super::facts::Marks;
use super::order::is_settled;
use super::owner;
use super::phase::{Phase, Role, decides, phase_of, role_of};
use super::row::ConversationStatus;
use super::snapshot::{Activity, AcwState, Leg, LegState, Participant};
use super::status::status_of;
use super::time::Time;
use super::turns::{is_marked, marks_of, turns_of};

/// The conversation as it stood at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    pub at: Time,
    pub participants: Vec<Participant>,
}

/// What somebody knows of a conversation.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    pub participants: &'a [Participant],
    pub marks: &'a Marks,
}

/// How closely the past is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Each change of status or owner, at its own time: the record was blind.
    Full,
    /// Only statuses that the record missed: the present one has its own notification.
    Missed,
}

/// A hand-over shorter than this is no step of its own: badges don't show it either.
const SHORTEST_HANDOVER_MS: i64 = 1_000;
/// Legs that end together end within this.
const TOGETHER_MS: i64 = 1;

/// The moments that `told` tells, as far as `limit` goes, and that `known` does not know, oldest
/// first. The present one, that of `limit` itself, is not among them.
pub fn moments(
    known: Picture<'_>,
    told: &[Participant],
    limit: Picture<'_>,
    end: Option<Time>,
    detail: Detail,
) -> Vec<Moment> {
    let mut story = Story {
        known,
        told,
        limit,
        newest: None,
    };
    let times = story.times();
    story.newest = times.last().copied();
    let present = shown(limit.participants, end);
    let mut last = (!known.participants.is_empty()).then(|| shown(known.participants, None));
    let mut found: Vec<(Shown, Moment)> = Vec::new();
    for (index, at) in times.iter().copied().enumerate() {
        let participants = story.at(at);
        let shown = shown(&participants, None);
        let lasts = times.get(index + 1).map_or(i64::MAX, |next| next.since(at));
        let passing = shown.0 == ConversationStatus::Created
            || (shown.0 == ConversationStatus::Transferring && lasts < SHORTEST_HANDOVER_MS);
        if !passing
            && last
                .as_ref()
                .is_none_or(|last| differ(last, &shown, detail))
        {
            last = Some(shown.clone());
            found.push((shown, Moment { at, participants }));
        }
    }
    let newest = times.last().copied();
    while found.last().is_some_and(|(shown, moment)| {
        !differ(shown, &present, detail) && (detail == Detail::Missed || Some(moment.at) == newest)
    }) {
        found.pop();
    }
    found.into_iter().map(|(_, moment)| moment).collect()
}

/// The conversation as a reading tells that it stood then; nothing of it goes back behind `known`.
pub fn as_at(known: Picture<'_>, told: Picture<'_>, at: Time) -> Vec<Participant> {
    let story = Story {
        known,
        told: told.participants,
        limit: told,
        newest: None,
    };
    story.at(at)
}

/// Whether a notification shows that an earlier one was missed whose time it does not tell: an
/// offer that is over already, one that came with other news, or a hold that ended with the leg
/// and may have been taken back.
pub fn leaps(known: &[Participant], said: &[Participant]) -> bool {
    let none = Marks::new();
    let story = Story {
        known: Picture {
            participants: known,
            marks: &none,
        },
        told: said,
        limit: Picture {
            participants: said,
            marks: &none,
        },
        newest: None,
    };
    let mut offered = false;
    for participant in said.iter().filter(|said| !said.supervising) {
        let role = role_of(participant);
        for leg in participant.legs.iter().filter(|leg| decides(leg.medium)) {
            match find(known, participant, leg) {
                None if matches!(role, Role::External | Role::Dialer) => {}
                None if began_otherwise(leg, participant) => return true,
                None => {
                    offered |= role == Role::Agent
                        && leg.start_alerting_time.is_none()
                        && phase_of(leg, participant) == Phase::Pending;
                }
                Some((_, known)) if is_marked(known) => {
                    if phase_of(leg, participant) == Phase::Ended {
                        return true;
                    }
                }
                Some(_) => {}
            }
        }
    }
    offered && !story.times().is_empty()
}

type Shown = (ConversationStatus, Option<owner::Candidate>);

fn shown(participants: &[Participant], end: Option<Time>) -> Shown {
    let status = status_of(participants, end).status;
    let queue = owner::last_queue(participants);
    let owner = owner::owner_of(participants, status, queue.as_ref());
    (status, owner)
}

fn differ(one: &Shown, other: &Shown, detail: Detail) -> bool {
    let owner = |shown: &Shown| shown.1.as_ref().map(|it| (it.kind, it.genesys_id.clone()));
    one.0 != other.0 || (detail == Detail::Full && owner(one) != owner(other))
}

fn began_otherwise(leg: &Leg, participant: &Participant) -> bool {
    leg.initial.is_some_and(|initial| {
        let began = phase_of(
            &Leg {
                state: initial,
                ..leg.clone()
            },
            participant,
        );
        let offered = !matches!(initial, LegState::Offering);
        offered
            && matches!(began, Phase::Pending | Phase::Scheduled)
            && began != phase_of(leg, participant)
    })
}

/// One thing that happened to a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Begin,
    Connect,
    /// A hold or park came or went; counted from 0.
    Mark(usize),
    End,
    /// After-call work is over.
    Settle,
}

struct Story<'a> {
    known: Picture<'a>,
    told: &'a [Participant],
    limit: Picture<'a>,
    newest: Option<Time>,
}

impl Story<'_> {
    fn times(&self) -> Vec<Time> {
        let mut times: Vec<Time> = Vec::new();
        for participant in self.told {
            for leg in participant.legs.iter().filter(|leg| decides(leg.medium)) {
                times.extend(self.news(participant, leg).iter().map(|(at, _)| *at));
            }
            let known = self
                .known
                .participants
                .iter()
                .find(|it| it.id == participant.id);
            let limit = self.limit.participant(participant);
            let wrapped = participant
                .end_acw_time
                .filter(|_| limit.is_some_and(|it| it.end_acw_time.is_some()));
            times.extend(wrapped.filter(|_| known.is_none_or(|it| it.end_acw_time.is_none())));
        }
        times.sort_unstable();
        times.dedup();
        let last = times.len().saturating_sub(1);
        (0..times.len())
            .filter(|index| *index == last || times[index + 1].since(times[*index]) > TOGETHER_MS)
            .map(|index| times[index])
            .collect()
    }

    /// What happened to the leg that is not known yet, as far as the limit goes.
    fn news(&self, participant: &Participant, leg: &Leg) -> Vec<(Time, Turn)> {
        let mut life = life(leg, participant, self.known.turns(participant, leg));
        life.retain(|(_, turn)| {
            !self.known.knows(participant, leg, *turn) && self.limit.knows(participant, leg, *turn)
        });
        life
    }

    fn at(&self, at: Time) -> Vec<Participant> {
        self.told
            .iter()
            .filter_map(|told| self.participant_at(told, at))
            .collect()
    }

    fn participant_at(&self, told: &Participant, at: Time) -> Option<Participant> {
        let known = self
            .known
            .participants
            .iter()
            .find(|known| known.id == told.id);
        let legs: Vec<Leg> = told
            .legs
            .iter()
            .filter_map(|leg| self.leg_at(told, leg, at))
            .collect();
        let limit = self.limit.participant(told)?;
        let began = |time: Option<Time>| time.is_some_and(|time| time <= at);
        if known.is_none()
            && legs.is_empty()
            && !began(told.connected_time)
            && !began(told.start_time)
        {
            return None;
        }
        let then = |field: fn(&Participant) -> Option<Time>| {
            field(told).filter(|time| {
                (*time <= at && field(limit).is_some())
                    || known.is_some_and(|it| field(it).is_some())
            })
        };
        let wrapped = |wrapup: &super::snapshot::Wrapup| {
            wrapup.end_time.is_some_and(|time| time <= at)
                || known.is_some_and(|it| it.wrapup.is_some())
        };
        Some(Participant {
            connected_time: then(|it| it.connected_time),
            end_time: then(|it| it.end_time),
            start_acw_time: then(|it| it.start_acw_time),
            end_acw_time: then(|it| it.end_acw_time),
            wrapup: told.wrapup.clone().filter(wrapped),
            legs,
            ..without_legs(told)
        })
    }

    fn leg_at(&self, participant: &Participant, leg: &Leg, at: Time) -> Option<Leg> {
        let known = find(self.known.participants, participant, leg);
        let mut news = self.news(participant, leg);
        let untimed = known.is_none()
            && news.is_empty()
            && role_of(participant) != Role::Agent
            && phase_of(leg, participant) != Phase::Ended;
        if untimed && self.newest == Some(at) {
            // It began at a time that is not told: with whatever happened last.
            let now = find(self.limit.participants, participant, leg);
            return now.map(|(_, now)| now.clone());
        }
        news.retain(|(time, _)| *time <= at);
        if news.is_empty() {
            return known.map(|(_, known)| known.clone());
        }
        let has = |turn: Turn| {
            self.known.knows(participant, leg, turn) || news.iter().any(|(_, it)| *it == turn)
        };
        let mut then = Leg {
            segments: Vec::new(),
            initial: None,
            ..leg.clone()
        };
        if has(Turn::End) {
            if let Some(acw) = then
                .acw
                .as_mut()
                .filter(|acw| acw.end_time.is_some() && !has(Turn::Settle))
            {
                acw.state = AcwState::Pending;
                acw.end_time = None;
            }
            return Some(then);
        }
        let known_turns = self.known.turns(participant, leg);
        let marks = marks_of(leg, known_turns);
        let first = if leg.segments.is_empty() {
            known_turns
        } else {
            0
        };
        let reached = (first..first + marks.len())
            .take_while(|index| has(Turn::Mark(*index)))
            .count();
        let mark = reached
            .checked_sub(1)
            .and_then(|index| marks.get(index))
            .filter(|mark| mark.on);
        then.state = match mark {
            Some(mark) if mark.parked => LegState::Parked,
            _ if has(Turn::Connect) => LegState::Connected,
            _ => waiting_state(leg, participant, known.map(|(_, known)| known.state), at),
        };
        then.held = mark.is_some_and(|mark| !mark.parked);
        then.start_hold_time = mark.filter(|mark| !mark.parked).map(|mark| mark.at);
        then.park_time = mark.filter(|mark| mark.parked).map(|mark| mark.at);
        then.connected_time = leg.connected_time.filter(|_| has(Turn::Connect));
        then.disconnected_time = None;
        then.disconnect_type = None;
        then.error = None;
        then.acw = None;
        then.wrapup = None;
        Some(then)
    }
}

impl Picture<'_> {
    fn participant(&self, wanted: &Participant) -> Option<&Participant> {
        self.participants.iter().find(|it| it.id == wanted.id)
    }

    fn turns(&self, participant: &Participant, leg: &Leg) -> usize {
        find(self.participants, participant, leg)
            .map_or(0, |(_, known)| turns_of(known, self.marks))
    }

    fn knows(&self, participant: &Participant, leg: &Leg, turn: Turn) -> bool {
        let Some((participant, known)) = find(self.participants, participant, leg) else {
            return false;
        };
        let phase = phase_of(known, participant);
        match turn {
            Turn::Begin => true,
            Turn::Connect => {
                known.connected_time.is_some()
                    || matches!(phase, Phase::Active | Phase::Parked | Phase::Ended)
            }
            Turn::Mark(index) => phase == Phase::Ended || index < turns_of(known, self.marks),
            Turn::End => phase == Phase::Ended,
            Turn::Settle => known.acw.as_ref().is_some_and(is_settled),
        }
    }
}

fn life(leg: &Leg, participant: &Participant, known_turns: usize) -> Vec<(Time, Turn)> {
    let first = leg.segments.first().map(|segment| segment.start);
    let began = [first, leg.start_alerting_time, leg.connected_time]
        .into_iter()
        .flatten()
        .min();
    let ended = (phase_of(leg, participant) == Phase::Ended)
        .then(|| leg.disconnected_time.or(participant.end_time))
        .flatten();
    let settled = leg
        .acw
        .as_ref()
        .filter(|acw| is_settled(acw))
        .and_then(|acw| acw.end_time);
    let from = if leg.segments.is_empty() {
        known_turns
    } else {
        0
    };
    let marks = marks_of(leg, known_turns).into_iter().enumerate();
    [
        (began, Turn::Begin),
        (leg.connected_time, Turn::Connect),
        (ended, Turn::End),
        (settled, Turn::Settle),
    ]
    .into_iter()
    .filter_map(|(at, turn)| Some((at?, turn)))
    .chain(marks.map(|(index, mark)| (mark.at, Turn::Mark(from + index))))
    .collect()
}

/// What a leg that is not connected yet does at a moment.
fn waiting_state(
    leg: &Leg,
    participant: &Participant,
    known: Option<LegState>,
    at: Time,
) -> LegState {
    let segment = leg.segments.iter().rfind(|segment| {
        segment.start <= at && leg.connected_time.is_none_or(|then| segment.start < then)
    });
    let by_segment = segment.and_then(|segment| match segment.activity {
        Activity::Alert => Some(LegState::Alerting),
        Activity::Dialing => Some(LegState::Dialing),
        Activity::Contacting => Some(LegState::Contacting),
        Activity::Scheduled => Some(LegState::Scheduled),
        Activity::Uploading => Some(LegState::Uploading),
        Activity::Hold | Activity::Parked | Activity::Other => None,
    });
    let fallback = if role_of(participant) == Role::Agent {
        LegState::Alerting
    } else {
        LegState::Offering
    };
    by_segment.or(known).unwrap_or(fallback)
}

fn without_legs(participant: &Participant) -> Participant {
    Participant {
        legs: Vec::new(),
        ..participant.clone()
    }
}

fn find<'a>(
    among: &'a [Participant],
    participant: &Participant,
    leg: &Leg,
) -> Option<(&'a Participant, &'a Leg)> {
    let participant = among.iter().find(|it| it.id == participant.id)?;
    Some((participant, participant.same_leg(leg)?))
}
