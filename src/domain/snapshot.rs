//! What Genesys said of a conversation at one moment: its participants and their legs.
//!
//! A snapshot holds facts only, already free of customers' texts, and of their names and addresses
//! unless the operator keeps those. It is also
//! the shape in which a record remembers the facts it was calculated from.

use serde::{Deserialize, Serialize};

use super::ids::{ConversationId, ParticipantId, QueueId, SessionId, UserId};
use super::time::Time;

/// Where a snapshot came from. A change of a reversible mark that is taken back by another topic
/// is doubtful, so topics are told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// A notification topic, by its name.
    Topic(String),
    /// Read by REST.
    Rest,
    /// Analytics conversation details.
    Analytics,
}

/// How much of the conversation a snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// All participants and all media.
    Whole,
    /// One medium only (per-media topics); the other media are not said to be absent.
    Medium(Medium),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub conversation_id: ConversationId,
    pub source: Source,
    pub shape: Shape,
    /// REST `startTime`, analytics `conversationStart`; live topics have none.
    pub start: Option<Time>,
    /// REST `endTime`, analytics `conversationEnd`; live topics have none.
    pub end: Option<Time>,
    /// Media that a per-media snapshot says the conversation has beside its own.
    pub other_media: Vec<Medium>,
    pub participants: Vec<Participant>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Participant {
    pub id: ParticipantId,
    /// Genesys' own word, as sent.
    pub purpose: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Of agents and users; of external parties only where the operator keeps names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of external parties, only where the operator keeps addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_contact_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<QueueId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_name: Option<String>,
    /// REST only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// Set on whoever was called in for a consultation, and on the queue he was reached through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consult_participant_id: Option<ParticipantId>,
    /// Monitors, coaches and screen monitors: they never decide a status.
    #[serde(default, skip_serializing_if = "is_false")]
    pub supervising: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub wrapup_skipped: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_acw_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_acw_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapup: Option<Wrapup>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Leg>,
}

impl Participant {
    /// The leg of this participant with the id and the medium of that one.
    pub fn same_leg(&self, leg: &Leg) -> Option<&Leg> {
        let is_same = |one: &&Leg| one.id == leg.id && one.medium == leg.medium;
        self.legs.iter().find(is_same)
    }
}

/// One communication of a participant on one medium.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// Empty in a per-media snapshot, whose participants carry the state themselves; merging gives
    /// it the id of the known leg that it must be, or one of our own making.
    pub id: SessionId,
    pub medium: Medium,
    pub state: LegState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<LegDirection>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub held: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_hold_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub park_time: Option<Time>,
    /// REST `startAlertingTime`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_alerting_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnected_time: Option<Time>,
    /// As sent: `client`, `peer`, `transfer.consult`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_type: Option<String>,
    /// `errorInfo.message` or its `messageWithParams`, stripped of addresses and numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acw: Option<AfterCallWork>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapup: Option<Wrapup>,
    /// Kept by the record; what Genesys sends has none.
    #[serde(default, skip_serializing_if = "Timings::is_unmeasured")]
    pub timings: Timings,
    /// `initialState`: what the leg was when it began. Only of a snapshot, the record drops it.
    #[serde(skip)]
    pub initial: Option<LegState>,
    /// What it did when, oldest first (REST and analytics). Only of a snapshot, the record drops it.
    #[serde(skip)]
    pub segments: Vec<Segment>,
}

/// What a leg did for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub activity: Activity,
    pub start: Time,
    pub end: Option<Time>,
}

/// Genesys' `segment.type`, as far as it says which state the leg was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    Alert,
    Dialing,
    Contacting,
    Scheduled,
    Uploading,
    Hold,
    Parked,
    /// Talk, IVR, waiting, and words of tomorrow.
    Other,
}

/// How long a leg was in each phase, in milliseconds, of the phases that are over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    pub alert_ms: i64,
    pub dial_ms: i64,
    pub talk_ms: i64,
    pub hold_ms: i64,
    pub park_ms: i64,
    pub acw_ms: i64,
    /// Since when the leg is in its present phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Taken from analytics after the end: nothing changes them any more.
    #[serde(skip_serializing_if = "is_false", rename = "final")]
    pub is_final: bool,
}

impl Timings {
    fn is_unmeasured(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AfterCallWork {
    pub state: AcwState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
}

/// Genesys' `afterCallWork.state`. `Unknown` stands for its `unknown` and for words of tomorrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AcwState {
    Unknown,
    Skipped,
    Pending,
    Complete,
    NotApplicable,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapup {
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
}

/// The medium of a leg; the array of the snapshot that held it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Medium {
    Voice,
    Callback,
    Chat,
    Email,
    Message,
    Social,
    Video,
    Cobrowse,
    ScreenShare,
    ScreenMonitoring,
    InternalMessage,
}

/// A leg's state word. Words Genesys may add are kept in none but their absence: `Unrecognised`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LegState {
    Alerting,
    Dialing,
    Contacting,
    Offering,
    Connected,
    Disconnected,
    Terminated,
    Converting,
    Uploading,
    Transmitting,
    Scheduled,
    Parked,
    None,
    Unrecognised,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LegDirection {
    Inbound,
    Outbound,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Medium {
    /// Genesys' analytics word, as stored in `MediaType`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Callback => "callback",
            Self::Chat => "chat",
            Self::Email => "email",
            Self::Message => "message",
            Self::Social => "social",
            Self::Video => "video",
            Self::Cobrowse => "cobrowse",
            Self::ScreenShare => "screenshare",
            Self::ScreenMonitoring => "screenmonitoring",
            Self::InternalMessage => "internalmessage",
        }
    }
}

impl LegState {
    /// Reads Genesys' word in any case.
    pub fn from_word(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "alerting" => Self::Alerting,
            "dialing" => Self::Dialing,
            "contacting" => Self::Contacting,
            "offering" => Self::Offering,
            "connected" => Self::Connected,
            "disconnected" => Self::Disconnected,
            "terminated" => Self::Terminated,
            "converting" => Self::Converting,
            "uploading" => Self::Uploading,
            "transmitting" => Self::Transmitting,
            "scheduled" => Self::Scheduled,
            "parked" => Self::Parked,
            "none" | "" => Self::None,
            _ => Self::Unrecognised,
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Alerting => "alerting",
            Self::Dialing => "dialing",
            Self::Contacting => "contacting",
            Self::Offering => "offering",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Terminated => "terminated",
            Self::Converting => "converting",
            Self::Uploading => "uploading",
            Self::Transmitting => "transmitting",
            Self::Scheduled => "scheduled",
            Self::Parked => "parked",
            Self::None => "none",
            Self::Unrecognised => "unrecognised",
        }
    }
}
