//! Reading the log: its head, what follows a place, a snapshot, and one conversation's history.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement, WindowStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityName, EntityTrait, FromQueryResult, Order, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, QueryTrait,
};

use crate::domain::caller::{Caller, Scope};
use crate::domain::filter::Filter;
use crate::domain::ids::ConversationId;
use crate::domain::update::{ChangeKind, ChangeKinds};

use super::Store;
use super::committed::Committed;
use super::cursor::{Cursor, Position};
use super::entity::event_log::{Column, Entity, LOGGED};
use super::entity::{conversation, log_head};
use super::error::{BadPage, CursorRefused, StoreError};
use super::page::{Item, Page, Slice};
use super::session::Session;
use super::statements::select_prefixed;
use super::{filter, rows};

/// Which entry of each conversation a snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Latest {
    /// Its latest status change.
    Status,
    /// Its latest entry of any of these kinds.
    Of(ChangeKinds),
}

impl Latest {
    fn kinds(self) -> ChangeKinds {
        match self {
            Self::Status => [ChangeKind::Status].into_iter().collect(),
            Self::Of(kinds) => kinds,
        }
    }
}

impl Store {
    /// Where the log ends now.
    pub async fn head(&self) -> Result<Position, StoreError> {
        position(&self.reads).await
    }

    /// Whether the log can be followed from the cursor.
    pub async fn check(&self, cursor: &Cursor) -> Result<Result<(), CursorRefused>, StoreError> {
        let model = head(&self.reads).await?;
        let head = to_position(&model);
        if is_within(cursor, head) && cursor.sequence < model.floor.cast_unsigned() {
            return Ok(Err(CursorRefused::Expired { head }));
        }
        Ok(if is_of_log(&self.reads, cursor, head).await? {
            Ok(())
        } else {
            Err(CursorRefused::Unknown { head })
        })
    }

    /// The entries after a place, in order, at most `limit`.
    pub async fn updates_after(
        &self,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Committed>>, StoreError> {
        let select = Entity::find()
            .select_only()
            .columns(LOGGED)
            .filter(Column::Sequence.gt(sequence.cast_signed()))
            .order_by_asc(Column::Sequence)
            .limit(limit as u64)
            .into_query();
        let rows = self.reads.all(&select).await?;
        rows.iter()
            .map(|row| Committed::of_row(row, "").map(Arc::new))
            .collect()
    }

    /// The log compacted (`includeCurrent`): for every conversation that matches and that
    /// the caller may see, its latest entry of the wanted sort, in log order, with the
    /// conversation's present row; and the place in the log at which all this holds. Ended
    /// conversations are in only when the filter asks for them. At most `limit` entries, the oldest first.
    pub async fn current(
        &self,
        caller: &Caller,
        wanted: &Filter,
        latest: Latest,
        limit: usize,
    ) -> Result<(Position, Vec<Arc<Committed>>), StoreError> {
        let transaction = self.reads.begin_read().await?;
        let position = position(&transaction).await?;
        let select = compacted(&caller.scope, wanted, latest, limit);
        let rows = transaction.all(&select).await?;
        transaction.commit().await?;
        let entries = rows.iter().map(|row| in_snapshot(row, &caller.scope));
        Ok((position, entries.collect::<Result<_, _>>()?))
    }

    /// The status changes of each of the given conversations, oldest first; a page of each, in a
    /// number of statements that doesn't grow with them. Cursors are those of the log.
    pub async fn status_history(
        &self,
        ids: &[ConversationId],
        page: &Page,
    ) -> Result<HashMap<ConversationId, Slice<Arc<Committed>>>, StoreError> {
        let transaction = self.reads.begin_read().await?;
        let position = position(&transaction).await?;
        let window = Window {
            after: place(&transaction, position, page.after.as_deref(), "after").await?,
            before: place(&transaction, position, page.before.as_deref(), "before").await?,
            size: page.size()?,
            backward: page.is_backward(),
        };
        let mut slices = HashMap::new();
        for id in ids {
            slices.insert(*id, empty(position));
        }
        for row in transaction.all(&window.entries(ids)).await? {
            let node = Committed::of_row(&row, "")?;
            if let Some(slice) = slices.get_mut(&node.update().conversation_id) {
                let cursor = node.cursor(position.epoch).encode();
                slice.items.push(Item {
                    cursor,
                    node: Arc::new(node),
                });
            }
        }
        for row in transaction.all(&bounds(ids)).await? {
            let id: String = row.try_get("", "conversationid")?;
            let id = id
                .parse()
                .map_err(|_| StoreError::unreadable("log entry"))?;
            if let Some(slice) = slices.get_mut(&id) {
                window.mark_ends(
                    slice,
                    row.try_get("", "oldest")?,
                    row.try_get("", "newest")?,
                );
            }
        }
        transaction.commit().await?;
        Ok(slices)
    }
}

pub(super) async fn position<C: ConnectionTrait>(
    session: &Session<C>,
) -> Result<Position, StoreError> {
    head(session).await.map(|head| to_position(&head))
}

pub(super) async fn head<C: ConnectionTrait>(
    session: &Session<C>,
) -> Result<log_head::Model, StoreError> {
    let row = session
        .one(&log_head::Entity::find().into_query())
        .await?
        .ok_or(StoreError::unreadable("log head"))?;
    Ok(log_head::Model::from_query_result(&row, "")?)
}

const fn to_position(head: &log_head::Model) -> Position {
    Position {
        epoch: head.epoch.cast_unsigned(),
        sequence: head.head.cast_unsigned(),
        check: head.headcheck.cast_unsigned(),
    }
}

/// Whether the cursor could be of this log: the entry that it names has been written.
fn is_within(cursor: &Cursor, head: Position) -> bool {
    cursor.is_current_version() && cursor.epoch == head.epoch && cursor.sequence <= head.sequence
}

/// Whether the cursor names an entry of this log, or its beginning.
async fn is_of_log<C: ConnectionTrait>(
    session: &Session<C>,
    cursor: &Cursor,
    head: Position,
) -> Result<bool, StoreError> {
    if !is_within(cursor, head) {
        return Ok(false);
    }
    let check = match cursor.sequence {
        0 => Some(0),
        sequence => stored_check(session, sequence).await?,
    };
    Ok(check == Some(cursor.check))
}

async fn stored_check<C: ConnectionTrait>(
    session: &Session<C>,
    sequence: u64,
) -> Result<Option<u64>, StoreError> {
    let select = Query::select()
        .column(Column::Checkvalue)
        .from(Entity.table_ref())
        .and_where(Column::Sequence.eq(sequence.cast_signed()))
        .take();
    let row = session.one(&select).await?;
    row.map(|row| Ok(row.try_get::<i64>("", "checkvalue")?.cast_unsigned()))
        .transpose()
}

/// The place that a page's cursor names. However old it is: entries are kept.
async fn place<C: ConnectionTrait>(
    session: &Session<C>,
    head: Position,
    text: Option<&str>,
    argument: &'static str,
) -> Result<Option<u64>, StoreError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let cursor = Cursor::decode(text).map_err(|_| BadPage::Cursor { argument })?;
    if is_of_log(session, &cursor, head).await? {
        Ok(Some(cursor.sequence))
    } else {
        Err(CursorRefused::Unknown { head }.into())
    }
}

/// The latest entry of each conversation that the scope sees and that matches, with its present row.
pub(super) fn compacted(
    scope: &Scope,
    wanted: &Filter,
    latest: Latest,
    limit: usize,
) -> SelectStatement {
    let mut select = Query::select()
        .from(conversation::Entity.table_ref())
        .inner_join(
            Entity.table_ref(),
            Expr::col((Entity, Column::Sequence)).eq(latest_sequence(latest.kinds())),
        )
        .cond_where(filter::visible(scope))
        .cond_where(filter::current(wanted))
        .order_by((Entity, Column::Sequence), Order::Asc)
        .limit(limit as u64)
        .take();
    select_prefixed(&mut select, "l_", Entity, None);
    // The facts are large and a row is made without them.
    let state = conversation::Column::State;
    select_prefixed(&mut select, "c_", conversation::Entity, Some(state));
    select.expr_as(Expr::val(""), "c_state");
    select
}

/// The latest entry of any of the kinds, of the conversation at hand.
fn latest_sequence(kinds: ChangeKinds) -> SelectStatement {
    let log = "latest";
    Query::select()
        .column((log, Column::Sequence))
        .from_as(Entity, log)
        .and_where(
            Expr::col((log, Column::Conversation))
                .equals((conversation::Entity, conversation::Column::ColId)),
        )
        .and_where(of_kinds(Expr::col((log, Column::Kinds)), kinds))
        .order_by((log, Column::Sequence), Order::Desc)
        .limit(1)
        .take()
}

fn of_kinds(column: Expr, kinds: ChangeKinds) -> Expr {
    column.bit_and(i32::from(kinds.bits())).ne(0)
}

fn in_snapshot(row: &QueryResult, scope: &Scope) -> Result<Arc<Committed>, StoreError> {
    let entry = Committed::of_row(row, "l_")?;
    let head = rows::to_listed(conversation::Model::from_query_result(row, "c_")?)?;
    Ok(Arc::new(entry.in_snapshot(head, scope)))
}

fn empty<T>(position: Position) -> Slice<T> {
    Slice {
        items: Vec::new(),
        has_previous: false,
        has_next: false,
        position,
    }
}

/// The part of each history that a page asks for.
struct Window {
    after: Option<u64>,
    before: Option<u64>,
    size: usize,
    backward: bool,
}

impl Window {
    fn entries(&self, ids: &[ConversationId]) -> SelectStatement {
        let direction = if self.backward {
            Order::Desc
        } else {
            Order::Asc
        };
        let number = WindowStatement::partition_by(Column::Conversation)
            .order_by(Column::Sequence, direction)
            .take();
        let mut numbered = status_changes(ids);
        numbered
            .expr(Expr::cust("*"))
            .expr_window_as(Expr::cust("ROW_NUMBER()"), number, "place");
        if let Some(after) = self.after {
            numbered.and_where(Column::Sequence.gt(after.cast_signed()));
        }
        if let Some(before) = self.before {
            numbered.and_where(Column::Sequence.lt(before.cast_signed()));
        }
        Query::select()
            .expr(Expr::cust("*"))
            .from_subquery(numbered, "numbered")
            .and_where(Expr::col("place").lte(self.size as u64))
            .order_by(Column::Sequence, Order::Asc)
            .take()
    }

    /// Says whether the whole history, from `oldest` to `newest`, goes beyond the slice.
    fn mark_ends(&self, slice: &mut Slice<Arc<Committed>>, oldest: i64, newest: i64) {
        let (oldest, newest) = (oldest.cast_unsigned(), newest.cast_unsigned());
        let (first, last) = match (slice.items.first(), slice.items.last()) {
            (Some(first), Some(last)) => (first.node.sequence(), last.node.sequence()),
            // Nothing is shown: the gap between the cursors stands for the slice.
            _ if self.backward => {
                let end = self.before.unwrap_or(u64::MAX);
                (end, end.saturating_sub(1))
            }
            _ => {
                let end = self.after.unwrap_or(0);
                (end + 1, end)
            }
        };
        slice.has_previous = oldest < first;
        slice.has_next = newest > last;
    }
}

fn status_changes(ids: &[ConversationId]) -> SelectStatement {
    let status = [ChangeKind::Status].into_iter().collect();
    // By the table's key: the log has no index of texts.
    let conversations = Query::select()
        .column(conversation::Column::ColId)
        .from(conversation::Entity.table_ref())
        .and_where(conversation::Column::Conversationid.is_in(ids.iter().map(ToString::to_string)))
        .take();
    Query::select()
        .from(Entity.table_ref())
        .and_where(Expr::col(Column::Conversation).in_subquery(conversations))
        .and_where(of_kinds(Expr::col(Column::Kinds), status))
        .take()
}

fn bounds(ids: &[ConversationId]) -> SelectStatement {
    status_changes(ids)
        .column(Column::Conversationid)
        .expr_as(Expr::col(Column::Sequence).min(), "oldest")
        .expr_as(Expr::col(Column::Sequence).max(), "newest")
        .add_group_by([Expr::col(Column::Conversationid)])
        .take()
}
