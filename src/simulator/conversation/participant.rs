//! Participants, their legs, and what each leg was doing when.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::super::clock::Stamp;
use super::words::{Direction, Doing, Media, Role, State, Why};

pub(crate) struct Participant {
    pub(crate) id: Uuid,
    pub(crate) role: Role,
    pub(crate) start: Stamp,
    pub(crate) name: Option<String>,
    pub(crate) address: String,
    pub(crate) user: Option<Uuid>,
    pub(crate) queue: Option<Uuid>,
    pub(crate) contact: Option<Uuid>,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Asked in by another agent, not yet a party of his own.
    pub(crate) consulted_by: Option<Uuid>,
    pub(crate) wrapup_required: bool,
    pub(crate) wrapup: Option<Wrapup>,
    pub(crate) start_acw: Option<Stamp>,
    pub(crate) end_acw: Option<Stamp>,
    /// Never leaves, as stray external legs do.
    pub(crate) stuck: bool,
    pub(crate) legs: Vec<Leg>,
}

pub(crate) struct Leg {
    pub(crate) id: Uuid,
    pub(crate) media: Media,
    pub(crate) state: State,
    pub(crate) initial: State,
    pub(crate) direction: Direction,
    pub(crate) start: Stamp,
    pub(crate) alerting: Option<Stamp>,
    pub(crate) connected: Option<Stamp>,
    pub(crate) disconnected: Option<Stamp>,
    pub(crate) why: Option<Why>,
    pub(crate) error: Option<String>,
    pub(crate) held: bool,
    pub(crate) muted: bool,
    pub(crate) hold_start: Option<Stamp>,
    pub(crate) park_time: Option<Stamp>,
    pub(crate) resume_time: Option<Stamp>,
    pub(crate) scheduled: Option<Stamp>,
    pub(crate) voicemail: Option<Uuid>,
    pub(crate) messages: Vec<(Uuid, Stamp)>,
    pub(crate) peer: Option<Uuid>,
    pub(crate) acw: Option<AfterCallWork>,
    pub(crate) segments: Vec<Segment>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcwState {
    Pending,
    Complete,
    Skipped,
}

pub(crate) struct AfterCallWork {
    pub(crate) state: AcwState,
    pub(crate) start: Stamp,
    pub(crate) end: Option<Stamp>,
}

#[derive(Clone)]
pub(crate) struct Wrapup {
    pub(crate) code: String,
    pub(crate) notes: Option<String>,
    pub(crate) end: Stamp,
}

pub(crate) struct Segment {
    pub(crate) doing: Doing,
    pub(crate) start: Stamp,
    pub(crate) end: Option<Stamp>,
    pub(crate) why: Option<Why>,
    pub(crate) queue: Option<Uuid>,
    pub(crate) conference: bool,
}

impl Participant {
    pub(crate) fn new(role: Role, at: Stamp) -> Self {
        Self {
            id: Uuid::new_v4(),
            role,
            start: at,
            name: None,
            address: String::new(),
            user: None,
            queue: None,
            contact: None,
            attributes: BTreeMap::new(),
            consulted_by: None,
            wrapup_required: false,
            wrapup: None,
            start_acw: None,
            end_acw: None,
            stuck: false,
            legs: Vec::new(),
        }
    }

    pub(crate) fn connected(&self) -> Option<Stamp> {
        self.legs.iter().filter_map(|leg| leg.connected).min()
    }

    /// When its last leg ended, once all have.
    pub(crate) fn end(&self) -> Option<Stamp> {
        if self.legs.iter().all(|leg| leg.state.is_over()) {
            self.legs.iter().filter_map(|leg| leg.disconnected).max()
        } else {
            None
        }
    }

    pub(crate) fn disconnected_at(&self) -> Option<Stamp> {
        self.legs.iter().filter_map(|leg| leg.disconnected).max()
    }

    pub(crate) fn leg_on(&self, media: Media) -> Option<&Leg> {
        self.legs.iter().rev().find(|leg| leg.media == media)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.legs.iter().any(|leg| !leg.state.is_over())
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.legs.iter().any(|leg| leg.state == State::Connected)
    }

    pub(crate) fn is_alerting(&self) -> bool {
        self.legs.iter().any(|leg| leg.state == State::Alerting)
    }

    pub(crate) fn is_parked(&self) -> bool {
        self.legs.iter().any(|leg| leg.state == State::Parked)
    }

    pub(crate) fn is_staff_on(&self) -> bool {
        self.role.is_staff() && self.is_connected()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.legs
            .iter()
            .any(|leg| leg.held && leg.state == State::Connected)
    }

    /// After-call work is still to be done.
    pub(crate) fn wraps_up(&self) -> bool {
        self.legs.iter().any(|leg| {
            leg.acw
                .as_ref()
                .is_some_and(|work| work.state == AcwState::Pending)
        })
    }

    pub(crate) fn open_legs(&mut self) -> impl Iterator<Item = &mut Leg> {
        self.legs.iter_mut().filter(|leg| !leg.state.is_over())
    }

    /// Gives the participant a leg and says which.
    pub(crate) fn begin(
        &mut self,
        media: Media,
        state: State,
        direction: Direction,
        doing: Doing,
        at: Stamp,
    ) -> &mut Leg {
        let mut leg = Leg::new(media, state, direction, at);
        leg.segments.push(Segment {
            doing,
            start: at,
            end: None,
            why: None,
            queue: self.queue,
            conference: false,
        });
        if state == State::Connected {
            leg.connected = Some(at);
        }
        if state == State::Alerting {
            leg.alerting = Some(at);
        }
        self.legs.push(leg);
        self.legs.last_mut().expect("a leg was just added")
    }
}

impl Leg {
    fn new(media: Media, state: State, direction: Direction, at: Stamp) -> Self {
        Self {
            id: Uuid::new_v4(),
            media,
            state,
            initial: state,
            direction,
            start: at,
            alerting: None,
            connected: None,
            disconnected: None,
            why: None,
            error: None,
            held: false,
            muted: false,
            hold_start: None,
            park_time: None,
            resume_time: None,
            scheduled: None,
            voicemail: None,
            messages: Vec::new(),
            peer: None,
            acw: None,
            segments: Vec::new(),
        }
    }

    /// Ends what the leg was doing and begins something else.
    pub(crate) fn turn(&mut self, doing: Doing, at: Stamp) {
        let Some(running) = self.segments.last_mut() else {
            return;
        };
        running.end = Some(at);
        let (queue, conference) = (running.queue, running.conference);
        self.segments.push(Segment {
            doing,
            start: at,
            end: None,
            why: None,
            queue,
            conference,
        });
    }

    pub(crate) fn connect(&mut self, at: Stamp) {
        self.state = State::Connected;
        self.connected = self.connected.or(Some(at));
        self.turn(Doing::Interact, at);
    }

    pub(crate) fn end(&mut self, why: Why, at: Stamp) {
        self.state = State::Disconnected;
        self.disconnected = Some(at);
        self.why = Some(why);
        self.held = false;
        self.hold_start = None;
        self.park_time = None;
        self.resume_time = None;
        if let Some(running) = self.segments.last_mut() {
            running.end = Some(at);
            running.why = Some(why);
        }
    }

    /// After-call work begins as the leg ends.
    pub(crate) fn begin_acw(&mut self, at: Stamp) {
        self.acw = Some(AfterCallWork {
            state: AcwState::Pending,
            start: at,
            end: None,
        });
        let (queue, why, conference) = self.segments.last().map_or((None, None, false), |last| {
            (last.queue, last.why, last.conference)
        });
        self.segments.push(Segment {
            doing: Doing::Wrapup,
            start: at,
            end: None,
            why,
            queue,
            conference,
        });
    }

    pub(crate) fn end_acw(&mut self, state: AcwState, at: Stamp) {
        if let Some(work) = self
            .acw
            .as_mut()
            .filter(|work| work.state == AcwState::Pending)
        {
            work.state = state;
            work.end = Some(at);
        }
        if let Some(running) = self
            .segments
            .last_mut()
            .filter(|segment| segment.doing == Doing::Wrapup)
        {
            running.end = Some(at);
        }
    }
}
