//! What the organisation knows about one conversation: its participants and their legs, with every time.
//!
//! `steps` and its neighbours change it and say what a gateway must show from then on. Nothing here knows of sockets, HTTP or JSON.

mod agents;
mod arriving;
pub(crate) mod ending;
mod outward;
mod participant;
pub(crate) mod steps;
pub(crate) mod words;
mod wrapping_up;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::Stamp;
use super::org::Customer;
use super::truth::{Told, TruthStep};
pub(crate) use participant::{AcwState, AfterCallWork, Leg, Participant, Segment, Wrapup};
use words::{Direction, Media, Role, State};

pub(crate) struct Conversation {
    pub(crate) id: Uuid,
    /// Medium it began on.
    pub(crate) media: Media,
    /// Medium that agents are offered now: a voicemail is worked on as a callback.
    pub(crate) working: Media,
    pub(crate) direction: Direction,
    pub(crate) start: Stamp,
    /// When the last leg ended; none while one is open.
    pub(crate) end: Option<Stamp>,
    /// Time of the last change: the next one is at least two milliseconds later.
    pub(crate) last: Stamp,
    pub(crate) caller: Customer,
    /// Own name of a third-party mail provider.
    pub(crate) provider: Option<String>,
    pub(crate) participants: Vec<Participant>,
    /// The queue that steps without a queue mean.
    pub(crate) queue: Option<Uuid>,
    /// Agents wrap up after their talk; without it the platform skips the work at once.
    pub(crate) acw: bool,
    pub(crate) halves: Halves,
    pub(crate) speed: f64,
    pub(crate) conference_start: Option<Stamp>,
    pub(crate) truth: Vec<TruthStep>,
    pub(crate) told: Told,
    /// A script has steps left.
    pub(crate) playing: bool,
    /// Fingerprint of the last snapshot per medium: media topics tell changes of their medium only.
    pub(crate) media_told: [u64; 5],
}

/// Whether a hang-up shows as one snapshot or as two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Halves {
    #[default]
    Together,
    CustomerFirst,
    AgentFirst,
}

impl Conversation {
    pub(crate) fn new(
        media: Media,
        direction: Direction,
        queue: Option<Uuid>,
        caller: Customer,
        at: Stamp,
    ) -> Self {
        let mut conversation = Self {
            id: Uuid::new_v4(),
            media,
            working: media,
            direction,
            start: at,
            end: None,
            last: at,
            caller,
            provider: None,
            participants: Vec::new(),
            queue,
            acw: true,
            halves: Halves::Together,
            speed: 1.0,
            conference_start: None,
            truth: Vec::new(),
            told: Told::CREATED,
            playing: false,
            media_told: [0; 5],
        };
        conversation.record("create", Told::CREATED, at);
        conversation
    }

    /// Writes down what a gateway must show from `at` on; the flag is raised when a frame of it has left.
    pub(crate) fn record(&mut self, step: &'static str, told: Told, at: Stamp) -> Arc<AtomicBool> {
        let heard = Arc::new(AtomicBool::new(false));
        self.told = told;
        self.truth.push(TruthStep {
            at,
            step,
            told,
            heard: Arc::clone(&heard),
        });
        heard
    }

    /// Queues that any participant has touched so far, each once.
    pub(crate) fn queues(&self) -> Vec<Uuid> {
        let mut queues: Vec<Uuid> = Vec::new();
        for queue in self
            .participants
            .iter()
            .filter_map(|participant| participant.queue)
        {
            if !queues.contains(&queue) {
                queues.push(queue);
            }
        }
        queues
    }

    /// Users that are or were in it, each once.
    pub(crate) fn users(&self) -> Vec<Uuid> {
        let mut users: Vec<Uuid> = Vec::new();
        for user in self
            .participants
            .iter()
            .filter_map(|participant| participant.user)
        {
            if !users.contains(&user) {
                users.push(user);
            }
        }
        users
    }

    pub(crate) fn has(&self, media: Media) -> bool {
        self.participants
            .iter()
            .any(|participant| participant.legs.iter().any(|leg| leg.media == media))
    }

    pub(crate) fn participant(&self, id: Uuid) -> Option<&Participant> {
        self.participants
            .iter()
            .find(|participant| participant.id == id)
    }

    /// The organisation's own address that the conversation came to or left from.
    pub(crate) fn own_address(&self) -> String {
        match self.media {
            Media::Voice | Media::Callback => "tel:+15550100002".to_owned(),
            Media::Email => "support@example.com".to_owned(),
            Media::Chat | Media::Message => "web-deployment-1".to_owned(),
        }
    }

    pub(crate) fn caller_address(&self) -> String {
        match self.media {
            Media::Voice | Media::Callback => format!("tel:{}", self.caller.phone),
            Media::Chat | Media::Email | Media::Message => self.caller.email.clone(),
        }
    }

    /// The customer's first leg of a medium: what internal legs name as their peer.
    pub(crate) fn customer_leg(&self, media: Media) -> Option<Uuid> {
        let customer = self.participants.iter().rev().find(|participant| {
            participant.role == Role::Customer && participant.leg_on(media).is_some()
        })?;
        customer.leg_on(media).map(|leg| leg.id)
    }

    /// The end follows from the legs: when the last one has ended, and not before.
    pub(crate) fn settle_end(&mut self) {
        let mut legs = self
            .participants
            .iter()
            .flat_map(|participant| &participant.legs)
            .peekable();
        if legs.peek().is_some() && legs.all(|leg| leg.state.is_over()) {
            self.end = self.participants.iter().filter_map(Participant::end).max();
        } else {
            self.end = None;
        }
    }

    /// Telephony says `disconnected` and at once after it `terminated`. True when a leg moved on.
    pub(crate) fn terminate(&mut self) -> bool {
        let mut moved = false;
        for leg in self
            .participants
            .iter_mut()
            .flat_map(|participant| &mut participant.legs)
        {
            if leg.media == Media::Voice && leg.state == State::Disconnected {
                leg.state = State::Terminated;
                moved = true;
            }
        }
        moved
    }
}
