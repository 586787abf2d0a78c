//! Runs requests so that no failure inside reaches a client: a panic becomes `INTERNAL`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Response, ServerError};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;

use super::admission::{Admission, is_subscription};
use super::operations::{Operations, Outcome};
use super::response::{code, error, internal_error};
use super::{Front, variables};
use crate::domain::caller::Caller;
use crate::domain::request_id::RequestId;
use crate::sessions::{Pass, Session};

/// Runs a query or mutation.
pub(super) async fn execute<E: Operations>(
    front: &Front<E>,
    mut request: Request,
    caller: Caller,
    request_id: &RequestId,
) -> Response {
    if let Err(refusal) = check(&front.shared.admission, &mut request, &caller) {
        return Response::from_errors(vec![refusal]);
    }
    let request = request.data(request_id.clone());
    let execution = AssertUnwindSafe(front.executor.execute(request, &caller)).catch_unwind();
    let limit = front.shared.config.execution_timeout;
    match tokio::time::timeout(limit, execution).await {
        Ok(outcome) => outcome.unwrap_or_else(|_| panicked(request_id)),
        Err(_) => late(request_id),
    }
}

/// Runs an operation of any kind. The stream ends with the operation.
pub(super) fn results<E: Operations>(
    front: &Front<E>,
    mut request: Request,
    session: &Arc<Session>,
    request_id: RequestId,
) -> BoxStream<'static, Outcome> {
    let (caller, passes) = (session.caller(), session.passes());
    if let Err(refusal) = check(&front.shared.admission, &mut request, &caller) {
        return refused(refusal);
    }
    let is_subscription = is_subscription(&request);
    let request = request.data(Arc::clone(session)).data(request_id.clone());
    let named = request_id.clone();
    let responses = AssertUnwindSafe(front.executor.results(request, &caller))
        .catch_unwind()
        .map(move |item| item.unwrap_or_else(|_| Outcome::Own(panicked(&named))))
        .boxed();
    if is_subscription {
        while_same(responses, caller, passes)
    } else {
        in_time(responses, front.shared.config.execution_timeout, request_id)
    }
}

/// An operation that was not run.
pub(super) fn refused(refusal: ServerError) -> BoxStream<'static, Outcome> {
    stream::iter([Outcome::Own(Response::from_errors(vec![refusal]))]).boxed()
}

/// Queries and mutations end with `TIMEOUT` when they take too long; subscriptions may last.
fn in_time(
    responses: BoxStream<'static, Outcome>,
    limit: Duration,
    request_id: RequestId,
) -> BoxStream<'static, Outcome> {
    let late = async move {
        tokio::time::sleep(limit).await;
        Outcome::Own(late(&request_id))
    };
    let last = stream::once(late).boxed();
    // Whichever ends first ends the other: the result, or the time.
    stream::unfold(Some((responses, last)), async |streams| {
        let (mut responses, mut last) = streams?;
        tokio::select! {
            biased;
            response = responses.next() => response.map(|response| (response, Some((responses, last)))),
            late = last.next() => late.map(|late| (late, None)),
        }
    })
    .boxed()
}

/// A subscription's responses as long as the caller sees and may do the same. Nothing is told by
/// rights that were taken away: it ends, and the client resumes behind its last cursor with those
/// it has.
fn while_same(
    responses: BoxStream<'static, Outcome>,
    caller: Caller,
    mut passes: watch::Receiver<Pass>,
) -> BoxStream<'static, Outcome> {
    let other = async move {
        let is_other = |pass: &Pass| {
            pass.caller.scope != caller.scope || pass.caller.permissions != caller.permissions
        };
        if passes.wait_for(is_other).await.is_err() {
            // The connection is going, and this with it.
            std::future::pending::<()>().await;
        }
    };
    let state = Some((responses, Box::pin(other), None));
    stream::unfold(state, async |state| {
        let (mut responses, mut other, cursor) = state?;
        tokio::select! {
            biased;
            () = &mut other => Some((other_rights(cursor), None)),
            response = responses.next() => {
                let response = response?;
                let cursor = cursor_of(&response).or(cursor);
                Some((response, Some((responses, other, cursor))))
            }
        }
    })
    .boxed()
}

fn cursor_of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Own(_) => None,
        Outcome::Shared(shared) => Some(shared.cursor().to_owned()),
    }
}

fn other_rights(cursor: Option<String>) -> Outcome {
    let message = "Your rights have changed: subscribe again.";
    let mut error = error(code::SUBSCRIPTION_ENDED, message);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("reason", "PERMISSION");
    if let Some(cursor) = cursor {
        extensions.set("cursor", cursor);
    }
    Outcome::Own(Response::from_errors(vec![error]))
}

fn check(admission: &Admission, request: &mut Request, caller: &Caller) -> Result<(), ServerError> {
    admission.admit(request, caller)?;
    variables::check(request)
}

fn late(request_id: &RequestId) -> Response {
    tracing::warn!(request.id = %request_id, "an operation took too long");
    Response::from_errors(vec![error(code::TIMEOUT, "This took too long.")])
}

fn panicked(request_id: &RequestId) -> Response {
    tracing::error!(request.id = %request_id, "an operation panicked");
    Response::from_errors(vec![internal_error(request_id)])
}
