//! How conversations come in: the customer's first leg, flows, queues, voicemail, planned callbacks, written threads.

use uuid::Uuid;

use super::super::clock::Stamp;
use super::super::truth::{Status, Told};
use super::steps::{Outcome, Refused, Scene, refuse};
use super::words::{Direction, Doing, Media, Role, State, Why};
use super::{Conversation, Participant};

impl Conversation {
    /// The customer takes part from the first step on.
    pub(super) fn customer_joins(
        &mut self,
        state: State,
        doing: Doing,
        at: Stamp,
    ) -> &mut Participant {
        let (media, direction, queue) = (self.media, self.direction, None);
        let mut one = Participant::new(Role::Customer, at);
        one.name = Some(self.caller.name.clone());
        one.address = self.caller_address();
        one.contact = Some(self.caller.contact_id);
        one.attributes = self.caller.attributes.clone();
        one.queue = queue;
        let leg = one.begin(media, state, direction, doing, at);
        if media == Media::Voice && direction == Direction::Inbound {
            leg.initial = State::Offering;
        }
        if media == Media::Message {
            leg.messages.push((Uuid::new_v4(), at));
        }
        self.participants.push(one);
        self.participants
            .last_mut()
            .expect("a participant was just added")
    }

    fn ensure_customer(&mut self, at: Stamp) {
        if !self.customer_is_on() {
            self.customer_joins(State::Connected, Doing::Interact, at);
        }
    }

    fn nothing_inside(&self) -> Result<(), Refused> {
        if self.told.status == Status::Ended {
            return refuse("the conversation has ended");
        }
        match self.participants.iter().find(|one| {
            one.role != Role::Customer
                && one.role != Role::Dialer
                && one.role != Role::Outsider
                && !one.role.is_flow()
                && one.is_open()
        }) {
            Some(one) => refuse(format!(
                "it is with a participant of purpose {}",
                one.role.purpose()
            )),
            None => Ok(()),
        }
    }

    /// Adds an internal participant with one leg whose peer is the customer.
    fn inside(
        &mut self,
        role: Role,
        name: String,
        queue: Option<Uuid>,
        state: State,
        doing: Doing,
        at: Stamp,
    ) -> &mut Participant {
        let mut one = Participant::new(role, at);
        one.name = Some(name);
        one.queue = queue;
        one.address = format!(
            "sip:{}@127.0.0.1;language=en-US;user={}",
            one.id.simple(),
            role.purpose()
        );
        let media = if role == Role::Voicemail {
            Media::Voice
        } else {
            self.working
        };
        let peer = self.customer_leg(media);
        let leg = one.begin(media, state, Direction::Inbound, doing, at);
        leg.peer = peer;
        if media == Media::Voice && state == State::Connected {
            leg.initial = State::Offering;
        }
        self.participants.push(one);
        self.participants
            .last_mut()
            .expect("a participant was just added")
    }

    /// Flows, the dialler and queues hand over.
    fn hand_over(&mut self, at: Stamp) {
        for leg in self
            .participants
            .iter_mut()
            .filter(|one| one.role.is_flow() || matches!(one.role, Role::Dialer | Role::Acd))
            .flat_map(Participant::open_legs)
        {
            leg.end(Why::Transfer, at);
        }
    }

    pub(super) fn enter_flow(&mut self, s: &Scene<'_>) -> Outcome {
        self.nothing_inside()?;
        self.ensure_customer(s.at);
        self.hand_over(s.at);
        let (role, name) = if self.media == Media::Voice {
            (Role::Ivr, "Main Menu")
        } else {
            (Role::Workflow, "Inbound Routing")
        };
        self.inside(
            role,
            name.to_owned(),
            None,
            State::Connected,
            Doing::Ivr,
            s.at,
        );
        Ok(Some(Told::nobodys(Status::InFlow)))
    }

    pub(super) fn enqueue(&mut self, s: &Scene<'_>, queue: Option<Uuid>) -> Outcome {
        self.nothing_inside()?;
        self.enter_queue(s, queue)
    }

    /// The queue's own participant begins as whoever had the customer lets go, in one snapshot.
    pub(super) fn enter_queue(&mut self, s: &Scene<'_>, queue: Option<Uuid>) -> Outcome {
        let Some(queue) = queue.or(self.queue).and_then(|id| s.org.queue(id)) else {
            return refuse("no such queue");
        };
        if !self.participants.is_empty() && !self.customer_is_on() {
            return refuse("the customer has left");
        }
        self.ensure_customer(s.at);
        self.hand_over(s.at);
        self.queue = Some(queue.id);
        for customer in self
            .participants
            .iter_mut()
            .filter(|one| one.role == Role::Customer && one.is_open())
        {
            customer.queue = Some(queue.id);
            customer
                .legs
                .iter_mut()
                .filter_map(|leg| leg.segments.last_mut())
                .for_each(|segment| segment.queue = Some(queue.id));
        }
        self.inside(
            Role::Acd,
            queue.name.clone(),
            Some(queue.id),
            State::Connected,
            Doing::Interact,
            s.at,
        );
        Ok(Some(Told::teams(Status::WaitingInQueue, Some(queue.id))))
    }

    /// The old queue's leg ends and the new one's begins in one snapshot.
    pub(super) fn overflow(&mut self, s: &Scene<'_>, queue: Option<Uuid>) -> Outcome {
        if !self
            .participants
            .iter()
            .any(|one| one.role == Role::Acd && one.is_connected())
            || self
                .participants
                .iter()
                .any(|one| one.role.is_staff() && one.is_open())
        {
            return refuse("it does not wait in a queue");
        }
        let queue = queue.or_else(|| s.org.other_queue(self.queue));
        self.enter_queue(s, queue)
    }

    /// The mailbox takes the call; beside it the callback that the voicemail will be waits for its recording.
    pub(super) fn leave_voicemail(&mut self, s: &Scene<'_>) -> Outcome {
        let held_by_machine = self
            .participants
            .iter()
            .any(|one| (one.role == Role::Acd || one.role.is_flow()) && one.is_connected());
        let queue = self.queue.and_then(|id| s.org.queue(id));
        let (true, Media::Voice, Some(queue)) = (held_by_machine, self.media, queue) else {
            return refuse("only a call in a flow or a queue can leave a voicemail");
        };
        self.hand_over(s.at);
        self.inside(
            Role::Voicemail,
            "Voicemail".to_owned(),
            Some(queue.id),
            State::Connected,
            Doing::Interact,
            s.at,
        );
        self.working = Media::Callback;
        let recording = Uuid::new_v4();
        if let Some(customer) = self
            .participants
            .iter_mut()
            .find(|one| one.role == Role::Customer)
        {
            customer.queue = Some(queue.id);
            customer
                .begin(
                    Media::Callback,
                    State::Uploading,
                    Direction::Outbound,
                    Doing::Uploading,
                    s.at,
                )
                .voicemail = Some(recording);
        }
        let acd = self.inside(
            Role::Acd,
            queue.name.clone(),
            Some(queue.id),
            State::Uploading,
            Doing::Uploading,
            s.at,
        );
        for leg in &mut acd.legs {
            leg.direction = Direction::Outbound;
            leg.voicemail = Some(recording);
        }
        Ok(Some(Told::nobodys(Status::Voicemail)))
    }

    /// A callback for later: customer and queue wait for its time.
    pub(crate) fn schedule(&mut self, s: &Scene<'_>, due: Stamp) -> Outcome {
        let (Media::Callback, true) = (self.media, self.participants.is_empty()) else {
            return refuse("only a new callback can be planned");
        };
        let Some(queue) = self.queue.and_then(|id| s.org.queue(id)) else {
            return refuse("no such queue");
        };
        self.customer_joins(State::Scheduled, Doing::Scheduled, s.at)
            .queue = Some(queue.id);
        self.inside(
            Role::Acd,
            queue.name.clone(),
            Some(queue.id),
            State::Scheduled,
            Doing::Scheduled,
            s.at,
        );
        for leg in self.participants.iter_mut().flat_map(|one| &mut one.legs) {
            leg.scheduled = Some(due);
        }
        Ok(Some(Told::teams(Status::Scheduled, Some(queue.id))))
    }

    pub(super) fn due(&mut self, s: &Scene<'_>) -> Outcome {
        let mut planned = self
            .participants
            .iter_mut()
            .flat_map(Participant::open_legs)
            .filter(|leg| leg.state == State::Scheduled)
            .peekable();
        if planned.peek().is_none() {
            return refuse("nothing is planned");
        }
        planned.for_each(|leg| leg.connect(s.at));
        Ok(Some(Told::teams(Status::WaitingInQueue, self.queue)))
    }

    /// The customer writes: a new thread or an idle one goes to the queue, an ended one opens again with a new leg of the
    /// customer's side, and an agent who is on it simply reads on.
    pub(super) fn write(&mut self, s: &Scene<'_>) -> Outcome {
        if !matches!(self.media, Media::Message | Media::Email) {
            return refuse("only in e-mail and message threads can the customer write again");
        }
        for leg in self
            .participants
            .iter_mut()
            .filter(|one| one.role == Role::Customer)
            .flat_map(Participant::open_legs)
        {
            leg.messages.push((Uuid::new_v4(), s.at));
        }
        if self
            .participants
            .iter()
            .any(|one| one.role != Role::Customer && one.is_open())
        {
            return Ok(Some(self.told));
        }
        if !self.customer_is_on() {
            let direction = std::mem::replace(&mut self.direction, Direction::Inbound);
            self.customer_joins(State::Connected, Doing::Interact, s.at);
            self.direction = direction;
        }
        self.enter_queue(s, None)
    }
}
