//! `POST /ingest/eventbridge`: Genesys' events as an API destination of AWS `EventBridge` sends them.
//!
//! The sender judges by the status alone: what is answered 202 it forgets, what is answered 429 or 5xx
//! it sends again.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::Front;
use super::graphql_http::{Sender, body_in_time, check_content};
use super::negotiation::MediaType;
use super::operations::Operations;
use super::response::code;
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
    let media = MediaType::Json;
    check_content(&parts.headers, media)?;
    let sender = Sender::of(front, &parts, media).await?;
    front.take_turn(&sender.pass.caller, media)?;
    if !sender.pass.caller.may(Permission::Write) {
        let body = json!({ "code": code::FORBIDDEN, "message": "This needs conversations:write." });
        return Ok(answer(StatusCode::FORBIDDEN, &body));
    }
    let body = body_in_time(front, Request::from_parts(parts, body), media).await?;
    Ok(match front.shared.events.take(&body).await {
        Ok(()) => answer(StatusCode::ACCEPTED, &json!({})),
        Err(NotTaken::NotAnEvent(message)) => {
            let body = json!({ "code": code::BAD_USER_INPUT, "message": message });
            answer(StatusCode::BAD_REQUEST, &body)
        }
        Err(NotTaken::Unavailable) => {
            let body = json!({ "code": code::INTERNAL, "message": "It cannot be stored now." });
            let mut answer = answer(StatusCode::SERVICE_UNAVAILABLE, &body);
            let soon = HeaderValue::from_static("1");
            answer.headers_mut().insert(RETRY_AFTER, soon);
            answer
        }
    })
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
