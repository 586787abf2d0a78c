//! What of a conversation lies in tables of its own: legs, links, agents; and what differs.

use std::collections::BTreeMap;

use crate::domain::facts::Facts;
use crate::domain::registration::ContextLink;
use crate::domain::row::{ContextKey, ContextRef, ContextVerb, Direction, Row};
use crate::domain::snapshot::{Leg, Participant};
use crate::domain::time::Time;

use super::entity::{agent, context, participant};
use super::error::StoreError;

/// What must be written and what must go, so that a table says the new and no longer the old.
#[derive(Debug)]
pub(super) struct Difference<M> {
    pub(super) written: Vec<M>,
    pub(super) gone: Vec<M>,
}

impl<M> Default for Difference<M> {
    fn default() -> Self {
        Self {
            written: Vec::new(),
            gone: Vec::new(),
        }
    }
}

impl<M: PartialEq> Difference<M> {
    /// Adds what differs between two states of one conversation's rows.
    pub(super) fn add<K: Ord>(&mut self, mut old: BTreeMap<K, M>, new: BTreeMap<K, M>) {
        for (key, model) in new {
            if old.remove(&key).as_ref() != Some(&model) {
                self.written.push(model);
            }
        }
        self.gone.extend(old.into_values());
    }
}

/// The rows of all legs, each leg once.
pub(super) fn legs(
    conversation: i64,
    facts: &Facts,
) -> BTreeMap<(String, String), participant::Model> {
    let mut rows = BTreeMap::new();
    for participant in &facts.participants {
        for leg in &participant.legs {
            let key = (participant.id.to_string(), leg.id.to_string());
            rows.insert(key, leg_row(conversation, participant, leg));
        }
    }
    rows
}

fn leg_row(conversation: i64, participant: &Participant, leg: &Leg) -> participant::Model {
    let wrapup = leg.wrapup.as_ref().or(participant.wrapup.as_ref());
    let timings = &leg.timings;
    participant::Model {
        col_id: 0,
        conversationid: conversation,
        participantid: participant.id.to_string(),
        sessionid: leg.id.to_string(),
        purpose: participant.purpose.clone(),
        issystem: is_system(&participant.purpose),
        userid: participant.user_id.as_ref().map(ToString::to_string),
        participantname: participant.name.clone(),
        externalcontactid: participant.external_contact_id.clone(),
        queueid: participant.queue_id.as_ref().map(ToString::to_string),
        queuename: participant.queue_name.clone(),
        mediatype: leg.medium.word().to_owned(),
        direction: leg
            .direction
            .map(|direction| Direction::from(direction).as_str().to_owned()),
        state: leg.state.word().to_owned(),
        connectedtime: leg.connected_time.map(Time::to_utc),
        endtime: leg.disconnected_time.map(Time::to_utc),
        alertseconds: seconds(timings.alert_ms),
        dialseconds: seconds(timings.dial_ms),
        talkseconds: seconds(timings.talk_ms),
        holdseconds: seconds(timings.hold_ms),
        parkseconds: seconds(timings.park_ms),
        acwseconds: seconds(timings.acw_ms),
        disconnecttype: leg.disconnect_type.clone(),
        wrapupcode: wrapup.map(|wrapup| wrapup.code.clone()),
        wrapupname: wrapup.and_then(|wrapup| wrapup.name.clone()),
        isconsult: participant.consult_participant_id.is_some(),
        timingsfinal: timings.is_final,
    }
}

#[expect(clippy::cast_precision_loss, reason = "no leg lasts 285,000 years")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// Queues, flows, mailboxes and diallers, by Genesys' words.
fn is_system(purpose: &str) -> bool {
    let purpose = purpose.to_ascii_lowercase();
    purpose.starts_with("dialer")
        || [
            "acd",
            "ivr",
            "voicemail",
            "workflow",
            "botflow",
            "voicesurveyflow",
            "inbound",
            "outbound",
            "campaign",
        ]
        .contains(&purpose.as_str())
}

/// The rows of all agents, present and past.
pub(super) fn agents(conversation: i64, row: &Row) -> BTreeMap<String, agent::Model> {
    let mut rows = BTreeMap::new();
    for user in row.agents.iter().chain(&row.handled_by) {
        rows.insert(
            user.to_string(),
            agent::Model {
                conversation,
                userid: user.to_string(),
                active: row.agents.contains(user),
                handled: row.handled_by.contains(user),
            },
        );
    }
    rows
}

/// What tells the links of one conversation apart.
pub(super) type LinkKey = (String, String, String, String);

pub(super) fn links(conversation: i64, links: &[ContextLink]) -> BTreeMap<LinkKey, context::Model> {
    links
        .iter()
        .map(|link| {
            let model = link_row(conversation, link);
            (link_key(&model), model)
        })
        .collect()
}

pub(super) fn link_key(model: &context::Model) -> LinkKey {
    (
        model.keycode.clone(),
        model.customkey.clone(),
        model.objectid.clone(),
        model.contexttype.clone(),
    )
}

fn link_row(conversation: i64, link: &ContextLink) -> context::Model {
    context::Model {
        col_id: 0,
        conversationid: conversation,
        keycode: link.context.key.as_str().to_owned(),
        customkey: link.context.custom_key.clone(),
        keyname: link.name.clone(),
        objectid: link.context.object_id.clone(),
        description: link.description.clone(),
        contexttype: link.verb.as_str().to_owned(),
        createdby: link.created_by.clone(),
        createddate: link.created_at.to_utc(),
        lastdate: link.last_at.to_utc(),
    }
}

pub(super) fn to_link(model: context::Model) -> Result<ContextLink, StoreError> {
    let broken = || StoreError::unreadable("context link");
    Ok(ContextLink {
        context: ContextRef {
            key: ContextKey::from_word(&model.keycode).ok_or_else(broken)?,
            custom_key: model.customkey,
            object_id: model.objectid,
        },
        name: model.keyname,
        verb: ContextVerb::from_word(&model.contexttype).ok_or_else(broken)?,
        description: model.description,
        created_by: model.createdby,
        created_at: model.createddate.into(),
        last_at: model.lastdate.into(),
    })
}
