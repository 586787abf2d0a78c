//! How a snapshot joins what is known: age, repeats, media and marks.

use super::facts::{Facts, Mark, MarkChange, MarkCount, Marks};
use super::measuring::measure;
use super::naming::named;
use super::order::is_older;
use super::phase::{Phase, Role, phase_of, role_of};
use super::row::Direction;
use super::snapshot::{
    AcwState, Leg, LegDirection, LegState, Medium, Participant, Shape, Snapshot, Source, Timings,
};
use super::time::Time;
use super::turns::{is_marked, told_turns, turns_of};

/// A mark taken back within this time is doubtful: the two snapshots may have changed places.
const DOUBT_MS: i64 = 5_000;

pub(super) enum Merged {
    /// The snapshot is older, or repeats what was applied last.
    Nothing,
    News {
        facts: Box<Facts>,
        /// The same participants with the segments that the record drops.
        told: Vec<Participant>,
        /// Nothing but marks that may come and go differs.
        marks_only: bool,
        doubtful: bool,
    },
}

/// Joins a snapshot to the known facts.
pub(super) fn merge(
    known: &Facts,
    snapshot: &Snapshot,
    read_at: Option<Time>,
    now: Time,
) -> Merged {
    let snapshot = &*named(snapshot, &known.participants);
    if is_older(snapshot, &known.participants) {
        return Merged::Nothing;
    }
    let overtaken =
        read_at.is_some_and(|read_at| known.last_seen_at.is_some_and(|seen| seen >= read_at));
    let mut participants: Vec<Participant> = match snapshot.shape {
        Shape::Whole => snapshot
            .participants
            .iter()
            .map(|said| join_participant(find(&known.participants, said), said.clone(), now))
            .collect(),
        Shape::Medium(medium) => {
            join_medium(&known.participants, &snapshot.participants, medium, now)
        }
    };
    if overtaken {
        keep_marks(&known.participants, &mut participants);
    }
    let counted = count_marks(known, &participants, overtaken);
    let told = participants.clone();
    for leg in participants.iter_mut().flat_map(|it| &mut it.legs) {
        leg.segments = Vec::new();
        leg.initial = None;
    }
    // Analytics lag behind: what they say was seen at no certain time.
    let seen_at = read_at.or_else(|| matches!(snapshot.source, Source::Topic(_)).then_some(now));
    let mut facts = Facts {
        participants,
        marks: counted,
        start: snapshot.start.or(known.start),
        end: snapshot.end.or(known.end),
        originating_direction: known.originating_direction,
        first_seen_at: known.first_seen_at.or(Some(now)),
        last_seen_at: known.last_seen_at.max(seen_at),
        last_mark: known.last_mark.clone(),
    };
    let same = facts.participants == known.participants
        && !has_turned(&known.marks, &facts.marks)
        && facts.start == known.start
        && facts.end == known.end
        && known.first_seen_at.is_some();
    if same {
        return Merged::Nothing;
    }
    if !differs_only_in_marks(&known.participants, &facts.participants) {
        return Merged::News {
            facts: Box::new(facts),
            told,
            marks_only: false,
            doubtful: false,
        };
    }
    let doubtful = is_doubtful(known, &facts, snapshot, now) || is_known_hold(known, &facts);
    facts.last_mark = Some(MarkChange {
        at: now,
        source: snapshot.source.clone(),
        before: marks(&known.participants),
    });
    Merged::News {
        facts: Box::new(facts),
        told,
        marks_only: true,
        doubtful,
    }
}

/// Counts how often each leg's marks came and went: as its segments say, else one more for each
/// difference to what was known.
fn count_marks(known: &Facts, said: &[Participant], overtaken: bool) -> Marks {
    let mut marks = known.marks.clone();
    for participant in said {
        for leg in &participant.legs {
            let before = known_leg(&known.participants, participant, leg);
            let ended = phase_of(leg, participant) == Phase::Ended;
            let count = match told_turns(leg).filter(|_| !overtaken) {
                Some(told) => told,
                None => count_on(before, leg, ended, &known.marks),
            };
            if count.turns > 0 {
                marks.insert(leg.id.clone(), count);
            }
        }
    }
    marks
}

fn count_on(before: Option<&Leg>, leg: &Leg, ended: bool, marks: &Marks) -> MarkCount {
    let turns = before.map_or(0, |before| turns_of(before, marks));
    let newest = marks.get(&leg.id).and_then(|count| count.newest);
    let began = leg.start_hold_time.or(leg.park_time);
    let was_on = before.is_some_and(is_marked);
    let more = match (was_on, is_marked(leg)) {
        (false, true) => 1,
        (true, false) if !ended => 1,
        (true, true) if began != before.and_then(|it| it.start_hold_time.or(it.park_time)) => 2,
        _ => 0,
    };
    MarkCount {
        turns: turns + more,
        newest: newest.max(began.filter(|_| is_marked(leg))),
    }
}

/// Whether a mark came or went of which the record knows nothing: what it left may look the same.
fn has_turned(known: &Marks, counted: &Marks) -> bool {
    let turns = |leg| known.get(leg).map_or(0, |count| count.turns);
    counted.iter().any(|(leg, count)| count.turns > turns(leg))
}

/// A reading that a notification overtook may tell new facts, but its marks are the older ones.
fn keep_marks(known: &[Participant], said: &mut [Participant]) {
    for participant in said {
        let Some(known) = find(known, participant) else {
            continue;
        };
        for leg in &mut participant.legs {
            let Some(newer) = known.same_leg(leg) else {
                continue;
            };
            let may_hold = |leg: &Leg| matches!(leg.state, LegState::Connected | LegState::Parked);
            if may_hold(newer) && may_hold(leg) {
                leg.state = newer.state;
                leg.held = newer.held;
                leg.start_hold_time = newer.start_hold_time;
                leg.park_time = newer.park_time;
                leg.timings.clone_from(&newer.timings);
            }
        }
    }
}

/// The newest time in `facts` that `known` did not have and that is not in the future.
pub(super) fn newest_news(known: &Facts, facts: &Facts, now: Time) -> Option<Time> {
    let before = times(known);
    times(facts)
        .into_iter()
        .filter(|time| *time <= now && before.binary_search(time).is_err())
        .max()
}

/// Whether an ended conversation lives again: an internal leg that has not ended and is not known,
/// newer after-call work, or a new leg of the customer's side on a message or e-mail.
pub(super) fn reopens(known: &[Participant], said: &[Participant]) -> bool {
    said.iter()
        .filter(|participant| !participant.supervising)
        .any(|participant| {
            let role = role_of(participant);
            participant.legs.iter().any(|leg| {
                let open = phase_of(leg, participant) != Phase::Ended;
                match known_leg(known, participant, leg) {
                    None => {
                        let thread = matches!(leg.medium, Medium::Email | Medium::Message)
                            && role == Role::External
                            && leg.direction != Some(LegDirection::Outbound);
                        let internal = !matches!(role, Role::External | Role::Dialer);
                        open && (internal || thread)
                    }
                    Some(known) => newer_acw(known, leg),
                }
            })
        })
}

/// Takes in what analytics know better.
pub(super) fn enrich(
    facts: &mut Facts,
    start: Option<Time>,
    end: Option<Time>,
    direction: Option<Direction>,
) {
    facts.start = start.or(facts.start);
    facts.end = end.or(facts.end);
    facts.originating_direction = direction.or(facts.originating_direction);
}

fn find<'a>(known: &'a [Participant], said: &Participant) -> Option<&'a Participant> {
    known.iter().find(|participant| participant.id == said.id)
}

fn known_leg<'a>(
    known: &'a [Participant],
    participant: &Participant,
    leg: &Leg,
) -> Option<&'a Leg> {
    find(known, participant)?.same_leg(leg)
}

fn newer_acw(known: &Leg, said: &Leg) -> bool {
    let pending = |leg: &Leg| {
        leg.acw
            .as_ref()
            .filter(|acw| acw.state == AcwState::Pending)
            .map(|acw| acw.start_time)
    };
    match (pending(known), pending(said)) {
        (None, Some(_)) => known
            .acw
            .as_ref()
            .is_none_or(|acw| acw.state != AcwState::Complete),
        (Some(known), Some(said)) => said > known,
        _ => false,
    }
}

/// What only some shapes carry is kept from the record when this one lacks it.
fn join_participant(known: Option<&Participant>, mut said: Participant, now: Time) -> Participant {
    if let Some(known) = known {
        let keep = |said: &mut Option<String>, known: &Option<String>| {
            if said.is_none() {
                said.clone_from(known);
            }
        };
        keep(&mut said.name, &known.name);
        keep(&mut said.address, &known.address);
        keep(&mut said.external_contact_id, &known.external_contact_id);
        let consult = &known.consult_participant_id;
        said.consult_participant_id = said.consult_participant_id.or_else(|| consult.clone());
        said.queue_name = known.queue_name.clone().or(said.queue_name);
        said.queue_id = said.queue_id.or_else(|| known.queue_id.clone());
        said.start_time = said.start_time.or(known.start_time);
        if let (Some(said), Some(known)) = (&mut said.wrapup, &known.wrapup)
            && said.code == known.code
        {
            keep(&mut said.name, &known.name);
        }
    }
    let legs = std::mem::take(&mut said.legs);
    said.legs = legs
        .into_iter()
        .map(|leg| {
            let known_leg = known.and_then(|known| known.same_leg(&leg));
            join_leg(known.zip(known_leg), leg, &said, now)
        })
        .collect();
    said
}

fn join_leg(
    known: Option<(&Participant, &Leg)>,
    mut leg: Leg,
    participant: &Participant,
    now: Time,
) -> Leg {
    if let Some((_, known)) = known {
        leg.start_alerting_time = leg.start_alerting_time.or(known.start_alerting_time);
        leg.direction = leg.direction.or(known.direction);
    }
    if !leg.timings.is_final {
        leg.timings = measure(known, &leg, participant, now);
    }
    leg
}

/// Replaces the legs of one medium and leaves the others.
fn join_medium(
    known: &[Participant],
    said: &[Participant],
    medium: Medium,
    now: Time,
) -> Vec<Participant> {
    let mut joined: Vec<Participant> = known.to_vec();
    for said in said {
        let known = find(known, said);
        let said = said.clone();
        let others = known.map_or_else(Vec::new, |known| {
            known
                .legs
                .iter()
                .filter(|leg| leg.medium != medium)
                .cloned()
                .collect()
        });
        let earlier: Vec<Leg> = known.map_or_else(Vec::new, |known| {
            known
                .legs
                .iter()
                .filter(|leg| leg.medium == medium && said.legs.iter().all(|new| new.id != leg.id))
                .cloned()
                .collect()
        });
        let mut participant = join_participant(known, said, now);
        for leg in &mut participant.legs {
            keep_of_whole(leg, known);
        }
        let newest = std::mem::take(&mut participant.legs);
        participant.legs = others.into_iter().chain(earlier).chain(newest).collect();
        span_legs(&mut participant, known);
        match joined
            .iter_mut()
            .find(|present| present.id == participant.id)
        {
            Some(present) => *present = participant,
            None => joined.push(participant),
        }
    }
    joined
}

/// What a per-media snapshot doesn't tell of its legs stays.
fn keep_of_whole(leg: &mut Leg, known: Option<&Participant>) {
    if let Some(known) = known.and_then(|known| known.same_leg(leg)) {
        leg.acw = leg.acw.take().or_else(|| known.acw.clone());
        leg.wrapup = leg.wrapup.take().or_else(|| known.wrapup.clone());
    }
}

/// The participant is connected since its first leg was, and over when all are: a per-media snapshot
/// tells the times of one leg only.
fn span_legs(participant: &mut Participant, known: Option<&Participant>) {
    let legs = || participant.legs.iter();
    let is_over = legs().all(|leg| leg.disconnected_time.is_some());
    let connected = legs().filter_map(|leg| leg.connected_time).min();
    let ended = legs().filter_map(|leg| leg.disconnected_time).max();
    participant.connected_time = known.and_then(|known| known.connected_time).or(connected);
    participant.end_time = ended.filter(|_| is_over);
    let start = known.and_then(|known| known.start_time);
    participant.start_time = start.or(participant.start_time);
}

fn marks(participants: &[Participant]) -> Vec<Mark> {
    participants
        .iter()
        .flat_map(|participant| &participant.legs)
        .map(|leg| Mark {
            session: leg.id.clone(),
            held: leg.held,
            parked: leg.state == LegState::Parked,
        })
        .collect()
}

/// Whether the two differ in nothing but marks that may come and go.
fn differs_only_in_marks(known: &[Participant], said: &[Participant]) -> bool {
    let unmarked = |participants: &[Participant]| -> Vec<Participant> {
        let mut participants = participants.to_vec();
        for leg in participants
            .iter_mut()
            .flat_map(|participant| &mut participant.legs)
        {
            leg.held = false;
            leg.start_hold_time = None;
            leg.park_time = None;
            leg.timings = Timings::default();
            if leg.state == LegState::Parked {
                leg.state = LegState::Connected;
            }
        }
        participants
    };
    unmarked(known) == unmarked(said)
}

fn is_doubtful(known: &Facts, facts: &Facts, snapshot: &Snapshot, now: Time) -> bool {
    known.last_mark.as_ref().is_some_and(|last| {
        matches!(snapshot.source, Source::Topic(_))
            && last.before == marks(&facts.participants)
            && (last.source != snapshot.source || now.since(last.at) <= DOUBT_MS)
    })
}

/// Whether a mark came that had come and gone before: the snapshot may be a late one.
fn is_known_hold(known: &Facts, facts: &Facts) -> bool {
    facts
        .participants
        .iter()
        .flat_map(|participant| &participant.legs)
        .filter(|leg| is_marked(leg))
        .any(|leg| {
            let began = leg.start_hold_time.or(leg.park_time);
            let count = known.marks.get(&leg.id);
            count.is_some_and(|count| {
                count.turns.is_multiple_of(2) && began.is_some() && count.newest >= began
            })
        })
}

/// All times that the facts carry, sorted. Times that lie ahead by nature are not among them.
fn times(facts: &Facts) -> Vec<Time> {
    let mut times: Vec<Time> = facts
        .participants
        .iter()
        .flat_map(|participant| {
            let wrapup = participant
                .wrapup
                .as_ref()
                .and_then(|wrapup| wrapup.end_time);
            [
                participant.start_time,
                participant.connected_time,
                participant.end_time,
                participant.start_acw_time,
                participant.end_acw_time,
                wrapup,
            ]
            .into_iter()
            .chain(participant.legs.iter().flat_map(leg_times))
        })
        .chain([facts.start, facts.end])
        .flatten()
        .collect();
    times.sort_unstable();
    times.dedup();
    times
}

fn leg_times(leg: &Leg) -> [Option<Time>; 7] {
    [
        leg.start_alerting_time,
        leg.connected_time,
        leg.disconnected_time,
        leg.start_hold_time,
        leg.park_time,
        leg.acw.as_ref().and_then(|acw| acw.start_time),
        leg.acw.as_ref().and_then(|acw| acw.end_time),
    ]
}
