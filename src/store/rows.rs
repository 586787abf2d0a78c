//! A conversation as its table row, and back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::conversation::Conversation;
use crate::domain::facts::Facts;
use crate::domain::ids::UserId;
use crate::domain::registration::Registration;
use crate::domain::row::{
    ContextRef, ConversationStatus, Failure, InitiatedBy, Listed, Owner, OwnerKind, Row, Work,
};
use crate::domain::row::{Direction, MediaType, ScreenPopTarget};
use crate::domain::time::Time;

use super::entity::conversation::Model;
use super::error::StoreError;

#[derive(Serialize, Deserialize)]
struct Lists {
    #[serde(default)]
    agents: Vec<UserId>,
    #[serde(default)]
    handled: Vec<UserId>,
    #[serde(default)]
    contexts: Vec<ContextRef>,
}

#[derive(Serialize)]
struct State<'a> {
    facts: &'a Facts,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration: Option<&'a Registration>,
}

#[derive(Deserialize)]
struct StoredState {
    facts: Facts,
    #[serde(default)]
    registration: Option<Registration>,
}

/// The table row of a conversation; `col_id` 0 for one that is not stored yet.
pub(super) fn to_model(col_id: i64, conversation: &Conversation) -> Model {
    let row = &conversation.row;
    let utc = |time: Option<Time>| time.map(Time::to_utc);
    Model {
        col_id,
        conversationid: conversation.id.to_string(),
        initiatedby: row.initiated_by.as_str().to_owned(),
        initialscreenpoptarget: row
            .initial_screen_pop_target
            .map(|word| word.as_str().to_owned()),
        conversationstart: utc(row.conversation_start),
        conversationend: utc(row.conversation_end),
        direction: row.direction.map(|word| word.as_str().to_owned()),
        originalmediatype: row.original_media_type.map(|word| word.as_str().to_owned()),
        calculatedstatus: row.status.as_str().to_owned(),
        lastqueueid: row.last_queue_id.as_ref().map(ToString::to_string),
        lastqueuename: row.last_queue_name.clone(),
        errormessage: row.failure.as_ref().map(|failure| failure.message.clone()),
        errorwork: row
            .failure
            .as_ref()
            .map(|failure| failure.work.as_str().to_owned()),
        errorat: row.failure.as_ref().map(|failure| failure.at.to_utc()),
        registeredat: utc(row.registered_at),
        activemediatype: row.active_media_type.map(|word| word.as_str().to_owned()),
        statussince: row.status_since.to_utc(),
        statusnumber: row.status_number.into(),
        waitingsince: utc(row.waiting_since),
        ownerkind: row
            .owner
            .as_ref()
            .map(|owner| owner.kind.as_str().to_owned()),
        ownergenesysid: row.owner.as_ref().map(|owner| owner.genesys_id.clone()),
        ownername: row.owner.as_ref().and_then(|owner| owner.name.clone()),
        ownersince: row.owner.as_ref().map(|owner| owner.since.to_utc()),
        startedat: started_at(row).to_utc(),
        createdat: row.created_at.to_utc(),
        updatedat: row.updated_at.to_utc(),
        version: conversation.version.into(),
        lists: json(&Lists {
            agents: row.agents.clone(),
            handled: row.handled_by.clone(),
            contexts: row.contexts.clone(),
        }),
        state: json(&State {
            facts: &conversation.facts,
            registration: conversation.registration.as_ref(),
        }),
    }
}

/// By what lists are sorted, of conversations whose beginning Genesys has not told, too.
pub(super) fn started_at(row: &Row) -> Time {
    row.conversation_start.unwrap_or(row.created_at)
}

/// The conversation of a table row, without its links.
pub(super) fn to_conversation(model: Model) -> Result<Conversation, StoreError> {
    let state = state(&model)?;
    Ok(Conversation {
        id: model.conversationid.parse().map_err(|_| broken())?,
        version: u32::try_from(model.version).map_err(|_| broken())?,
        row: to_row(model)?,
        facts: state.facts,
        registration: state.registration,
        links: Vec::new(),
    })
}

/// A table row as lists show it. The state is not looked at.
pub(super) fn to_listed(model: Model) -> Result<Listed, StoreError> {
    Ok(Listed {
        id: model.conversationid.parse().map_err(|_| broken())?,
        version: u32::try_from(model.version).map_err(|_| broken())?,
        row: Arc::new(to_row(model)?),
    })
}

fn state(model: &Model) -> Result<StoredState, StoreError> {
    serde_json::from_str(&model.state)
        .map_err(|source| StoreError::unreadable_json("conversation", source))
}

/// The scalars and lists of a table row. The state is not looked at.
pub(super) fn to_row(model: Model) -> Result<Row, StoreError> {
    let lists: Lists = serde_json::from_str(&model.lists)
        .map_err(|source| StoreError::unreadable_json("conversation", source))?;
    let time = |time: Option<chrono::DateTime<chrono::Utc>>| time.map(Time::from);
    Ok(Row {
        initiated_by: InitiatedBy::from_word(&model.initiatedby).ok_or_else(broken)?,
        registered_at: time(model.registeredat),
        initial_screen_pop_target: word(
            model.initialscreenpoptarget.as_deref(),
            ScreenPopTarget::from_word,
        )?,
        conversation_start: time(model.conversationstart),
        conversation_end: time(model.conversationend),
        direction: word(model.direction.as_deref(), Direction::from_word)?,
        original_media_type: word(model.originalmediatype.as_deref(), MediaType::from_word)?,
        active_media_type: word(model.activemediatype.as_deref(), MediaType::from_word)?,
        status: ConversationStatus::from_word(&model.calculatedstatus).ok_or_else(broken)?,
        status_since: model.statussince.into(),
        waiting_since: time(model.waitingsince),
        last_queue_id: model.lastqueueid.map(Into::into),
        last_queue_name: model.lastqueuename,
        owner: match (model.ownerkind, model.ownergenesysid, model.ownersince) {
            (Some(kind), Some(genesys_id), Some(since)) => Some(Owner {
                kind: OwnerKind::from_word(&kind).ok_or_else(broken)?,
                genesys_id,
                name: model.ownername,
                since: since.into(),
            }),
            _ => None,
        },
        failure: match (model.errorwork, model.errormessage, model.errorat) {
            (Some(work), Some(message), Some(at)) => Some(Failure {
                work: Work::from_word(&work).ok_or_else(broken)?,
                message,
                at: at.into(),
            }),
            _ => None,
        },
        status_number: u32::try_from(model.statusnumber).map_err(|_| broken())?,
        created_at: model.createdat.into(),
        updated_at: model.updatedat.into(),
        agents: lists.agents,
        handled_by: lists.handled,
        contexts: lists.contexts,
    })
}

fn word<T>(word: Option<&str>, read: fn(&str) -> Option<T>) -> Result<Option<T>, StoreError> {
    word.map(|word| read(word).ok_or_else(broken)).transpose()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain values are always JSON")
}

fn broken() -> StoreError {
    StoreError::unreadable("conversation")
}
