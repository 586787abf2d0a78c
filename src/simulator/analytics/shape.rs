//! A conversation as analytics tell it: sessions of segments, as they were at the cutoff.

use serde_json::{Value, json};

use super::super::clock::Stamp;
use super::super::conversation::words::{Doing, Media, Role};
use super::super::conversation::{Conversation, Leg, Participant, Segment};
use super::super::org::Org;
use super::super::snapshot::provider;

/// What was known at the cutoff: what began later is missing, what ended later is still open.
/// `attributes` come from the data lake only.
pub(super) fn details(
    conversation: &Conversation,
    org: &Org,
    cutoff: Stamp,
    attributes: bool,
) -> Option<Value> {
    let known = |one: &&Participant| one.start <= cutoff;
    let participants: Vec<Value> = conversation
        .participants
        .iter()
        .filter(known)
        .map(|one| participant(conversation, one, cutoff, attributes))
        .collect();
    if participants.is_empty() {
        return None;
    }
    let first = conversation.participants.first()?;
    let mut json = json!({
        "conversationId": conversation.id,
        "conversationStart": conversation.start,
        "originatingDirection": conversation.direction.word(),
        "conversationInitiator": first.role.analytics(),
        "customerParticipation": conversation.participants.iter().any(|one| one.role == Role::Customer),
        "divisionIds": [org.division],
        "participants": participants,
    });
    if let Some(end) = end(conversation).filter(|end| *end <= cutoff) {
        json["conversationEnd"] = json!(end);
    }
    if let Some(start) = conversation
        .conference_start
        .filter(|start| *start <= cutoff)
    {
        json["conferenceStart"] = json!(start);
    }
    Some(json)
}

/// Absent while any session is open, after-call work included.
fn end(conversation: &Conversation) -> Option<Stamp> {
    conversation.end?;
    let legs = || conversation.participants.iter().flat_map(|one| &one.legs);
    let ends: Option<Vec<Stamp>> = legs()
        .flat_map(|leg| &leg.segments)
        .map(|segment| segment.end)
        .collect();
    ends?.into_iter().max()
}

fn participant(
    conversation: &Conversation,
    one: &Participant,
    cutoff: Stamp,
    attributes: bool,
) -> Value {
    let sessions: Vec<Value> = one
        .legs
        .iter()
        .filter(|leg| leg.start <= cutoff)
        .map(|leg| session(conversation, one, leg, cutoff))
        .collect();
    let mut json =
        json!({"participantId": one.id, "purpose": one.role.analytics(), "sessions": sessions});
    if let Some(name) = one.name.as_ref().filter(|_| !one.role.is_staff()) {
        json["participantName"] = json!(name);
    }
    if let Some(user) = one.user {
        json["userId"] = json!(user);
    }
    if let Some(contact) = one.contact {
        json["externalContactId"] = json!(contact);
    }
    if attributes {
        json["attributes"] = json!(one.attributes);
    }
    json
}

fn session(conversation: &Conversation, one: &Participant, leg: &Leg, cutoff: Stamp) -> Value {
    let segments: Vec<Value> = leg
        .segments
        .iter()
        .filter(|segment| segment.start <= cutoff)
        .map(|it| segment(conversation, one, it, cutoff))
        .collect();
    let mut json = json!({
        "sessionId": leg.id,
        "mediaType": leg.media.analytics(),
        "direction": leg.direction.word(),
        "provider": provider(conversation, leg.media),
        "requestedRoutings": ["Standard"],
        "metrics": metrics(one, leg, cutoff),
        "segments": segments,
    });
    if let Some(peer) = leg.peer {
        json["peerId"] = json!(peer);
        json["remote"] = json!(conversation.caller.name);
    }
    let caller = &conversation.caller;
    let own = match leg.media {
        Media::Voice => {
            json!({"ani": conversation.caller_address(), "dnis": conversation.own_address(), "sessionDnis": conversation.own_address(), "remoteNameDisplayable": caller.name})
        }
        Media::Callback => {
            json!({"callbackNumbers": [caller.phone], "callbackUserName": caller.name, "skipEnabled": true, "timeoutSeconds": 0})
        }
        Media::Email => {
            json!({"addressFrom": caller.email, "addressTo": conversation.own_address()})
        }
        Media::Message => json!({"messageType": "webmessaging", "addressFrom": caller.email}),
        Media::Chat => json!({"roomId": conversation.id}),
    };
    for (key, value) in own.as_object().into_iter().flatten() {
        json[key] = value.clone();
    }
    if let Some(scheduled) = leg.scheduled {
        json["callbackScheduledTime"] = json!(scheduled);
    }
    if one.role == Role::Dialer {
        for (key, attribute) in [
            ("outboundCampaignId", "dialerCampaignId"),
            ("outboundContactId", "dialerContactId"),
            ("outboundContactListId", "dialerContactListId"),
        ] {
            json[key] = json!(one.attributes.get(attribute));
        }
    }
    json
}

fn segment(
    conversation: &Conversation,
    one: &Participant,
    segment: &Segment,
    cutoff: Stamp,
) -> Value {
    let mut json = json!({"segmentType": segment.doing.analytics(), "segmentStart": segment.start, "conference": segment.conference});
    if let Some(queue) = segment.queue.or(one.queue).filter(|_| !one.role.is_flow()) {
        json["queueId"] = json!(queue);
    }
    if conversation.media == Media::Email {
        json["subject"] = json!(conversation.caller.subject);
    }
    let Some(end) = segment.end.filter(|end| *end <= cutoff) else {
        return json;
    };
    json["segmentEnd"] = json!(end);
    if let Some(why) = segment.why {
        json["disconnectType"] = json!(why.analytics());
    }
    if segment.doing == Doing::Wrapup
        && let Some(wrapup) = &one.wrapup
    {
        json["wrapUpCode"] = json!(wrapup.code);
        json["wrapUpNote"] = json!(wrapup.notes);
    }
    json
}

/// Sums of what the segments tell, emitted as each comes to its end.
fn metrics(one: &Participant, leg: &Leg, cutoff: Stamp) -> Vec<Value> {
    let mut metrics = Vec::new();
    let mut metric = |name: &str, value: i64, at: Stamp| {
        if at <= cutoff {
            metrics.push(json!({"name": name, "value": value, "emitDate": at}));
        }
    };
    if let Some(connected) = leg.connected {
        match one.role {
            Role::Customer | Role::Outsider => metric("nConnected", 1, connected),
            Role::Acd => metric("nOffered", 1, connected),
            _ => {}
        }
    }
    let mut handled = 0;
    for segment in &leg.segments {
        let Some(end) = segment.end else { continue };
        let lasted = end.millis() - segment.start.millis();
        let name = match (one.role, segment.doing) {
            (Role::Customer | Role::Outsider, Doing::Interact) => "tConnected",
            (Role::Acd, Doing::Interact) => "tAcd",
            (Role::Ivr | Role::Workflow, Doing::Ivr) => "tIvr",
            (Role::Voicemail, Doing::Interact) => "tVoicemail",
            (_, Doing::Alert) => "tAlert",
            (_, Doing::Contacting) => "tContacting",
            (_, Doing::Dialing) => "tDialing",
            (_, Doing::Hold) => "tHeld",
            (_, Doing::Parked) => "tPark",
            (_, Doing::Wrapup) => "tAcw",
            (Role::Agent | Role::User, Doing::Interact) => "tTalk",
            _ => continue,
        };
        if one.role.is_staff() && matches!(name, "tTalk" | "tHeld" | "tAcw") {
            handled += lasted;
        }
        metric(name, lasted, end);
    }
    let over = leg.segments.iter().filter_map(|segment| segment.end).max();
    if let Some(over) = over.filter(|_| {
        one.role.is_staff() && leg.connected.is_some() && !one.wraps_up() && leg.state.is_over()
    }) {
        metric("tHandle", handled, over);
    }
    metrics
}
