//! Writes GraphQL responses and the front door's own errors.

use async_graphql::{Response as GraphqlResponse, ServerError, Value};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::authenticate::Refused;
use super::negotiation::MediaType;
use super::request::Malformed;
use crate::domain::request_id::RequestId;

/// Values of `extensions.code` that the front door gives by itself.
pub(super) mod code {
    pub(in crate::http) const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
    pub(in crate::http) const FORBIDDEN: &str = "FORBIDDEN";
    pub(in crate::http) const INTERNAL: &str = "INTERNAL";
    pub(in crate::http) const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";
    pub(in crate::http) const RATE_LIMITED: &str = "RATE_LIMITED";
    pub(in crate::http) const TIMEOUT: &str = "TIMEOUT";
    pub(in crate::http) const SUBSCRIPTION_ENDED: &str = "SUBSCRIPTION_ENDED";
    pub(in crate::http) const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
    pub(in crate::http) const UNAVAILABLE: &str = "UNAVAILABLE";
}

/// A response in the form that the GraphQL specification gives it: errors first, `data` only if the
/// request was executed (sections 7.1.2 and 7.1.6).
pub(super) struct Body<'a>(pub(super) &'a GraphqlResponse);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(response) = self;
        let mut body = serializer.serialize_map(None)?;
        if !response.errors.is_empty() {
            body.serialize_entry("errors", &response.errors)?;
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

/// An answer to a request that got as far as the executor.
pub(super) fn executed(media: MediaType, mut response: GraphqlResponse) -> Response {
    let headers = std::mem::take(&mut response.http_headers);
    let mut answer = json(status(media, &response), media, &Body(&response));
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

fn error_status(errors: &[ServerError]) -> StatusCode {
    let code = errors
        .iter()
        .find_map(|error| error.extensions.as_ref()?.get("code"));
    match code {
        Some(Value::String(code)) => match code.as_str() {
            code::UNAUTHENTICATED => StatusCode::UNAUTHORIZED,
            code::FORBIDDEN => StatusCode::FORBIDDEN,
            code::RATE_LIMITED => StatusCode::TOO_MANY_REQUESTS,
            code::INTERNAL => StatusCode::INTERNAL_SERVER_ERROR,
            code::TIMEOUT => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        },
        _ => StatusCode::BAD_REQUEST,
    }
}

/// An answer to a request that did not get as far as the executor.
pub(super) fn refusal(status: StatusCode, media: MediaType, error: ServerError) -> Response {
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

fn json(status: StatusCode, media: MediaType, body: &impl Serialize) -> Response {
    let content_type = match media {
        MediaType::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        MediaType::Json | MediaType::EventStream => "application/json; charset=utf-8",
    };
    let headers: [(HeaderName, HeaderValue); 3] = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (VARY, HeaderValue::from_static("accept")),
    ];
    (status, headers, to_json(body)).into_response()
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
