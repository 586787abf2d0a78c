//! Queues, users, wrap-up codes, the organisation itself.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::error::ApiError;
use super::super::org::{Code, Org, Queue, User};
use super::super::world::World;
use super::page;

const MAX_PAGE: usize = 500;

type Asked = Query<Vec<(String, String)>>;
type Answer = Result<Json<Value>, ApiError>;

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/api/v2/routing/queues", get(queues))
        .route("/api/v2/routing/queues/{id}", get(queue))
        .route("/api/v2/routing/queues/{id}/wrapupcodes", get(queue_codes))
        .route("/api/v2/routing/queues/{id}/members", get(queue_members))
        .route("/api/v2/routing/wrapupcodes", get(codes))
        .route("/api/v2/routing/wrapupcodes/{id}", get(code))
        .route("/api/v2/users", get(users))
        .route("/api/v2/users/{id}", get(user))
        .route("/api/v2/organizations/me", get(organization))
}

/// Filters and paging of a listing.
struct Wanted {
    ids: Vec<String>,
    name: Option<String>,
    size: usize,
    number: usize,
}

impl Wanted {
    fn read(query: &[(String, String)]) -> Result<Self, ApiError> {
        let value = |name: &str| {
            query
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
        };
        let number = |name: &str, default: usize| match value(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| *number >= 1)
                .ok_or_else(|| ApiError::bad_request(format!("{name} must be a number from 1 on"))),
        };
        let size = number("pageSize", 25)?;
        if size > MAX_PAGE {
            return Err(ApiError::bad_request(format!(
                "pageSize must not exceed {MAX_PAGE}"
            )));
        }
        Ok(Self {
            ids: query
                .iter()
                .filter(|(key, _)| key == "id")
                .flat_map(|(_, value)| value.split(','))
                .map(str::to_owned)
                .collect(),
            name: value("name").map(|name| name.trim_matches('*').to_lowercase()),
            size,
            number: number("pageNumber", 1)?,
        })
    }

    fn page<'a, T: 'a>(
        &self,
        path: &str,
        all: &'a [T],
        key: impl Fn(&T) -> (Uuid, &str),
        json: impl Fn(&'a T) -> Value,
    ) -> Value {
        let fits = |one: &&T| {
            let (id, name) = key(one);
            (self.ids.is_empty() || self.ids.contains(&id.to_string()))
                && self
                    .name
                    .as_ref()
                    .is_none_or(|part| name.to_lowercase().contains(part))
        };
        page(
            path,
            all.iter().filter(fits).map(json).collect(),
            self.size,
            self.number,
        )
    }
}

async fn queues(State(world): State<Arc<World>>, Query(query): Asked) -> Answer {
    let org = &world.org;
    Ok(Json(Wanted::read(&query)?.page(
        "/api/v2/routing/queues",
        org.queues(),
        |queue| (queue.id, &queue.name),
        |queue| queue_json(org, queue),
    )))
}

async fn queue(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let queue = find(world.org.queues(), &id, |queue| queue.id)
        .ok_or_else(|| ApiError::not_found("queue"))?;
    Ok(Json(queue_json(&world.org, queue)))
}

async fn queue_codes(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    Query(query): Asked,
) -> Answer {
    find(world.org.queues(), &id, |queue| queue.id).ok_or_else(|| ApiError::not_found("queue"))?;
    Ok(Json(Wanted::read(&query)?.page(
        &format!("/api/v2/routing/queues/{id}/wrapupcodes"),
        &world.org.codes,
        |code| (code.id, code.name),
        code_json,
    )))
}

async fn queue_members(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    Query(query): Asked,
) -> Answer {
    find(world.org.queues(), &id, |queue| queue.id).ok_or_else(|| ApiError::not_found("queue"))?;
    let member = |user| json!({"id": user_id(user), "name": user_name(user), "user": user_json(user), "ringNumber": 1, "joined": true, "memberBy": "user"});
    Ok(Json(Wanted::read(&query)?.page(
        &format!("/api/v2/routing/queues/{id}/members"),
        &world.org.users,
        |user| (user.id, &user.name),
        member,
    )))
}

async fn codes(State(world): State<Arc<World>>, Query(query): Asked) -> Answer {
    Ok(Json(Wanted::read(&query)?.page(
        "/api/v2/routing/wrapupcodes",
        &world.org.codes,
        |code| (code.id, code.name),
        code_json,
    )))
}

async fn code(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    find(&world.org.codes, &id, |code| code.id)
        .map(|code| Json(code_json(code)))
        .ok_or_else(|| ApiError::not_found("wrap-up code"))
}

async fn users(State(world): State<Arc<World>>, Query(query): Asked) -> Answer {
    Ok(Json(Wanted::read(&query)?.page(
        "/api/v2/users",
        &world.org.users,
        |user| (user.id, &user.name),
        user_json,
    )))
}

async fn user(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    find(&world.org.users, &id, |user| user.id)
        .map(|user| Json(user_json(user)))
        .ok_or_else(|| ApiError::not_found("user"))
}

async fn organization(State(world): State<Arc<World>>) -> Json<Value> {
    Json(
        json!({"id": world.org.id, "name": "Simulated Organisation", "defaultLanguage": "en-us", "state": "active", "domain": "simulator.example.com"}),
    )
}

fn find<'a, T>(all: &'a [T], id: &str, key: impl Fn(&T) -> Uuid) -> Option<&'a T> {
    let id = Uuid::parse_str(id).ok()?;
    all.iter().find(|one| key(one) == id)
}

fn queue_json(org: &Org, queue: &Queue) -> Value {
    json!({
        "id": queue.id, "name": queue.name, "division": org.division_json(), "mediaSettings": {}, "acwSettings": {"wrapupPrompt": "MANDATORY_TIMEOUT", "timeoutMs": 30_000},
        "memberCount": org.users.len(), "joinedMemberCount": org.users.len(), "selfUri": format!("/api/v2/routing/queues/{}", queue.id),
    })
}

fn code_json(code: &Code) -> Value {
    json!({"id": code.id, "name": code.name, "selfUri": format!("/api/v2/routing/wrapupcodes/{}", code.id)})
}

fn user_id(user: &User) -> Uuid {
    user.id
}

fn user_name(user: &User) -> &str {
    &user.name
}

fn user_json(user: &User) -> Value {
    json!({
        "id": user.id, "name": user.name, "email": user.email, "username": user.email, "state": "active", "version": 1, "acdAutoAnswer": false,
        "selfUri": format!("/api/v2/users/{}", user.id),
    })
}
