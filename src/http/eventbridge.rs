//! `POST /ingest/eventbridge`: Genesys' events as an API destination of AWS `EventBridge` sends them.
//!
//! The sender judges by the status alone: what is answered 202 it forgets, what is answered 429 or 5xx
//! it sends again.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::Front;
use super::code;
use super::graphql_http::{Sender, body_in_time, check_content};
use super::negotiation::MediaType;
use super::operations::Operations;
use super::response::{flat, flat_error};
use crate::domain::permission::Permission;

/// Takes events, and has stored them when it answers.
pub trait TakeEvents: Send + Sync + 'static {
    fn take<'a>(&'a self, body: &'a [u8]) -> BoxFuture<'a, Result<(), NotTaken>>;
}

/// Why an event was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It is none. The text is shown to the sender.
    NotAnEvent(String),
    /// It cannot be stored now.
    Unavailable,
}

pub(super) async fn post<E: Operations>(
    State(front): State<Front<E>>,
    request: Request,
) -> Response {
    take(&front, request)
        .await
        .unwrap_or_else(|refusal| refusal)
}

async fn take<E: Operations>(front: &Front<E>, request: Request) -> Result<Response, Response> {
    let (parts, body) = request.into_parts();
    let media = MediaType::Flat;
    check_content(&parts.headers, media)?;
    let sender = Sender::of(front, &parts, media).await?;
    front.take_turn(&sender.pass.caller, media)?;
    if !sender.pass.caller.may(Permission::Write) {
        let message = "This needs conversations:write.";
        return Ok(flat_error(StatusCode::FORBIDDEN, code::FORBIDDEN, message));
    }
    let body = body_in_time(front, Request::from_parts(parts, body), media).await?;
    Ok(match front.shared.events.take(&body).await {
        Ok(()) => flat(StatusCode::ACCEPTED, &json!({})),
        Err(NotTaken::NotAnEvent(message)) => {
            flat_error(StatusCode::BAD_REQUEST, code::BAD_USER_INPUT, &message)
        }
        Err(NotTaken::Unavailable) => {
            let message = "It cannot be stored now.";
            flat_error(StatusCode::SERVICE_UNAVAILABLE, code::UNAVAILABLE, message)
        }
    })
}
