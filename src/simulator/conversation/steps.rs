//! The steps a conversation can take, by name, and how each divides into changes that show as one snapshot.

use serde::Deserialize;
use uuid::Uuid;

use super::super::clock::Stamp;
use super::super::org::Org;
use super::super::truth::Told;
use super::ending::{By, HangUp};
use super::words::{Media, Role, Why};
use super::{Conversation, Halves};

/// A step as the control surface names it. What it leaves open (queue, agent, participant) is the current or a free one.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    tag = "step",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Step {
    /// The customer arrives in, or is sent to, an IVR or (digital media) a workflow.
    Ivr,
    Enqueue {
        queue_id: Option<Uuid>,
    },
    /// From one queue straight into another.
    Overflow {
        queue_id: Option<Uuid>,
    },
    Offer {
        user_id: Option<Uuid>,
    },
    Decline,
    NoAnswer,
    Answer,
    Hold,
    Unhold,
    /// Blind: to a queue, a user, or an outside address.
    Transfer {
        queue_id: Option<Uuid>,
        user_id: Option<Uuid>,
        address: Option<String>,
        /// How long the customer is with nobody.
        gap_ms: Option<u64>,
        #[serde(default)]
        to: Target,
    },
    Consult {
        user_id: Option<Uuid>,
    },
    CompleteConsult,
    CancelConsult,
    Conference,
    /// Dials an outside party into the conference; `stuck`: its leg will never end.
    AddExternal {
        #[serde(default)]
        stuck: bool,
    },
    CustomerDisconnect,
    /// Without a participant or user: the agent who has been on it longest; `last`: the one who came last.
    AgentDisconnect {
        participant_id: Option<Uuid>,
        user_id: Option<Uuid>,
        #[serde(default)]
        last: bool,
    },
    WrapUp {
        participant_id: Option<Uuid>,
        user_id: Option<Uuid>,
        code: Option<String>,
        notes: Option<String>,
        #[serde(default)]
        timeout: bool,
    },
    Park,
    Unpark,
    Voicemail,
    /// A callback is planned, by default for an hour later.
    Schedule {
        in_ms: Option<i64>,
    },
    /// The planned callback's time has come.
    Due,
    /// An agent dials (writes) to the customer: on behalf of the queue, or to fulfil a callback.
    Dial {
        user_id: Option<Uuid>,
        queue_id: Option<Uuid>,
    },
    /// The dialler calls a customer for the queue.
    Dialer {
        queue_id: Option<Uuid>,
    },
    /// Who was dialled answers.
    Connect,
    /// Who was dialled does not answer.
    Unreached,
    /// One user calls another; nobody from outside takes part.
    CallUser,
    /// The customer writes (again): wakes an idle thread, reopens an ended one.
    Message,
    /// The platform ends it because the customer is inactive.
    Inactive,
    /// The threading time of a message is over.
    Expire,
    /// A full teardown; with `error`, as the platform does after a failure.
    End {
        error: Option<String>,
    },
}

/// Where a transfer goes that names neither queue, user nor address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Target {
    #[default]
    OtherQueue,
    SameQueue,
    User,
}

/// What shows as one snapshot.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Step(Step),
    HangUp(HangUp),
    /// One half of a hang-up; `last`: it is complete with it.
    CustomerHalf {
        hang_up: HangUp,
        last: bool,
    },
    InnerHalf {
        hang_up: HangUp,
        last: bool,
    },
    LeaveFor(Destination),
    Arrive(Destination),
    /// The dialled party's side begins to ring.
    Ring,
    RingUser,
}

#[derive(Clone, Debug)]
pub(crate) enum Destination {
    Queue(Uuid),
    User(Uuid),
    Outside(String),
}

/// Why a step cannot be taken now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

/// What a change makes a gateway show; none: a first half, after which nothing need have changed yet.
pub(crate) type Outcome = Result<Option<Told>, Refused>;

/// What a change works with.
pub(crate) struct Scene<'a> {
    pub(crate) org: &'a Org,
    pub(crate) at: Stamp,
}

/// Default gap of a blind transfer.
const TRANSFER_GAP_MS: u64 = 200;
/// Time between the halves of a hang-up.
const HALVES_GAP_MS: u64 = 60;
/// Time until a dialled phone rings.
const RING_GAP_MS: u64 = 400;

pub(crate) fn refuse<T>(reason: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(reason.into()))
}

impl Conversation {
    /// The changes of a step, each with the milliseconds (at speed 1) that pass before it.
    pub(crate) fn changes(&self, org: &Org, step: Step) -> Result<Vec<(u64, Change)>, Refused> {
        let changes = match step {
            Step::CustomerDisconnect => self.halved(HangUp {
                by: By::Customer,
                who: None,
            }),
            Step::Inactive => {
                let why = if self.working == Media::Message {
                    Why::Inactivity
                } else {
                    Why::Timeout
                };
                self.halved(HangUp {
                    by: By::Platform(why),
                    who: None,
                })
            }
            Step::AgentDisconnect {
                participant_id,
                user_id,
                last,
            } => {
                let who = self.staff_on(participant_id, user_id, last)?;
                let hang_up = HangUp {
                    by: By::Agent,
                    who: Some(who),
                };
                if self.leaves_others(who) {
                    vec![(0, Change::HangUp(hang_up))]
                } else {
                    self.halved(hang_up)
                }
            }
            Step::Transfer {
                queue_id,
                user_id,
                address,
                gap_ms,
                to,
            } => {
                let to = self.destination(org, queue_id, user_id, address, to)?;
                let arrives = if matches!(to, Destination::Outside(_)) {
                    Change::Step(Step::Connect)
                } else {
                    Change::Arrive(to.clone())
                };
                vec![
                    (0, Change::LeaveFor(to)),
                    (gap_ms.unwrap_or(TRANSFER_GAP_MS), arrives),
                ]
            }
            Step::Dial { .. } if self.media == Media::Voice => {
                vec![(0, Change::Step(step)), (RING_GAP_MS, Change::Ring)]
            }
            Step::CallUser => vec![(0, Change::Step(step)), (RING_GAP_MS, Change::RingUser)],
            step => vec![(0, Change::Step(step))],
        };
        Ok(changes)
    }

    /// A hang-up in one snapshot or in two. Agent first needs an agent who then wraps up, and no outside guest who would be left
    /// with the customer; with a queue or a flow alone, the customer leaves first.
    fn halved(&self, hang_up: HangUp) -> Vec<(u64, Change)> {
        let inside = self
            .participants
            .iter()
            .any(|one| one.role != Role::Customer && !one.stuck && one.is_open());
        if !inside || !self.customer_is_on() {
            return vec![(0, Change::HangUp(hang_up))];
        }
        let wraps_up = self
            .participants
            .iter()
            .any(|one| one.is_staff_on() && one.wrapup_required && one.wrapup.is_none());
        let guest = self
            .participants
            .iter()
            .any(|one| one.stuck && one.is_open());
        let staffed = self
            .participants
            .iter()
            .any(|one| one.role.is_staff() && one.is_open());
        match self.halves {
            Halves::Together => vec![(0, Change::HangUp(hang_up))],
            Halves::AgentFirst if wraps_up && !guest => {
                vec![
                    (
                        0,
                        Change::InnerHalf {
                            hang_up: hang_up.clone(),
                            last: false,
                        },
                    ),
                    (
                        HALVES_GAP_MS,
                        Change::CustomerHalf {
                            hang_up,
                            last: true,
                        },
                    ),
                ]
            }
            Halves::AgentFirst if staffed => vec![(0, Change::HangUp(hang_up))],
            Halves::AgentFirst | Halves::CustomerFirst => {
                vec![
                    (
                        0,
                        Change::CustomerHalf {
                            hang_up: hang_up.clone(),
                            last: false,
                        },
                    ),
                    (
                        HALVES_GAP_MS,
                        Change::InnerHalf {
                            hang_up,
                            last: true,
                        },
                    ),
                ]
            }
        }
    }

    fn destination(
        &self,
        org: &Org,
        queue: Option<Uuid>,
        user: Option<Uuid>,
        address: Option<String>,
        to: Target,
    ) -> Result<Destination, Refused> {
        if user.is_some() || to == Target::User {
            let Some(user) = user.or_else(|| org.free_user(&self.users())) else {
                return refuse("no user is free");
            };
            return org
                .user(user)
                .map(|user| Destination::User(user.id))
                .ok_or_else(|| Refused(format!("no user {user}")));
        }
        if let Some(address) = address {
            return Ok(Destination::Outside(address));
        }
        let unnamed = || {
            if to == Target::SameQueue {
                self.queue
            } else {
                org.other_queue(self.queue)
            }
        };
        let queue = queue
            .or_else(unnamed)
            .ok_or_else(|| Refused("the organisation has no queue".into()))?;
        org.queue(queue)
            .map(|queue| Destination::Queue(queue.id))
            .ok_or_else(|| Refused(format!("no queue {queue}")))
    }

    /// Makes one change; on refusal nothing has changed.
    pub(crate) fn change(&mut self, s: &Scene<'_>, change: &Change) -> Outcome {
        match change {
            Change::Step(step) => self.step(s, step),
            Change::HangUp(hang_up) => {
                self.hang_up(s, hang_up)?;
                Ok(Some(self.after_hang_up()))
            }
            Change::CustomerHalf { hang_up, last } => {
                self.customer_half(s, hang_up)?;
                Ok(last.then(|| self.after_hang_up()))
            }
            Change::InnerHalf { hang_up, last } => {
                self.inner_half(s, hang_up)?;
                Ok(last.then(|| self.after_hang_up()))
            }
            Change::LeaveFor(to) => self.leave_for(s, to),
            Change::Arrive(Destination::Queue(queue)) => self.enter_queue(s, Some(*queue)),
            Change::Arrive(Destination::User(user)) => self.ring_at(s, *user),
            Change::Arrive(Destination::Outside(_)) => {
                refuse("an outside party is dialled, it does not arrive")
            }
            Change::Ring => self.ring(s),
            Change::RingUser => self.ring_user(s),
        }
    }

    fn step(&mut self, s: &Scene<'_>, step: &Step) -> Outcome {
        match step {
            Step::Ivr => self.enter_flow(s),
            Step::Enqueue { queue_id } => self.enqueue(s, *queue_id),
            Step::Overflow { queue_id } => self.overflow(s, *queue_id),
            Step::Offer { user_id } => self.offer(s, *user_id),
            Step::Decline => self.turn_down(s, Why::Client),
            Step::NoAnswer => self.turn_down(s, Why::System),
            Step::Answer => self.answer(s),
            Step::Hold => self.hold(s, None),
            Step::Unhold => self.unhold(s, None),
            Step::Consult { user_id } => self.consult(s, *user_id),
            Step::CompleteConsult => self.complete_consult(s),
            Step::CancelConsult => self.cancel_consult(s),
            Step::Conference => self.conference(s),
            Step::AddExternal { stuck } => self.add_external(s, *stuck),
            Step::WrapUp {
                participant_id,
                user_id,
                code,
                notes,
                timeout,
            } => {
                let code = if *timeout {
                    Some("ININ-WRAP-UP-TIMEOUT".to_owned())
                } else {
                    code.clone()
                };
                self.wrap_up(s, *participant_id, *user_id, code, notes.clone())
            }
            Step::Park => self.park(s, None),
            Step::Unpark => self.unpark(s, None),
            Step::Voicemail => self.leave_voicemail(s),
            Step::Schedule { in_ms } => {
                self.schedule(s, s.at.plus_millis(in_ms.unwrap_or(3_600_000)))
            }
            Step::Due => self.due(s),
            Step::Dial { user_id, queue_id } => self.dial(s, *user_id, *queue_id),
            Step::Dialer { queue_id } => self.dialer(s, *queue_id),
            Step::Connect => self.connect(s),
            Step::Unreached => self.unreached(s),
            Step::CallUser => self.call_user(s),
            Step::Message => self.write(s),
            Step::Expire => self.expire(s),
            Step::End { error } => self.tear_down(s, error.as_deref()),
            Step::CustomerDisconnect
            | Step::AgentDisconnect { .. }
            | Step::Inactive
            | Step::Transfer { .. } => refuse("consists of several changes"),
        }
    }
}

impl Change {
    /// The step's name in the truth.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Step(step) => step.name(),
            Self::HangUp(hang_up)
            | Self::CustomerHalf { hang_up, .. }
            | Self::InnerHalf { hang_up, .. } => hang_up.name(),
            Self::LeaveFor(_) => "transfer",
            Self::Arrive(Destination::Queue(_)) => "enqueue",
            Self::Arrive(_) => "offer",
            Self::Ring | Self::RingUser => "ring",
        }
    }
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Ivr => "ivr",
            Self::Enqueue { .. } => "enqueue",
            Self::Overflow { .. } => "overflow",
            Self::Offer { .. } => "offer",
            Self::Decline => "decline",
            Self::NoAnswer => "no-answer",
            Self::Answer => "answer",
            Self::Hold => "hold",
            Self::Unhold => "unhold",
            Self::Transfer { .. } => "transfer",
            Self::Consult { .. } => "consult",
            Self::CompleteConsult => "complete-consult",
            Self::CancelConsult => "cancel-consult",
            Self::Conference => "conference",
            Self::AddExternal { .. } => "add-external",
            Self::CustomerDisconnect => "customer-disconnect",
            Self::AgentDisconnect { .. } => "agent-disconnect",
            Self::WrapUp { .. } => "wrap-up",
            Self::Park => "park",
            Self::Unpark => "unpark",
            Self::Voicemail => "voicemail",
            Self::Schedule { .. } => "schedule",
            Self::Due => "due",
            Self::Dial { .. } => "dial",
            Self::Dialer { .. } => "dialer",
            Self::Connect => "connect",
            Self::Unreached => "unreached",
            Self::CallUser => "call-user",
            Self::Message => "message",
            Self::Inactive => "inactive",
            Self::Expire => "expire",
            Self::End { .. } => "end",
        }
    }
}
