//! Genesys' JSON as it is sent, read with tolerance: unknown fields are ignored, null is the same
//! as absent, and a field of an unexpected type counts as absent.

mod tolerant;

use serde::de::MapAccess;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Serialize};

use self::tolerant::{Tolerant, list, tolerant};

/// A text frame of the notification socket.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Frame {
    #[serde(deserialize_with = "tolerant")]
    pub topic_name: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub event_body: Option<Conversation>,
    /// Of a reply to something the client sent; a string such as `"404"`.
    #[serde(deserialize_with = "tolerant")]
    pub result: Option<String>,
}

/// What a frame that carries no conversation says about the socket or its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Heartbeat,
    Pong,
    /// The socket closes in about a minute; the channel and its subscriptions stay.
    SocketClosing,
    /// Another socket took the channel's place.
    NoLongerSubscribed,
    SubscriptionChanged,
    TokenRevoked,
    /// A reply of 404: the channel expired, was replaced, or its token did.
    ChannelGone,
    /// Any other reply or system message.
    Other,
}

/// The conversation of a live topic or of `GET /api/v2/conversations/{id}`; the body of a system
/// message has its own few fields in the same place.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Conversation {
    #[serde(deserialize_with = "tolerant")]
    pub id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub start_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub end_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub participants: Option<Vec<Option<Participant>>>,
    /// Of per-media topics: where the conversation's other media are.
    #[serde(deserialize_with = "tolerant")]
    pub other_media_uris: Option<Vec<Option<String>>>,
    #[serde(deserialize_with = "tolerant")]
    pub message: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub system_topic_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Participant {
    #[serde(deserialize_with = "tolerant")]
    pub id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub purpose: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub user_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub name: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub address: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub external_contact_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub queue_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub queue_name: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub start_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub connected_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub end_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub consult_participant_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub monitored_participant_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub coached_participant_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub screen_monitored_participant_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub wrapup_skipped: Option<bool>,
    #[serde(deserialize_with = "tolerant")]
    pub start_acw_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub end_acw_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub wrapup: Option<Wrapup>,
    #[serde(deserialize_with = "tolerant")]
    pub conversation_routing_data: Option<RoutingData>,
    #[serde(deserialize_with = "tolerant")]
    pub calls: Option<Vec<Option<Leg>>>,
    #[serde(deserialize_with = "tolerant")]
    pub callbacks: Option<Vec<Option<Leg>>>,
    #[serde(deserialize_with = "tolerant")]
    pub chats: Option<Vec<Option<Leg>>>,
    #[serde(deserialize_with = "tolerant")]
    pub emails: Option<Vec<Option<Leg>>>,
    #[serde(deserialize_with = "tolerant")]
    pub messages: Option<Vec<Option<Leg>>>,
    #[serde(deserialize_with = "tolerant")]
    pub social_expressions: Option<Vec<Option<Leg>>>,
    #[serde(deserialize_with = "tolerant")]
    pub videos: Option<Vec<Option<Leg>>>,
    #[serde(deserialize_with = "tolerant")]
    pub cobrowsesessions: Option<Vec<Option<Leg>>>,
    #[serde(deserialize_with = "tolerant")]
    pub screenshares: Option<Vec<Option<Leg>>>,
    #[serde(deserialize_with = "tolerant")]
    pub screen_monitorings: Option<Vec<Option<Leg>>>,
    #[serde(deserialize_with = "tolerant")]
    pub internal_messages: Option<Vec<Option<Leg>>>,
    /// From here on per-media topics only: their participants are one leg.
    #[serde(deserialize_with = "tolerant")]
    pub state: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub initial_state: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub direction: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub held: Option<bool>,
    #[serde(deserialize_with = "tolerant")]
    pub start_hold_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub park_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub disconnect_type: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub error_info: Option<ErrorBody>,
    #[serde(deserialize_with = "tolerant")]
    pub user: Option<EntityRef>,
    #[serde(deserialize_with = "tolerant")]
    pub queue: Option<EntityRef>,
    #[serde(deserialize_with = "tolerant")]
    pub external_contact: Option<EntityRef>,
}

/// A communication. One shape serves all media: what a medium lacks stays absent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Leg {
    #[serde(deserialize_with = "tolerant")]
    pub id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub state: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub direction: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub held: Option<bool>,
    #[serde(deserialize_with = "tolerant")]
    pub start_hold_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub park_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub start_alerting_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub connected_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub disconnected_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub disconnect_type: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub error_info: Option<ErrorBody>,
    #[serde(deserialize_with = "tolerant")]
    pub after_call_work: Option<AfterCallWork>,
    #[serde(deserialize_with = "tolerant")]
    pub wrapup: Option<Wrapup>,
    #[serde(deserialize_with = "tolerant")]
    pub initial_state: Option<String>,
    /// REST only.
    #[serde(deserialize_with = "tolerant")]
    pub segments: Option<Vec<Option<Segment>>>,
}

/// What a leg did for a while, as REST tells it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Segment {
    #[serde(deserialize_with = "tolerant")]
    pub start_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub end_time: Option<String>,
    #[serde(rename = "type", deserialize_with = "tolerant")]
    pub kind: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AfterCallWork {
    #[serde(deserialize_with = "tolerant")]
    pub state: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub start_time: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub end_time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Wrapup {
    #[serde(deserialize_with = "tolerant")]
    pub code: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub name: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub end_time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RoutingData {
    #[serde(deserialize_with = "tolerant")]
    pub queue: Option<EntityRef>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EntityRef {
    #[serde(deserialize_with = "tolerant")]
    pub id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub name: Option<String>,
}

/// The body of a failed request, and the error of a leg.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorBody {
    #[serde(deserialize_with = "tolerant")]
    pub code: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub message: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub message_with_params: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub context_id: Option<String>,
    /// Of the token endpoint.
    #[serde(deserialize_with = "tolerant")]
    pub error: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub description: Option<String>,
    #[serde(rename = "error_description", deserialize_with = "tolerant")]
    pub error_description: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct TokenAnswer {
    pub access_token: String,
    /// Seconds.
    pub expires_in: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    pub id: String,
    pub connect_uri: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct TopicRef<'a> {
    pub id: &'a str,
}

/// A list of entities, paged or not.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: Deserialize<'de>")]
pub struct Listing<T> {
    #[serde(default = "Vec::new", deserialize_with = "list")]
    pub entities: Vec<T>,
    #[serde(default)]
    pub page_count: Option<u32>,
}

impl<T> Listing<T> {
    /// Whether no page follows this one; pages count from 1.
    pub fn is_last(&self, page: u32) -> bool {
        self.entities.is_empty() || self.page_count.is_some_and(|count| page >= count)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelTopic {
    pub id: String,
    /// `Permitted` or `Rejected`; older answers have none.
    #[serde(default, deserialize_with = "tolerant")]
    pub state: Option<String>,
    #[serde(default, deserialize_with = "tolerant")]
    pub rejection_reason: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub missing_permissions: Vec<String>,
}

/// A queue, a user, a wrap-up code: what has an id and a name.
#[derive(Clone, Debug, Deserialize)]
pub struct Named {
    pub id: String,
    #[serde(default, deserialize_with = "tolerant")]
    pub name: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AvailableTopic {
    pub id: String,
    #[serde(default, deserialize_with = "list")]
    pub requires_permissions: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub permission_details: Vec<PermissionDetails>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PermissionDetails {
    #[serde(default, rename = "type", deserialize_with = "tolerant")]
    pub kind: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub permissions: Vec<String>,
}

/// A conversation of the analytics details.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalyticsConversation {
    #[serde(deserialize_with = "tolerant")]
    pub conversation_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub conversation_start: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub conversation_end: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub originating_direction: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub participants: Option<Vec<Option<AnalyticsParticipant>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalyticsParticipant {
    #[serde(deserialize_with = "tolerant")]
    pub participant_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub purpose: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub user_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub external_contact_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub sessions: Option<Vec<Option<AnalyticsSession>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalyticsSession {
    #[serde(deserialize_with = "tolerant")]
    pub session_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub media_type: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub direction: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub acw_skipped: Option<bool>,
    #[serde(deserialize_with = "tolerant")]
    pub monitored_participant_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub coached_participant_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub outbound_campaign_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub segments: Option<Vec<Option<AnalyticsSegment>>>,
}

/// What a session was doing for a while; without an end it still does.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AnalyticsSegment {
    #[serde(deserialize_with = "tolerant")]
    pub segment_type: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub segment_start: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub segment_end: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub disconnect_type: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub queue_id: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub wrap_up_code: Option<String>,
    #[serde(deserialize_with = "tolerant")]
    pub error_code: Option<String>,
}

/// `conversations` is absent, not empty, when there is none.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnalyticsAnswer {
    #[serde(default = "Vec::new", deserialize_with = "list")]
    pub conversations: Vec<AnalyticsConversation>,
    #[serde(default)]
    pub total_hits: Option<usize>,
}

impl Frame {
    /// What the frame says of the socket, when it is not about a conversation.
    pub fn signal(&self) -> Option<Signal> {
        let Some(topic) = &self.topic_name else {
            let result = self.result.as_deref()?;
            return Some(if result == "404" {
                Signal::ChannelGone
            } else {
                Signal::Other
            });
        };
        let topic = topic.to_ascii_lowercase();
        let body = self.event_body.as_ref();
        if topic == "channel.metadata" {
            let message = body.and_then(|body| body.message.as_deref());
            return Some(if message == Some("pong") {
                Signal::Pong
            } else {
                Signal::Heartbeat
            });
        }
        let system = topic.strip_prefix("v2.system.")?;
        let kind = body
            .and_then(|body| body.system_topic_type.as_deref())
            .unwrap_or(system);
        Some(if system.starts_with("socket_closing") {
            Signal::SocketClosing
        } else if kind.starts_with("no_longer_subscribed") {
            Signal::NoLongerSubscribed
        } else if kind.starts_with("token_revoked") {
            Signal::TokenRevoked
        } else if kind.starts_with("subscription_changed") {
            Signal::SubscriptionChanged
        } else {
            Signal::Other
        })
    }
}

macro_rules! tolerant_object {
    ($($object:ty),+) => {
        $(impl Tolerant for $object {
            fn from_object<'de, A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
                Self::deserialize(MapAccessDeserializer::new(object)).map(Some)
            }
        })+
    };
}
tolerant_object!(
    AnalyticsParticipant,
    AnalyticsSession,
    AnalyticsSegment,
    Conversation,
    Participant,
    Leg,
    Segment,
    AfterCallWork,
    Wrapup,
    RoutingData,
    EntityRef,
    ErrorBody
);

impl PermissionDetails {
    /// Whether the permission must cover the division of the thing followed.
    pub fn is_by_division(&self) -> bool {
        let kind = self.kind.as_deref().unwrap_or_default();
        kind.eq_ignore_ascii_case("requiresDivisionPermissions")
    }
}

impl ChannelTopic {
    pub fn is_rejected(&self) -> bool {
        let state = self.state.as_deref().unwrap_or_default();
        state.eq_ignore_ascii_case("rejected")
    }
}
