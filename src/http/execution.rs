//! Runs requests so that no failure inside reaches a client: a panic becomes `INTERNAL`.

use std::panic::AssertUnwindSafe;

use async_graphql::{Request, Response};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};

use super::operations::{Operations, Outcome};
use super::response::internal_error;
use super::variables;
use crate::domain::caller::Caller;
use crate::domain::request_id::RequestId;

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
    caller: &Caller,
    request_id: RequestId,
) -> BoxStream<'static, Outcome> {
    if let Err(misfit) = variables::check(&mut request) {
        let misfit = Outcome::Own(Response::from_errors(vec![misfit]));
        return stream::iter([misfit]).boxed();
    }
    let request = request.data(request_id.clone());
    AssertUnwindSafe(executor.results(request, caller))
        .catch_unwind()
        .map(move |item| item.unwrap_or_else(|_| Outcome::Own(panicked(&request_id))))
        .boxed()
}

fn panicked(request_id: &RequestId) -> Response {
    tracing::error!(request.id = %request_id, "an operation panicked");
    Response::from_errors(vec![internal_error(request_id)])
}
