//! Runs requests so that no failure inside reaches a client: a panic becomes `INTERNAL`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;

use super::operations::{Operations, Outcome};
use super::request::operation_type;
use super::response::{code, error, internal_error};
use super::variables;
use crate::domain::caller::Caller;
use crate::domain::request_id::RequestId;
use crate::sessions::{Pass, Session};

/// Runs a query or mutation.
pub(super) async fn execute<E: Operations>(
    executor: &E,
    mut request: Request,
    caller: Caller,
    request_id: &RequestId,
) -> Response {
    if let Err(misfit) = variables::check(&mut request) {
        return Response::from_errors(vec![misfit]);
    }
    let request = request.data(request_id.clone());
    let execution = AssertUnwindSafe(executor.execute(request, &caller)).catch_unwind();
    execution.await.unwrap_or_else(|_| panicked(request_id))
}

/// Runs an operation of any kind. The stream ends with the operation.
pub(super) fn results<E: Operations>(
    executor: &E,
    mut request: Request,
    session: &Arc<Session>,
    request_id: RequestId,
) -> BoxStream<'static, Outcome> {
    let (caller, passes) = (session.caller(), session.passes());
    if let Err(misfit) = variables::check(&mut request) {
        let misfit = Outcome::Own(Response::from_errors(vec![misfit]));
        return stream::iter([misfit]).boxed();
    }
    let is_subscription = operation_type(&mut request) == Some(OperationType::Subscription);
    let request = request.data(Arc::clone(session)).data(request_id.clone());
    let responses = AssertUnwindSafe(executor.results(request, &caller))
        .catch_unwind()
        .map(move |item| item.unwrap_or_else(|_| Outcome::Own(panicked(&request_id))))
        .boxed();
    if is_subscription {
        while_same(responses, caller, passes)
    } else {
        responses
    }
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

fn panicked(request_id: &RequestId) -> Response {
    tracing::error!(request.id = %request_id, "an operation panicked");
    Response::from_errors(vec![internal_error(request_id)])
}
