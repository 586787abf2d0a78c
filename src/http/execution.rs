//! Runs requests so that no failure inside reaches a client: a panic becomes `INTERNAL`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_graphql::{Request, Response, ServerError};
use futures_util::stream::{self, BoxStream, Stream};
use futures_util::{FutureExt, StreamExt};

use super::admission::{Admission, is_subscription};
use super::code;
use super::operations::{Beginning, Operations, Outcome};
use super::response::{error, internal_error};
use super::{Front, envelope, variables};
use crate::domain::caller::Caller;
use crate::domain::request_id::RequestId;
use crate::sessions::Session;

/// Runs a query or mutation.
pub(super) async fn execute<E: Operations>(
    front: &Front<E>,
    mut request: Request,
    caller: Caller,
    request_id: &RequestId,
) -> Response {
    front.executor.prepare(&mut request);
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
    let (caller, renewals) = session.caller_and_renewals();
    if let Err(refusal) = check(&front.shared.admission, &mut request, &caller) {
        return refused(refusal);
    }
    let is_subscription = is_subscription(&request);
    let request = request.data(Arc::clone(session)).data(request_id.clone());
    let running = Running::Begins(front.executor.results(request, &caller));
    if is_subscription {
        let while_same = WhileSame {
            running,
            session: Arc::clone(session),
            renewals,
            cursor: Box::default(),
        };
        while_same.boxed()
    } else {
        in_time(
            running.boxed(),
            front.shared.config.execution_timeout,
            request_id,
        )
    }
}

/// An operation's results; a panic ends it with an error.
enum Running {
    Begins(Beginning),
    Runs(BoxStream<'static, Outcome>),
    Over,
}

impl Running {
    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        loop {
            match self {
                Self::Begins(beginning) => {
                    let results = ready!(beginning.poll_unpin(cx));
                    *self = Self::Runs(results);
                }
                Self::Runs(results) => return results.poll_next_unpin(cx),
                Self::Over => return Poll::Ready(None),
            }
        }
    }
}

impl Stream for Running {
    type Item = Outcome;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let this = &mut *self;
        let poll = catch_unwind(AssertUnwindSafe(|| this.poll_inner(cx)));
        match poll {
            Ok(Poll::Ready(Some(outcome))) => Poll::Ready(Some(outcome)),
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(None)) => {
                *this = Self::Over;
                Poll::Ready(None)
            }
            Err(_) => {
                *this = Self::Over;
                let request_id = envelope::fresh_request_id();
                Poll::Ready(Some(Outcome::Own(panicked(&request_id))))
            }
        }
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

/// A subscription's results as long as the caller sees and may do the same. Nothing is told by
/// rights that were taken away: it ends, and the client resumes behind its last cursor with those
/// it has. It must be polled after each renewal; who serves the connection sees to that.
struct WhileSame {
    running: Running,
    session: Arc<Session>,
    /// The session's renewals when it began.
    renewals: u32,
    /// The last one told, or empty: its text as bytes, which are written over in place.
    cursor: Box<[u8]>,
}

impl Stream for WhileSame {
    type Item = Outcome;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        if self.session.has_other_rights_than(self.renewals)
            && !matches!(self.running, Running::Over)
        {
            self.running = Running::Over;
            let cursor = String::from_utf8_lossy(&self.cursor);
            let message = "Your rights have changed: subscribe again.";
            return Poll::Ready(Some(lost_rights(message, &cursor)));
        }
        let outcome = ready!(self.running.poll_next_unpin(cx));
        if let Some(Outcome::Shared(shared)) = &outcome {
            let cursor = shared.cursor().as_bytes();
            if self.cursor.len() == cursor.len() {
                self.cursor.copy_from_slice(cursor);
            } else {
                self.cursor = cursor.into();
            }
        }
        Poll::Ready(outcome)
    }
}

/// The end of what the caller has no right to any more. `cursor` is the last one told, or empty.
pub(super) fn lost_rights(message: &str, cursor: &str) -> Outcome {
    let mut error = error(code::SUBSCRIPTION_ENDED, message);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("reason", "PERMISSION");
    if !cursor.is_empty() {
        extensions.set("cursor", cursor);
    }
    Outcome::Own(Response::from_errors(vec![error]))
}

fn check(admission: &Admission, request: &mut Request, caller: &Caller) -> Result<(), ServerError> {
    admission.admit(request, caller)?;
    variables::coerce(request)
}

fn late(request_id: &RequestId) -> Response {
    tracing::warn!(request.id = %request_id, "an operation took too long");
    Response::from_errors(vec![error(code::TIMEOUT, "This took too long.")])
}

fn panicked(request_id: &RequestId) -> Response {
    tracing::error!(request.id = %request_id, "an operation panicked");
    Response::from_errors(vec![internal_error(request_id)])
}
