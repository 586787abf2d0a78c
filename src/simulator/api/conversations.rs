//! Reading conversations: whole, or one medium of them.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::conversation::Participant;
use super::super::conversation::words::Media;
use super::super::error::ApiError;
use super::super::world::{Handle, World, lock};
use super::super::{media, snapshot};
use super::page;

type Answer = Result<Json<Value>, ApiError>;

pub(super) fn routes() -> Router<Arc<World>> {
    let mut routes = Router::new()
        .route("/api/v2/conversations", get(own))
        .route("/api/v2/conversations/{id}", get(whole))
        .route(
            "/api/v2/conversations/{id}/participants/{participant}/wrapup",
            get(wrapup),
        )
        .route(
            "/api/v2/conversations/{id}/participants/{participant}/wrapupcodes",
            get(wrapup_codes),
        );
    for media in Media::ALL {
        let path = format!("/api/v2/conversations/{}", media.plural());
        routes = routes
            .route(&path, get(own))
            .route(
                &format!("{path}/{{id}}"),
                get(async move |state, id| one_medium(media, state, id)),
            )
            .route(
                &format!("{path}/{{id}}/participants/{{participant}}/wrapup"),
                get(wrapup),
            )
            .route(
                &format!("{path}/{{id}}/participants/{{participant}}/wrapupcodes"),
                get(wrapup_codes),
            );
    }
    routes
}

pub(super) fn find(world: &World, id: &str) -> Result<Handle, ApiError> {
    Uuid::parse_str(id)
        .ok()
        .and_then(|id| world.conversation(id))
        .ok_or_else(|| ApiError::not_found("conversation"))
}

/// Lists the conversations of the logged-in user; a token of a mere client has none.
async fn own(Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let number = |name: &str, default| {
        query
            .get(name)
            .and_then(|text| text.parse().ok())
            .filter(|number| *number >= 1)
            .unwrap_or(default)
    };
    Json(page(
        "/api/v2/conversations",
        Vec::new(),
        number("pageSize", 25),
        number("pageNumber", 1),
    ))
}

async fn whole(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    if let Ok(handle) = find(&world, &id) {
        return Ok(Json(snapshot::rest(&lock(&handle), &world.org)));
    }
    let replayed = Uuid::parse_str(&id).ok().and_then(|id| {
        world
            .replayed
            .lock()
            .expect("no panic while held")
            .get(&id)
            .cloned()
    });
    replayed
        .map(Json)
        .ok_or_else(|| ApiError::not_found("conversation"))
}

fn one_medium(media: Media, State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let handle = find(&world, &id)?;
    let conversation = lock(&handle);
    if conversation.has(media) {
        Ok(Json(media::rest(&conversation, &world.org, media)))
    } else {
        Err(ApiError::not_found("conversation on this medium"))
    }
}

async fn wrapup(
    State(world): State<Arc<World>>,
    Path((id, participant)): Path<(String, Uuid)>,
) -> Answer {
    let handle = find(&world, &id)?;
    let conversation = lock(&handle);
    let wrapup = conversation
        .participant(participant)
        .map(|one| one.wrapup.as_ref());
    match wrapup {
        None => Err(ApiError::not_found("participant")),
        Some(None) => Ok(Json(json!({}))),
        Some(Some(wrapup)) => Ok(Json(snapshot::wrapup_json(wrapup, Some(&world.org)))),
    }
}

async fn wrapup_codes(
    State(world): State<Arc<World>>,
    Path((id, participant)): Path<(String, Uuid)>,
) -> Answer {
    let handle = find(&world, &id)?;
    let known = lock(&handle)
        .participant(participant)
        .is_some_and(|one: &Participant| one.role.is_staff());
    if !known {
        return Err(ApiError::not_found("participant"));
    }
    Ok(Json(
        world
            .org
            .codes
            .iter()
            .map(|code| json!({"id": code.id, "name": code.name}))
            .collect(),
    ))
}
