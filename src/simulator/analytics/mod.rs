//! Analytics conversation details: one, several by id, queries, asynchronous jobs. All of them lag behind what is live.

mod query;
mod shape;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::clock::Stamp;
use super::conversation::Conversation;
use super::error::{ApiError, parse};
use super::world::{World, lock};
use query::{ConversationQuery, Found};

type Answer = Result<Json<Value>, ApiError>;

/// Ids that `GET .../details` takes at once.
const MAX_IDS: usize = 100;
/// How long the result of a job is kept.
const JOB_LIFE: Duration = Duration::from_hours(24);
/// Jobs that are kept.
const MAX_JOBS: usize = 100;

pub(crate) fn routes() -> Router<Arc<World>> {
    let details = "/api/v2/analytics/conversations/details";
    Router::new()
        .route("/api/v2/analytics/conversations/{id}/details", get(one))
        .route(details, get(several))
        .route(&format!("{details}/query"), post(query))
        .route(&format!("{details}/jobs"), post(submit))
        .route(&format!("{details}/jobs/availability"), get(availability))
        .route(&format!("{details}/jobs/{{id}}"), get(job).delete(cancel))
        .route(&format!("{details}/jobs/{{id}}/results"), get(results))
}

impl World {
    fn analytics_cutoff(&self) -> Stamp {
        let lag = i64::try_from(self.config.analytics_lag.as_millis()).unwrap_or(0);
        Stamp::now().plus_millis(-lag)
    }

    fn analytics_of(&self, id: Uuid, attributes: bool) -> Option<Value> {
        let handle = self.conversation(id)?;
        shape::details(
            &lock(&handle),
            &self.org,
            self.analytics_cutoff(),
            attributes,
        )
    }

    /// Every conversation that analytics know by now, as they know it.
    fn analytics(&self) -> Vec<Arc<Value>> {
        let cutoff = self.analytics_cutoff();
        let all = self.all();
        all.iter()
            .filter_map(|handle| self.analytics_at(&lock(handle), cutoff))
            .collect()
    }

    /// What is told of a conversation after its last change is put together once.
    fn analytics_at(&self, conversation: &Conversation, cutoff: Stamp) -> Option<Arc<Value>> {
        let settled = || self.settled.lock().expect("no panic while held");
        let (id, last) = (conversation.id, conversation.last);
        let known = settled().get(&id).cloned();
        if let Some((_, known)) = known.filter(|(as_of, _)| *as_of == last) {
            return Some(known);
        }
        let details = Arc::new(shape::details(conversation, &self.org, cutoff, false)?);
        if last <= cutoff {
            settled().insert(id, (last, Arc::clone(&details)));
        }
        Some(details)
    }

    /// The same with what only jobs tell.
    fn data_lake(&self) -> Vec<Arc<Value>> {
        let cutoff = self.analytics_cutoff();
        let all = self.all();
        all.iter()
            .filter_map(|handle| shape::details(&lock(handle), &self.org, cutoff, true))
            .map(Arc::new)
            .collect()
    }
}

async fn one(State(world): State<Arc<World>>, Path(id): Path<Uuid>) -> Answer {
    world
        .analytics_of(id, false)
        .map(Json)
        .ok_or_else(|| ApiError::not_found("conversation"))
}

async fn several(
    State(world): State<Arc<World>>,
    Query(query): Query<Vec<(String, String)>>,
) -> Answer {
    let ids: Vec<&str> = query
        .iter()
        .filter(|(key, _)| key == "id")
        .flat_map(|(_, value)| value.split(','))
        .filter(|id| !id.is_empty())
        .collect();
    if ids.is_empty() || ids.len() > MAX_IDS {
        return Err(ApiError::bad_request(format!(
            "Between 1 and {MAX_IDS} ids are required."
        )));
    }
    let known = |id: &&str| {
        Uuid::parse_str(id)
            .ok()
            .and_then(|id| world.analytics_of(id, false))
    };
    let conversations: Vec<Value> = ids.iter().filter_map(known).collect();
    Ok(Json(json!({"conversations": conversations})))
}

/// An empty page has no `conversations` at all.
async fn query(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let query: ConversationQuery = parse(&body)?;
    let Found { page, total } = query.page(world.analytics())?;
    let mut answer = json!({"totalHits": total});
    if !page.is_empty() {
        answer["conversations"] = json!(page);
    }
    Ok(Json(answer))
}

async fn submit(State(world): State<Arc<World>>, body: Bytes) -> Result<Response, ApiError> {
    let query: ConversationQuery = parse(&body)?;
    let conversations = query.all(world.data_lake())?;
    let conversations: Vec<&Value> = conversations.iter().map(Arc::as_ref).collect();
    let id = Uuid::new_v4();
    let now = Stamp::now();
    let status = json!({"state": "FULFILLED", "submissionDate": now, "completionDate": now, "expirationDate": now.plus(JOB_LIFE)});
    let mut jobs = world.jobs.lock().expect("no panic while held");
    if jobs.len() >= MAX_JOBS {
        jobs.clear();
    }
    jobs.insert(
        id,
        json!({"status": status, "conversations": conversations}),
    );
    Ok((StatusCode::ACCEPTED, Json(json!({"jobId": id}))).into_response())
}

fn find_job(world: &World, id: Uuid) -> Result<Value, ApiError> {
    let jobs = world.jobs.lock().expect("no panic while held");
    jobs.get(&id)
        .cloned()
        .ok_or_else(|| ApiError::not_found("job"))
}

async fn job(State(world): State<Arc<World>>, Path(id): Path<Uuid>) -> Answer {
    Ok(Json(find_job(&world, id)?["status"].clone()))
}

async fn cancel(
    State(world): State<Arc<World>>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    find_job(&world, id)?;
    world.jobs.lock().expect("no panic while held").remove(&id);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    /// Index of the first conversation of the page.
    cursor: Option<usize>,
    page_size: Option<usize>,
}

async fn results(
    State(world): State<Arc<World>>,
    Path(id): Path<Uuid>,
    Query(wanted): Query<Results>,
) -> Answer {
    let job = find_job(&world, id)?;
    let all = job["conversations"].as_array().cloned().unwrap_or_default();
    let from = wanted.cursor.unwrap_or(0).min(all.len());
    let to = (from + wanted.page_size.unwrap_or(1_000).clamp(1, 10_000)).min(all.len());
    let mut answer =
        json!({"conversations": all[from..to], "dataAvailabilityDate": world.analytics_cutoff()});
    if to < all.len() {
        answer["cursor"] = json!(to.to_string());
    }
    Ok(Json(answer))
}

async fn availability(State(world): State<Arc<World>>) -> Json<Value> {
    Json(json!({"dataAvailabilityDate": world.analytics_cutoff()}))
}
