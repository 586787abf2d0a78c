//! The universal status: a total function of a conversation's participants.
//!
//! First match wins; no clock and no earlier state is read. Numbers in comments are the rules of
//! `docs/status.md`. A Genesys snapshot gives every participant a state of its own; this file is
//! where they become one.

use super::phase::{Phase, Role, decides, phase_of, role_of};
use super::row::ConversationStatus;
use super::snapshot::{AcwState, Leg, LegDirection, LegState, Medium, Participant};
use super::time::Time;

/// A status, and what made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub status: ConversationStatus,
    /// Medium of the leg that makes the status.
    pub medium: Option<Medium>,
    /// The error with which Genesys ended the conversation.
    pub error: Option<String>,
}

/// The participants as the rules read them.
pub struct View<'a> {
    legs: Vec<ViewedLeg<'a>>,
    participants: Vec<&'a Participant>,
    /// Whether any external party is there.
    has_external: bool,
    side_gone: bool,
}

#[derive(Clone, Copy)]
struct ViewedLeg<'a> {
    participant: &'a Participant,
    leg: &'a Leg,
    role: Role,
    phase: Phase,
    /// Of the customer's side: the first external party and later mails or messages of the thread.
    customer_side: bool,
}

/// Calculates the status from all participants; `end` is the end that REST or analytics gave.
pub fn status_of(participants: &[Participant], end: Option<Time>) -> Verdict {
    View::of(participants).verdict(end)
}

/// A leg of ours that is open on a call or chat whose customer has left: Genesys ends such legs at once,
/// so one that stays was forgotten.
pub fn forgotten_leg(participants: &[Participant]) -> Option<&Leg> {
    let view = View::of(participants);
    let held_up = view.legs.iter().find(|leg| {
        let is_live = matches!(leg.leg.medium, Medium::Voice | Medium::Chat | Medium::Video);
        is_live && leg.is_internal() && leg.phase != Phase::Ended
    });
    held_up.filter(|_| view.side_gone).map(|leg| leg.leg)
}

/// The first external party: smallest of its own times; ties by place.
pub fn first_external(participants: &[Participant]) -> Option<&Participant> {
    participants
        .iter()
        .filter(|participant| !participant.supervising && role_of(participant) == Role::External)
        .min_by_key(|participant| first_time(participant).unwrap_or(Time::from_millis(i64::MAX)))
}

fn first_time(participant: &Participant) -> Option<Time> {
    participant
        .legs
        .iter()
        .map(|leg| leg.connected_time)
        .chain([participant.connected_time, participant.start_time])
        .flatten()
        .min()
}

/// Agents in the conversation now: rung, connected, holding, parked or in after-call work.
pub fn agents_present(participants: &[Participant]) -> impl Iterator<Item = &Participant> {
    let view = View::of(participants);
    participants.iter().filter(move |participant| {
        !participant.supervising
            && role_of(participant) == Role::Agent
            && (view.in_after_call_work(participant)
                || view
                    .legs_of(participant)
                    .any(|leg| matches!(leg.phase, Phase::Pending | Phase::Active | Phase::Parked)))
    })
}

impl<'a> View<'a> {
    pub fn of(participants: &'a [Participant]) -> Self {
        let present: Vec<&Participant> = participants.iter().filter(|p| !p.supervising).collect();
        let first = first_external(participants).map(|participant| &participant.id);
        let mut legs = Vec::new();
        for participant in &present {
            let role = role_of(participant);
            let customer_side = role == Role::External
                && (Some(&participant.id) == first || participant.legs.iter().any(is_thread_leg));
            for leg in participant.legs.iter().filter(|leg| decides(leg.medium)) {
                legs.push(ViewedLeg {
                    participant,
                    leg,
                    role,
                    phase: phase_of(leg, participant),
                    customer_side,
                });
            }
        }
        let mut side = legs.iter().filter(|leg| leg.customer_side).peekable();
        let side_gone = side.peek().is_some() && side.all(|leg| leg.phase == Phase::Ended);
        if side_gone {
            legs.iter_mut().for_each(end_with_the_customer);
        }
        Self {
            has_external: first.is_some(),
            participants: present,
            legs,
            side_gone,
        }
    }

    pub fn in_after_call_work(&self, participant: &Participant) -> bool {
        let mut legs = self.legs_of(participant).peekable();
        role_of(participant) == Role::Agent
            && legs.peek().is_some()
            && legs.all(|leg| leg.phase == Phase::Ended)
            && (participant.legs.iter().any(is_acw_pending) || acw_runs_on_participant(participant))
    }

    fn legs_of(&self, participant: &Participant) -> impl Iterator<Item = &ViewedLeg<'a>> {
        self.legs
            .iter()
            .filter(move |leg| leg.participant.id == participant.id)
    }

    fn verdict(&self, end: Option<Time>) -> Verdict {
        if self.participants.is_empty() {
            return Verdict::plain(ConversationStatus::Created, None); // 0
        }
        if end.is_some() {
            return self.after_the_end(); // 1
        }
        self.with_an_agent()
            .or_else(|| self.without_an_agent())
            .or_else(|| self.between_legs())
            .unwrap_or_else(|| Verdict::plain(ConversationStatus::Created, None)) // 19
    }

    fn after_the_end(&self) -> Verdict {
        match self.acw_leg() {
            Some(leg) => Verdict::plain(ConversationStatus::AfterCallWork, Some(leg)),
            None => Verdict::plain(
                ConversationStatus::Ended,
                self.last_leg().or_else(|| self.side_leg()),
            ),
        }
    }

    /// Rules 2 to 5.
    fn with_an_agent(&self) -> Option<Verdict> {
        if let Some(talking) =
            self.newest(|leg| leg.role == Role::Agent && leg.phase == Phase::Active)
        {
            let mut side = self.side_open().peekable();
            let status = if side.peek().is_some() && side.all(|leg| is_dialled(leg)) {
                ConversationStatus::Dialing // 2
            } else if self
                .legs
                .iter()
                .filter(|leg| leg.role == Role::Agent && leg.phase == Phase::Active)
                .all(|leg| leg.leg.held)
            {
                ConversationStatus::OnHold // 3
            } else {
                ConversationStatus::Connected // 4
            };
            return Some(Verdict::plain(status, Some(talking)));
        }
        self.newest(|leg| {
            leg.role == Role::Agent
                && leg.phase == Phase::Pending
                && matches!(leg.leg.state, LegState::Alerting | LegState::Offering)
        })
        .map(|leg| Verdict::plain(ConversationStatus::Alerting, Some(leg))) // 5
    }

    /// Rules 6 to 12.
    fn without_an_agent(&self) -> Option<Verdict> {
        let waits = self.newest(|leg| {
            leg.role == Role::Acd && matches!(leg.phase, Phase::Active | Phase::Pending)
        });
        if let Some(leg) = self.dialled() {
            return Some(Verdict::plain(ConversationStatus::Dialing, Some(leg))); // 6
        }
        if let Some(leg) = self.newest(|leg| leg.role == Role::Agent && leg.phase == Phase::Parked)
        {
            return Some(Verdict::plain(ConversationStatus::Parked, Some(leg))); // 7
        }
        let mailbox = self.newest(|leg| {
            leg.role == Role::Voicemail && matches!(leg.phase, Phase::Active | Phase::Pending)
        });
        if mailbox.is_some() {
            return Some(Verdict {
                status: ConversationStatus::Voicemail, // 8
                medium: Some(Medium::Callback),
                error: None,
            });
        }
        if let Some(leg) = waits {
            return Some(Verdict::plain(
                ConversationStatus::WaitingInQueue,
                Some(leg),
            )); // 9
        }
        if let Some(leg) = self.newest(|leg| {
            matches!(leg.role, Role::Acd | Role::External) && leg.phase == Phase::Scheduled
        }) {
            return Some(Verdict::plain(ConversationStatus::Scheduled, Some(leg))); // 10
        }
        if let Some(leg) = self.newest(|leg| {
            leg.role == Role::Flow && matches!(leg.phase, Phase::Active | Phase::Pending)
        }) {
            return Some(Verdict::plain(ConversationStatus::InFlow, Some(leg))); // 11
        }
        self.transferred_out()
    }

    /// Rule 6: somebody is being dialled and nobody waits in a queue.
    fn dialled(&self) -> Option<&ViewedLeg<'a>> {
        let queue_active = self
            .legs
            .iter()
            .any(|leg| leg.role == Role::Acd && leg.phase == Phase::Active);
        self.newest(|leg| leg.role == Role::Agent && is_dialled(leg))
            .or_else(|| {
                self.newest(|leg| {
                    !queue_active
                        && matches!(leg.role, Role::External | Role::Dialer)
                        && is_dialled(leg)
                })
            })
            .or_else(|| {
                let alone = !self.internal_open() && !self.side_gone;
                self.newest(|leg| alone && leg.role == Role::Dialer && leg.phase == Phase::Active)
            })
    }

    /// Rule 12: the customer talks to an outside party and nobody of ours is on it any more.
    fn transferred_out(&self) -> Option<Verdict> {
        let customer = self.newest(|leg| leg.customer_side && leg.phase == Phase::Active)?;
        let outsider = self.legs.iter().any(|leg| {
            leg.role == Role::External && !leg.customer_side && leg.phase == Phase::Active
        });
        let one_has_been = self.legs.iter().any(ViewedLeg::is_internal);
        (outsider && one_has_been && !self.internal_open())
            .then(|| Verdict::plain(ConversationStatus::TransferredOut, Some(customer)))
    }

    /// Rules 13 to 18: no leg of ours holds it.
    fn between_legs(&self) -> Option<Verdict> {
        let internal_open = self.internal_open();
        let last = self.last_leg();
        let side = self
            .side_leg()
            .filter(|leg| matches!(leg.phase, Phase::Pending | Phase::Active));
        if let (false, Some(side), Some(last)) = (internal_open, side, last)
            && handed_over(last)
        {
            return Some(Verdict::plain(ConversationStatus::Transferring, Some(side))); // 13
        }
        if let Some(leg) = self.acw_leg() {
            return Some(Verdict::plain(ConversationStatus::AfterCallWork, Some(leg))); // 14
        }
        if internal_open {
            return None;
        }
        if let (Some(side), Some(last)) = (side, last)
            && self.side_open().all(|leg| is_idle_thread(leg, last))
        {
            return Some(Verdict::plain(ConversationStatus::Idle, Some(side))); // 15
        }
        let over = self.side_gone
            || !self.has_external
            || last.is_some_and(|leg| matches!(leg.role, Role::Agent | Role::Voicemail));
        if over {
            return Some(self.ended(last)); // 16, 17
        }
        match (side, last) {
            (Some(side), Some(_)) => {
                Some(Verdict::plain(ConversationStatus::Transferring, Some(side)))
            } // 18
            _ => None,
        }
    }

    fn ended(&self, last: Option<&ViewedLeg<'a>>) -> Verdict {
        let side_last = self
            .side_gone
            .then(|| self.latest_ended(|leg| leg.customer_side))
            .flatten();
        let error = [last, side_last].into_iter().flatten().find_map(error_of);
        Verdict {
            error,
            ..Verdict::plain(
                ConversationStatus::Ended,
                last.or(side_last).or_else(|| self.side_leg()),
            )
        }
    }

    fn side_open(&self) -> impl Iterator<Item = &ViewedLeg<'a>> {
        self.legs
            .iter()
            .filter(|leg| leg.customer_side && matches!(leg.phase, Phase::Pending | Phase::Active))
    }

    fn side_leg(&self) -> Option<&ViewedLeg<'a>> {
        self.side_open()
            .last()
            .or_else(|| self.legs.iter().rfind(|leg| leg.customer_side))
    }

    fn internal_open(&self) -> bool {
        self.legs
            .iter()
            .any(|leg| leg.is_internal() && leg.phase != Phase::Ended)
    }

    /// The leg of ours that ended last; ties: later in the conversation.
    fn last_leg(&self) -> Option<&ViewedLeg<'a>> {
        self.latest_ended(|leg| leg.role != Role::External)
    }

    fn latest_ended(&self, wanted: impl Fn(&ViewedLeg<'a>) -> bool) -> Option<&ViewedLeg<'a>> {
        self.legs
            .iter()
            .filter(|leg| leg.phase == Phase::Ended && wanted(leg))
            .max_by_key(|leg| leg.ended_at())
    }

    /// The last leg of an agent who still wraps up.
    fn acw_leg(&self) -> Option<&ViewedLeg<'a>> {
        self.latest_ended(|leg| self.in_after_call_work(leg.participant))
    }

    /// Of the legs wanted, the one that connected last; ties: later in the conversation.
    fn newest(&self, wanted: impl Fn(&ViewedLeg<'a>) -> bool) -> Option<&ViewedLeg<'a>> {
        self.legs
            .iter()
            .filter(|leg| wanted(leg))
            .max_by_key(|leg| leg.leg.connected_time)
    }
}

impl ViewedLeg<'_> {
    fn is_internal(&self) -> bool {
        !matches!(self.role, Role::External | Role::Dialer)
    }

    fn ended_at(&self) -> Option<Time> {
        self.leg.disconnected_time.or(self.participant.end_time)
    }
}

impl Verdict {
    fn plain(status: ConversationStatus, leg: Option<&ViewedLeg<'_>>) -> Self {
        Self {
            status,
            medium: leg.map(|leg| leg.leg.medium),
            error: None,
        }
    }
}

/// Once the customer's side is gone, the other half of a hang-up is under way: ringing agents and
/// the queue's, flow's and mailbox's legs count as ended. Mails, messages and callbacks wait
/// without a customer present, so they are left alone.
fn end_with_the_customer(leg: &mut ViewedLeg<'_>) {
    let live = matches!(leg.leg.medium, Medium::Voice | Medium::Chat | Medium::Video);
    let ends = match leg.role {
        Role::Agent => leg.phase == Phase::Pending,
        Role::Acd | Role::Flow | Role::Voicemail => {
            matches!(leg.phase, Phase::Pending | Phase::Active)
        }
        Role::External | Role::Dialer => false,
    };
    if live && ends {
        leg.phase = Phase::Ended;
    }
}

fn is_thread_leg(leg: &Leg) -> bool {
    matches!(leg.medium, Medium::Email | Medium::Message)
        && leg.direction == Some(LegDirection::Inbound)
}

fn is_acw_pending(leg: &Leg) -> bool {
    leg.acw
        .as_ref()
        .is_some_and(|acw| acw.state == AcwState::Pending)
}

fn acw_runs_on_participant(participant: &Participant) -> bool {
    let settled = participant
        .legs
        .iter()
        .filter_map(|leg| leg.acw.as_ref())
        .any(|acw| {
            matches!(
                acw.state,
                AcwState::Skipped | AcwState::Complete | AcwState::NotApplicable
            )
        });
    let wrapped_up = participant
        .wrapup
        .as_ref()
        .is_some_and(|wrapup| wrapup.end_time.is_some());
    !settled
        && !participant.wrapup_skipped
        && participant.start_acw_time.is_some()
        && participant.end_acw_time.is_none()
        && !wrapped_up
}

fn is_dialled(leg: &ViewedLeg<'_>) -> bool {
    leg.phase == Phase::Pending && matches!(leg.leg.state, LegState::Contacting | LegState::Dialing)
}

fn handed_over(leg: &ViewedLeg<'_>) -> bool {
    leg.leg
        .disconnect_type
        .as_ref()
        .is_some_and(|how| how.to_ascii_lowercase().contains("transfer"))
}

fn is_idle_thread(leg: &ViewedLeg<'_>, last: &ViewedLeg<'_>) -> bool {
    match leg.leg.medium {
        Medium::Message => true,
        Medium::Email => leg.leg.connected_time > last.ended_at(),
        _ => false,
    }
}

fn error_of(leg: &ViewedLeg<'_>) -> Option<String> {
    let by_type = leg
        .leg
        .disconnect_type
        .as_ref()
        .is_some_and(|how| how.eq_ignore_ascii_case("error"));
    leg.leg
        .error
        .clone()
        .or_else(|| by_type.then(|| "Genesys ended it with an error".to_owned()))
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
