//! Writes GraphQL responses and the front door's own errors.

use std::borrow::Cow;
use std::time::Duration;

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use axum::Json;
use axum::body::Bytes;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use super::authenticate::Refused;
use super::code;
use super::metrics;
use super::negotiation::MediaType;
use super::request::Malformed;
use crate::domain::request_id::RequestId;

/// A response in the form that the GraphQL specification gives it: errors first, `data` only if the
/// request was executed (sections 7.1.2 and 7.1.6).
pub(super) struct Body<'a>(pub(super) &'a GraphqlResponse);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(response) = self;
        let mut body = serializer.serialize_map(None)?;
        if !response.errors.is_empty() {
            body.serialize_entry("errors", &Errors(&response.errors))?;
        }
        if !is_request_error(response) {
            body.serialize_entry("data", &response.data)?;
        }
        if !response.extensions.is_empty() {
            body.serialize_entry("extensions", &response.extensions)?;
        }
        body.end()
    }
}

/// Errors kept small, so that no request can make long answers of them: the first ten, each with at
/// most 500 bytes of text and with a code; what a document does wrong in many places is told once.
pub(super) struct Errors<'a>(pub(super) &'a [ServerError]);

const MOST_ERRORS: usize = 10;
const LONGEST_MESSAGE: usize = 500;

impl Serialize for Errors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut kept: Vec<Cow<'_, ServerError>> = Vec::new();
        for error in self.0 {
            let message = shortened(&error.message);
            let told = |known: &Cow<'_, ServerError>| {
                known.message == message && known.path == error.path && error.path.is_empty()
            };
            if kept.iter().any(told) {
                continue;
            }
            if kept.len() == MOST_ERRORS {
                break;
            }
            let error = briefly(error, message);
            metrics::error(code_of(&error).unwrap_or_default());
            kept.push(error);
        }
        serializer.collect_seq(kept.iter().map(AsRef::as_ref))
    }
}

/// The error with that message, few places, and a code: what has none of ours was found by the
/// library, which only reads what the client wrote.
fn briefly<'a>(error: &'a ServerError, message: &str) -> Cow<'a, ServerError> {
    let is_brief = message.len() == error.message.len() && error.locations.len() <= 2;
    if is_brief && code_of(error).is_some() {
        return Cow::Borrowed(error);
    }
    let mut brief = error.clone();
    message.clone_into(&mut brief.message);
    brief.locations.truncate(2);
    if code_of(error).is_none() {
        let extensions = brief.extensions.get_or_insert_default();
        extensions.set("code", code::BAD_USER_INPUT);
        if let Some(argument) = argument_in(message) {
            extensions.set("argument", argument);
        }
    }
    Cow::Owned(brief)
}

/// The argument that a message of the library is about, named as in the schema: `filter.statuses`.
fn argument_in(message: &str) -> Option<String> {
    let beginning = ["argument \"", "argument named \""];
    let mut behind = beginning
        .iter()
        .filter_map(|words| message.split_once(words));
    let (argument, _) = behind.next()?.1.split_once('"')?;
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_.".contains(letter);
    // Places in lists have no name.
    let named = argument
        .split('.')
        .filter(|part| part.parse::<usize>().is_err());
    let named: Vec<&str> = named.collect();
    argument.chars().all(is_part).then(|| named.join("."))
}

fn shortened(message: &str) -> &str {
    &message[..message.floor_char_boundary(LONGEST_MESSAGE)]
}

/// Whether the request failed before its execution began: an error of execution has a path.
pub(super) fn is_request_error(response: &GraphqlResponse) -> bool {
    fails_above(response, 0)
}

/// Whether a subscription ended with this response: its root field failed, not a field of an event.
pub(super) fn ends_subscription(response: &GraphqlResponse) -> bool {
    fails_above(response, 1)
}

fn fails_above(response: &GraphqlResponse, depth: usize) -> bool {
    response.data == Value::Null
        && !response.errors.is_empty()
        && response
            .errors
            .iter()
            .all(|error| error.path.len() <= depth)
}

pub(super) fn error(code: &str, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_default().set("code", code);
    error
}

/// More than `limit` of `what` was asked for.
pub(super) fn too_much(what: &str, limit: u64, message: impl Into<String>) -> ServerError {
    let mut error = error(code::LIMIT_EXCEEDED, message);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("what", what);
    extensions.set("limit", limit);
    error
}

/// The result has more bytes than `limit`.
pub(super) fn too_long(limit: usize) -> ServerError {
    let message = format!("The result is longer than {limit} bytes.");
    too_much("result bytes", limit as u64, message)
}

/// What a client learns of a failure of ours: nothing but a name to ask for.
pub(super) fn internal_error(request_id: &RequestId) -> ServerError {
    let mut error = error(code::INTERNAL, "Internal error.");
    error
        .extensions
        .get_or_insert_default()
        .set("requestId", request_id.as_str());
    error
}

impl From<Malformed> for ServerError {
    fn from(malformed: Malformed) -> Self {
        error(code::BAD_USER_INPUT, malformed.to_string())
    }
}

/// An answer to a request that got as far as the executor; instead of more than `longest` bytes an
/// error that says so.
pub(super) fn executed(
    media: MediaType,
    longest: usize,
    mut response: GraphqlResponse,
) -> Response {
    let headers = std::mem::take(&mut response.http_headers);
    let mut text = to_json(&Body(&response));
    if text.len() > longest {
        response = GraphqlResponse::from_errors(vec![too_long(longest)]);
        text = to_json(&Body(&response));
    }
    let mut answer = written(status(media, &response), media, text);
    answer.headers_mut().extend(headers);
    answer
}

/// GraphQL over HTTP, section 6.4. `294 Partial Success` is its code for data with errors.
fn status(media: MediaType, response: &GraphqlResponse) -> StatusCode {
    match media {
        MediaType::GraphqlResponse if is_request_error(response) => error_status(&response.errors),
        MediaType::GraphqlResponse if response.is_err() => {
            StatusCode::from_u16(294).expect("a status code has three digits")
        }
        _ => StatusCode::OK,
    }
}

/// The error's `extensions.code`.
pub(super) fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

fn error_status(errors: &[ServerError]) -> StatusCode {
    match errors.iter().find_map(code_of) {
        Some(code) => match code {
            code::UNAUTHENTICATED => StatusCode::UNAUTHORIZED,
            code::FORBIDDEN => StatusCode::FORBIDDEN,
            code::RATE_LIMITED => StatusCode::TOO_MANY_REQUESTS,
            code::INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
            code::TIMEOUT => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        },
        None => StatusCode::BAD_REQUEST,
    }
}

/// An answer to a request that did not get as far as the executor.
pub(super) fn refusal(status: StatusCode, media: MediaType, error: ServerError) -> Response {
    if media == MediaType::Flat {
        return flat(status, &flattened(&error));
    }
    json(
        status,
        media,
        &Body(&GraphqlResponse::from_errors(vec![error])),
    )
}

pub(super) fn refused(media: MediaType, refused: Refused) -> Response {
    match refused {
        Refused::Unauthenticated(message) => {
            let error = error(code::UNAUTHENTICATED, message);
            let answer = refusal(StatusCode::UNAUTHORIZED, media, error);
            ([(WWW_AUTHENTICATE, "Bearer")], answer).into_response()
        }
        Refused::Unavailable => {
            let error = error(
                code::UNAVAILABLE,
                "Your identity cannot be verified now; try again.",
            );
            refusal(StatusCode::SERVICE_UNAVAILABLE, media, error)
        }
    }
}

/// The caller has started too many operations; `wait` from now he may go on.
pub(super) fn rate_limited(wait: Duration) -> ServerError {
    let mut error = error(code::RATE_LIMITED, "Too many requests: slow down.");
    let seconds = wait.as_secs_f64();
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("retryAfter", seconds);
    error
}

pub(super) fn too_many_requests(media: MediaType, wait: Duration) -> Response {
    // Whole seconds, rounded up: before them it would be in vain.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let answer = refusal(StatusCode::TOO_MANY_REQUESTS, media, rate_limited(wait));
    ([(RETRY_AFTER, HeaderValue::from(seconds))], answer).into_response()
}

/// No more connections from there, or of this caller.
pub(super) fn too_many_connections() -> Response {
    let error = error(code::RATE_LIMITED, "Too many open connections.");
    refusal(StatusCode::TOO_MANY_REQUESTS, MediaType::Json, error)
}

pub(super) fn forged(media: MediaType) -> Response {
    let message = "GET is not for browsers that follow a link or serve a page of another origin.";
    refusal(
        StatusCode::FORBIDDEN,
        media,
        error(code::FORBIDDEN, message),
    )
}

pub(super) fn misdirected() -> Response {
    let message = "Without authentication this gateway answers under IP addresses, localhost and the \
                   hosts of GATEWAY_ALLOWED_ORIGINS only.";
    refusal(
        StatusCode::MISDIRECTED_REQUEST,
        MediaType::Json,
        error(code::FORBIDDEN, message),
    )
}

pub(super) fn only_by_post(media: MediaType) -> Response {
    let error = error(
        code::BAD_USER_INPUT,
        "GET runs queries only: send mutations by POST.",
    );
    (
        [(ALLOW, "POST")],
        refusal(StatusCode::METHOD_NOT_ALLOWED, media, error),
    )
        .into_response()
}

/// An answer for callers that read flat JSON and judge by the status. What is unavailable is so for
/// a short time: they may ask again after a second.
pub(super) fn flat(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut answer = (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let soon = HeaderValue::from_static("1");
        answer.headers_mut().insert(RETRY_AFTER, soon);
    }
    answer
}

/// The error's message beside its code and whatever else it says of itself.
fn flattened(error: &ServerError) -> serde_json::Value {
    let mut body = serde_json::to_value(&error.extensions).unwrap_or_default();
    body["message"] = error.message.as_str().into();
    body
}

/// The same for a refusal.
pub(super) fn flat_error(status: StatusCode, code: &str, message: &str) -> Response {
    flat(status, &json!({ "code": code, "message": message }))
}

/// An answer that is text already, without errors.
pub(super) fn answered(media: MediaType, text: Bytes) -> Response {
    written(StatusCode::OK, media, text)
}

fn json(status: StatusCode, media: MediaType, body: &impl Serialize) -> Response {
    written(status, media, to_json(body))
}

fn written(status: StatusCode, media: MediaType, text: impl IntoResponse) -> Response {
    let content_type = match media {
        MediaType::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        MediaType::Json | MediaType::EventStream | MediaType::Flat => {
            "application/json; charset=utf-8"
        }
    };
    let headers: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (VARY, HeaderValue::from_static("accept")),
    ];
    (status, headers, text).into_response()
}

pub(super) fn to_json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("GraphQL values have string keys")
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::PathSegment;

    fn failed(path: &[&str]) -> GraphqlResponse {
        let path = path
            .iter()
            .map(|name| PathSegment::Field((*name).into()))
            .collect();
        GraphqlResponse::from_errors(vec![error(code::BAD_USER_INPUT, "no").with_path(path)])
    }

    #[test]
    fn data_is_written_only_when_something_was_executed() {
        let body = |response: &GraphqlResponse| to_json(&Body(response));
        assert_eq!(body(&GraphqlResponse::new(Value::from(1))), r#"{"data":1}"#);
        assert_eq!(
            body(&failed(&[])),
            r#"{"errors":[{"message":"no","extensions":{"code":"BAD_USER_INPUT"}}]}"#
        );
        assert_eq!(
            body(&failed(&["a"])),
            r#"{"errors":[{"message":"no","path":["a"],"extensions":{"code":"BAD_USER_INPUT"}}],"data":null}"#
        );
    }

    #[test]
    fn errors_are_few_and_short() {
        let long = "\u{e9}".repeat(400);
        let mut errors: Vec<_> = (0..50)
            .map(|number| error(code::BAD_USER_INPUT, format!("{number} {long}")))
            .collect();
        errors.insert(0, errors[0].clone());
        // As the library words it.
        errors[3].extensions = None;
        let told: serde_json::Value = serde_json::from_str(&to_json(&Errors(&errors))).unwrap();
        let told: Vec<_> = told.as_array().unwrap().iter().collect();
        assert_eq!(told.len(), 10);
        assert!(told[1]["message"].as_str().unwrap().starts_with("1 "));
        for error in told {
            assert!(error["message"].as_str().unwrap().len() <= 500);
            assert_eq!(error["extensions"]["code"], code::BAD_USER_INPUT);
        }
        let paths = [failed(&["a"]), failed(&["b"])].map(|mut response| response.errors.remove(0));
        assert_eq!(to_json(&Errors(&paths)).matches("message").count(), 2);
    }

    #[test]
    fn arguments_are_named_where_the_library_names_them() {
        for (message, argument) in [
            (
                r#"Invalid value for argument "filter.statuses.0", enumeration type "S" does not contain the value "X""#,
                Some("filter.statuses"),
            ),
            (
                r#"Unknown argument "size" on field "a" of type "Query"."#,
                Some("size"),
            ),
            (
                r#"Field "a" argument "id" of type "ID!" is required but not provided"#,
                Some("id"),
            ),
            (r#"There can only be one argument named "id""#, Some("id")),
            (r#"Unknown field "a" on type "Query"."#, None),
            (r#"expected type, argument "not closed"#, None),
            (r#"argument "of no \ name""#, None),
        ] {
            assert_eq!(argument_in(message).as_deref(), argument, "{message}");
            let error = ServerError::new(message, None);
            let told = serde_json::to_value(Errors(&[error])).unwrap();
            assert_eq!(told[0]["extensions"]["argument"].as_str(), argument);
        }
    }

    #[test]
    fn status_codes_follow_the_media_type() {
        let check = |response: &GraphqlResponse, json: u16, graphql: u16| {
            assert_eq!(status(MediaType::Json, response), json);
            assert_eq!(status(MediaType::GraphqlResponse, response), graphql);
        };
        check(&GraphqlResponse::new(Value::from(1)), 200, 200);
        check(&failed(&[]), 200, 400);
        check(&failed(&["a"]), 200, 294);
        for (code, expected) in [
            (code::UNAUTHENTICATED, 401),
            (code::FORBIDDEN, 403),
            (code::RATE_LIMITED, 429),
            (code::INTERNAL, 500),
        ] {
            check(
                &GraphqlResponse::from_errors(vec![error(code, "no")]),
                200,
                expected,
            );
        }
    }

    #[test]
    fn only_a_failed_root_field_ends_a_subscription() {
        assert!(ends_subscription(&failed(&[])));
        assert!(ends_subscription(&failed(&["changes"])));
        assert!(!ends_subscription(&failed(&["changes", "id"])));
        assert!(!ends_subscription(&GraphqlResponse::new(Value::from(1))));
    }
}
