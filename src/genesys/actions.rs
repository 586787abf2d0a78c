//! What an agent's desktop would ask of Genesys, on a person's behalf.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::client::GenesysClient;
use super::config::duration;
use super::error::ApiError;
use crate::domain::ids::{ConversationId, ParticipantId};
use crate::domain::snapshot::Medium;

/// How long a closed conversation is watched.
#[derive(clap::Args, Clone, Debug)]
pub struct ActionsConfig {
    /// How long a closed conversation is read back until Genesys shows its end
    #[arg(long = "genesys-close-wait", env = "GATEWAY_GENESYS_CLOSE_WAIT", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub close_wait: Duration,

    /// Time between the first two readings of a closed conversation; it doubles with each reading
    #[arg(long = "genesys-close-poll", env = "GATEWAY_GENESYS_CLOSE_POLL", value_name = "TIME", default_value = "200ms", value_parser = duration)]
    pub close_poll: Duration,
}

/// A participant of a conversation, on one medium.
#[derive(Clone, Copy)]
pub struct Seat<'a> {
    pub conversation: ConversationId,
    pub participant: &'a ParticipantId,
    pub medium: Medium,
}

/// Gives a participant's wrap-up. The notes go to Genesys and nowhere else.
pub async fn wrap_up(
    client: &GenesysClient,
    seat: Seat<'_>,
    code: &str,
    notes: Option<&str>,
) -> Result<(), ApiError> {
    let mut wrapup = json!({ "code": code });
    if let Some(notes) = notes {
        wrapup["notes"] = Value::from(notes);
    }
    patch(client, &seat.path(), json!({ "wrapup": wrapup })).await
}

/// Ends a participant's after-call work without a code.
pub async fn skip_wrap_up(client: &GenesysClient, seat: Seat<'_>) -> Result<(), ApiError> {
    patch(client, &seat.path(), json!({ "wrapupSkipped": true })).await
}

/// Disconnects a participant on one medium.
pub async fn leave(client: &GenesysClient, seat: Seat<'_>) -> Result<(), ApiError> {
    patch(client, &seat.path(), json!({ "state": "disconnected" })).await
}

/// Disconnects a conversation on one medium.
pub async fn disconnect(
    client: &GenesysClient,
    id: ConversationId,
    medium: Medium,
) -> Result<(), ApiError> {
    match plural(medium) {
        Some(plural) => {
            let path = format!("/api/v2/conversations/{plural}/{id}");
            patch(client, &path, json!({ "state": "disconnected" })).await
        }
        None => tear_down(client, id).await,
    }
}

/// Ends whatever is connected and wraps up for everybody: meant for conversations that are stuck.
pub async fn tear_down(client: &GenesysClient, id: ConversationId) -> Result<(), ApiError> {
    let path = format!("/api/v2/conversations/{id}/disconnect");
    client.command(Method::POST, &path, None).await.map(|_| ())
}

impl Seat<'_> {
    fn path(&self) -> String {
        let Self {
            conversation,
            participant,
            medium,
        } = self;
        match plural(*medium) {
            Some(plural) => {
                format!("/api/v2/conversations/{plural}/{conversation}/participants/{participant}")
            }
            None => format!("/api/v2/conversations/{conversation}/participants/{participant}"),
        }
    }
}

/// The word in the paths of the media that have paths of their own.
const fn plural(medium: Medium) -> Option<&'static str> {
    match medium {
        Medium::Voice => Some("calls"),
        Medium::Callback => Some("callbacks"),
        Medium::Chat => Some("chats"),
        Medium::Email => Some("emails"),
        Medium::Message => Some("messages"),
        _ => None,
    }
}

async fn patch(client: &GenesysClient, path: &str, body: Value) -> Result<(), ApiError> {
    client
        .command(Method::PATCH, path, Some(body))
        .await
        .map(|_| ())
}
