//! The control surface under `/sim`: makes conversations happen, makes things go wrong, tells the truth.

use std::collections::HashMap;
use std::sync::Arc;

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
use super::conversation::Halves;
use super::conversation::steps::Step;
use super::conversation::words::{Direction, Media};
use super::faults::FaultOrder;
use super::scripts::{self, Plan, Script};
use super::traffic::TrafficOrder;
use super::truth::truth_of;
use super::world::{Handle, World, lock, scaled};

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/conversations", post(create))
        .route("/conversations/{id}/steps", post(step))
        .route("/queues", post(add_queue))
        .route("/traffic", post(traffic))
        .route("/faults", post(fault).delete(lift))
        .route("/replay", post(replay))
        .route("/truth", get(truth))
        .route("/stats", get(stats))
        .route(
            "/scripts",
            get(async || Json(json!({"scripts": scripts::NAMES}))),
        )
}

/// Why the control surface does not do it, in plain words.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

fn bad(reason: impl std::fmt::Display) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, reason.to_string())
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(bad)
}

type Answer = Result<Response, Refusal>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    media_type: Option<Media>,
    direction: Option<Direction>,
    queue_id: Option<Uuid>,
    script: Option<String>,
    speed: Option<f64>,
    #[serde(default)]
    halves: Halves,
}

impl Wanted {
    fn script(&self) -> Result<Script, Refusal> {
        let media = self.media_type.unwrap_or(Media::Voice);
        // A callback goes out to the customer, unless somebody says otherwise.
        let direction = self.direction.unwrap_or(if media == Media::Callback {
            Direction::Outbound
        } else {
            Direction::Inbound
        });
        match &self.script {
            None => Ok(Script {
                media,
                direction,
                acw: true,
                provider: None,
                plan: Plan::new(),
            }),
            Some(name) => scripts::script(name, media, direction).ok_or_else(|| {
                bad(format!(
                    "no script {name}; there are {}",
                    scripts::NAMES.join(", ")
                ))
            }),
        }
    }
}

async fn create(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let wanted: Wanted = read(&body)?;
    let speed = wanted.speed.unwrap_or(1.0);
    if !(0.01..=10_000.0).contains(&speed) {
        return Err(bad("speed must be between 0.01 and 10000"));
    }
    if let Some(queue) = wanted
        .queue_id
        .filter(|queue| world.org.queue(*queue).is_none())
    {
        return Err(bad(format!("no queue {queue}")));
    }
    let script = wanted.script()?;
    let mut conversation = world.new_conversation(script.media, script.direction, wanted.queue_id);
    conversation.halves = wanted.halves;
    conversation.speed = speed;
    conversation.acw = script.acw;
    conversation.playing = !script.plan.is_empty();
    conversation.provider = script.provider.map(str::to_owned);
    let (id, handle) = world.add(conversation);
    play(&world, handle, script.plan, speed);
    Ok((StatusCode::CREATED, Json(json!({"id": id}))).into_response())
}

/// Plays a script by itself. A step that somebody else made impossible is left out.
fn play(world: &Arc<World>, handle: Handle, plan: Plan, speed: f64) {
    let playing = Arc::clone(world);
    world.tasks.spawn(async move {
        let played = async {
            for (wait, step) in plan {
                tokio::time::sleep(scaled(wait, speed)).await;
                if let Err(refused) = playing.take(&handle, step).await {
                    tracing::debug!(conversation.id = %lock(&handle).id, reason = refused.0, "a step of a script is left out");
                }
            }
        };
        playing.stop.run_until_cancelled(played).await;
        lock(&handle).playing = false;
    });
}

async fn step(State(world): State<Arc<World>>, Path(id): Path<Uuid>, body: Bytes) -> Answer {
    let step: Step = read(&body)?;
    let Some(handle) = world.conversation(id) else {
        return Err(Refusal(
            StatusCode::NOT_FOUND,
            "no such conversation".into(),
        ));
    };
    let before = lock(&handle).truth.len();
    if let Err(refused) = world.take(&handle, step).await {
        return Err(Refusal(StatusCode::CONFLICT, refused.0));
    }
    let truth = truth_of(&lock(&handle), Stamp::now());
    let made: Vec<Value> = truth["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .skip(before)
        .cloned()
        .collect();
    Ok(Json(json!({"id": id, "steps": made})).into_response())
}

/// One more queue, as if an administrator had made it.
async fn add_queue(State(world): State<Arc<World>>) -> Answer {
    let queue = world.org.add_queue().ok_or_else(|| {
        Refusal(
            StatusCode::CONFLICT,
            "there can be no more queues".to_owned(),
        )
    })?;
    let made = json!({"id": queue.id, "name": queue.name});
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

async fn traffic(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let order = read::<TrafficOrder>(&body)?.check().map_err(bad)?;
    world.order_traffic(order);
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn fault(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let order: FaultOrder = read(&body)?;
    world.faults.order(&order).map_err(bad)?;
    if order.revoke_tokens {
        world.tokens.revoke_all();
        world.announce_revocation();
    }
    if order.revoke_tokens || order.expire_channels {
        world.channels.expire(Stamp::now(), true);
    }
    if order.closing_notice {
        world.announce_closing();
    }
    if order.drop_sockets {
        world.channels.drop_sockets();
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn lift(State(world): State<Arc<World>>) -> StatusCode {
    world.faults.lift();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Replay {
    snapshots: Vec<Recorded>,
    speed: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    at: Moment,
    topic_name: String,
    event_body: Value,
}

/// A time of day or milliseconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Millis(i64),
    Time(Stamp),
}

impl Moment {
    fn millis(&self) -> i64 {
        match self {
            Self::Millis(millis) => *millis,
            Self::Time(time) => time.millis(),
        }
    }
}

async fn replay(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let replay: Replay = read(&body)?;
    let speed = replay.speed.unwrap_or(1.0);
    if !(0.01..=1_000_000.0).contains(&speed) {
        return Err(bad("speed must be between 0.01 and 1000000"));
    }
    let playing = Arc::clone(&world);
    world.tasks.spawn(async move {
        let mut before = None;
        for recorded in replay.snapshots {
            let at = recorded.at.millis();
            let wait = u64::try_from(at - before.unwrap_or(at)).unwrap_or(0);
            before = Some(at);
            if playing
                .stop
                .run_until_cancelled(tokio::time::sleep(scaled(wait, speed)))
                .await
                .is_none()
            {
                return;
            }
            playing.replay(&recorded.topic_name, &recorded.event_body);
        }
    });
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Every conversation's truth, or with `?id=` that of one.
async fn truth(
    State(world): State<Arc<World>>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let now = Stamp::now();
    let handles = match query.get("id") {
        None => world.all(),
        Some(id) => Uuid::parse_str(id)
            .ok()
            .and_then(|id| world.conversation(id))
            .into_iter()
            .collect(),
    };
    let conversations: Vec<Value> = handles
        .iter()
        .map(|handle| truth_of(&lock(handle), now))
        .collect();
    Json(json!({"conversations": conversations}))
}

async fn stats(State(world): State<Arc<World>>) -> Json<Value> {
    Json(world.stats.to_json(world.all().len()))
}
