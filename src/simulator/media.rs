//! The per-media shape: one medium only, state and times directly on the participant, queue and user as references.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::conversation::words::{Media, Role};
use super::conversation::{Conversation, Leg, Participant};
use super::org::Org;
use super::snapshot::{error_info, journey, provider, routing_data, wrapup_json};

/// The body of a notification on a per-media topic.
pub(crate) fn live(conversation: &Conversation, org: &Org, media: Media) -> Arc<str> {
    let mut body = whole(conversation, org, media);
    body["recordingState"] = json!("none");
    body["address"] = json!(conversation.own_address());
    Arc::from(body.to_string())
}

/// The body of `GET /api/v2/conversations/{media}/{id}`.
pub(crate) fn rest(conversation: &Conversation, org: &Org, media: Media) -> Value {
    let mut body = whole(conversation, org, media);
    body["selfUri"] = json!(format!(
        "/api/v2/conversations/{}/{}",
        media.plural(),
        conversation.id
    ));
    body
}

fn whole(conversation: &Conversation, org: &Org, media: Media) -> Value {
    let others: Vec<String> = Media::ALL
        .into_iter()
        .filter(|other| *other != media && conversation.has(*other))
        .map(|other| {
            format!(
                "/api/v2/conversations/{}/{}",
                other.plural(),
                conversation.id
            )
        })
        .collect();
    let participants: Vec<Value> = conversation
        .participants
        .iter()
        .filter_map(|one| {
            one.leg_on(media)
                .map(|leg| participant(conversation, org, one, leg))
        })
        .collect();
    json!({"id": conversation.id, "participants": participants, "otherMediaUris": others, "divisions": [{"division": org.division_json(), "entities": []}]})
}

fn participant(conversation: &Conversation, org: &Org, one: &Participant, leg: &Leg) -> Value {
    let mut json = json!({
        "id": one.id,
        "address": one.address,
        "startTime": leg.start,
        "purpose": one.role.purpose(),
        "state": leg.state,
        "initialState": leg.initial,
        "direction": leg.direction.word(),
        "held": leg.held,
        "wrapupRequired": one.wrapup_required,
        "mediaRoles": ["full"],
        "attributes": one.attributes,
        "provider": provider(conversation, leg.media),
    });
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            json[key] = value;
        }
    };
    put("name", one.name.as_ref().map(|name| json!(name)));
    put("connectedTime", leg.connected.map(|time| json!(time)));
    put("endTime", leg.disconnected.map(|time| json!(time)));
    put("startHoldTime", leg.hold_start.map(|time| json!(time)));
    put("startAcwTime", one.start_acw.map(|time| json!(time)));
    put("endAcwTime", one.end_acw.map(|time| json!(time)));
    put("parkTime", leg.park_time.map(|time| json!(time)));
    put("resumeTime", leg.resume_time.map(|time| json!(time)));
    put("disconnectType", leg.why.map(|why| json!(why.word())));
    put(
        "errorInfo",
        leg.error.as_ref().map(|message| error_info(message)),
    );
    put("user", one.user.map(|id| reference("users", id)));
    put("queue", one.queue.map(|id| reference("routing/queues", id)));
    put(
        "externalContact",
        one.contact
            .map(|id| reference("externalcontacts/contacts", id)),
    );
    put("peer", leg.peer.map(|id| json!(id)));
    put("consultParticipantId", one.consulted_by.map(|id| json!(id)));
    put(
        "wrapup",
        one.wrapup
            .as_ref()
            .map(|wrapup| wrapup_json(wrapup, Some(org))),
    );
    put("conversationRoutingData", routing_data(one, true));
    if one.role == Role::Agent {
        put("wrapupPrompt", Some(json!("timeout")));
        put("wrapupTimeoutMs", Some(json!(30_000)));
        put("alertingTimeoutMs", Some(json!(8_000)));
    }
    for (key, value) in own_fields(conversation, one, leg) {
        put(key, Some(value));
    }
    json
}

/// What only this medium has.
fn own_fields(
    conversation: &Conversation,
    one: &Participant,
    leg: &Leg,
) -> Vec<(&'static str, Value)> {
    let caller = &conversation.caller;
    let mut fields = match leg.media {
        Media::Voice => vec![
            ("ani", json!(conversation.caller_address())),
            ("dnis", json!(conversation.own_address())),
            ("muted", json!(leg.muted)),
            ("confined", json!(false)),
            ("recording", json!(false)),
            ("recordingState", json!("none")),
            ("securePause", json!(false)),
        ],
        Media::Callback => vec![
            ("callbackNumbers", json!([caller.phone])),
            ("callbackUserName", json!(caller.name)),
            ("skipEnabled", json!(true)),
            ("externalCampaign", json!(false)),
            ("timeoutSeconds", json!(0)),
        ],
        Media::Chat => vec![("roomId", json!(format!("{}@conference.example.com", conversation.id.simple())))],
        Media::Email => vec![("subject", json!(caller.subject)), ("messagesSent", json!(0)), ("autoGenerated", json!(false)), ("spam", json!(false))],
        Media::Message => vec![
            ("type", json!("webmessaging")),
            ("recipientCountry", json!("US")),
            ("messages", leg.messages.iter().map(|(id, at)| json!({"messageId": id, "messageTime": at, "messageStatus": "received"})).collect()),
        ],
    };
    if let Some(scheduled) = leg.scheduled {
        fields.push(("callbackScheduledTime", json!(scheduled)));
    }
    if matches!(leg.media, Media::Chat | Media::Message) && one.role == Role::Customer {
        fields.push(("journeyContext", json!(journey(conversation))));
    }
    fields
}

fn reference(path: &str, id: Uuid) -> Value {
    json!({"id": id, "selfUri": format!("/api/v2/{path}/{id}")})
}
