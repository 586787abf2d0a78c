//! Runs requests so that no failure inside reaches a client: a panic becomes `INTERNAL`.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_graphql::{Executor, Request, Response, ServerError};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};

use super::admission::{Admission, is_subscription};
use super::response::{code, error, internal_error};
use super::{Front, variables};
use crate::domain::caller::Caller;
use crate::domain::request_id::RequestId;

/// Runs a query or mutation.
pub(super) async fn execute<E: Executor>(
    front: &Front<E>,
    mut request: Request,
    caller: Caller,
    request_id: &RequestId,
) -> Response {
    if let Err(refusal) = check(&front.shared.admission, &mut request, &caller) {
        return Response::from_errors(vec![refusal]);
    }
    let request = request.data(caller).data(request_id.clone());
    let execution = AssertUnwindSafe(front.executor.execute(request)).catch_unwind();
    let limit = front.shared.config.execution_timeout;
    match tokio::time::timeout(limit, execution).await {
        Ok(outcome) => outcome.unwrap_or_else(|_| panicked(request_id)),
        Err(_) => late(request_id),
    }
}

/// Runs an operation of any kind. The stream ends with the operation.
pub(super) fn execute_stream<E: Executor>(
    front: &Front<E>,
    mut request: Request,
    caller: Caller,
    request_id: RequestId,
) -> BoxStream<'static, Response> {
    if let Err(refusal) = check(&front.shared.admission, &mut request, &caller) {
        return refused(refusal);
    }
    let is_subscription = is_subscription(&request);
    let request = request.data(caller).data(request_id.clone());
    let named = request_id.clone();
    let responses = AssertUnwindSafe(front.executor.execute_stream(request, None))
        .catch_unwind()
        .map(move |item| item.unwrap_or_else(|_| panicked(&named)));
    if is_subscription {
        return responses.boxed();
    }
    in_time(
        responses.boxed(),
        front.shared.config.execution_timeout,
        request_id,
    )
}

/// An operation that was not run.
pub(super) fn refused(refusal: ServerError) -> BoxStream<'static, Response> {
    stream::iter([Response::from_errors(vec![refusal])]).boxed()
}

/// Queries and mutations end with `TIMEOUT` when they take too long; subscriptions may last.
fn in_time(
    responses: BoxStream<'static, Response>,
    limit: Duration,
    request_id: RequestId,
) -> BoxStream<'static, Response> {
    let late = async move {
        tokio::time::sleep(limit).await;
        late(&request_id)
    };
    let last = stream::once(late).boxed();
    // Whichever ends first ends the other: the result, or the time.
    stream::unfold(Some((responses, last)), |streams| async move {
        let (mut responses, mut last) = streams?;
        tokio::select! {
            biased;
            response = responses.next() => response.map(|response| (response, Some((responses, last)))),
            late = last.next() => late.map(|late| (late, None)),
        }
    })
    .boxed()
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
