//! Creating conversations: e-mails, messages, chats, calls and callbacks.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::clock::Stamp;
use super::super::conversation::Conversation;
use super::super::conversation::steps::Step;
use super::super::conversation::words::{Direction, Media, Role};
use super::super::error::{ApiError, parse};
use super::super::media;
use super::super::world::{Handle, World, lock};

type Answer = Result<Response, ApiError>;

pub(super) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/api/v2/conversations/calls", post(create_call))
        .route("/api/v2/conversations/callbacks", post(create_callback))
        .route("/api/v2/conversations/chats", post(create_chat))
        .route("/api/v2/conversations/emails", post(create_email))
        .route("/api/v2/conversations/messages", post(create_message))
}

/// What the creating requests have in common, and each one's own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Creation {
    queue_id: Option<Uuid>,
    call_from_queue_id: Option<Uuid>,
    routing_data: Option<RoutingData>,
    direction: Option<Direction>,
    provider: Option<String>,
    subject: Option<String>,
    to_address: Option<String>,
    from_address: Option<String>,
    from_name: Option<String>,
    to_name: Option<String>,
    phone_number: Option<String>,
    callback_user_name: Option<String>,
    callback_numbers: Option<Vec<String>>,
    callback_scheduled_time: Option<Stamp>,
    attributes: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoutingData {
    queue_id: Option<Uuid>,
}

impl Creation {
    fn queue(&self) -> Option<Uuid> {
        self.queue_id
            .or(self.call_from_queue_id)
            .or(self.routing_data.as_ref().and_then(|data| data.queue_id))
    }

    /// A conversation as described, not yet begun.
    fn begin(
        &self,
        world: &World,
        media: Media,
        direction: Direction,
    ) -> Result<Conversation, ApiError> {
        let queue = self
            .queue()
            .ok_or_else(|| ApiError::bad_request("queueId is required."))?;
        if world.org.queue(queue).is_none() {
            return Err(ApiError::not_found("queue"));
        }
        let mut conversation = world.new_conversation(media, direction, Some(queue));
        conversation.provider.clone_from(&self.provider);
        let caller = &mut conversation.caller;
        let (address, name) = if direction == Direction::Inbound {
            (&self.from_address, &self.from_name)
        } else {
            (&self.to_address, &self.to_name)
        };
        set(&mut caller.email, address.as_ref());
        set(
            &mut caller.name,
            name.as_ref().or(self.callback_user_name.as_ref()),
        );
        set(&mut caller.subject, self.subject.as_ref());
        set(
            &mut caller.phone,
            self.phone_number.as_ref().or(self
                .callback_numbers
                .as_ref()
                .and_then(|numbers| numbers.first())),
        );
        if let Some(attributes) = &self.attributes {
            caller.attributes.clone_from(attributes);
        }
        Ok(conversation)
    }
}

fn set(field: &mut String, value: Option<&String>) {
    if let Some(value) = value {
        field.clone_from(value);
    }
}

async fn create_email(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let request: Creation = parse(&body)?;
    let direction = request.direction.unwrap_or(Direction::Outbound);
    if direction == Direction::Inbound
        && request
            .provider
            .as_deref()
            .is_none_or(|provider| provider == "PureCloud Email")
    {
        return Err(ApiError::bad_request(
            "An inbound e-mail needs a provider other than PureCloud Email.",
        ));
    }
    create(
        &world,
        request.begin(&world, Media::Email, direction)?,
        begin_step(direction),
    )
    .await
}

async fn create_message(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let request: Creation = parse(&body)?;
    create(
        &world,
        request.begin(&world, Media::Message, Direction::Outbound)?,
        begin_step(Direction::Outbound),
    )
    .await
}

async fn create_chat(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let request: Creation = parse(&body)?;
    create(
        &world,
        request.begin(&world, Media::Chat, Direction::Inbound)?,
        begin_step(Direction::Inbound),
    )
    .await
}

async fn create_call(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let request: Creation = parse(&body)?;
    create(
        &world,
        request.begin(&world, Media::Voice, Direction::Outbound)?,
        begin_step(Direction::Outbound),
    )
    .await
}

fn begin_step(direction: Direction) -> Step {
    match direction {
        Direction::Inbound => Step::Enqueue { queue_id: None },
        Direction::Outbound => Step::Dial {
            user_id: None,
            queue_id: None,
        },
    }
}

async fn create(world: &World, conversation: Conversation, first: Step) -> Answer {
    let media = conversation.media;
    let (_, handle) = world.add(conversation);
    world.take(&handle, first).await?;
    let body: Value = media::rest(&lock(&handle), &world.org, media);
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// A callback waits for its time by itself.
async fn create_callback(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let request: Creation = parse(&body)?;
    let conversation = request.begin(&world, Media::Callback, Direction::Outbound)?;
    let (id, handle) = world.add(conversation);
    match request
        .callback_scheduled_time
        .filter(|due| *due > Stamp::now())
    {
        None => {
            world
                .take(&handle, Step::Enqueue { queue_id: None })
                .await?;
        }
        Some(due) => {
            world
                .act(&handle, "schedule", |conversation, scene| {
                    conversation.schedule(scene, due)
                })
                .await?;
            wait_until_due(&world, handle.clone(), due);
        }
    }
    let identifiers: Vec<Value> = lock(&handle).participants.iter().map(|one| json!({"type": if one.role == Role::Acd { "ACD" } else { "EXTERNAL" }, "id": one.id})).collect();
    Ok((StatusCode::ACCEPTED, Json(json!({"conversation": {"id": id, "selfUri": format!("/api/v2/conversations/{id}")}, "callbackIdentifiers": identifiers}))).into_response())
}

fn wait_until_due(world: &Arc<World>, handle: Handle, due: Stamp) {
    let waiting = Arc::clone(world);
    world.tasks.spawn(async move {
        let sleep = tokio::time::sleep(Stamp::now().until(due));
        if waiting.stop.run_until_cancelled(sleep).await.is_some() {
            // It may have been dropped or brought forward meanwhile.
            let _ = waiting.take(&handle, Step::Due).await;
        }
    });
}
