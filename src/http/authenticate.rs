//! Who may come in: the questions that the front door asks, answered elsewhere.

use std::borrow::Cow;

use axum::http::HeaderMap;
use futures_util::future::BoxFuture;

use crate::sessions::Pass;

/// Tells who sends a request.
pub trait Authenticate: Send + Sync + 'static {
    /// Whether everybody is let in, unasked.
    fn is_open(&self) -> bool {
        false
    }

    /// The sender of an HTTP request, by its headers.
    fn request<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Pass, Refused>>;

    /// The owner of a WebSocket, by the payload of its `connection_init` and the headers of its
    /// upgrade request. Browsers cannot set headers there, other clients can.
    fn connection<'a>(
        &'a self,
        payload: Option<&'a serde_json::Map<String, serde_json::Value>>,
        upgrade: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<Pass, Refused>>;
}

/// Why a caller was not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No proof of identity, or one that does not hold. The text is shown to the caller.
    Unauthenticated(Cow<'static, str>),
    /// The proof cannot be judged at the moment; the caller should come again.
    Unavailable,
}
