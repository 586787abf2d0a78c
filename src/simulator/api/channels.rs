//! Notification channels and their subscriptions.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::channels::{ChannelInfo, MAX_TOPICS};
use super::super::clock::Stamp;
use super::super::error::{ApiError, parse};
use super::super::server::{Bearer, host_of};
use super::super::topics::{self, Rejection};
use super::super::world::World;

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/api/v2/notifications/channels", get(list).post(create))
        .route("/api/v2/notifications/channels/{id}", get(exists))
        .route(
            "/api/v2/notifications/channels/{id}/subscriptions",
            get(subscriptions).post(add).put(replace).delete(clear),
        )
        .route("/api/v2/notifications/availabletopics", get(available))
}

#[derive(Deserialize)]
struct Topic {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscribing {
    #[serde(default)]
    ignore_errors: bool,
}

#[derive(Deserialize)]
struct Listing {
    includechannels: Option<String>,
}

fn channel_json(headers: &HeaderMap, channel: &ChannelInfo) -> Value {
    json!({"id": channel.id, "connectUri": format!("ws://{}/channels/{}", host_of(headers), channel.id), "expires": channel.expires})
}

async fn create(
    State(world): State<Arc<World>>,
    Extension(Bearer(token)): Extension<Bearer>,
    headers: HeaderMap,
) -> Json<Value> {
    Json(channel_json(
        &headers,
        &world.channels.create(&token, Stamp::now()),
    ))
}

async fn list(
    State(world): State<Arc<World>>,
    Extension(Bearer(token)): Extension<Bearer>,
    headers: HeaderMap,
    Query(listing): Query<Listing>,
) -> Json<Value> {
    let whose = if listing.includechannels.as_deref() == Some("oauthclient") {
        None
    } else {
        Some(token.as_str())
    };
    let entities: Vec<Value> = world
        .channels
        .list(whose)
        .iter()
        .map(|channel| channel_json(&headers, channel))
        .collect();
    Json(json!({"entities": entities}))
}

/// Answers HEAD: is the channel there still?
async fn exists(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    if world.channels.exists(&id) {
        Ok(StatusCode::OK)
    } else {
        Err(no_channel())
    }
}

async fn subscriptions(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let topics = world.channels.topics(&id).ok_or_else(no_channel)?;
    Ok(Json(entities(&topics)))
}

async fn add(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    Query(query): Query<Subscribing>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    subscribe(&world, &id, &body, query.ignore_errors, false)
}

async fn replace(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    Query(query): Query<Subscribing>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    subscribe(&world, &id, &body, query.ignore_errors, true)
}

async fn clear(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    world
        .channels
        .subscribe(&id, &[], true, Stamp::now())
        .map(|_| StatusCode::NO_CONTENT)
        .ok_or_else(no_channel)
}

async fn available(Query(query): Query<Vec<(String, String)>>) -> Json<Value> {
    let expand: Vec<&str> = query
        .iter()
        .filter(|(key, _)| key == "expand")
        .flat_map(|(_, value)| value.split(','))
        .collect();
    Json(topics::available(&expand))
}

/// All or nothing, unless errors are to be ignored: then each topic is answered for itself.
fn subscribe(
    world: &World,
    id: &str,
    body: &[u8],
    ignore_errors: bool,
    replace: bool,
) -> Result<Json<Value>, ApiError> {
    let wanted: Vec<Topic> = if body.is_empty() {
        Vec::new()
    } else {
        parse(body)?
    };
    if !world.channels.exists(id) {
        return Err(no_channel());
    }
    let mut answers = Vec::new();
    let mut permitted = Vec::new();
    for Topic { id: topic } in wanted {
        let individual = topics::expand(&topic);
        let rejected: Vec<(String, Rejection)> = individual
            .iter()
            .filter_map(|one| Some((one.clone(), topics::judge(&world.org, one).err()?)))
            .collect();
        if let Some((bad, why)) = rejected.first().filter(|_| !ignore_errors) {
            return Err(rejection_error(bad, why));
        }
        answers.extend(rejected.iter().map(|(bad, why)| rejection_json(bad, why)));
        if rejected.len() < individual.len() {
            answers.push(json!({"id": topic, "state": "Permitted"}));
            permitted.push(topic);
        }
    }
    match world
        .channels
        .subscribe(id, &permitted, replace, Stamp::now())
    {
        None => Err(no_channel()),
        Some(false) => Err(ApiError::bad_request(format!(
            "A channel cannot have more than {MAX_TOPICS} topics"
        ))),
        Some(true) if ignore_errors => Ok(Json(json!({"entities": answers}))),
        Some(true) => Ok(Json(entities(&permitted))),
    }
}

fn entities(topics: &[String]) -> Value {
    let entities: Vec<Value> = topics.iter().map(|topic| json!({"id": topic})).collect();
    json!({"entities": entities})
}

fn rejection_error(topic: &str, why: &Rejection) -> ApiError {
    match why {
        Rejection::Unknown => ApiError::bad_request(format!("Topic is not valid: {topic}")),
        Rejection::MissingPermission => ApiError::missing_permission(topics::VIEW),
    }
}

fn rejection_json(topic: &str, why: &Rejection) -> Value {
    let (reason, missing) = match why {
        Rejection::Unknown => ("Topic is not valid", vec![]),
        Rejection::MissingPermission => ("Missing permissions", vec![topics::VIEW]),
    };
    json!({"id": topic, "state": "Rejected", "rejectionReason": reason, "missingPermissions": missing})
}

fn no_channel() -> ApiError {
    ApiError::not_found("notification channel")
}
