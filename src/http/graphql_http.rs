//! `/graphql` by the GraphQL-over-HTTP specification. Batches and multipart bodies are refused, and
//! so is every content type but JSON: a browser cannot be tricked into sending JSON across origins
//! without asking first.

use std::time::Instant;

use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse, ServerError};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::listener::Peer;
use super::negotiation::{MediaType, is_utf8, negotiate};
use super::operations::{Operations, Outcome};
use super::request::{from_body, from_query_string};
use super::response::{
    answered, error, executed, forged, only_by_post, refusal, refused, too_many_connections,
    too_many_requests, too_much,
};
use super::{Front, code, envelope, execution, graphql_sse, graphql_ws};
use crate::domain::caller::Caller;
use crate::domain::freshness::AtLeast;
use crate::domain::request_id::RequestId;
use crate::judge::Kind;
use crate::sessions::Pass;

pub(super) async fn post<E: Operations>(
    State(front): State<Front<E>>,
    request: Request,
) -> Response {
    answer_post(&front, request)
        .await
        .unwrap_or_else(|refusal| refusal)
}

pub(super) async fn get<E: Operations>(
    State(front): State<Front<E>>,
    request: Request,
) -> Response {
    if graphql_ws::is_upgrade(request.headers()) {
        return graphql_ws::upgrade(front, request).await;
    }
    answer_get(&front, request)
        .await
        .unwrap_or_else(|refusal| refusal)
}

async fn answer_post<E: Operations>(
    front: &Front<E>,
    request: Request,
) -> Result<Response, Response> {
    let (parts, body) = request.into_parts();
    let media = media_type(&parts.headers)?;
    check_content(&parts.headers, media)?;
    let sender = Sender::of(front, &parts, media).await?;
    front.take_turn(&sender.pass.caller, media)?;
    let body = body_in_time(front, Request::from_parts(parts, body), media).await?;
    let mut request = from_body(&body)
        .map_err(|malformed| refusal(StatusCode::BAD_REQUEST, media, malformed.into()))?;
    let named = front.shared.admission.resolve(&mut request);
    named.map_err(|unknown| unfit_answer(front, media, unknown))?;
    if let Some(text) = at_once(front, &request, &sender, media) {
        return Ok(answered(media, text));
    }
    if let Err(unfit) = front.shared.admission.judge(&mut request) {
        return Err(unfit_answer(front, media, unfit));
    }
    answer(front, request, sender, media).await
}

/// Who wants to see a place of the log may have to wait for it; everybody else need not.
fn at_once<E: Operations>(
    front: &Front<E>,
    request: &GraphqlRequest,
    sender: &Sender,
    media: MediaType,
) -> Option<Bytes> {
    let is_plain = media != MediaType::EventStream && sender.at_least.is_none();
    is_plain
        .then(|| front.executor.at_once(request, &sender.pass.caller))
        .flatten()
}

async fn answer_get<E: Operations>(
    front: &Front<E>,
    request: Request,
) -> Result<Response, Response> {
    let (parts, _) = request.into_parts();
    let media = media_type(&parts.headers)?;
    if front.shared.origins.may_be_forged(&parts.headers) {
        return Err(forged(media));
    }
    let sender = Sender::of(front, &parts, media).await?;
    front.take_turn(&sender.pass.caller, media)?;
    let mut request = from_query_string(&parts.uri)
        .map_err(|malformed| refusal(StatusCode::BAD_REQUEST, media, malformed.into()))?;
    match front.shared.admission.judge(&mut request) {
        Ok(Some(Kind::Mutation)) => Err(only_by_post(media)),
        Ok(_) => answer(front, request, sender, media).await,
        Err(unfit) => Err(unfit_answer(front, media, unfit)),
    }
}

/// The answer to a request that the judge refused: like that to one that does not validate.
fn unfit_answer<E>(front: &Front<E>, media: MediaType, unfit: ServerError) -> Response {
    let response = GraphqlResponse::from_errors(vec![unfit]);
    match media {
        MediaType::EventStream => graphql_sse::only(&Outcome::Own(response)),
        _ => executed(media, front.shared.config.max_result, response),
    }
}

async fn answer<E: Operations>(
    front: &Front<E>,
    request: GraphqlRequest,
    sender: Sender,
    media: MediaType,
) -> Result<Response, Response> {
    let Sender {
        pass,
        request_id,
        last_event_id,
        at_least,
    } = sender;
    let request = match at_least {
        Some(cursor) => request.data(AtLeast(cursor)),
        None => request,
    };
    if media == MediaType::EventStream {
        let seats = front.shared.seats.of(&pass.caller);
        let seats = seats.ok_or_else(too_many_connections)?;
        let stream = graphql_sse::stream(front, request, last_event_id, pass, request_id, seats);
        return Ok(stream);
    }
    let response = execution::execute(front, request, pass.caller, &request_id).await;
    Ok(executed(media, front.shared.config.max_result, response))
}

impl<E> Front<E> {
    /// Takes one request off the caller's account.
    #[expect(clippy::result_large_err, reason = "the error is the answer")]
    pub(super) fn take_turn(&self, caller: &Caller, media: MediaType) -> Result<(), Response> {
        let turn = self.shared.rate.take(caller, Instant::now());
        turn.map_err(|wait| too_many_requests(media, wait))
    }
}

/// Who asks, and under which name the question goes.
pub(super) struct Sender {
    pub(super) pass: Pass,
    pub(super) request_id: RequestId,
    /// Where an interrupted event stream ended; browsers send it when they reconnect.
    last_event_id: Option<String>,
    /// The place in the change log that the answer must reflect.
    at_least: Option<String>,
}

impl Sender {
    pub(super) async fn of<E>(
        front: &Front<E>,
        request: &Parts,
        media: MediaType,
    ) -> Result<Self, Response> {
        let headers = &request.headers;
        let verdict = front.shared.authenticator.request(headers).await;
        let mut pass = verdict.map_err(|refusal| refused(media, refusal))?;
        pass.caller.address = Peer::of(request).address;
        let at_least = headers
            .get("gateway-at-least")
            .map(|cursor| cursor.to_str().unwrap_or_default());
        let last_event_id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
        Ok(Self {
            pass,
            request_id: request
                .extensions
                .get()
                .cloned()
                .unwrap_or_else(envelope::fresh_request_id),
            at_least: at_least.map(Into::into),
            last_event_id: last_event_id.filter(|id| !id.is_empty()).map(Into::into),
        })
    }
}

#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn media_type(headers: &HeaderMap) -> Result<MediaType, Response> {
    negotiate(headers).ok_or_else(|| {
        let message = "Answers are application/graphql-response+json, application/json or \
                       text/event-stream; the Accept header allows none of them.";
        let error = error(code::BAD_USER_INPUT, message);
        refusal(StatusCode::NOT_ACCEPTABLE, MediaType::Json, error)
    })
}

#[expect(clippy::result_large_err, reason = "the error is the answer")]
pub(super) fn check_content(headers: &HeaderMap, media: MediaType) -> Result<(), Response> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let encoded = headers
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| coding != "identity");
    if content_type.is_some_and(is_utf8_json) && !encoded {
        return Ok(());
    }
    let error = error(
        code::BAD_USER_INPUT,
        "The body must be application/json in UTF-8.",
    );
    Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, media, error))
}

fn is_utf8_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
        && parts
            .filter_map(|parameter| parameter.split_once('='))
            .all(|(name, value)| !name.trim().eq_ignore_ascii_case("charset") || is_utf8(value))
}

pub(super) async fn body_in_time<E>(
    front: &Front<E>,
    request: Request,
    media: MediaType,
) -> Result<Bytes, Response> {
    let config = &front.shared.config;
    let refuse =
        |status, message: String| refusal(status, media, error(code::BAD_USER_INPUT, message));
    match tokio::time::timeout(config.body_timeout, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) => match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let message = format!("The body is longer than {} bytes.", config.max_body);
                let error = too_much("body bytes", config.max_body as u64, message);
                Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, media, error))
            }
            status => Err(refuse(status, "The body could not be read.".into())),
        },
        Err(_) => Err(refuse(
            StatusCode::REQUEST_TIMEOUT,
            "The body did not arrive in time.".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_utf8_json_is_read() {
        for accepted in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; profile=x",
        ] {
            assert!(is_utf8_json(accepted), "{accepted}");
        }
        for refused in [
            "",
            "text/plain",
            "application/json-patch+json",
            "application/graphql",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=application/json",
            "application/json; charset=latin1",
        ] {
            assert!(!is_utf8_json(refused), "{refused}");
        }
    }
}
