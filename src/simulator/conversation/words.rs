//! Genesys' words for media, states and reasons, in each of the spellings its interfaces use.

use serde::{Deserialize, Serialize, Serializer};

/// A medium that conversations live on. Screen sharing, video and social media are not simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Media {
    #[serde(alias = "voice", alias = "Voice", alias = "call", alias = "calls")]
    Voice,
    #[serde(alias = "callback", alias = "Callback", alias = "callbacks")]
    Callback,
    #[serde(alias = "chat", alias = "Chat", alias = "chats")]
    Chat,
    #[serde(alias = "email", alias = "Email", alias = "emails")]
    Email,
    #[serde(alias = "message", alias = "Message", alias = "messages")]
    Message,
}

impl Media {
    pub(crate) const ALL: [Self; 5] = [
        Self::Voice,
        Self::Callback,
        Self::Chat,
        Self::Email,
        Self::Message,
    ];

    /// The key of the participant's array, the API path segment, the suffix of the per-media topic.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::Voice => "calls",
            Self::Callback => "callbacks",
            Self::Chat => "chats",
            Self::Email => "emails",
            Self::Message => "messages",
        }
    }

    pub(crate) const fn analytics(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Callback => "callback",
            Self::Chat => "chat",
            Self::Email => "email",
            Self::Message => "message",
        }
    }

    pub(crate) const fn provider(self) -> &'static str {
        match self {
            Self::Voice => "Edge",
            Self::Callback => "PureCloud Callback",
            Self::Chat => "PureCloud Webchat v2",
            Self::Email => "PureCloud Email",
            Self::Message => "PureCloud Messaging",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Direction {
    #[serde(alias = "inbound", alias = "Inbound")]
    Inbound,
    #[serde(alias = "outbound", alias = "Outbound")]
    Outbound,
}

impl Direction {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// State of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Alerting,
    Dialing,
    Contacting,
    Offering,
    Connected,
    Disconnected,
    Terminated,
    Uploading,
    Scheduled,
    Parked,
}

impl State {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Alerting => "alerting",
            Self::Dialing => "dialing",
            Self::Contacting => "contacting",
            Self::Offering => "offering",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Terminated => "terminated",
            Self::Uploading => "uploading",
            Self::Scheduled => "scheduled",
            Self::Parked => "parked",
        }
    }

    pub(crate) const fn is_over(self) -> bool {
        matches!(self, Self::Disconnected | Self::Terminated)
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// Why a leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Endpoint,
    Client,
    System,
    Timeout,
    Transfer,
    ConsultTransfer,
    Peer,
    Error,
    Uncallable,
    Inactivity,
    SessionExpired,
}

impl Why {
    /// As the live model and REST write it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Client => "client",
            Self::System => "system",
            Self::Timeout => "timeout",
            Self::Transfer => "transfer",
            Self::ConsultTransfer => "transfer.consult",
            Self::Peer => "peer",
            Self::Error => "error",
            Self::Uncallable => "uncallable",
            Self::Inactivity => "inactivity",
            Self::SessionExpired => "session.expired",
        }
    }

    pub(crate) const fn analytics(self) -> &'static str {
        match self {
            Self::ConsultTransfer => "consultTransfer",
            Self::SessionExpired => "sessionExpired",
            other => other.word(),
        }
    }
}

/// What a leg was doing for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Ivr,
    Alert,
    Contacting,
    Dialing,
    Interact,
    Hold,
    Parked,
    Scheduled,
    Uploading,
    Wrapup,
}

impl Doing {
    pub(crate) const fn analytics(self) -> &'static str {
        match self {
            Self::Ivr => "ivr",
            Self::Alert => "alert",
            Self::Contacting => "contacting",
            Self::Dialing => "dialing",
            Self::Interact => "interact",
            Self::Hold => "hold",
            Self::Parked => "parked",
            Self::Scheduled => "scheduled",
            Self::Uploading => "uploading",
            Self::Wrapup => "wrapup",
        }
    }

    pub(crate) const fn rest(self) -> &'static str {
        match self {
            Self::Ivr => "IVR",
            Self::Alert => "Alert",
            Self::Contacting => "Contacting",
            Self::Dialing => "Dialing",
            Self::Interact => "Interact",
            Self::Hold => "Hold",
            Self::Parked => "Parked",
            Self::Scheduled => "Scheduled",
            Self::Uploading => "Uploading",
            Self::Wrapup => "Wrapup",
        }
    }
}

/// Part of a participant in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Customer,
    /// Another outside party: the target of a transfer or a guest of a conference.
    Outsider,
    Ivr,
    Workflow,
    Acd,
    Agent,
    /// A colleague on a direct call.
    User,
    Voicemail,
    Dialer,
}

impl Role {
    /// Purpose in the live model and REST.
    pub(crate) const fn purpose(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Outsider => "external",
            Self::Ivr => "ivr",
            Self::Workflow => "workflow",
            Self::Acd => "acd",
            Self::Agent => "agent",
            Self::User => "user",
            Self::Voicemail => "voicemail",
            Self::Dialer => "dialer.system",
        }
    }

    /// Analytics know the dialer as `outbound`.
    pub(crate) const fn analytics(self) -> &'static str {
        match self {
            Self::Dialer => "outbound",
            other => other.purpose(),
        }
    }

    pub(crate) const fn participant_type(self) -> &'static str {
        match self {
            Self::Customer | Self::Outsider => "External",
            Self::Ivr | Self::Workflow => "IVR",
            Self::Acd => "ACD",
            Self::Agent | Self::User => "Internal",
            Self::Voicemail => "Voicemail",
            Self::Dialer => "System",
        }
    }

    pub(crate) const fn is_staff(self) -> bool {
        matches!(self, Self::Agent | Self::User)
    }

    pub(crate) const fn is_flow(self) -> bool {
        matches!(self, Self::Ivr | Self::Workflow)
    }
}
