//! Turns Genesys' JSON into facts of the domain, without customers' texts, and without their names and
//! addresses unless the operator keeps those.

pub mod analytics;
pub mod durations;
mod media;

use std::collections::HashSet;

use super::privacy::{self, Keep};
use super::topics;
use super::wire;
use crate::domain::ids::{ParticipantId, QueueId, SessionId, UserId};
use crate::domain::snapshot::{
    Activity, AcwState, AfterCallWork, Leg, LegDirection, LegState, Medium, Participant, Segment,
    Shape, Snapshot, Source, Timings, Wrapup,
};
use crate::domain::time::Time;

pub use super::wire::Signal;

/// Gives a queue's name, where it is known.
pub type QueueNames<'a> = &'a dyn Fn(&QueueId) -> Option<String>;

/// What a reading needs to know beside the text.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    pub queue_name: QueueNames<'a>,
    /// What of outside parties goes further than here.
    pub keep: Keep,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    Snapshot(Snapshot),
    /// Something about the socket, its channel or its token.
    Signal(Signal),
}

/// Why a frame, or a conversation read by REST, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    #[error("not a JSON object of the expected form")]
    Unreadable,
    #[error("neither a topic nor a result")]
    Nameless,
    #[error("a topic that was not asked for")]
    OtherTopic,
    #[error("no body")]
    NoBody,
    #[error("the conversation's id is missing or not a UUID")]
    NotAConversationId,
    #[error("no list of participants")]
    NoParticipants,
    #[error("a participant without an id")]
    ParticipantWithoutId,
}

impl Skip {
    /// The value of the metric's label.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Nameless => "nameless",
            Self::OtherTopic => "other_topic",
            Self::NoBody => "no_body",
            Self::NotAConversationId => "not_a_conversation_id",
            Self::NoParticipants => "no_participants",
            Self::ParticipantWithoutId => "participant_without_id",
        }
    }
}

/// Reads a text frame of the notification socket.
pub fn decode_frame(text: &str, terms: Terms) -> Result<Decoded, Skip> {
    decode(parse_frame(text)?, terms)
}

/// The outer form of a text frame.
pub fn parse_frame(text: &str) -> Result<wire::Frame, Skip> {
    serde_json::from_str(text).map_err(|_| Skip::Unreadable)
}

/// Reads a frame whose outer form is known.
pub fn decode(frame: wire::Frame, terms: Terms) -> Result<Decoded, Skip> {
    if let Some(signal) = frame.signal() {
        return Ok(Decoded::Signal(signal));
    }
    let topic = frame.topic_name.ok_or(Skip::Nameless)?;
    let shape = topics::shape_of(&topic).ok_or(Skip::OtherTopic)?;
    let body = frame.event_body.ok_or(Skip::NoBody)?;
    snapshot(body, Source::Topic(topic), shape, terms).map(Decoded::Snapshot)
}

/// Reads the answer of `GET /api/v2/conversations/{id}`.
pub fn rest_conversation(text: &str, terms: Terms) -> Result<Snapshot, Skip> {
    let body = serde_json::from_str(text).map_err(|_| Skip::Unreadable)?;
    snapshot(body, Source::Rest, Shape::Whole, terms)
}

fn snapshot(
    body: wire::Conversation,
    source: Source,
    shape: Shape,
    terms: Terms,
) -> Result<Snapshot, Skip> {
    let conversation_id = body
        .id
        .and_then(|id| id.parse().ok())
        .ok_or(Skip::NotAConversationId)?;
    let mut ids = HashSet::new();
    let participants = body
        .participants
        .ok_or(Skip::NoParticipants)?
        .into_iter()
        .map(|sent| sent.ok_or(Skip::ParticipantWithoutId))
        .map(|sent| match shape {
            Shape::Whole => participant(sent?, terms),
            Shape::Medium(medium) => media::participant(sent?, medium, terms),
        })
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        // One that comes twice is one.
        .filter(|participant| ids.insert(participant.id.clone()))
        .collect();
    Ok(Snapshot {
        conversation_id,
        source,
        shape,
        start: time(body.start_time.as_deref()),
        end: time(body.end_time.as_deref()),
        other_media: media::others(body.other_media_uris),
        participants,
    })
}

fn participant(mut sent: wire::Participant, terms: Terms) -> Result<Participant, Skip> {
    let id = filled(sent.id.take()).ok_or(Skip::ParticipantWithoutId)?;
    let legs = legs(&mut sent, &id);
    let purpose = sent.purpose.unwrap_or_default();
    let is_acd = purpose.eq_ignore_ascii_case("acd");
    let user_id = filled(sent.user_id).map(UserId::from);
    let is_user = is_user(&purpose, user_id.is_some());
    let is_outside = is_outside(&purpose) && !is_user;
    let routed_to = sent.conversation_routing_data.and_then(|data| data.queue);
    let (routed_id, routed_name) =
        routed_to.map_or((None, None), |queue| (filled(queue.id), filled(queue.name)));
    let queue_id = filled(sent.queue_id)
        .or(routed_id.filter(|_| is_acd))
        .map(QueueId::from);
    let queue_name = filled(sent.queue_name)
        .or(routed_name.filter(|_| is_acd))
        .or_else(|| (terms.queue_name)(queue_id.as_ref()?).filter(|_| is_acd || is_user));
    Ok(Participant {
        id: ParticipantId::from(id),
        name: filled(sent.name).filter(|_| is_user || (is_outside && terms.keep.names)),
        address: filled(sent.address).filter(|_| is_outside && terms.keep.addresses),
        purpose,
        user_id,
        external_contact_id: filled(sent.external_contact_id),
        queue_id,
        queue_name,
        start_time: time(sent.start_time.as_deref()),
        connected_time: time(sent.connected_time.as_deref()),
        end_time: time(sent.end_time.as_deref()),
        consult_participant_id: filled(sent.consult_participant_id).map(ParticipantId::from),
        supervising: [
            sent.monitored_participant_id,
            sent.coached_participant_id,
            sent.screen_monitored_participant_id,
        ]
        .into_iter()
        .any(|supervised| filled(supervised).is_some()),
        wrapup_skipped: sent.wrapup_skipped.unwrap_or_default(),
        start_acw_time: time(sent.start_acw_time.as_deref()),
        end_acw_time: time(sent.end_acw_time.as_deref()),
        wrapup: sent.wrapup.and_then(wrapup),
        legs,
    })
}

/// Whether the participant is one of the organisation's own users, whose name may be kept.
fn is_user(purpose: &str, has_user_id: bool) -> bool {
    let is = |word: &str| purpose.eq_ignore_ascii_case(word);
    is("agent") || is("user") || (has_user_id && !is("customer") && !is("external"))
}

/// Whether the participant is a customer or another party outside the organisation.
fn is_outside(purpose: &str) -> bool {
    purpose.eq_ignore_ascii_case("customer") || purpose.eq_ignore_ascii_case("external")
}

fn legs(sent: &mut wire::Participant, participant: &str) -> Vec<Leg> {
    [
        (Medium::Voice, sent.calls.take()),
        (Medium::Callback, sent.callbacks.take()),
        (Medium::Chat, sent.chats.take()),
        (Medium::Email, sent.emails.take()),
        (Medium::Message, sent.messages.take()),
        (Medium::Social, sent.social_expressions.take()),
        (Medium::Video, sent.videos.take()),
        (Medium::Cobrowse, sent.cobrowsesessions.take()),
        (Medium::ScreenShare, sent.screenshares.take()),
        (Medium::ScreenMonitoring, sent.screen_monitorings.take()),
        (Medium::InternalMessage, sent.internal_messages.take()),
    ]
    .into_iter()
    .flat_map(|(medium, legs)| {
        let legs = legs.unwrap_or_default().into_iter().enumerate();
        legs.filter_map(move |(index, leg)| Some((medium, index, leg?)))
    })
    .map(|(medium, index, sent)| leg(sent, medium, participant, index))
    .collect()
}

/// A leg that came without an id is named by its place, which Genesys doesn't change.
fn leg(sent: wire::Leg, medium: Medium, participant: &str, index: usize) -> Leg {
    let id = filled(sent.id).unwrap_or_else(|| format!("{participant}/{}/{index}", medium.word()));
    Leg {
        id: SessionId::from(id),
        medium,
        state: LegState::from_word(sent.state.as_deref().unwrap_or_default()),
        direction: direction(sent.direction.as_deref()),
        held: sent.held.unwrap_or_default(),
        start_hold_time: time(sent.start_hold_time.as_deref()),
        park_time: time(sent.park_time.as_deref()),
        start_alerting_time: time(sent.start_alerting_time.as_deref()),
        connected_time: time(sent.connected_time.as_deref()),
        disconnected_time: time(sent.disconnected_time.as_deref()),
        disconnect_type: filled(sent.disconnect_type),
        error: sent.error_info.and_then(error_message),
        acw: sent.after_call_work.and_then(after_call_work),
        wrapup: sent.wrapup.and_then(wrapup),
        timings: Timings::default(),
        initial: sent.initial_state.as_deref().map(LegState::from_word),
        segments: segments(sent.segments.unwrap_or_default()),
    }
}

fn segments(sent: Vec<Option<wire::Segment>>) -> Vec<Segment> {
    let mut segments = sent
        .into_iter()
        .flatten()
        .filter_map(|sent| {
            Some(Segment {
                activity: activity(sent.kind.as_deref().unwrap_or_default()),
                start: time(sent.start_time.as_deref())?,
                end: time(sent.end_time.as_deref()),
            })
        })
        .collect::<Vec<_>>();
    segments.sort_by_key(|segment| segment.start);
    segments
}

/// REST's `Alert`, analytics' `alert`.
fn activity(word: &str) -> Activity {
    match word.to_ascii_lowercase().as_str() {
        "alert" => Activity::Alert,
        "dialing" => Activity::Dialing,
        "contacting" => Activity::Contacting,
        "scheduled" => Activity::Scheduled,
        "uploading" => Activity::Uploading,
        "hold" => Activity::Hold,
        "parked" => Activity::Parked,
        _ => Activity::Other,
    }
}

fn error_message(sent: wire::ErrorBody) -> Option<String> {
    filled(sent.message)
        .or(filled(sent.message_with_params))
        .or(filled(sent.code))
        .map(|message| privacy::stripped(&message))
}

/// REST sends an empty object where there is no after-call work.
fn after_call_work(sent: wire::AfterCallWork) -> Option<AfterCallWork> {
    let state = filled(sent.state);
    let start_time = time(sent.start_time.as_deref());
    let end_time = time(sent.end_time.as_deref());
    if state.is_none() && start_time.is_none() && end_time.is_none() {
        return None;
    }
    Some(AfterCallWork {
        state: acw_state(&state.unwrap_or_default()),
        start_time,
        end_time,
    })
}

fn acw_state(word: &str) -> AcwState {
    match word.to_ascii_lowercase().as_str() {
        "skipped" => AcwState::Skipped,
        "pending" => AcwState::Pending,
        "complete" => AcwState::Complete,
        "notapplicable" => AcwState::NotApplicable,
        _ => AcwState::Unknown,
    }
}

fn wrapup(sent: wire::Wrapup) -> Option<Wrapup> {
    Some(Wrapup {
        code: filled(sent.code)?,
        name: filled(sent.name),
        end_time: time(sent.end_time.as_deref()),
    })
}

/// Genesys' direction word, in any case.
pub fn direction(word: Option<&str>) -> Option<LegDirection> {
    match word?.to_ascii_lowercase().as_str() {
        "inbound" => Some(LegDirection::Inbound),
        "outbound" => Some(LegDirection::Outbound),
        _ => None,
    }
}

/// Genesys' way to write a moment.
pub fn time(text: Option<&str>) -> Option<Time> {
    Time::parse(text?)
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
