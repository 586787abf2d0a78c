//! Operations over server-sent events, in graphql-sse's distinct connections mode: one request, one
//! stream of `next` events, one `complete`. Errors of the operation travel inside the stream.

use std::convert::Infallible;
use std::sync::Arc;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationType, Selection,
};
use async_graphql::{Name, Positioned, Request, Response as GraphqlResponse, ServerError, Value};
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, Stream, StreamExt};
use tokio::time::{Instant, interval_at};

use super::operations::{Operations, Outcome, Rewritten, text_of};
use super::response::too_long;
use super::{Front, execution};
use crate::domain::request_id::RequestId;
use crate::sessions::{Farewell, Pass, Transport};

/// Asks nginx to pass events on at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Browsers ignore an event without a `data` line, be it empty.
const COMPLETE: &str = "event: complete\ndata:\n\n";
const COMMENT: &str = ":\n\n";

/// Starts the operation. The stream ends without `complete` when the process drains, so that the
/// client reconnects.
pub(super) fn stream<E: Operations>(
    front: &Front<E>,
    mut request: Request,
    last_event_id: Option<String>,
    pass: Pass,
    request_id: RequestId,
    seats: impl Send + 'static,
) -> Response {
    front.executor.prepare(&mut request);
    if let Some(cursor) = last_event_id {
        resume_after(&mut request, &cursor);
    }
    let shared = &front.shared;
    let pause = shared.config.sse_keep_alive;
    let longest = shared.config.max_result;
    let present = shared.sessions.enter(pass, Transport::EventStream);
    let session = Arc::clone(present.session());
    session.running(1);
    let farewell = Arc::clone(&session).farewell();
    let results = execution::results(front, request, &session, request_id);
    let events = until(results, farewell, longest)
        .chain(stream::once(async { COMPLETE.to_owned() }))
        .map(move |event| {
            // In the list as long as the stream lives.
            let _ = &present;
            event
        })
        .take_until(shared.drain.clone().cancelled_owned());
    let comments = interval_at(Instant::now() + pause, pause);
    let events = tokio_stream::StreamExt::timeout_repeating(events, comments).map(move |event| {
        let _ = &seats;
        Ok::<_, Infallible>(event.unwrap_or_else(|_| COMMENT.to_owned()))
    });
    event_stream(Body::from_stream(events))
}

/// A stream of one result.
pub(super) fn only(outcome: &Outcome) -> Response {
    event_stream(Body::from(next(outcome) + COMPLETE))
}

fn event_stream(body: Body) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    (headers, body).into_response()
}

/// The results as events; once the caller must go, instead an error that says why and from where to
/// resume. A result of more than `longest` bytes ends the operation with an error, too.
fn until(
    results: BoxStream<'static, Outcome>,
    farewell: impl Future<Output = Farewell> + Send + 'static,
    longest: usize,
) -> impl Stream<Item = String> + Send + 'static {
    let begins = Some((results, farewell.boxed(), String::new()));
    stream::unfold(begins, move |present| async move {
        let (mut results, mut farewell, mut cursor) = present?;
        tokio::select! {
            biased;
            farewell = &mut farewell => Some((goodbye(&farewell, &cursor), None)),
            outcome = results.next() => {
                let outcome = outcome?;
                if let Outcome::Shared(shared) = &outcome {
                    shared.cursor().clone_into(&mut cursor);
                }
                let event = next(&outcome);
                if event.len() > longest {
                    return Some((next(&refusal(too_long(longest))), None));
                }
                Some((event, Some((results, farewell, cursor))))
            }
        }
    })
}

fn refusal(error: ServerError) -> Outcome {
    Outcome::Own(GraphqlResponse::from_errors(vec![error]))
}

/// `cursor` is the last one told, or empty.
fn goodbye(farewell: &Farewell, cursor: &str) -> String {
    next(&execution::lost_rights(farewell.reason(), cursor))
}

/// One event as text. Its id is the cursor that the response carries, if it carries one.
fn next(outcome: &Outcome) -> String {
    // JSON text holds no line breaks, so one `data` line is enough.
    match outcome {
        Outcome::Own(response) => format!("event: next\ndata: {}\n\n", text_of(response)),
        Outcome::Shared(shared) => {
            let (cursor, text) = (shared.cursor(), shared.text());
            format!("event: next\nid: {cursor}\ndata: {text}\n\n")
        }
    }
}

/// Makes a subscription continue behind the last event that the client has seen: that outranks any
/// `after` the operation was written with. A document that cannot be read is left to the executor.
fn resume_after(request: &mut Request, cursor: &str) {
    if let Ok(mut document) = request.parsed_query().cloned() {
        for name in set_after(&mut document, cursor) {
            request.variables.insert(name, cursor.into());
        }
        request.set_parsed_query(document);
        request.data.insert(Rewritten);
    }
}

/// Writes the cursor into the document where it held none or another one; gives the variables that
/// it is taken from. Those must stay in use, or the document would no longer be valid.
fn set_after(document: &mut ExecutableDocument, cursor: &str) -> Vec<Name> {
    let operations: Vec<_> = match &mut document.operations {
        DocumentOperations::Single(operation) => vec![operation],
        DocumentOperations::Multiple(operations) => operations.values_mut().collect(),
    };
    let subscriptions = operations
        .into_iter()
        .filter(|o| o.node.ty == OperationType::Subscription);
    let selections = subscriptions.flat_map(|it| &mut it.node.selection_set.node.items);
    let fields = selections.filter_map(|selection| match &mut selection.node {
        Selection::Field(field) => Some(field),
        // The executor has made the root flat, or refuses it.
        Selection::InlineFragment(_) | Selection::FragmentSpread(_) => None,
    });
    fields
        .filter_map(|field| set_after_of(field, cursor))
        .collect()
}

fn set_after_of(field: &mut Positioned<Field>, cursor: &str) -> Option<Name> {
    let position = field.pos;
    let given = field.node.get_argument("after").map(ToString::to_string);
    // No other value is written with this sign in front.
    if let Some(variable) = given.as_deref().and_then(|text| text.strip_prefix('$')) {
        return Some(Name::new(variable));
    }
    let arguments = &mut field.node.arguments;
    arguments.retain(|(name, _)| name.node != "after");
    arguments.push((
        Positioned::new(Name::new("after"), position),
        Positioned::new(Value::from(cursor).into_value(), position),
    ));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumed(query: &str) -> String {
        let mut request = Request::new(query);
        resume_after(&mut request, "c7");
        format!("{:?}", request.parsed_query())
    }

    #[test]
    fn the_last_event_outranks_what_was_written() {
        for query in [
            "subscription { changes(after: \"old\") { id } }",
            "subscription { changes { id } }",
        ] {
            let document = resumed(query);
            assert_eq!(document.matches("String(\"c7\")").count(), 1, "{document}");
            assert!(!document.contains("old"), "{document}");
        }
    }

    #[test]
    fn a_cursor_that_comes_from_a_variable_is_changed_there() {
        let query = "subscription ($c: String) { changes(after: $c) { id } }";
        let mut request = Request::new(query);
        request.variables.insert(Name::new("c"), "old".into());
        resume_after(&mut request, "c7");
        assert_eq!(request.variables.get("c"), Some(&Value::from("c7")));
        let document = format!("{:?}", request.parsed_query());
        assert!(
            document.contains("Variable") && !document.contains("c7"),
            "{document}"
        );
    }

    #[test]
    fn queries_are_left_alone() {
        assert!(!resumed("{ changes(after: \"old\") { id } }").contains("c7"));
    }
}
