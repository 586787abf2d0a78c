//! Builds snapshots for the domain's tests: a short life is a few readable lines.

use super::event::{ConversationEvent, Fact};
use super::ids::ConversationId;
use super::snapshot::{
    AcwState, AfterCallWork, Leg, LegDirection, LegState, Medium, Participant, Shape, Snapshot,
    Source, Timings,
};
use super::time::Time;
use super::update::ChangeCause;

/// A moment `seconds` into the conversation.
pub(crate) fn at(seconds: i64) -> Time {
    Time::from_millis(1_760_000_000_000 + seconds * 1_000)
}

pub(crate) fn conversation_id() -> ConversationId {
    ConversationId::from_uuid(uuid::Uuid::from_u128(0xC0))
}

pub(crate) fn participant(id: &str, purpose: &str, legs: Vec<Leg>) -> Participant {
    Participant {
        id: id.into(),
        purpose: purpose.into(),
        user_id: None,
        name: None,
        address: None,
        external_contact_id: None,
        queue_id: None,
        queue_name: None,
        start_time: None,
        connected_time: legs.iter().filter_map(|leg| leg.connected_time).min(),
        end_time: if legs.iter().all(|leg| leg.disconnected_time.is_some()) {
            legs.iter().filter_map(|leg| leg.disconnected_time).max()
        } else {
            None
        },
        consult_participant_id: None,
        supervising: false,
        wrapup_skipped: false,
        start_acw_time: None,
        end_acw_time: None,
        wrapup: None,
        legs,
    }
}

pub(crate) fn customer(legs: Vec<Leg>) -> Participant {
    participant("customer", "customer", legs)
}

pub(crate) fn queue(id: &str, queue_id: &str, legs: Vec<Leg>) -> Participant {
    Participant {
        queue_id: Some(queue_id.into()),
        ..participant(id, "acd", legs)
    }
}

pub(crate) fn agent(id: &str, user: &str, legs: Vec<Leg>) -> Participant {
    Participant {
        user_id: Some(user.into()),
        ..participant(id, "agent", legs)
    }
}

/// A call leg.
pub(crate) fn call(id: &str, state: LegState) -> Leg {
    leg(id, Medium::Voice, state)
}

pub(crate) fn leg(id: &str, medium: Medium, state: LegState) -> Leg {
    Leg {
        id: id.into(),
        medium,
        state,
        direction: Some(LegDirection::Inbound),
        held: false,
        start_hold_time: None,
        park_time: None,
        start_alerting_time: None,
        connected_time: None,
        disconnected_time: None,
        disconnect_type: None,
        error: None,
        acw: None,
        wrapup: None,
        timings: Timings::default(),
        initial: None,
        segments: Vec::new(),
    }
}

impl Leg {
    pub(crate) fn from(mut self, seconds: i64) -> Self {
        self.connected_time = Some(at(seconds));
        self
    }

    pub(crate) fn until(mut self, seconds: i64, how: &str) -> Self {
        self.disconnected_time = Some(at(seconds));
        self.disconnect_type = Some(how.into());
        self.state = match self.medium {
            Medium::Voice => LegState::Terminated,
            _ => LegState::Disconnected,
        };
        self
    }

    pub(crate) fn held_since(mut self, seconds: i64) -> Self {
        self.held = true;
        self.start_hold_time = Some(at(seconds));
        self
    }

    pub(crate) fn outbound(mut self) -> Self {
        self.direction = Some(LegDirection::Outbound);
        self
    }

    pub(crate) fn acw(mut self, state: AcwState, from: i64, to: Option<i64>) -> Self {
        self.acw = Some(AfterCallWork {
            state,
            start_time: Some(at(from)),
            end_time: to.map(at),
        });
        self
    }
}

pub(crate) fn snapshot(participants: Vec<Participant>) -> Snapshot {
    Snapshot {
        conversation_id: conversation_id(),
        source: Source::Topic("v2.routing.queues.q1.conversations".into()),
        shape: Shape::Whole,
        start: None,
        end: None,
        other_media: Vec::new(),
        participants,
    }
}

/// A notification of the snapshot, received `seconds` into the conversation.
pub(crate) fn seen(snapshot: Snapshot, seconds: i64) -> ConversationEvent {
    ConversationEvent {
        conversation_id: conversation_id(),
        received_at: at(seconds),
        actor: None,
        fact: Fact::Seen {
            snapshot,
            cause: ChangeCause::GenesysEvent,
            read_at: None,
            gap_before: false,
        },
    }
}

/// An inbound call from the queue to after-call work's end: one snapshot per change, with the
/// second at which it came.
pub(crate) fn inbound_call() -> Vec<(i64, Vec<Participant>)> {
    use LegState::{Alerting, Connected};
    let customer_on = || customer(vec![call("c1", Connected).from(0)]);
    let ivr = || {
        participant(
            "ivr",
            "ivr",
            vec![call("i1", Connected).from(0).until(5, "transfer")],
        )
    };
    let waits = || queue("acd", "q1", vec![call("a1", Connected).from(5)]);
    let left = || {
        queue(
            "acd",
            "q1",
            vec![call("a1", Connected).from(5).until(21, "transfer")],
        )
    };
    let talks = |leg: Leg| {
        vec![
            customer_on(),
            ivr(),
            left(),
            agent("agent", "u1", vec![leg]),
        ]
    };
    let over = |acw: AcwState, to: Option<i64>| {
        vec![
            customer(vec![call("c1", Connected).from(0).until(60, "endpoint")]),
            ivr(),
            left(),
            agent(
                "agent",
                "u1",
                vec![
                    call("g1", Connected)
                        .from(20)
                        .until(60, "peer")
                        .acw(acw, 60, to),
                ],
            ),
        ]
    };
    vec![
        (5, vec![customer_on(), ivr(), waits()]),
        (
            15,
            vec![
                customer_on(),
                ivr(),
                waits(),
                agent("agent", "u1", vec![call("g1", Alerting)]),
            ],
        ),
        (21, talks(call("g1", Connected).from(20))),
        (30, talks(call("g1", Connected).from(20).held_since(30))),
        (40, talks(call("g1", Connected).from(20))),
        (60, over(AcwState::Pending, None)),
        (75, over(AcwState::Complete, Some(75))),
    ]
}
