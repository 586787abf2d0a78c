//! Conversations that begin inside: an agent or the dialler calls out, an agent writes, one user calls another.

use uuid::Uuid;

use super::super::truth::{Status, Told};
use super::steps::{Outcome, Scene, refuse};
use super::words::{Direction, Doing, Media, Role, State, Why};
use super::wrapping_up::staff_leaves;
use super::{Conversation, Participant};

impl Conversation {
    /// On behalf of a queue when nobody is on it yet; to fulfil a callback when an agent has accepted that.
    pub(super) fn dial(
        &mut self,
        s: &Scene<'_>,
        user: Option<Uuid>,
        queue: Option<Uuid>,
    ) -> Outcome {
        if self.media == Media::Callback || self.working == Media::Callback {
            return self.dial_callback(s);
        }
        if !self.participants.is_empty() {
            return refuse("it has begun already");
        }
        let Some(user) = user.or_else(|| s.org.free_user(&[])) else {
            return refuse("no user is free");
        };
        self.queue = queue.or(self.queue);
        if s.org.user(user).is_none() || self.queue.is_none_or(|queue| s.org.queue(queue).is_none())
        {
            return refuse("no such user or queue");
        }
        match self.media {
            Media::Voice => {
                self.invite(s, user, Role::Agent, State::Contacting, Direction::Outbound);
                Ok(Some(Told::nobodys(Status::Dialing)))
            }
            Media::Email | Media::Message => {
                self.customer_joins(State::Connected, Doing::Interact, s.at);
                let acw = self.acw;
                let agent =
                    self.invite(s, user, Role::Agent, State::Connected, Direction::Outbound);
                agent.wrapup_required = acw;
                agent
                    .legs
                    .iter_mut()
                    .flat_map(|leg| &mut leg.segments)
                    .for_each(|segment| segment.doing = Doing::Interact);
                Ok(Some(self.talking()))
            }
            Media::Chat | Media::Callback => refuse("nobody can begin a chat from inside"),
        }
    }

    /// The agent's phone is connected, the customer's rings.
    pub(super) fn ring(&mut self, s: &Scene<'_>) -> Outcome {
        let mut contacted = self
            .participants
            .iter_mut()
            .flat_map(Participant::open_legs)
            .filter(|leg| leg.state == State::Contacting)
            .peekable();
        if contacted.peek().is_none() {
            return refuse("the agent has hung up");
        }
        for leg in contacted {
            leg.connect(s.at);
            leg.segments.last_mut().expect("a leg has segments").doing = Doing::Dialing;
        }
        let queue = self.queue;
        self.customer_joins(State::Dialing, Doing::Dialing, s.at)
            .queue = queue;
        let peer = self.customer_leg(Media::Voice);
        for leg in self
            .participants
            .iter_mut()
            .filter(|one| one.role == Role::Agent)
            .flat_map(Participant::open_legs)
        {
            leg.peer = peer;
        }
        Ok(Some(Told::nobodys(Status::Dialing)))
    }

    fn dial_callback(&mut self, s: &Scene<'_>) -> Outcome {
        let agent = self.staff_on(None, None, false)?;
        let customer = self
            .participants
            .iter_mut()
            .find(|one| one.role == Role::Customer && one.is_open());
        let Some(customer) = customer else {
            return refuse("the customer has left");
        };
        let peer = customer
            .begin(
                Media::Voice,
                State::Dialing,
                Direction::Outbound,
                Doing::Dialing,
                s.at,
            )
            .id;
        let one = self.mut_participant(agent)?;
        one.begin(
            Media::Voice,
            State::Dialing,
            Direction::Outbound,
            Doing::Dialing,
            s.at,
        )
        .peer = Some(peer);
        Ok(Some(self.talking()))
    }

    /// The dialler's own participant is connected while the customer's phone rings.
    pub(super) fn dialer(&mut self, s: &Scene<'_>, queue: Option<Uuid>) -> Outcome {
        let (Media::Voice, true) = (self.media, self.participants.is_empty()) else {
            return refuse("only a new call can come from the dialler");
        };
        self.queue = queue.or(self.queue);
        let queue = self.queue;
        let mut one = Participant::new(Role::Dialer, s.at);
        one.queue = queue;
        "sip:dialer@127.0.0.1".clone_into(&mut one.address);
        for (key, value) in [
            ("dialerContactId", "c-1"),
            ("dialerContactListId", "l-1"),
            ("dialerCampaignId", "k-1"),
        ] {
            one.attributes.insert(key.to_owned(), value.to_owned());
        }
        one.begin(
            Media::Voice,
            State::Connected,
            Direction::Outbound,
            Doing::Dialing,
            s.at,
        );
        self.participants.push(one);
        self.customer_joins(State::Dialing, Doing::Dialing, s.at)
            .queue = queue;
        Ok(Some(Told::nobodys(Status::Dialing)))
    }

    /// Whoever is being dialled answers.
    pub(super) fn connect(&mut self, s: &Scene<'_>) -> Outcome {
        let mut dialled = self
            .participants
            .iter_mut()
            .flat_map(Participant::open_legs)
            .filter(|leg| leg.state == State::Dialing)
            .peekable();
        if dialled.peek().is_none() {
            return refuse("nobody is being dialled");
        }
        dialled.for_each(|leg| leg.connect(s.at));
        if self
            .participants
            .iter()
            .any(|one| one.role == Role::Dialer && one.is_open())
        {
            // Call analysis: the dialler still has the customer.
            return Ok(Some(Told::nobodys(Status::Dialing)));
        }
        if !self.participants.iter().any(Participant::is_staff_on) {
            return Ok(Some(Told::nobodys(Status::TransferredOut)));
        }
        if self
            .participants
            .iter()
            .any(|one| one.role == Role::Outsider && one.is_connected())
        {
            self.confer(s);
        }
        let acw = self.acw;
        for agent in self.participants.iter_mut().filter(|one| {
            one.role == Role::Agent && one.is_connected() && one.consulted_by.is_none()
        }) {
            agent.wrapup_required = acw;
            for leg in agent.open_legs() {
                if leg
                    .segments
                    .last()
                    .is_some_and(|segment| segment.doing == Doing::Dialing)
                {
                    leg.turn(Doing::Interact, s.at);
                }
            }
        }
        Ok(Some(self.talking()))
    }

    pub(super) fn unreached(&mut self, s: &Scene<'_>) -> Outcome {
        let acw = self.acw;
        let mut dialled = self
            .participants
            .iter_mut()
            .flat_map(Participant::open_legs)
            .filter(|leg| leg.state == State::Dialing)
            .peekable();
        if dialled.peek().is_none() {
            return refuse("nobody is being dialled");
        }
        dialled.for_each(|leg| leg.end(Why::Uncallable, s.at));
        if self.working == Media::Callback
            || self
                .participants
                .iter()
                .any(|one| one.role == Role::Outsider && one.disconnected_at() == Some(s.at))
        {
            return Ok(Some(self.after_hang_up_of_dialled()));
        }
        for one in &mut self.participants {
            if one.role.is_staff() && one.is_open() {
                staff_leaves(s.org, one, Why::Peer, s.at, acw);
            }
            one.open_legs().for_each(|leg| leg.end(Why::Peer, s.at));
        }
        Ok(Some(self.finished()))
    }

    fn after_hang_up_of_dialled(&self) -> Told {
        if self.participants.iter().any(Participant::is_staff_on) {
            self.talking()
        } else {
            Told::nobodys(Status::Transferring)
        }
    }

    pub(super) fn call_user(&mut self, s: &Scene<'_>) -> Outcome {
        let (Media::Voice, true) = (self.media, self.participants.is_empty()) else {
            return refuse("only a new call can be between users");
        };
        let Some(user) = s.org.free_user(&[]) else {
            return refuse("no user is free");
        };
        self.invite(s, user, Role::User, State::Contacting, Direction::Outbound);
        Ok(Some(Told::nobodys(Status::Dialing)))
    }

    pub(super) fn ring_user(&mut self, s: &Scene<'_>) -> Outcome {
        for leg in self
            .participants
            .iter_mut()
            .flat_map(Participant::open_legs)
            .filter(|leg| leg.state == State::Contacting)
        {
            leg.state = State::Dialing;
            leg.turn(Doing::Dialing, s.at);
        }
        let Some(user) = s.org.free_user(&self.users()) else {
            return refuse("no other user is free");
        };
        let peer = self
            .participants
            .first()
            .and_then(|caller| caller.legs.first())
            .map(|leg| leg.id);
        let called = self.invite(s, user, Role::User, State::Alerting, Direction::Inbound);
        called.legs.iter_mut().for_each(|leg| leg.peer = peer);
        Ok(Some(Told::nobodys(Status::Alerting)))
    }
}
