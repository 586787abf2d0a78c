//! The scalar picture of a conversation, as a client, a filter and a log entry see it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::{ConversationId, QueueId, UserId};
use super::snapshot::{LegDirection, Medium};
use super::time::Time;

/// Declares an enum of the schema together with the words it is stored and sent as.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stored word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }

            /// Reads the stored word; `None` for any other.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The universal status of a conversation.
    ConversationStatus {
        Created = "CREATED",
        Scheduled = "SCHEDULED",
        InFlow = "IN_FLOW",
        WaitingInQueue = "WAITING_IN_QUEUE",
        Alerting = "ALERTING",
        Dialing = "DIALING",
        Connected = "CONNECTED",
        OnHold = "ON_HOLD",
        Parked = "PARKED",
        Voicemail = "VOICEMAIL",
        Transferring = "TRANSFERRING",
        TransferredOut = "TRANSFERRED_OUT",
        AfterCallWork = "AFTER_CALL_WORK",
        Idle = "IDLE",
        Ended = "ENDED",
    }
}

words! {
    /// Who began it: a registration may say DCM, otherwise GENESYS is presumed.
    InitiatedBy { Genesys = "GENESYS", Dcm = "DCM" }
}

words! {
    /// What DCM opens when an agent answers.
    ScreenPopTarget { ExternalParty = "EXTERNALPARTY", Case = "CASE", Task = "TASK" }
}

words! {
    /// Seen from the contact centre.
    Direction { Inbound = "Inbound", Outbound = "Outbound" }
}

words! {
    /// A medium that DCM knows.
    MediaType {
        Voice = "voice",
        Callback = "callback",
        Chat = "chat",
        Email = "email",
        Message = "message",
    }
}

words! {
    /// What kind of DCM object a conversation belongs to.
    ContextKey {
        Case = "CASE",
        Task = "TASK",
        ExternalParty = "EXTERNALPARTY",
        User = "USER",
        Custom = "CUSTOM",
    }
}

words! {
    /// What the conversation did to the object it is linked to.
    ContextVerb { Initial = "INITIAL", Created = "CREATED", Updated = "UPDATED" }
}

words! {
    /// Who has a conversation: a queue's team, or a user.
    OwnerKind { Team = "TEAM", User = "USER" }
}

words! {
    /// The kind of work with Genesys that failed last.
    Work {
        Reading = "READING",
        Closing = "CLOSING",
        WrapUp = "WRAP_UP",
        /// Genesys itself ended the conversation with an error.
        Genesys = "GENESYS",
        /// A leg that Genesys forgot holds the status up.
        Watching = "WATCHING",
    }
}

/// Who has the conversation, by Genesys' identifiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub kind: OwnerKind,
    /// The queue's id of a team, the user's id of a user.
    pub genesys_id: String,
    pub name: Option<String>,
    pub since: Time,
}

impl Owner {
    pub fn is_same(&self, other: &Owner) -> bool {
        self.kind == other.kind && self.genesys_id == other.genesys_id
    }
}

/// The latest failure with Genesys over a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub work: Work,
    pub message: String,
    pub at: Time,
}

/// Names one DCM object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContextRef {
    pub key: ContextKey,
    /// Only for `CUSTOM`; empty otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub custom_key: String,
    pub object_id: String,
}

impl std::fmt::Display for ContextRef {
    /// `CASE case-7`, `CUSTOM order 17`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key.as_str())?;
        if !self.custom_key.is_empty() {
            write!(f, " {}", self.custom_key)?;
        }
        write!(f, " {}", self.object_id)
    }
}

/// The scalars of a conversation and the ids that filters need, as of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub initiated_by: InitiatedBy,
    pub registered_at: Option<Time>,
    pub initial_screen_pop_target: Option<ScreenPopTarget>,
    pub conversation_start: Option<Time>,
    pub conversation_end: Option<Time>,
    pub direction: Option<Direction>,
    pub original_media_type: Option<MediaType>,
    pub active_media_type: Option<MediaType>,
    pub status: ConversationStatus,
    pub status_since: Time,
    pub waiting_since: Option<Time>,
    pub last_queue_id: Option<QueueId>,
    pub last_queue_name: Option<String>,
    pub owner: Option<Owner>,
    pub failure: Option<Failure>,
    /// 1, 2, 3 ... along the status changes; 0 before the first.
    pub status_number: u32,
    pub created_at: Time,
    pub updated_at: Time,
    /// Agents in it now (rung, connected, holding, parked, in after-call work), sorted.
    pub agents: Vec<UserId>,
    /// Agents who were ever connected, sorted.
    pub handled_by: Vec<UserId>,
    /// Objects it is linked to, each once, sorted.
    pub contexts: Vec<ContextRef>,
}

/// A conversation as lists show it: its row as of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: ConversationId,
    pub version: u32,
    pub row: Arc<Row>,
}

impl Row {
    /// The row of a conversation of which nothing is known.
    pub fn blank(now: Time) -> Self {
        Self {
            initiated_by: InitiatedBy::Genesys,
            registered_at: None,
            initial_screen_pop_target: None,
            conversation_start: None,
            conversation_end: None,
            direction: None,
            original_media_type: None,
            active_media_type: None,
            status: ConversationStatus::Created,
            status_since: now,
            waiting_since: None,
            last_queue_id: None,
            last_queue_name: None,
            owner: None,
            failure: None,
            status_number: 0,
            created_at: now,
            updated_at: now,
            agents: Vec::new(),
            handled_by: Vec::new(),
            contexts: Vec::new(),
        }
    }

    /// What lists are ordered by: `conversation_start`, else `created_at`.
    pub fn started_at(&self) -> Time {
        self.conversation_start.unwrap_or(self.created_at)
    }

    /// The moment of the latest change: no later change happened before it.
    pub(super) fn updated_at_or_since(&self) -> Time {
        self.updated_at.max(self.status_since)
    }
}

impl MediaType {
    /// DCM's word for a medium; screen sharing, video and the like have none.
    pub const fn of(medium: Medium) -> Option<Self> {
        match medium {
            Medium::Voice => Some(Self::Voice),
            Medium::Callback => Some(Self::Callback),
            Medium::Chat => Some(Self::Chat),
            Medium::Email => Some(Self::Email),
            Medium::Message => Some(Self::Message),
            _ => None,
        }
    }
}

impl From<LegDirection> for Direction {
    fn from(direction: LegDirection) -> Self {
        match direction {
            LegDirection::Inbound => Self::Inbound,
            LegDirection::Outbound => Self::Outbound,
        }
    }
}
