//! Participants and their sessions.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use super::enums::{Direction, MediaType};
use crate::domain::caller::Caller;
use crate::domain::ids::ConversationId;
use crate::domain::permission::Permission;
use crate::domain::phase::{Phase, Role, phase_of, role_of};
use crate::domain::row::MediaType as DomainMedia;
use crate::domain::snapshot::{self, Leg, Timings};
use crate::domain::status::View;
use crate::domain::time::Time;
use crate::graphql::global_id::GlobalId;
use crate::graphql::scalars::DateTime;

/// What a participant is in the conversation.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ParticipantPurpose {
    /// An agent reached through a queue, or calling on behalf of one.
    Agent,
    /// The customer.
    Customer,
    /// A user reached directly.
    User,
    /// An outside party.
    External,
    /// A queue, IVR, voicemail, bot, flow or dialer.
    System,
}

/// One participant of a conversation. Every offer to an agent makes a new one.
pub struct Participant {
    pub conversation_id: ConversationId,
    pub said: Arc<Vec<snapshot::Participant>>,
    pub place: usize,
}

/// One leg of a participant on one medium.
#[derive(SimpleObject)]
pub struct ParticipantSession {
    /// Genesys' id of the leg.
    pub session_id: ID,
    /// The medium; null for screen sharing, co-browsing, video and social media, which
    /// `mediaTypeName` tells apart.
    pub media_type: Option<MediaType>,
    /// Genesys' own word for the medium.
    pub media_type_name: String,
    /// The leg's direction.
    pub direction: Option<Direction>,
    /// Genesys' own word for the leg's state.
    pub state: String,
    /// When it connected.
    pub connected_time: Option<DateTime>,
    /// When it ended.
    pub end_time: Option<DateTime>,
    /// Seconds of ringing, in the phases that are over.
    pub alert_seconds: f64,
    /// Seconds of dialling, in the phases that are over.
    pub dial_seconds: f64,
    /// Seconds of talk, in the phases that are over.
    pub talk_seconds: f64,
    /// Seconds on hold, in the phases that are over.
    pub hold_seconds: f64,
    /// Seconds parked, in the phases that are over.
    pub park_seconds: f64,
    /// Seconds of after-call work.
    pub acw_seconds: f64,
    /// The durations are Genesys' own, measured after the end.
    pub timings_final: bool,
    /// Genesys' own word for how it ended.
    pub disconnect_type: Option<String>,
    /// The wrap-up code's id.
    pub wrap_up_code: Option<String>,
    /// The wrap-up code's name.
    pub wrap_up_name: Option<String>,
}

/// One participant of a conversation. Every offer to an agent makes a new one.
#[Object]
impl Participant {
    /// Global id.
    pub async fn id(&self) -> ID {
        GlobalId::Participant(self.conversation_id, self.it().id.clone()).encode()
    }

    /// Genesys' id of the participant.
    async fn participant_id(&self) -> ID {
        ID(self.it().id.to_string())
    }

    /// What it is in the conversation.
    async fn purpose(&self) -> ParticipantPurpose {
        let it = self.it();
        match role_of(it) {
            Role::Agent if it.purpose.eq_ignore_ascii_case("user") => ParticipantPurpose::User,
            Role::Agent => ParticipantPurpose::Agent,
            Role::External if it.purpose.eq_ignore_ascii_case("customer") => {
                ParticipantPurpose::Customer
            }
            Role::External => ParticipantPurpose::External,
            Role::Acd | Role::Voicemail | Role::Dialer | Role::Flow => ParticipantPurpose::System,
        }
    }

    /// Genesys' own word for its purpose.
    async fn purpose_name(&self) -> &str {
        &self.it().purpose
    }

    /// The user, of agents and users.
    async fn user_id(&self) -> Option<ID> {
        self.it().user_id.as_ref().map(|id| ID(id.to_string()))
    }

    /// The name, of agents and users. Of outside parties only where the operator keeps names, and
    /// for callers with the permission `conversations:personal`.
    async fn name(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let it = self.it();
        let is_shown = role_of(it) != Role::External || may_see_personal(ctx)?;
        Ok(it.name.as_deref().filter(|_| is_shown))
    }

    /// The telephone number, e-mail or messaging address of an outside party; only where the
    /// operator keeps addresses, and for callers with the permission `conversations:personal`.
    async fn address(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let is_shown = may_see_personal(ctx)?;
        Ok(self.it().address.as_deref().filter(|_| is_shown))
    }

    /// The external contact, of outside parties Genesys knows.
    async fn external_contact_id(&self) -> Option<ID> {
        self.it()
            .external_contact_id
            .as_ref()
            .map(|id| ID(id.clone()))
    }

    /// The queue it belongs to or was reached through.
    async fn queue_id(&self) -> Option<ID> {
        self.it().queue_id.as_ref().map(|id| ID(id.to_string()))
    }

    /// The queue's name at that time.
    async fn queue_name(&self) -> Option<&str> {
        self.it().queue_name.as_deref()
    }

    /// It has a leg that has not ended.
    async fn active(&self) -> bool {
        let it = self.it();
        it.legs.iter().any(|leg| phase_of(leg, it) != Phase::Ended)
    }

    /// All its active legs hold.
    async fn on_hold(&self) -> bool {
        let it = self.it();
        let mut active = it
            .legs
            .iter()
            .filter(|leg| phase_of(leg, it) == Phase::Active)
            .peekable();
        active.peek().is_some() && active.all(|leg| leg.held)
    }

    /// It was called in for a consultation.
    async fn consulted(&self) -> bool {
        self.it().consult_participant_id.is_some()
    }

    /// It still wraps up.
    async fn after_call_work_pending(&self) -> bool {
        View::of(&self.said).in_after_call_work(self.it())
    }

    /// When it connected.
    async fn connected_time(&self) -> Option<DateTime> {
        self.it().connected_time.map(DateTime)
    }

    /// When it left.
    async fn end_time(&self) -> Option<DateTime> {
        self.it().end_time.map(DateTime)
    }

    /// Seconds of ringing over all sessions.
    async fn alert_seconds(&self) -> f64 {
        self.sum(|timings| timings.alert_ms)
    }

    /// Seconds of dialling over all sessions.
    async fn dial_seconds(&self) -> f64 {
        self.sum(|timings| timings.dial_ms)
    }

    /// Seconds of talk over all sessions.
    async fn talk_seconds(&self) -> f64 {
        self.sum(|timings| timings.talk_ms)
    }

    /// Seconds on hold over all sessions.
    async fn hold_seconds(&self) -> f64 {
        self.sum(|timings| timings.hold_ms)
    }

    /// Seconds parked over all sessions.
    async fn park_seconds(&self) -> f64 {
        self.sum(|timings| timings.park_ms)
    }

    /// Seconds of after-call work over all sessions.
    async fn acw_seconds(&self) -> f64 {
        self.sum(|timings| timings.acw_ms)
    }

    /// The durations are Genesys' own, measured after the end.
    async fn timings_final(&self) -> bool {
        let legs = &self.it().legs;
        !legs.is_empty() && legs.iter().all(|leg| leg.timings.is_final)
    }

    /// The wrap-up code's id.
    async fn wrap_up_code(&self) -> Option<&str> {
        self.wrapup().map(|wrapup| wrapup.code.as_str())
    }

    /// The wrap-up code's name.
    async fn wrap_up_name(&self) -> Option<&str> {
        self.wrapup().and_then(|wrapup| wrapup.name.as_deref())
    }

    /// Its legs, oldest first.
    async fn sessions(&self) -> Vec<ParticipantSession> {
        let mut legs: Vec<&Leg> = self.it().legs.iter().collect();
        legs.sort_by_key(|leg| leg.connected_time.map_or(i64::MAX, Time::as_millis));
        legs.into_iter().map(ParticipantSession::from).collect()
    }
}

impl Participant {
    /// The participants of a conversation, with or without queues, flows and the like.
    pub(crate) fn all(
        conversation_id: ConversationId,
        said: &Arc<Vec<snapshot::Participant>>,
        include_system: bool,
    ) -> Vec<Self> {
        said.iter()
            .enumerate()
            .filter(|(_, it)| include_system || matches!(role_of(it), Role::Agent | Role::External))
            .map(|(place, _)| Self {
                conversation_id,
                said: Arc::clone(said),
                place,
            })
            .collect()
    }

    fn it(&self) -> &snapshot::Participant {
        &self.said[self.place]
    }

    fn wrapup(&self) -> Option<&snapshot::Wrapup> {
        let it = self.it();
        it.wrapup
            .as_ref()
            .or_else(|| it.legs.iter().rev().find_map(|leg| leg.wrapup.as_ref()))
    }

    fn sum(&self, phase: impl Fn(&Timings) -> i64) -> f64 {
        seconds(self.it().legs.iter().map(|leg| phase(&leg.timings)).sum())
    }
}

fn may_see_personal(ctx: &Context<'_>) -> Result<bool> {
    Ok(ctx.data::<Caller>()?.may(Permission::Personal))
}

impl From<&Leg> for ParticipantSession {
    fn from(leg: &Leg) -> Self {
        let timings = &leg.timings;
        Self {
            session_id: ID(leg.id.to_string()),
            media_type: DomainMedia::of(leg.medium).map(Into::into),
            media_type_name: leg.medium.word().to_owned(),
            direction: leg
                .direction
                .map(|direction| crate::domain::row::Direction::from(direction).into()),
            state: leg.state.word().to_owned(),
            connected_time: leg.connected_time.map(DateTime),
            end_time: leg.disconnected_time.map(DateTime),
            alert_seconds: seconds(timings.alert_ms),
            dial_seconds: seconds(timings.dial_ms),
            talk_seconds: seconds(timings.talk_ms),
            hold_seconds: seconds(timings.hold_ms),
            park_seconds: seconds(timings.park_ms),
            acw_seconds: seconds(timings.acw_ms),
            timings_final: timings.is_final,
            disconnect_type: leg.disconnect_type.clone(),
            wrap_up_code: leg.wrapup.as_ref().map(|wrapup| wrapup.code.clone()),
            wrap_up_name: leg.wrapup.as_ref().and_then(|wrapup| wrapup.name.clone()),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "durations are far below 2^52 ms"
)]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}
