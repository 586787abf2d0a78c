//! Changes, as subscriptions and the status history tell them.

use std::sync::Arc;

use async_graphql::connection::PageInfo;
use async_graphql::{Context, ID, Result, SimpleObject};

use super::conversation::Conversation;
use super::enums::{ChangeCause, ChangeKind, ConversationStatus, Membership};
use super::owner::{Owner, OwnerIds};
use super::quick::Quick;
use crate::domain::filter::{self, Sighting};
use crate::domain::row::Row;
use crate::graphql::pagination;
use crate::graphql::scalars::DateTime;
use crate::hub::Hub;
use crate::store::{Committed, Slice};

/// A change of a conversation's status, or a change that makes it enter or leave the filter.
#[derive(SimpleObject)]
pub struct ConversationStatusChange {
    /// Give it back as `after` to resume behind this change.
    pub cursor: String,
    /// 1, 2, 3 ... along this conversation's status changes: who watches one conversation proves
    /// with it that nothing is missing. A change that only enters or leaves the filter repeats the
    /// last number.
    pub number: i32,
    /// Genesys' identifier of the conversation.
    pub conversation_id: ID,
    /// The status before; null for the first.
    pub previous_status: Option<ConversationStatus>,
    /// The status after.
    pub status: ConversationStatus,
    /// What the change means to the subscription's filter.
    pub membership: Membership,
    /// When it happened, by Genesys' own times where it gives them.
    pub occurred_at: DateTime,
    /// When it was committed, by the database's clock.
    pub recorded_at: DateTime,
    /// Why it was made.
    pub cause: ChangeCause,
    /// The gateway was blind just before: there may have been more.
    pub gap_before: bool,
    /// Its scalar fields and owner are as of this change, in a snapshot as of its head; participants,
    /// context and history are as they are when sent. Null when the caller may no longer see it.
    pub conversation: Option<Quick>,
}

/// A committed change of a conversation, of whatever kind.
#[derive(SimpleObject)]
pub struct ConversationChange {
    /// Give it back as `after` to resume behind this change.
    pub cursor: String,
    /// The conversation's version after this change.
    pub version: i32,
    /// What kinds of fact it touched.
    pub kinds: Vec<ChangeKind>,
    /// Genesys' identifier of the conversation.
    pub conversation_id: ID,
    /// What the change means to the subscription's filter.
    pub membership: Membership,
    /// The status before; null for the first change.
    pub previous_status: Option<ConversationStatus>,
    /// The status after.
    pub status: ConversationStatus,
    /// The last queue before.
    pub previous_queue_id: Option<ID>,
    /// The last queue after.
    pub queue_id: Option<ID>,
    /// The owner before.
    pub previous_owner: Option<Owner>,
    /// The owner after. Null means: leave the case with the owner it has.
    pub owner: Option<Owner>,
    /// When it happened, by Genesys' own times where it gives them.
    pub occurred_at: DateTime,
    /// When it was committed, by the database's clock.
    pub recorded_at: DateTime,
    /// Why it was made.
    pub cause: ChangeCause,
    /// The gateway was blind just before: there may have been more.
    pub gap_before: bool,
    /// Its scalar fields and owner are as of this change, in a snapshot as of its head; participants,
    /// context and history are as they are when sent. Null when the caller may no longer see it.
    pub conversation: Option<Quick>,
}

/// What a change tells: with nothing of the new state to a caller who may no longer see it.
struct Told<'a> {
    row: Option<&'a Arc<Row>>,
    before: Option<&'a Row>,
    status: crate::domain::row::ConversationStatus,
    number: u32,
}

impl<'a> Told<'a> {
    fn of(entry: &'a Committed, sighting: Sighting) -> Self {
        let update = entry.update();
        let before = update.before.as_deref();
        match before {
            Some(row) if sighting.out_of_scope => Self {
                row: None,
                before,
                status: row.status,
                number: row.status_number,
            },
            _ => Self {
                row: Some(&update.after),
                before,
                status: update.after.status,
                number: update.after.status_number,
            },
        }
    }
}

impl ConversationStatusChange {
    pub(crate) fn of(entry: &Committed, sighting: Sighting, epoch: u64) -> Self {
        let update = entry.update();
        let told = Told::of(entry, sighting);
        Self {
            cursor: entry.cursor(epoch).encode(),
            number: int(told.number),
            conversation_id: ID(update.conversation_id.to_string()),
            previous_status: told.before.map(|row| row.status.into()),
            status: told.status.into(),
            membership: sighting.membership.into(),
            occurred_at: update.occurred_at.into(),
            recorded_at: entry.recorded_at().into(),
            cause: update.cause.into(),
            gap_before: update.gap_before,
            conversation: told.row.map(|_| conversation(entry)),
        }
    }
}

impl ConversationChange {
    pub(crate) fn of(entry: &Committed, sighting: Sighting, epoch: u64, owners: &OwnerIds) -> Self {
        let update = entry.update();
        let told = Told::of(entry, sighting);
        let queue = |row: &Row| row.last_queue_id.as_ref().map(|id| ID(id.to_string()));
        let owner = |row: &Row| row.owner.as_ref().map(|owned| owners.owner(owned));
        Self {
            cursor: entry.cursor(epoch).encode(),
            version: int(update.version),
            kinds: update.kinds.iter().map(Into::into).collect(),
            conversation_id: ID(update.conversation_id.to_string()),
            membership: sighting.membership.into(),
            previous_status: told.before.map(|row| row.status.into()),
            status: told.status.into(),
            previous_queue_id: told.before.and_then(queue),
            queue_id: told.row.map(Arc::as_ref).and_then(queue),
            previous_owner: told.before.and_then(owner),
            owner: told.row.map(Arc::as_ref).and_then(owner),
            occurred_at: update.occurred_at.into(),
            recorded_at: entry.recorded_at().into(),
            cause: update.cause.into(),
            gap_before: update.gap_before,
            conversation: told.row.map(|_| conversation(entry)),
        }
    }
}

/// A page of a conversation's status changes.
#[derive(SimpleObject)]
pub struct StatusChangeConnection {
    /// The changes with their cursors.
    pub edges: Vec<StatusChangeEdge>,
    /// The changes.
    pub nodes: Vec<ConversationStatusChange>,
    /// Whether there is more.
    pub page_info: PageInfo,
}

/// A status change in a page.
#[derive(SimpleObject)]
pub struct StatusChangeEdge {
    /// The same as the change's own cursor: it may be given to a change feed, too.
    pub cursor: String,
    /// The change. Its `conversation` is the present one.
    pub node: ConversationStatusChange,
}

/// The connection over one conversation's history; `slice` is `None` for a history without entries.
pub(crate) fn history_connection(
    ctx: &Context<'_>,
    conversation: &Conversation,
    slice: Option<&Slice<Arc<Committed>>>,
) -> Result<StatusChangeConnection> {
    let epoch = ctx.data::<Hub>()?.epoch();
    let Some(slice) = slice else {
        return Ok(StatusChangeConnection {
            edges: Vec::new(),
            nodes: Vec::new(),
            page_info: PageInfo {
                has_previous_page: false,
                has_next_page: false,
                start_cursor: None,
                end_cursor: None,
            },
        });
    };
    let stayed = Sighting {
        membership: filter::Membership::Stayed,
        out_of_scope: false,
    };
    let change = |entry: &Committed| ConversationStatusChange {
        conversation: Some(Quick(conversation.clone())),
        ..ConversationStatusChange::of(entry, stayed, epoch)
    };
    Ok(StatusChangeConnection {
        nodes: slice.items.iter().map(|item| change(&item.node)).collect(),
        edges: slice
            .items
            .iter()
            .map(|item| StatusChangeEdge {
                cursor: item.cursor.clone(),
                node: change(&item.node),
            })
            .collect(),
        page_info: pagination::page_info(slice),
    })
}

fn conversation(entry: &Committed) -> Quick {
    let (row, version) = entry.conversation();
    Quick(Conversation::as_of(
        entry.update().conversation_id,
        version,
        row,
    ))
}

fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
