//! What agents do: being offered a conversation, answering, holding, parking, consulting, conferring.

use uuid::Uuid;

use super::super::truth::{Status, Told};
use super::steps::{Outcome, Refused, Scene, refuse};
use super::words::{Direction, Doing, Media, Role, State, Why};
use super::wrapping_up::staff_leaves;
use super::{Conversation, Participant};

/// How long after parking an interaction comes back by itself.
const PARKED_MS: i64 = 3_600_000;

impl Conversation {
    /// The agent meant: the one named, else the one who has been on it longest, or last.
    pub(super) fn staff_on(
        &self,
        participant: Option<Uuid>,
        user: Option<Uuid>,
        last: bool,
    ) -> Result<Uuid, Refused> {
        let mut on: Vec<&Participant> = self
            .participants
            .iter()
            .filter(|one| one.role.is_staff() && (one.is_connected() || one.is_parked()))
            .filter(|one| {
                participant.is_none_or(|id| id == one.id)
                    && user.is_none_or(|id| one.user == Some(id))
            })
            .collect();
        on.sort_by_key(|one| (one.consulted_by.is_some(), one.connected()));
        let one = if last { on.last() } else { on.first() };
        one.map(|one| one.id)
            .ok_or_else(|| Refused("no such agent is on it".into()))
    }

    pub(super) fn mut_participant(&mut self, id: Uuid) -> Result<&mut Participant, Refused> {
        self.participants
            .iter_mut()
            .find(|one| one.id == id)
            .ok_or_else(|| Refused("no such participant".into()))
    }

    /// While agents are on it: held only if all of them hold, owned by the one who has been on it longest and was not merely consulted.
    pub(super) fn talking(&self) -> Told {
        let Some(owner) = self
            .staff_on(None, None, false)
            .ok()
            .and_then(|id| self.participant(id)?.user)
        else {
            return self.told;
        };
        let on = || self.participants.iter().filter(|one| one.is_staff_on());
        if on().next().is_none() {
            return Told::users(Status::Parked, owner);
        }
        Told::users(
            if on().all(Participant::is_held) {
                Status::OnHold
            } else {
                Status::Connected
            },
            owner,
        )
    }

    fn acd(&self) -> Option<&Participant> {
        self.participants
            .iter()
            .find(|one| one.role == Role::Acd && one.is_connected())
    }

    fn pick_user(&self, s: &Scene<'_>, wanted: Option<Uuid>) -> Result<Uuid, Refused> {
        if let Some(user) = wanted {
            return s
                .org
                .user(user)
                .map(|user| user.id)
                .ok_or_else(|| Refused(format!("no user {user}")));
        }
        let open: Vec<Uuid> = self
            .participants
            .iter()
            .filter(|one| one.is_open())
            .filter_map(|one| one.user)
            .collect();
        s.org
            .free_user(&self.users())
            .or_else(|| s.org.free_user(&open))
            .ok_or_else(|| Refused("no user is free".into()))
    }

    /// A new participant for every offer, even for the same user again.
    pub(super) fn invite(
        &mut self,
        s: &Scene<'_>,
        user: Uuid,
        role: Role,
        state: State,
        direction: Direction,
    ) -> &mut Participant {
        let mut one = Participant::new(role, s.at);
        one.user = Some(user);
        one.name = s.org.user(user).map(|user| user.name.clone());
        one.address = format!("sip:{}@station.example.com", user.simple());
        one.queue = self.queue.filter(|_| role == Role::Agent);
        let doing = if state == State::Contacting {
            Doing::Contacting
        } else {
            Doing::Alert
        };
        let peer = self.customer_leg(self.working);
        one.begin(self.working, state, direction, doing, s.at).peer = peer;
        s.org.occupy(user);
        self.participants.push(one);
        self.participants
            .last_mut()
            .expect("a participant was just added")
    }

    pub(super) fn offer(&mut self, s: &Scene<'_>, user: Option<Uuid>) -> Outcome {
        if self.acd().is_none() {
            return refuse("it is in no queue");
        }
        if self
            .participants
            .iter()
            .any(|one| one.role.is_staff() && one.is_alerting())
        {
            return refuse("an agent is being offered it already");
        }
        let user = self.pick_user(s, user)?;
        self.invite(s, user, Role::Agent, State::Alerting, Direction::Inbound);
        Ok(Some(Told::teams(Status::Alerting, self.queue)))
    }

    /// The arriving half of a transfer to a user: no queue is involved.
    pub(super) fn ring_at(&mut self, s: &Scene<'_>, user: Uuid) -> Outcome {
        if !self.customer_is_on() {
            return refuse("the customer has left");
        }
        self.invite(s, user, Role::Agent, State::Alerting, Direction::Inbound)
            .queue = None;
        Ok(Some(Told::nobodys(Status::Alerting)))
    }

    /// The offer ends unanswered: declined by the agent or timed out by the platform.
    pub(super) fn turn_down(&mut self, s: &Scene<'_>, why: Why) -> Outcome {
        let acw = self.acw;
        let Some(one) = self
            .participants
            .iter_mut()
            .find(|one| one.role.is_staff() && one.is_alerting())
        else {
            return refuse("nobody is being offered it");
        };
        staff_leaves(s.org, one, why, s.at, acw);
        if self.participants.iter().any(Participant::is_staff_on) {
            return Ok(Some(self.talking()));
        }
        if self.acd().is_some() {
            return Ok(Some(Told::teams(Status::WaitingInQueue, self.queue)));
        }
        if self.customer_is_on() {
            return Ok(Some(Told::nobodys(Status::Transferring)));
        }
        for caller in self
            .participants
            .iter_mut()
            .filter(|one| one.role.is_staff() && one.is_open())
        {
            staff_leaves(s.org, caller, Why::Peer, s.at, acw);
        }
        Ok(Some(self.finished()))
    }

    pub(super) fn answer(&mut self, s: &Scene<'_>) -> Outcome {
        let acw = self.acw;
        let Some(one) = self
            .participants
            .iter_mut()
            .find(|one| one.role.is_staff() && one.is_alerting())
        else {
            return refuse("nobody is being offered it");
        };
        let consulted = one.consulted_by.is_some();
        one.wrapup_required = acw && one.role == Role::Agent && !consulted;
        one.open_legs().for_each(|leg| leg.connect(s.at));
        if !consulted {
            for leg in self
                .participants
                .iter_mut()
                .filter(|one| one.role == Role::Acd)
                .flat_map(Participant::open_legs)
            {
                leg.end(Why::Transfer, s.at);
            }
        }
        // A colleague who called has been on the line for longer than the one who picks up.
        for leg in self
            .participants
            .iter_mut()
            .filter(|one| one.role == Role::User)
            .flat_map(Participant::open_legs)
        {
            if leg.state == State::Dialing {
                leg.connect(s.at.plus_millis(-1));
            }
        }
        Ok(Some(self.talking()))
    }

    pub(crate) fn hold(&mut self, s: &Scene<'_>, participant: Option<Uuid>) -> Outcome {
        let agent = self.staff_on(participant, None, false)?;
        let one = self.mut_participant(agent)?;
        if one.is_held() || !one.is_connected() {
            return refuse("the agent is not talking");
        }
        for leg in one.open_legs().filter(|leg| leg.state == State::Connected) {
            leg.held = true;
            leg.hold_start = Some(s.at);
            leg.turn(Doing::Hold, s.at);
        }
        Ok(Some(self.talking()))
    }

    pub(crate) fn unhold(&mut self, s: &Scene<'_>, participant: Option<Uuid>) -> Outcome {
        let holder = self.participants.iter_mut().find(|one| {
            one.is_staff_on() && one.is_held() && participant.is_none_or(|id| id == one.id)
        });
        let Some(one) = holder else {
            return refuse("nobody holds it");
        };
        for leg in one.open_legs().filter(|leg| leg.held) {
            leg.held = false;
            leg.hold_start = None;
            leg.turn(Doing::Interact, s.at);
        }
        Ok(Some(self.talking()))
    }

    pub(crate) fn mute(&mut self, participant: Uuid, muted: bool) -> Outcome {
        self.mut_participant(participant)?
            .open_legs()
            .for_each(|leg| leg.muted = muted);
        Ok(Some(self.told))
    }

    pub(crate) fn park(&mut self, s: &Scene<'_>, participant: Option<Uuid>) -> Outcome {
        if !matches!(self.working, Media::Email | Media::Message) {
            return refuse("only e-mails and messages can be parked");
        }
        let agent = self.staff_on(participant, None, false)?;
        let one = self.mut_participant(agent)?;
        if !one.is_connected() {
            return refuse("it is parked already");
        }
        for leg in one.open_legs() {
            leg.state = State::Parked;
            leg.held = false;
            leg.hold_start = None;
            leg.park_time = Some(s.at);
            leg.resume_time = Some(s.at.plus_millis(PARKED_MS));
            leg.turn(Doing::Parked, s.at);
        }
        Ok(Some(self.talking()))
    }

    pub(crate) fn unpark(&mut self, s: &Scene<'_>, participant: Option<Uuid>) -> Outcome {
        let parked = self
            .participants
            .iter_mut()
            .find(|one| one.is_parked() && participant.is_none_or(|id| id == one.id));
        let Some(one) = parked else {
            return refuse("it is not parked");
        };
        for leg in one.open_legs().filter(|leg| leg.state == State::Parked) {
            leg.park_time = None;
            leg.resume_time = None;
            leg.connect(s.at);
        }
        Ok(Some(self.talking()))
    }

    pub(super) fn consult(&mut self, s: &Scene<'_>, user: Option<Uuid>) -> Outcome {
        let agent = self.staff_on(None, None, false)?;
        if self
            .participants
            .iter()
            .any(|one| one.consulted_by.is_some() && one.is_open())
        {
            return refuse("somebody is being consulted already");
        }
        let user = self.pick_user(s, user)?;
        let target = self.invite(s, user, Role::Agent, State::Alerting, Direction::Inbound);
        target.queue = None;
        target.consulted_by = Some(agent);
        Ok(Some(self.talking()))
    }

    /// All of them talk with each other; the colleague must wrap up from now on.
    pub(super) fn conference(&mut self, s: &Scene<'_>) -> Outcome {
        let acw = self.acw;
        let Some(target) = self
            .participants
            .iter_mut()
            .find(|one| one.consulted_by.is_some() && one.is_staff_on())
        else {
            return refuse("no consulted agent has answered");
        };
        target.wrapup_required = acw;
        self.confer(s);
        Ok(Some(self.talking()))
    }

    pub(super) fn confer(&mut self, s: &Scene<'_>) {
        self.conference_start = self.conference_start.or(Some(s.at));
        for leg in self
            .participants
            .iter_mut()
            .flat_map(Participant::open_legs)
            .filter(|leg| leg.state == State::Connected)
        {
            if let Some(segment) = leg.segments.last_mut() {
                segment.conference = true;
            }
        }
    }

    pub(super) fn add_external(&mut self, s: &Scene<'_>, stuck: bool) -> Outcome {
        self.staff_on(None, None, false)?;
        if self.media != Media::Voice {
            return refuse("only a call can have outside guests");
        }
        let mut guest = Participant::new(Role::Outsider, s.at);
        guest.name = Some("Interpreter Service".to_owned());
        "tel:+15550100077".clone_into(&mut guest.address);
        guest.stuck = stuck;
        guest.begin(
            Media::Voice,
            State::Dialing,
            Direction::Outbound,
            Doing::Dialing,
            s.at,
        );
        self.participants.push(guest);
        Ok(Some(self.talking()))
    }
}
