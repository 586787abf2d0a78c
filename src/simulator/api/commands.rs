//! Changing conversations: what an agent's desktop asks for, and teardown.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, patch, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::super::conversation::ending::{By, HangUp};
use super::super::conversation::steps::{Change, Refused, Step, Target};
use super::super::conversation::words::{Media, Role, Why};
use super::super::conversation::{Conversation, Participant};
use super::super::error::{ApiError, parse};
use super::super::snapshot;
use super::super::world::{Handle, World, lock};
use super::conversations::find;

type Answer = Result<Response, ApiError>;

pub(super) fn routes() -> Router<Arc<World>> {
    let mut routes = Router::new()
        .route("/api/v2/conversations/{id}/disconnect", post(disconnect))
        .route("/api/v2/conversations/{id}", delete(disconnect));
    for media in Media::ALL {
        let path = format!("/api/v2/conversations/{}/{{id}}", media.plural());
        let one = format!("{path}/participants/{{participant}}");
        routes = routes
            .route(
                &path,
                patch(async move |state, id, body| patch_medium(media, state, id, body).await),
            )
            .route(
                &one,
                patch(async move |state, ids, body| {
                    patch_participant(media, state, ids, body).await
                }),
            )
            .route(&format!("{one}/replace"), post(replace))
            .route(&format!("{one}/parkingstate"), patch(parking_state))
            .route(
                &format!("{one}/consult"),
                post(consult).patch(speak_to).delete(cancel_consult),
            );
    }
    routes
}

/// `MediaParticipantRequest`, as far as it does anything here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ParticipantPatch {
    wrapup: Option<WrapupInput>,
    state: Option<String>,
    held: Option<bool>,
    muted: Option<bool>,
    wrapup_skipped: Option<bool>,
}

#[derive(Deserialize)]
struct WrapupInput {
    code: Option<String>,
    name: Option<String>,
    notes: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TransferRequest {
    user_id: Option<Uuid>,
    queue_id: Option<Uuid>,
    address: Option<String>,
}

#[derive(Deserialize)]
struct ConsultRequest {
    destination: TransferRequest,
}

async fn disconnect(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let handle = find(&world, &id)?;
    let over = lock(&handle).end.is_some()
        && !lock(&handle).participants.iter().any(Participant::wraps_up);
    if !over {
        world.take(&handle, Step::End { error: None }).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(json!(id))).into_response())
}

async fn patch_medium(
    media: Media,
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let request: ParticipantPatch = parse(&body)?;
    let handle = find(&world, &id)?;
    if !lock(&handle).has(media) {
        return Err(ApiError::not_found("conversation on this medium"));
    }
    if request.state.as_deref() != Some("disconnected") {
        return Err(ApiError::bad_request(
            "Only the state disconnected can be set.",
        ));
    }
    if media == Media::Message {
        // The thread stays open for its threading time, whoever leaves it.
        if lock(&handle).has_company() {
            world
                .act(&handle, "disconnect", Conversation::leave_thread)
                .await?;
        }
    } else if lock(&handle).end.is_none() {
        let hang_up = HangUp {
            by: By::Platform(Why::System),
            who: None,
        };
        world
            .act(&handle, hang_up.name(), |conversation, scene| {
                conversation.change(scene, &Change::HangUp(hang_up.clone()))
            })
            .await?;
    }
    Ok(Json(snapshot::rest(&lock(&handle), &world.org)).into_response())
}

/// Who is meant, and whether the medium fits.
fn participant(handle: &Handle, media: Media, id: Uuid) -> Result<Role, ApiError> {
    let conversation = lock(handle);
    let one = conversation
        .participant(id)
        .filter(|one| one.leg_on(media).is_some());
    one.map(|one| one.role)
        .ok_or_else(|| ApiError::not_found("participant"))
}

async fn patch_participant(
    media: Media,
    State(world): State<Arc<World>>,
    Path((id, pid)): Path<(String, Uuid)>,
    body: Bytes,
) -> Answer {
    let request: ParticipantPatch = parse(&body)?;
    let handle = find(&world, &id)?;
    let role = participant(&handle, media, pid)?;
    if let Some(wrapup) = request.wrapup {
        if !role.is_staff() {
            return Err(ApiError::bad_request(
                "Only a user participant can have a wrap-up.",
            ));
        }
        world
            .take(&handle, wrap_up_step(&world, pid, wrapup)?)
            .await?;
    }
    if request.wrapup_skipped == Some(true) {
        world
            .act(&handle, "wrap-up", |conversation, scene| {
                conversation.skip_wrap_up(scene, pid)
            })
            .await?;
    }
    match request.held {
        Some(true) => {
            world
                .act(&handle, "hold", |conversation, scene| {
                    conversation.hold(scene, Some(pid))
                })
                .await?;
        }
        Some(false) => {
            world
                .act(&handle, "unhold", |conversation, scene| {
                    conversation.unhold(scene, Some(pid))
                })
                .await?;
        }
        None => {}
    }
    if let Some(muted) = request.muted {
        world
            .act(&handle, "mute", |conversation, _| {
                conversation.mute(pid, muted)
            })
            .await?;
    }
    if let Some(state) = request.state {
        set_state(&world, &handle, role, pid, &state).await?;
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

fn wrap_up_step(world: &World, participant: Uuid, wrapup: WrapupInput) -> Result<Step, ApiError> {
    let by_name = |name: &String| {
        world
            .org
            .codes
            .iter()
            .find(|code| code.name == name)
            .map(|code| code.id.to_string())
    };
    let code = wrapup
        .code
        .or_else(|| wrapup.name.as_ref().and_then(by_name))
        .ok_or_else(|| ApiError::bad_request("wrapup.code is missing"))?;
    if world.org.code_name(&code).is_none() {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "invalid.value",
            format!("Wrap-up code {code} is not valid for this queue."),
        ));
    }
    Ok(Step::WrapUp {
        participant_id: Some(participant),
        user_id: None,
        code: Some(code),
        notes: wrapup.notes,
        timeout: false,
    })
}

async fn set_state(
    world: &World,
    handle: &Handle,
    role: Role,
    pid: Uuid,
    state: &str,
) -> Result<(), Refused> {
    let (open, alerting, parked) = {
        let conversation = lock(handle);
        let one = conversation
            .participant(pid)
            .expect("it was there a moment ago");
        (one.is_open(), one.is_alerting(), one.is_parked())
    };
    match (state, role) {
        ("disconnected", _) if !open => Err(Refused("The participant is not connected.".into())),
        ("disconnected", Role::Customer) => world.take(handle, Step::CustomerDisconnect).await,
        ("disconnected", Role::Agent | Role::User) if alerting => {
            world.take(handle, Step::Decline).await
        }
        ("disconnected", Role::Agent | Role::User) => {
            world
                .take(
                    handle,
                    Step::AgentDisconnect {
                        participant_id: Some(pid),
                        user_id: None,
                        last: false,
                    },
                )
                .await
        }
        ("disconnected", _) => {
            world
                .act(handle, "disconnect", |conversation, scene| {
                    conversation.change(
                        scene,
                        &Change::HangUp(HangUp {
                            by: By::Platform(Why::System),
                            who: None,
                        }),
                    )
                })
                .await
        }
        ("connected", Role::Agent | Role::User) if alerting => {
            world.take(handle, Step::Answer).await
        }
        ("connected", Role::Agent) if parked => {
            world
                .act(handle, "unpark", |conversation, scene| {
                    conversation.unpark(scene, Some(pid))
                })
                .await
        }
        ("connected", _) if open => Ok(()),
        ("parked", Role::Agent) => {
            world
                .act(handle, "park", |conversation, scene| {
                    conversation.park(scene, Some(pid))
                })
                .await
        }
        _ => Err(Refused(format!(
            "The participant cannot be set to {state}."
        ))),
    }
}

#[derive(Deserialize)]
struct ParkingState {
    state: String,
}

async fn parking_state(
    State(world): State<Arc<World>>,
    Path((id, pid)): Path<(String, Uuid)>,
    body: Bytes,
) -> Answer {
    let request: ParkingState = parse(&body)?;
    let handle = find(&world, &id)?;
    match request.state.to_ascii_lowercase().as_str() {
        "parked" => {
            world
                .act(&handle, "park", |conversation, scene| {
                    conversation.park(scene, Some(pid))
                })
                .await?;
        }
        _ => {
            world
                .act(&handle, "unpark", |conversation, scene| {
                    conversation.unpark(scene, Some(pid))
                })
                .await?;
        }
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

/// A blind transfer. It is accepted at once; the customer arrives a moment later.
async fn replace(
    State(world): State<Arc<World>>,
    Path((id, pid)): Path<(String, Uuid)>,
    body: Bytes,
) -> Answer {
    let to: TransferRequest = parse(&body)?;
    let handle = find(&world, &id)?;
    if lock(&handle)
        .participant(pid)
        .is_none_or(|one| !one.role.is_staff())
    {
        return Err(ApiError::not_found("participant"));
    }
    if to.user_id.is_none() && to.queue_id.is_none() && to.address.is_none() {
        return Err(ApiError::bad_request(
            "A userId, queueId or address is required.",
        ));
    }
    world
        .take(
            &handle,
            Step::Transfer {
                queue_id: to.queue_id,
                user_id: to.user_id,
                address: to.address,
                gap_ms: None,
                to: Target::default(),
            },
        )
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn consult(
    State(world): State<Arc<World>>,
    Path((id, _)): Path<(String, Uuid)>,
    body: Bytes,
) -> Answer {
    let request: ConsultRequest = parse(&body)?;
    let handle = find(&world, &id)?;
    world
        .take(
            &handle,
            Step::Consult {
                user_id: request.destination.user_id,
            },
        )
        .await?;
    let target = lock(&handle).participants.last().map(|one| one.id);
    Ok((
        StatusCode::CREATED,
        Json(json!({"destinationParticipantId": target})),
    )
        .into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpeakTo {
    speak_to: String,
}

async fn speak_to(
    State(world): State<Arc<World>>,
    Path((id, _)): Path<(String, Uuid)>,
    body: Bytes,
) -> Answer {
    let request: SpeakTo = parse(&body)?;
    let handle = find(&world, &id)?;
    if request.speak_to.eq_ignore_ascii_case("both") {
        world.take(&handle, Step::Conference).await?;
    }
    Ok(Json(json!({})).into_response())
}

async fn cancel_consult(
    State(world): State<Arc<World>>,
    Path((id, _)): Path<(String, Uuid)>,
) -> Answer {
    let handle = find(&world, &id)?;
    world.take(&handle, Step::CancelConsult).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
