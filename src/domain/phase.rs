//! What a participant is in the conversation, and what the state of a leg comes down to.

use super::snapshot::{Leg, LegState, Medium, Participant};

/// What a participant is in the conversation, by its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Customers and other outside parties.
    External,
    /// A queue.
    Acd,
    Voicemail,
    Dialer,
    /// IVR, bots, workflows.
    Flow,
    /// Agents and users.
    Agent,
}

/// What a leg's state comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Being offered or dialled.
    Pending,
    Active,
    Parked,
    Scheduled,
    Ended,
    /// It says nothing and has not ended.
    Silent,
}

pub fn role_of(participant: &Participant) -> Role {
    let purpose = participant.purpose.to_ascii_lowercase();
    match purpose.as_str() {
        "customer" | "external" => Role::External,
        "acd" => Role::Acd,
        "voicemail" => Role::Voicemail,
        "ivr" | "workflow" | "botflow" | "voicesurveyflow" | "inbound" | "outbound"
        | "campaign" => Role::Flow,
        "agent" | "user" | "group" | "station" | "manual" | "api" | "fax" => Role::Agent,
        _ if purpose.starts_with("dialer") => Role::Dialer,
        _ if participant.user_id.is_some() => Role::Agent,
        _ if participant.external_contact_id.is_some() => Role::External,
        _ => Role::Flow,
    }
}

pub fn phase_of(leg: &Leg, participant: &Participant) -> Phase {
    match leg.state {
        LegState::Alerting | LegState::Offering | LegState::Contacting | LegState::Dialing => {
            Phase::Pending
        }
        LegState::Connected
        | LegState::Uploading
        | LegState::Converting
        | LegState::Transmitting => Phase::Active,
        LegState::Parked => Phase::Parked,
        LegState::Scheduled => Phase::Scheduled,
        LegState::Disconnected | LegState::Terminated => Phase::Ended,
        LegState::None | LegState::Unrecognised => {
            if participant.end_time.is_some() || leg.disconnected_time.is_some() {
                Phase::Ended
            } else {
                Phase::Silent
            }
        }
    }
}

/// Whether a medium can decide a status: screens and internal messages never do.
pub const fn decides(medium: Medium) -> bool {
    matches!(
        medium,
        Medium::Voice
            | Medium::Callback
            | Medium::Chat
            | Medium::Email
            | Medium::Message
            | Medium::Social
            | Medium::Video
    )
}
