//! The whole conversation as JSON: the live topics' shape and that of `GET /api/v2/conversations/{id}`.
//!
//! One writer for both, since they differ in few places: live snapshots omit empty media arrays, all start times, segments and
//! queue names; REST has them, and capitalises some words.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::conversation::words::{Direction, Doing, Media, Role};
use super::conversation::{AcwState, Conversation, Leg, Participant, Segment, Wrapup};
use super::org::Org;

/// The body of a notification, serialised once for every topic.
pub(crate) fn live(conversation: &Conversation) -> Arc<str> {
    let mut text = Vec::with_capacity(8 * 1024);
    serde_json::to_writer(
        &mut text,
        &View {
            conversation,
            org: None,
        },
    )
    .expect("a snapshot is plain data");
    String::from_utf8(text).expect("JSON is UTF-8").into()
}

pub(crate) fn rest(conversation: &Conversation, org: &Org) -> Value {
    serde_json::to_value(View {
        conversation,
        org: Some(org),
    })
    .expect("a snapshot is plain data")
}

/// `org` is there for REST only.
#[derive(Clone, Copy)]
struct View<'a> {
    conversation: &'a Conversation,
    org: Option<&'a Org>,
}

struct ParticipantView<'a>(View<'a>, &'a Participant);
struct LegView<'a>(View<'a>, &'a Participant, &'a Leg);
struct Legs<'a>(View<'a>, &'a Participant, Media);

/// Writes fields, leaving out what is not there.
pub(crate) struct Fields<M>(pub(crate) M);

impl<M: SerializeMap> Fields<M> {
    pub(crate) fn put(&mut self, key: &str, value: impl Serialize) -> Result<(), M::Error> {
        self.0.serialize_entry(key, &value)
    }

    pub(crate) fn maybe(
        &mut self,
        key: &str,
        value: Option<impl Serialize>,
    ) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.put(key, value))
    }
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let conversation = self.conversation;
        let mut out = Fields(serializer.serialize_map(None)?);
        out.put("id", conversation.id)?;
        if let Some(org) = self.org {
            out.put("startTime", conversation.start)?;
            out.maybe("endTime", conversation.end)?;
            out.put("recordingState", "NONE")?;
            out.put(
                "divisions",
                json!([{"division": org.division_json(), "entities": []}]),
            )?;
            out.put("recentTransfers", json!([]))?;
            out.put("securePause", false)?;
            out.put(
                "selfUri",
                format!("/api/v2/conversations/{}", conversation.id),
            )?;
        } else {
            out.put("recordingState", "none")?;
        }
        out.put("address", conversation.own_address())?;
        let participants: Vec<_> = conversation
            .participants
            .iter()
            .map(|one| ParticipantView(*self, one))
            .collect();
        out.put("participants", participants)?;
        out.0.end()
    }
}

impl Serialize for ParticipantView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(view, one) = *self;
        let mut out = Fields(serializer.serialize_map(None)?);
        out.put("id", one.id)?;
        out.put("purpose", one.role.purpose())?;
        out.maybe("connectedTime", one.connected())?;
        out.maybe("endTime", one.end())?;
        out.maybe("name", one.name.as_ref())?;
        out.maybe("userId", one.user)?;
        out.maybe("queueId", one.queue)?;
        out.maybe("externalContactId", one.contact)?;
        out.maybe("externalContactInitialDivisionId", one.contact.map(|_| "*"))?;
        out.put("address", &one.address)?;
        out.maybe("consultParticipantId", one.consulted_by)?;
        out.put("wrapupRequired", one.wrapup_required)?;
        if one.role == Role::Agent {
            out.put("wrapupPrompt", "timeout")?;
            out.put("wrapupTimeoutMs", 30_000)?;
            out.put("alertingTimeoutMs", 8_000)?;
        }
        out.maybe(
            "wrapup",
            one.wrapup
                .as_ref()
                .map(|wrapup| wrapup_json(wrapup, view.org)),
        )?;
        out.maybe("startAcwTime", one.start_acw)?;
        out.maybe("endAcwTime", one.end_acw)?;
        out.put("mediaRoles", ["full"])?;
        out.maybe(
            "conversationRoutingData",
            routing_data(one, view.org.is_some()),
        )?;
        out.put("attributes", &one.attributes)?;
        match view.org {
            Some(org) => rest_participant(&mut out, one, org)?,
            None => out.put("wrapupExpected", one.role == Role::Agent)?,
        }
        for media in Media::ALL {
            if view.org.is_some() || one.leg_on(media).is_some() {
                out.put(media.plural(), Legs(view, one, media))?;
            }
        }
        out.0.end()
    }
}

/// What REST adds to a participant, and the arrays that are always empty here.
fn rest_participant<M: SerializeMap>(
    out: &mut Fields<M>,
    one: &Participant,
    org: &Org,
) -> Result<(), M::Error> {
    out.put("startTime", one.start)?;
    out.put("participantType", one.role.participant_type())?;
    out.maybe(
        "queueName",
        one.queue
            .and_then(|queue| org.queue(queue))
            .map(|queue| &queue.name),
    )?;
    out.maybe(
        "userUri",
        one.user.map(|user| format!("/api/v2/users/{user}")),
    )?;
    if one.legs.iter().any(|leg| leg.media == Media::Voice) {
        out.put("ani", &one.address)?;
        out.maybe("aniName", one.name.as_ref())?;
        out.put("dnis", "tel:+15550100002")?;
    }
    for empty in [
        "cobrowsesessions",
        "screenshares",
        "socialExpressions",
        "videos",
        "internalMessages",
        "screenMonitorings",
    ] {
        out.put(empty, json!([]))?;
    }
    Ok(())
}

pub(crate) fn routing_data(one: &Participant, rest: bool) -> Option<Value> {
    let queue = match (one.role, one.queue) {
        (Role::Acd, Some(queue)) if rest => {
            json!({"id": queue, "selfUri": format!("/api/v2/routing/queues/{queue}")})
        }
        (Role::Acd, Some(queue)) => json!({"id": queue}),
        (Role::Agent, _) => json!({}),
        _ => return None,
    };
    Some(json!({"queue": queue, "language": {}, "priority": 0, "skills": [], "scoredAgents": []}))
}

pub(crate) fn wrapup_json(wrapup: &Wrapup, org: Option<&Org>) -> Value {
    let mut json = json!({"code": wrapup.code, "notes": wrapup.notes.as_deref().unwrap_or(""), "tags": [], "durationSeconds": 0, "endTime": wrapup.end});
    if let Some(name) = org.and_then(|org| org.code_name(&wrapup.code)) {
        json["name"] = json!(name);
        json["provisional"] = json!(false);
    }
    json
}

impl Serialize for Legs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(view, one, media) = *self;
        serializer.collect_seq(
            one.legs
                .iter()
                .filter(|leg| leg.media == media)
                .map(|leg| LegView(view, one, leg)),
        )
    }
}

impl Serialize for LegView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(view, one, leg) = *self;
        let conversation = view.conversation;
        let rest = view.org.is_some();
        let mut out = Fields(serializer.serialize_map(None)?);
        out.put("id", leg.id)?;
        out.put("state", leg.state)?;
        out.put("initialState", leg.initial)?;
        out.put("held", leg.held)?;
        if rest || leg.media != Media::Chat {
            out.put("direction", leg.direction.word())?;
        }
        out.put("provider", provider(conversation, leg.media))?;
        out.maybe("peerId", leg.peer)?;
        out.maybe("connectedTime", leg.connected)?;
        out.maybe("disconnectedTime", leg.disconnected)?;
        out.maybe(
            "disconnectType",
            leg.why.map(super::conversation::words::Why::word),
        )?;
        out.maybe("startHoldTime", leg.hold_start)?;
        out.maybe(
            "errorInfo",
            leg.error.as_ref().map(|message| error_info(message)),
        )?;
        out.put(
            "afterCallWorkRequired",
            leg.acw
                .as_ref()
                .is_some_and(|work| work.state == AcwState::Pending),
        )?;
        match &leg.acw {
            Some(work) => out.put("afterCallWork", acw_json(work))?,
            None if rest => out.put("afterCallWork", json!({}))?,
            None => {}
        }
        if one.role == Role::Agent {
            out.put(
                "queueMediaSettings",
                json!({"alertingTimeoutSeconds": 8, "enableAutoAnswer": false}),
            )?;
        }
        if rest {
            out.maybe("startAlertingTime", leg.alerting)?;
            let segments: Vec<Value> = leg
                .segments
                .iter()
                .filter(|segment| segment.doing != Doing::Wrapup)
                .map(rest_segment)
                .collect();
            out.put("segments", segments)?;
        }
        match leg.media {
            Media::Voice => call_fields(&mut out, conversation, one, leg)?,
            Media::Callback => callback_fields(&mut out, conversation, leg)?,
            Media::Chat => chat_fields(&mut out, conversation, one)?,
            Media::Email => email_fields(&mut out, conversation, leg)?,
            Media::Message => message_fields(&mut out, conversation, leg, one)?,
        }
        out.0.end()
    }
}

pub(crate) fn provider(conversation: &Conversation, media: Media) -> &str {
    conversation.provider.as_deref().unwrap_or(media.provider())
}

pub(crate) fn error_info(message: &str) -> Value {
    json!({"status": 500, "code": "error.ininedgecontrol.session.inactive", "message": message, "messageWithParams": message, "messageParams": {}})
}

fn acw_json(work: &super::conversation::AfterCallWork) -> Value {
    let state = match work.state {
        AcwState::Pending => "pending",
        AcwState::Complete => "complete",
        AcwState::Skipped => "skipped",
    };
    let mut json = json!({"state": state, "startTime": work.start});
    if let Some(end) = work.end {
        json["endTime"] = json!(end);
    }
    json
}

fn rest_segment(segment: &Segment) -> Value {
    let mut json = json!({"startTime": segment.start, "type": segment.doing.rest()});
    if let Some(end) = segment.end {
        json["endTime"] = json!(end);
        json["howEnded"] = json!(if segment.why.is_some() {
            "Disconnect"
        } else {
            "Interact"
        });
    }
    if let Some(why) = segment.why {
        json["disconnectType"] = json!(why.word());
    }
    json
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are Genesys' own")]
struct Address<'a> {
    name: &'a str,
    name_raw: &'a str,
    address_normalized: &'a str,
    address_raw: &'a str,
    address_displayable: &'a str,
}

fn address<'a>(name: &'a str, address: &'a str) -> Address<'a> {
    Address {
        name,
        name_raw: name,
        address_normalized: address,
        address_raw: address,
        address_displayable: address,
    }
}

fn call_fields<M: SerializeMap>(
    out: &mut Fields<M>,
    conversation: &Conversation,
    one: &Participant,
    leg: &Leg,
) -> Result<(), M::Error> {
    out.put("recording", false)?;
    out.put("recordingState", "none")?;
    out.put("muted", leg.muted)?;
    out.put("confined", false)?;
    out.put("securePause", false)?;
    out.put("disconnectReasons", json!([]))?;
    out.put(
        "self",
        address(one.name.as_deref().unwrap_or_default(), &one.address),
    )?;
    let caller = conversation.caller_address();
    out.put(
        "other",
        if one.role == Role::Customer {
            address("", "tel:+15550100002")
        } else {
            address(&conversation.caller.name, &caller)
        },
    )?;
    if one.role == Role::Customer {
        out.put("uuiData", format!("00FA08{}", conversation.caller.phone))?;
        out.put("publicIpAddress", "203.0.113.77")?;
    }
    Ok(())
}

fn callback_fields<M: SerializeMap>(
    out: &mut Fields<M>,
    conversation: &Conversation,
    leg: &Leg,
) -> Result<(), M::Error> {
    let caller = &conversation.caller;
    out.put("callbackNumbers", [&caller.phone])?;
    out.put("callbackUserName", &caller.name)?;
    out.put("callerIdName", &caller.name)?;
    out.put("scriptId", conversation.caller.contact_id)?;
    out.put("externalCampaign", false)?;
    out.put("skipEnabled", true)?;
    out.put("timeoutSeconds", 0)?;
    out.maybe("callbackScheduledTime", leg.scheduled)?;
    out.maybe("voicemail", leg.voicemail.map(|id| json!({"id": id, "uploadStatus": if leg.connected.is_some() { "complete" } else { "pending" }})))
}

fn chat_fields<M: SerializeMap>(
    out: &mut Fields<M>,
    conversation: &Conversation,
    one: &Participant,
) -> Result<(), M::Error> {
    out.put(
        "roomId",
        format!("{}@conference.example.com", conversation.id.simple()),
    )?;
    out.maybe(
        "journeyContext",
        (one.role == Role::Customer).then(|| journey(conversation)),
    )
}

fn email_fields<M: SerializeMap>(
    out: &mut Fields<M>,
    conversation: &Conversation,
    leg: &Leg,
) -> Result<(), M::Error> {
    out.put("subject", &conversation.caller.subject)?;
    out.put(
        "messagesSent",
        u8::from(leg.direction == Direction::Outbound),
    )?;
    out.put("autoGenerated", false)?;
    out.put("spam", false)?;
    out.put(
        "messageId",
        format!("<{}@mail.example.net>", leg.id.simple()),
    )?;
    out.put("draftAttachments", json!([{"attachmentId": leg.id, "name": "contract.pdf", "contentUri": "", "contentType": "application/pdf", "contentLength": 4711}]))?;
    parked(out, leg)
}

fn message_fields<M: SerializeMap>(
    out: &mut Fields<M>,
    conversation: &Conversation,
    leg: &Leg,
    one: &Participant,
) -> Result<(), M::Error> {
    out.put("type", "webmessaging")?;
    out.put("recipientCountry", "US")?;
    out.put("toAddress", address("", "web-deployment-1"))?;
    out.put(
        "fromAddress",
        address(&conversation.caller.name, &conversation.caller.email),
    )?;
    let messages: Vec<Value> = leg
        .messages
        .iter()
        .map(|(id, at)| json!({"messageId": id, "messageTime": at, "messageStatus": "received", "messageSegmentCount": 1}))
        .collect();
    out.put("messages", messages)?;
    out.maybe(
        "journeyContext",
        (one.role == Role::Customer).then(|| journey(conversation)),
    )?;
    parked(out, leg)
}

fn parked<M: SerializeMap>(out: &mut Fields<M>, leg: &Leg) -> Result<(), M::Error> {
    out.maybe("parkTime", leg.park_time)?;
    out.maybe("resumeTime", leg.resume_time)
}

pub(crate) fn journey(conversation: &Conversation) -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        (
            "customer",
            json!({"id": conversation.caller.contact_id, "idType": "cookie"}),
        ),
        (
            "customerSession",
            json!({"id": conversation.id, "type": "web"}),
        ),
    ])
}
