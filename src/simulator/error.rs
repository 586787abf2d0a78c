//! Error answers as Genesys writes them, and the correlation id that every answer carries.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use super::conversation::steps::Refused;

pub(crate) const CORRELATION: HeaderName = HeaderName::from_static("inin-correlation-id");

#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad.request", message)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not.found",
            format!("The requested resource was not found: {what}"),
        )
    }

    pub(crate) fn missing_permission(permission: &str) -> Self {
        let message = format!(
            "Unable to perform the requested action. You are missing the following permission(s): {permission}"
        );
        Self::new(StatusCode::FORBIDDEN, "missing.permissions", message)
    }

    pub(crate) fn too_large() -> Self {
        let message = "The request is over the size limit. Content-Length: 512000";
        let code = "request.entity.too.large";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code, message)
    }

    pub(crate) fn too_many_requests(seconds: u64) -> Self {
        let seconds = seconds.max(1);
        let message =
            format!("Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds");
        Self {
            retry_after: Some(seconds),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too.many.requests", message)
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        Self::bad_request(refused.0)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let correlation = Uuid::new_v4().to_string();
        let body = json!({
            "message": self.message, "code": self.code, "status": self.status.as_u16(), "messageParams": {},
            "contextId": correlation, "details": [], "errors": [],
        });
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().insert(
            CORRELATION,
            HeaderValue::from_str(&correlation).expect("a uuid is a header value"),
        );
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Reads a JSON body; an empty one counts as `{}`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.iter().all(u8::is_ascii_whitespace) {
        b"{}"
    } else {
        body
    };
    serde_json::from_slice(body).map_err(|error| {
        ApiError::bad_request(format!(
            "The request could not be understood by the server due to malformed syntax: {error}"
        ))
    })
}
