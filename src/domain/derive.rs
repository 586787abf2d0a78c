//! The row's values, derived from what Genesys and the registrations say.
//!
//! Genesys' word wins over a registration's, and REST's or analytics' over what the legs tell
//! (README, "The tables").

use super::facts::Facts;
use super::ids::{QueueId, UserId};
use super::owner::{self, Candidate, LastQueue};
use super::phase::{Role, decides, role_of};
use super::registration::Registration;
use super::row::{
    ConversationStatus, Direction, Failure, InitiatedBy, MediaType, Owner, Row, ScreenPopTarget,
    Work,
};
use super::snapshot::{Leg, Participant};
use super::status::{agents_present, first_external, forgotten_leg, status_of};
use super::time::Time;

/// What a row shall say, but for the moments at which it began to say so.
#[derive(Clone, Debug)]
pub(super) struct Derived {
    pub(super) status: ConversationStatus,
    pub(super) registered_at: Option<Time>,
    pub(super) failure: Option<Failure>,
    initiated_by: InitiatedBy,
    initial_screen_pop_target: Option<ScreenPopTarget>,
    conversation_start: Option<Time>,
    conversation_end: Option<Time>,
    direction: Option<Direction>,
    original_media_type: Option<MediaType>,
    active_media_type: Option<MediaType>,
    waiting_since: Option<Time>,
    queue_id: Option<QueueId>,
    queue_name: Option<String>,
    owner: Option<Candidate>,
    agents: Vec<UserId>,
    handled_by: Vec<UserId>,
    /// The error with which Genesys ended it; `None` leaves failures of the gateway's own work.
    ended_by: Option<String>,
    /// Values taken over from a row, whose failure is given outright.
    failure_is_given: bool,
    /// A leg that Genesys forgot keeps it open.
    held_up: bool,
    /// The talk's end by the legs, kept for a conversation that stays ended.
    legs_end: Option<Time>,
}

/// Derives all values from the facts.
pub(super) fn derive(facts: &Facts, registration: Option<&Registration>) -> Derived {
    let participants = &facts.participants;
    let verdict = status_of(participants, facts.end);
    let queue = owner::last_queue(participants);
    let original = original_leg(participants);
    let legs_end = latest_end(participants);
    let candidate = owner::owner_of(participants, verdict.status, queue.as_ref());
    let (queue_id, queue_name) = queue_of(queue, registration);
    Derived {
        status: verdict.status,
        registered_at: None,
        failure: None,
        initiated_by: registration.map_or(InitiatedBy::Genesys, |said| said.initiated_by),
        initial_screen_pop_target: registration.and_then(|said| said.initial_screen_pop_target),
        conversation_start: facts
            .start
            .or_else(|| earliest_connection(participants))
            .or_else(|| registration.and_then(|said| said.conversation_start))
            .or(facts.first_seen_at),
        conversation_end: (verdict.status == ConversationStatus::Ended)
            .then(|| facts.end.or(legs_end))
            .flatten(),
        direction: facts
            .originating_direction
            .or_else(|| original.map(direction_of))
            .or_else(|| registration.and_then(|said| said.direction)),
        original_media_type: original
            .and_then(|leg| MediaType::of(leg.medium))
            .or_else(|| registration.and_then(|said| said.original_media_type)),
        active_media_type: verdict.medium.and_then(MediaType::of),
        waiting_since: waiting_since(participants, verdict.status),
        queue_id,
        queue_name,
        owner: candidate,
        agents: users(agents_present(participants)),
        handled_by: users(
            participants
                .iter()
                .filter(|participant| was_connected(participant)),
        ),
        ended_by: verdict.error,
        held_up: forgotten_leg(participants).is_some(),
        failure_is_given: false,
        legs_end: facts.end.or(legs_end),
    }
}

impl Derived {
    /// The values a row has already, to change one of them.
    pub(super) fn of_row(row: &Row) -> Self {
        Self {
            status: row.status,
            registered_at: row.registered_at,
            failure: row.failure.clone(),
            initiated_by: row.initiated_by,
            initial_screen_pop_target: row.initial_screen_pop_target,
            conversation_start: row.conversation_start,
            conversation_end: row.conversation_end,
            direction: row.direction,
            original_media_type: row.original_media_type,
            active_media_type: row.active_media_type,
            waiting_since: row.waiting_since,
            queue_id: row.last_queue_id.clone(),
            queue_name: row.last_queue_name.clone(),
            owner: row.owner.as_ref().map(|owner| Candidate {
                kind: owner.kind,
                genesys_id: owner.genesys_id.clone(),
                name: owner.name.clone(),
            }),
            agents: row.agents.clone(),
            handled_by: row.handled_by.clone(),
            ended_by: None,
            held_up: false,
            failure_is_given: true,
            legs_end: row.conversation_end,
        }
    }

    /// Holds an ended conversation ended, whatever a stray leg says.
    pub(super) fn stay_ended(&mut self) {
        if self.status != ConversationStatus::Ended {
            self.status = ConversationStatus::Ended;
            self.conversation_end = self.legs_end;
            self.active_media_type = None;
            self.waiting_since = None;
            self.owner = None;
        }
    }

    pub(super) fn write_into(
        self,
        row: &mut Row,
        occurred_at: Time,
        received_at: Time,
        known: bool,
    ) {
        let failure = self.failure_after(row, received_at);
        let same_queue = row.last_queue_id == self.queue_id;
        let waited = row.waiting_since.filter(|_| {
            known
                && same_queue
                && matches!(
                    row.status,
                    ConversationStatus::WaitingInQueue | ConversationStatus::Alerting
                )
                && matches!(
                    self.status,
                    ConversationStatus::WaitingInQueue | ConversationStatus::Alerting
                )
        });
        row.waiting_since = waited.or(self.waiting_since);
        row.owner = self
            .owner
            .map(|candidate| owner_since(candidate, row.owner.as_ref(), occurred_at));
        // What does not tell the queue's name does not take it back.
        let known_name = row.last_queue_name.take().filter(|_| same_queue);
        row.last_queue_name = self.queue_name.or(known_name);
        row.last_queue_id = self.queue_id;
        row.failure = failure;
        row.status = self.status;
        row.registered_at = row.registered_at.or(self.registered_at);
        row.initiated_by = self.initiated_by;
        row.initial_screen_pop_target = self.initial_screen_pop_target;
        row.conversation_start = self.conversation_start;
        row.conversation_end = self.conversation_end;
        row.direction = self.direction;
        row.original_media_type = self.original_media_type;
        row.active_media_type = self.active_media_type;
        row.agents = self.agents;
        row.handled_by = self.handled_by;
    }

    fn failure_after(&self, row: &Row, received_at: Time) -> Option<Failure> {
        if self.failure_is_given {
            return self.failure.clone();
        }
        match (&self.ended_by, &row.failure) {
            (Some(message), Some(known)) if known.message == *message => Some(known.clone()),
            (Some(message), _) => Some(Failure {
                work: Work::Genesys,
                message: message.clone(),
                at: received_at,
            }),
            (None, known) => known.clone().filter(|failure| self.still_holds(failure)),
        }
    }

    /// Whether a failure known so far is one of what there is now.
    fn still_holds(&self, failure: &Failure) -> bool {
        let has_ended = self.status == ConversationStatus::Ended;
        match failure.work {
            Work::Genesys => has_ended,
            Work::Watching => self.held_up && !has_ended,
            Work::Reading | Work::Closing | Work::WrapUp => true,
        }
    }
}

/// The last queue and its name. Until Genesys tells its own name, a registration's is used.
fn queue_of(
    queue: Option<LastQueue>,
    registration: Option<&Registration>,
) -> (Option<QueueId>, Option<String>) {
    let registered = registration.and_then(|said| said.queue_id.clone());
    let label = registration.and_then(|said| said.queue_name.clone());
    match queue {
        None => (registered, label),
        Some(LastQueue { id, name }) => {
            let label = label.filter(|_| registered.as_ref() == Some(&id));
            (Some(id), name.or(label))
        }
    }
}

fn owner_since(candidate: Candidate, known: Option<&Owner>, occurred_at: Time) -> Owner {
    let owner = Owner {
        kind: candidate.kind,
        genesys_id: candidate.genesys_id,
        name: candidate.name,
        since: occurred_at,
    };
    match known {
        Some(known) if known.is_same(&owner) => Owner {
            since: known.since,
            name: owner.name.or_else(|| known.name.clone()),
            ..owner
        },
        _ => owner,
    }
}

/// The leg that says what the conversation began as: the first external party's earliest one,
/// without an external party the earliest leg of the earliest participant.
fn original_leg(participants: &[Participant]) -> Option<&Leg> {
    let participant = first_external(participants).or_else(|| {
        participants
            .iter()
            .filter(|participant| !participant.supervising)
            .min_by_key(|participant| {
                let began = participant.connected_time.or(participant.start_time);
                began.unwrap_or(Time::from_millis(i64::MAX))
            })
    })?;
    participant
        .legs
        .iter()
        .filter(|leg| decides(leg.medium))
        .min_by_key(|leg| leg.connected_time.unwrap_or(Time::from_millis(i64::MAX)))
}

/// Chats carry no direction: customers begin them.
fn direction_of(leg: &Leg) -> Direction {
    leg.direction.map_or(Direction::Inbound, Direction::from)
}

fn earliest_connection(participants: &[Participant]) -> Option<Time> {
    participants
        .iter()
        .flat_map(|participant| {
            participant
                .legs
                .iter()
                .map(|leg| leg.connected_time)
                .chain([participant.connected_time])
        })
        .flatten()
        .min()
}

fn latest_end(participants: &[Participant]) -> Option<Time> {
    participants
        .iter()
        .flat_map(|participant| {
            participant
                .legs
                .iter()
                .map(|leg| leg.disconnected_time)
                .chain([participant.end_time])
        })
        .flatten()
        .max()
}

fn waiting_since(participants: &[Participant], status: ConversationStatus) -> Option<Time> {
    matches!(
        status,
        ConversationStatus::WaitingInQueue | ConversationStatus::Alerting
    )
    .then(|| owner::open_queue_leg(participants))
    .flatten()
    .and_then(|queue| queue.connected_time)
}

fn was_connected(participant: &Participant) -> bool {
    role_of(participant) == Role::Agent
        && !participant.supervising
        && (participant.connected_time.is_some()
            || participant
                .legs
                .iter()
                .any(|leg| leg.connected_time.is_some()))
}

fn users<'a>(participants: impl Iterator<Item = &'a Participant>) -> Vec<UserId> {
    let mut users: Vec<UserId> = participants
        .filter_map(|participant| participant.user_id.clone())
        .collect();
    users.sort();
    users.dedup();
    users
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conversation::Conversation;
    use crate::domain::event::{ConversationEvent, Fact};
    use crate::domain::snapshot::{LegDirection, LegState};
    use crate::domain::testing::{
        agent, at, call, conversation_id, customer, queue, seen, snapshot,
    };

    fn unknown() -> Conversation {
        Conversation::unknown(conversation_id(), at(0))
    }

    /// The queue q1, as Genesys shows it to a waiting caller.
    fn waiting(name: Option<&str>) -> Vec<Participant> {
        let waits = queue("acd", "q1", vec![call("a1", LegState::Connected).from(5)]);
        let named = Participant {
            queue_name: name.map(Into::into),
            ..waits
        };
        vec![
            customer(vec![call("c1", LegState::Connected).from(0)]),
            named,
        ]
    }

    fn registered(queue_name: &str, second: i64) -> ConversationEvent {
        ConversationEvent {
            conversation_id: conversation_id(),
            received_at: at(second),
            actor: None,
            fact: Fact::Registered(Registration {
                initiated_by: InitiatedBy::Dcm,
                initial_screen_pop_target: None,
                direction: None,
                original_media_type: None,
                conversation_start: None,
                queue_id: Some("q1".into()),
                queue_name: Some(queue_name.into()),
                context: None,
                context_name: None,
            }),
        }
    }

    fn check_name(conversation: &Conversation, expected: &str) {
        let name = conversation.row.last_queue_name.as_deref();
        assert_eq!(name, Some(expected));
    }

    #[test]
    fn genesys_name_of_a_queue_follows_a_registration_s() {
        let mut conversation = unknown();
        conversation.apply(&registered("DCM label", 1)).unwrap();
        let unnamed = seen(snapshot(waiting(None)), 6);
        conversation.apply(&unnamed).unwrap();
        check_name(&conversation, "DCM label");
        conversation.apply(&registered("newer label", 7)).unwrap();
        check_name(&conversation, "newer label");
        let named = seen(snapshot(waiting(Some("Support"))), 8);
        conversation.apply(&named).unwrap();
        check_name(&conversation, "Support");

        for repeated in [named, unnamed] {
            let applied = conversation.apply(&repeated).unwrap();
            assert!(applied.updates.is_empty());
        }
        check_name(&conversation, "Support");
        conversation.apply(&registered("newest label", 9)).unwrap();
        check_name(&conversation, "Support");
    }

    #[test]
    fn a_name_that_an_earlier_stay_told_holds_for_the_next_one_in_the_same_queue() {
        let mut conversation = unknown();
        let mut participants = waiting(Some("Support"));
        participants[1].legs = vec![
            call("a1", LegState::Connected)
                .from(5)
                .until(20, "transfer"),
        ];
        participants[1].end_time = Some(at(20));
        let again = call("a2", LegState::Connected).from(30);
        participants.push(queue("again", "q1", vec![again]));
        let event = seen(snapshot(participants), 31);
        conversation.apply(&event).unwrap();
        check_name(&conversation, "Support");
        assert!(conversation.apply(&event).unwrap().updates.is_empty());
    }

    #[test]
    fn without_an_external_party_who_has_no_times_is_the_latest() {
        let dials = |id: &str, direction| Leg {
            direction: Some(direction),
            ..call(id, LegState::Connected)
        };
        let timeless = agent("late", "u1", vec![dials("g1", LegDirection::Inbound)]);
        let first = dials("g2", LegDirection::Outbound).from(3);
        let first = agent("first", "u2", vec![first]);
        let mut conversation = unknown();
        let event = seen(snapshot(vec![timeless, first]), 5);
        conversation.apply(&event).unwrap();
        assert_eq!(conversation.row.direction, Some(Direction::Outbound));
    }
}
