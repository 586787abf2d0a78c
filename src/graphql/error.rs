//! The only place that turns errors into answers.
//!
//! Every error has an `extensions.code`; what went wrong inside is logged here once and never told.

use async_graphql::indexmap::IndexMap;
use async_graphql::{Context, Error, ErrorExtensions, Name, Value};

use crate::commands::{CloseFailure, CloseStep};
use crate::counts::CountsError;
use crate::domain::event::Refused;
use crate::domain::ids::{ParticipantId, UserId};
use crate::domain::request_id::RequestId;
use crate::feed::FeedError;
use crate::genesys::client::ApiError;
use crate::http::code;
use crate::ingest::IngestError;
use crate::store::{BadPage, Cursor, CursorRefused, StoreError};

pub(crate) fn coded(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code))
}

/// A value the caller sent can't be used; `argument` names it as in the schema.
pub(crate) fn bad_input(argument: &'static str, message: impl Into<String>) -> Error {
    coded(code::BAD_USER_INPUT, message)
        .extend_with(|_, extensions| extensions.set("argument", argument))
}

/// There is no such thing, or the caller may not see it: the two are not told apart.
pub(crate) fn not_found(what: &str) -> Error {
    coded(code::NOT_FOUND, format!("{what} not found"))
}

/// A count has too many groups, or its rows can't be read.
pub(crate) fn counts(ctx: &Context<'_>, error: &CountsError) -> Error {
    match error {
        CountsError::TooManyGroups { limit } => too_many_groups(error, *limit),
        CountsError::Store(cause) => store(ctx, cause),
    }
}

pub(crate) fn too_many_groups(error: &CountsError, limit: usize) -> Error {
    too_much("groups", limit, error.to_string())
}

/// There is more than `limit` of `what`.
fn too_much(what: &'static str, limit: usize, message: String) -> Error {
    coded(code::LIMIT_EXCEEDED, message).extend_with(|_, extensions| {
        extensions.set("what", what);
        extensions.set("limit", limit);
    })
}

/// This replica has not yet published what the request wants to see.
pub(crate) fn behind() -> Error {
    coded(
        code::TIMEOUT,
        "this replica is behind the place in the log that was asked for",
    )
}

pub(crate) fn refused(ctx: &Context<'_>, refused: &Refused) -> Error {
    match refused {
        Refused::Conflict { fields } => coded(code::CONFLICT, refused.to_string())
            .extend_with(|_, extensions| extensions.set("fields", fields.clone())),
        Refused::NotFound => not_found("conversation or link"),
        Refused::TooManyLinks { limit } => too_much("links", *limit, refused.to_string()),
        Refused::Unwritable => internal(ctx, refused),
    }
}

pub(crate) fn ingest(ctx: &Context<'_>, error: &IngestError) -> Error {
    match error {
        IngestError::Refused(reason) => refused(ctx, reason),
        IngestError::Closed => internal(ctx, error),
    }
}

/// A page's cursor of another list or log is the caller's fault; whatever else the store says is ours.
pub(crate) fn store(ctx: &Context<'_>, error: &StoreError) -> Error {
    match error {
        StoreError::Page(BadPage::Cursor { argument }) => {
            bad_input(argument, "not a cursor of this list")
        }
        StoreError::Page(BadPage::BothDirections) => {
            bad_input("last", "give first or last, not both")
        }
        StoreError::Cursor(refused) => cursor(refused),
        _ => internal(ctx, error),
    }
}

/// A failure of ours: logged with the request's id, told without its cause.
pub(crate) fn internal(ctx: &Context<'_>, cause: &dyn std::error::Error) -> Error {
    let request = ctx.data_opt::<RequestId>();
    internal_in(request.map_or("none", RequestId::as_str), cause)
}

fn internal_in(request: &str, cause: &dyn std::error::Error) -> Error {
    tracing::error!(request.id = %request, error = %cause, "request failed");
    coded(code::INTERNAL, "internal error")
        .extend_with(|_, extensions| extensions.set("requestId", request))
}

/// A cursor that can't be resumed from.
pub(crate) fn cursor(refused: &CursorRefused) -> Error {
    let (code, message, head) = match refused {
        CursorRefused::Unknown { head } => (
            code::CURSOR_UNKNOWN,
            "this cursor is of another log: take a snapshot",
            head,
        ),
        CursorRefused::Expired { head } => (
            code::CURSOR_EXPIRED,
            "this cursor is older than what is kept: take a snapshot",
            head,
        ),
    };
    coded(code, message).extend_with(|_, extensions| extensions.set("head", head.cursor().encode()))
}

/// A change feed that can't begin.
pub(crate) fn feed(request: &RequestId, cause: &FeedError) -> Error {
    match cause {
        FeedError::Cursor(refused) => cursor(refused),
        FeedError::Store(cause) => internal_in(request.as_str(), cause),
        FeedError::TooMany { limit } => too_much("conversations", *limit, cause.to_string()),
    }
}

/// The end of a running feed: the client resumes behind the last place it reached.
pub(crate) fn ended(reason: &'static str, last: Cursor) -> Error {
    let message = "the feed ended: resume from the last cursor";
    coded(code::SUBSCRIPTION_ENDED, message).extend_with(|_, extensions| {
        extensions.set("reason", reason);
        extensions.set("cursor", last.encode());
    })
}

/// Genesys refused or could not be reached.
pub(crate) fn genesys(ctx: &Context<'_>, cause: &ApiError) -> Error {
    let request = ctx.data_opt::<RequestId>().map(ToString::to_string);
    tracing::warn!(request.id = request, error = %cause, "Genesys did not do it");
    let message = match cause.message() {
        Some(message) => format!("Genesys did not do it: {message}"),
        None => "Genesys did not do it".to_owned(),
    };
    coded(code::GENESYS_ERROR, message)
        .extend_with(|_, extensions| extensions.set("genesys", said(cause)))
}

/// Genesys refused a step of closing, or did not answer it.
pub(crate) fn close(ctx: &Context<'_>, failure: &CloseFailure) -> Error {
    let steps: Vec<Value> = failure.steps.iter().map(step).collect();
    genesys(ctx, &failure.cause).extend_with(|_, extensions| extensions.set("steps", steps.clone()))
}

fn step(step: &CloseStep) -> Value {
    let id = |id: Option<&str>| id.map_or(Value::Null, Value::from);
    let mut told = IndexMap::from([
        (
            Name::new("participantId"),
            id(step.participant.as_ref().map(ParticipantId::as_str)),
        ),
        (
            Name::new("userId"),
            id(step.user.as_ref().map(UserId::as_str)),
        ),
        (Name::new("state"), Value::from(step.state.word())),
    ]);
    if let Some(cause) = &step.cause {
        told.insert(Name::new("genesys"), said(cause));
    }
    Value::Object(told)
}

/// Status, code and correlation id of Genesys' answer, as far as it gave them.
fn said(cause: &ApiError) -> Value {
    let mut said = IndexMap::new();
    if let Some(status) = cause.status() {
        said.insert(Name::new("status"), Value::from(status));
    }
    if let Some(code) = cause.code() {
        said.insert(Name::new("code"), Value::from(code));
    }
    if let Some(correlation) = cause.correlation_id() {
        said.insert(Name::new("correlationId"), Value::from(correlation));
    }
    Value::Object(said)
}
