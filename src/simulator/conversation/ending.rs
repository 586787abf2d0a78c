//! How talks end: hang-ups in one or two halves, transfers away, teardown.

use uuid::Uuid;

use super::super::truth::{Status, Told};
use super::steps::{Destination, Outcome, Refused, Scene, refuse};
use super::words::{Direction, Doing, Media, Role, State, Why};
use super::wrapping_up::{finish_acw, staff_leaves};
use super::{AcwState, Conversation, Participant, Wrapup};

/// A hang-up: who did it and, for an agent, which participant.
#[derive(Clone, Debug)]
pub(crate) struct HangUp {
    pub(crate) by: By,
    pub(crate) who: Option<Uuid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Customer,
    Agent,
    Platform(Why),
}

impl HangUp {
    pub(crate) fn name(&self) -> &'static str {
        match self.by {
            By::Customer => "customer-disconnect",
            By::Agent => "agent-disconnect",
            By::Platform(Why::System) => "disconnect",
            By::Platform(_) => "inactive",
        }
    }
}

impl Conversation {
    /// True when others still talk with the customer, or the thread stays open, after this participant has left.
    pub(super) fn leaves_others(&self, who: Uuid) -> bool {
        let others = self.participants.iter().any(|one| {
            one.id != who && (one.is_staff_on() || one.role == Role::Outsider) && one.is_connected()
        });
        let outsider_alone = self.customer_is_on() && others;
        outsider_alone || (self.working == Media::Message && self.customer_is_on())
    }

    pub(super) fn customer_is_on(&self) -> bool {
        self.participants
            .iter()
            .any(|one| one.role == Role::Customer && one.is_open())
    }

    /// The whole hang-up in one snapshot.
    pub(super) fn hang_up(&mut self, s: &Scene<'_>, hang_up: &HangUp) -> Result<(), Refused> {
        if let Some(who) = hang_up.who.filter(|who| self.leaves_others(*who)) {
            return self.leave(s, who, Why::Client);
        }
        let scope = self.scope(hang_up);
        self.end_inner(s, hang_up, scope)?;
        self.end_customer(s, hang_up, scope);
        Ok(())
    }

    pub(super) fn customer_half(&mut self, s: &Scene<'_>, hang_up: &HangUp) -> Result<(), Refused> {
        let scope = self.scope(hang_up);
        if !self.customer_is_on() {
            return refuse("the customer has left already");
        }
        self.end_customer(s, hang_up, scope);
        Ok(())
    }

    pub(super) fn inner_half(&mut self, s: &Scene<'_>, hang_up: &HangUp) -> Result<(), Refused> {
        let scope = self.scope(hang_up);
        self.end_inner(s, hang_up, scope)
    }

    /// The customer who rings off from a voicemail or a callback's call leaves the callback itself open.
    fn scope(&self, hang_up: &HangUp) -> Option<Media> {
        let talks_apart = self.working == Media::Callback
            && self.participants.iter().any(|one| {
                one.legs
                    .iter()
                    .any(|leg| leg.media == Media::Voice && !leg.state.is_over())
            });
        (hang_up.by == By::Customer && talks_apart).then_some(Media::Voice)
    }

    fn end_customer(&mut self, s: &Scene<'_>, hang_up: &HangUp, scope: Option<Media>) {
        for customer in self
            .participants
            .iter_mut()
            .filter(|one| one.role == Role::Customer)
        {
            for leg in customer
                .open_legs()
                .filter(|leg| scope.is_none_or(|media| media == leg.media))
            {
                let why = match hang_up.by {
                    By::Customer if leg.media == Media::Voice => Why::Endpoint,
                    By::Customer => Why::Client,
                    By::Agent => Why::Peer,
                    By::Platform(why) => why,
                };
                leg.end(why, s.at);
            }
        }
    }

    fn end_inner(
        &mut self,
        s: &Scene<'_>,
        hang_up: &HangUp,
        scope: Option<Media>,
    ) -> Result<(), Refused> {
        let open: Vec<usize> = (0..self.participants.len())
            .filter(|index| {
                let one = &self.participants[*index];
                one.role != Role::Customer
                    && !one.stuck
                    && one.legs.iter().any(|leg| {
                        !leg.state.is_over() && scope.is_none_or(|media| media == leg.media)
                    })
            })
            .collect();
        if open.is_empty() && !self.customer_is_on() {
            return refuse("nobody is on it any more");
        }
        let acw = self.acw;
        for (place, index) in open.iter().enumerate() {
            // Two agents never leave at the same instant: the one who came last goes last.
            let early = i64::try_from(open.len() - 1 - place).unwrap_or(0).min(1);
            let one = &mut self.participants[*index];
            let why = match hang_up.by {
                By::Agent if hang_up.who == Some(one.id) => Why::Client,
                By::Platform(why) => why,
                By::Agent | By::Customer => Why::Peer,
            };
            match scope {
                Some(media) => one
                    .open_legs()
                    .filter(|leg| leg.media == media)
                    .for_each(|leg| leg.end(why, s.at)),
                None if one.role.is_staff() => {
                    staff_leaves(s.org, one, why, s.at.plus_millis(-early), acw);
                }
                None => one.open_legs().for_each(|leg| leg.end(why, s.at)),
            }
        }
        if scope.is_some() {
            self.store_voicemail(s);
        }
        Ok(())
    }

    /// A voicemail that was being recorded waits as a callback from now on.
    fn store_voicemail(&mut self, s: &Scene<'_>) {
        for leg in self
            .participants
            .iter_mut()
            .flat_map(|one| &mut one.legs)
            .filter(|leg| leg.state == State::Uploading)
        {
            leg.connect(s.at);
        }
    }

    /// What holds after a hang-up: agents who go on talking, a stored voicemail in its queue, an outside party left with the
    /// customer, or the end of the talk.
    pub(super) fn after_hang_up(&self) -> Told {
        if self.participants.iter().any(Participant::is_staff_on) {
            return self.talking();
        }
        if self
            .participants
            .iter()
            .any(|one| one.role == Role::Acd && one.is_connected())
        {
            return Told::teams(Status::WaitingInQueue, self.queue);
        }
        if self.customer_is_on()
            && self
                .participants
                .iter()
                .any(|one| one.role == Role::Outsider && one.is_connected())
        {
            return Told::nobodys(Status::TransferredOut);
        }
        self.finished()
    }

    /// The talk is over: after-call work of the agent who left last, an idle thread, or the end.
    pub(super) fn finished(&self) -> Told {
        let wraps_up = self
            .participants
            .iter()
            .filter(|one| one.wraps_up())
            .max_by_key(|one| one.end());
        if let Some(agent) = wraps_up.and_then(|one| one.user) {
            return Told::users(Status::AfterCallWork, agent);
        }
        if self.customer_is_on() {
            Told::nobodys(Status::Idle)
        } else {
            Told::ENDED
        }
    }

    fn leave(&mut self, s: &Scene<'_>, who: Uuid, why: Why) -> Result<(), Refused> {
        let acw = self.acw;
        let Some(one) = self.participants.iter_mut().find(|one| one.id == who) else {
            return refuse("no such participant");
        };
        staff_leaves(s.org, one, why, s.at, acw);
        Ok(())
    }

    /// The agent's half of a blind transfer.
    pub(super) fn leave_for(&mut self, s: &Scene<'_>, to: &Destination) -> Outcome {
        let agent = self.staff_on(None, None, false)?;
        if self
            .participants
            .iter()
            .filter(|one| one.is_staff_on())
            .count()
            > 1
        {
            return refuse("several agents are on it: complete or cancel the consult first");
        }
        self.leave(s, agent, Why::Transfer)?;
        if let Destination::Outside(address) = to {
            let mut outsider = Participant::new(Role::Outsider, s.at);
            outsider.name = Some("Partner Company".to_owned());
            outsider.address.clone_from(address);
            outsider.begin(
                Media::Voice,
                State::Dialing,
                Direction::Outbound,
                Doing::Dialing,
                s.at,
            );
            self.participants.push(outsider);
            return Ok(Some(Told::nobodys(Status::Dialing)));
        }
        Ok(Some(Told::nobodys(Status::Transferring)))
    }

    pub(super) fn complete_consult(&mut self, s: &Scene<'_>) -> Outcome {
        let Some(target) = self
            .participants
            .iter()
            .position(|one| one.consulted_by.is_some() && one.is_staff_on())
        else {
            return refuse("no consulted agent has answered");
        };
        let Some(agent) = self.participants[target].consulted_by else {
            return refuse("nobody consults");
        };
        self.leave(s, agent, Why::ConsultTransfer)?;
        let acw = self.acw;
        self.participants[target].wrapup_required = acw;
        Ok(Some(self.talking()))
    }

    pub(super) fn cancel_consult(&mut self, s: &Scene<'_>) -> Outcome {
        let acw = self.acw;
        let Some(target) = self
            .participants
            .iter_mut()
            .find(|one| one.consulted_by.is_some() && one.is_open())
        else {
            return refuse("nobody is consulted");
        };
        staff_leaves(s.org, target, Why::Peer, s.at, acw);
        Ok(Some(self.talking()))
    }

    /// Everything ends at once, and the platform wraps up.
    pub(super) fn tear_down(&mut self, s: &Scene<'_>, error: Option<&str>) -> Outcome {
        if self.told.status == Status::Ended && self.end.is_some() {
            return refuse("the conversation has ended");
        }
        let why = if error.is_some() {
            Why::Error
        } else {
            Why::System
        };
        for one in &mut self.participants {
            if one.is_open() && one.role.is_staff() {
                one.wrapup = one.wrapup.take().or_else(|| {
                    Some(Wrapup {
                        code: "ININ-WRAP-UP-SKIPPED".to_owned(),
                        notes: None,
                        end: s.at,
                    })
                });
                staff_leaves(s.org, one, why, s.at, true);
            }
            one.open_legs().for_each(|leg| leg.end(why, s.at));
            if one.wraps_up() {
                one.wrapup = Some(Wrapup {
                    code: "ININ-WRAP-UP-SKIPPED".to_owned(),
                    notes: None,
                    end: s.at,
                });
                finish_acw(one, AcwState::Complete, s);
            }
            for leg in one
                .legs
                .iter_mut()
                .filter(|leg| leg.disconnected == Some(s.at))
            {
                leg.error = error.map(str::to_owned);
            }
        }
        Ok(Some(Told::ENDED))
    }

    /// Somebody else than the customer is on it, or is called to it.
    pub(crate) fn has_company(&self) -> bool {
        self.participants
            .iter()
            .any(|one| one.role != Role::Customer && one.is_open())
    }

    /// Everybody but the customer leaves a message thread.
    pub(crate) fn leave_thread(&mut self, s: &Scene<'_>) -> Outcome {
        let hang_up = HangUp {
            by: By::Platform(Why::System),
            who: None,
        };
        self.end_inner(s, &hang_up, None)?;
        Ok(Some(self.finished()))
    }

    /// The threading time of a message is over.
    pub(super) fn expire(&mut self, s: &Scene<'_>) -> Outcome {
        if self.has_company() || !self.customer_is_on() {
            return refuse("the thread is not idle");
        }
        for leg in self
            .participants
            .iter_mut()
            .flat_map(Participant::open_legs)
        {
            leg.end(Why::SessionExpired, s.at);
        }
        Ok(Some(self.finished()))
    }
}
