//! What every answer carries: a request id, and headers that keep browsers from guessing.

use axum::extract::Request;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;

use super::negotiation::MediaType;
use super::response::{internal_error, refusal};
use crate::domain::request_id::RequestId;

/// For every answer that does not say otherwise: nothing of it is shown in a frame or used elsewhere.
const HEADERS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (CORP, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];
const NO_PAGE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

/// Which origins' pages may load it.
pub(super) const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request (by the client's `x-request-id` if it sent a usable one), turns a panic into a
/// plain 500, and completes the answer's headers.
pub(super) async fn wrap(mut request: Request, next: Next) -> Response {
    let request_id = request
        .headers()
        .get(X_REQUEST_ID)
        .and_then(|value| RequestId::parse(value.to_str().ok()?))
        .unwrap_or_else(fresh_request_id);
    request.extensions_mut().insert(request_id.clone());

    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answer.unwrap_or_else(|_| {
        tracing::error!(request.id = %request_id, "a request handler panicked");
        let error = internal_error(&request_id);
        refusal(StatusCode::INTERNAL_SERVER_ERROR, MediaType::Json, error)
    });

    let headers = response.headers_mut();
    let request_id = HeaderValue::from_str(request_id.as_str()).expect("request ids are plain");
    headers.insert(X_REQUEST_ID, request_id);
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NO_PAGE);
    response
}

pub(super) fn fresh_request_id() -> RequestId {
    uuid::Uuid::new_v4().into()
}
