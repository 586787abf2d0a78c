//! Reading conversations.

use std::collections::HashMap;

use sea_orm::sea_query::{self, Expr, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityName, EntityTrait, FromQueryResult, IdenStatic,
    QueryFilter, QueryResult, QueryTrait,
};
use serde::{Deserialize, Serialize};

use crate::domain::caller::{Caller, Scope};
use crate::domain::conversation::Conversation;
use crate::domain::filter::Filter;
use crate::domain::ids::ConversationId;
use crate::domain::row::{Listed, Row, words};
use crate::domain::snapshot::Participant;
use crate::domain::time::Time;

use super::Store;
use super::cursor::Position;
use super::entity::conversation::{Column, Entity, Model};
use super::error::StoreError;
use super::page::{self, Item, Key, Page, Slice};
use super::session::Session;
use super::statements::select_without;
use super::{contexts, filter, rows};

/// Rows that are read at once where all are wanted.
const AT_ONCE: usize = 2_000;

words! {
    /// What a list of conversations may be ordered by.
    OrderField {
        /// `conversationStart`, else `createdAt`.
        StartedAt = "STARTED_AT",
        CreatedAt = "CREATED_AT",
        UpdatedAt = "UPDATED_AT",
        StatusSince = "STATUS_SINCE",
    }
}

/// The order of a list of conversations; ties go by `conversationId`, in the same direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub field: OrderField,
    pub descending: bool,
}

impl Default for Order {
    /// The newest first.
    fn default() -> Self {
        Self {
            field: OrderField::StartedAt,
            descending: true,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Place(Time, ConversationId);

impl Key for Place {
    type List = Order;

    fn values(&self) -> Vec<SimpleExpr> {
        vec![Expr::val(self.0.to_utc()), Expr::val(self.1.to_string())]
    }
}

impl Store {
    /// Those of the given conversations that the scope sees now.
    pub async fn visible(
        &self,
        scope: &Scope,
        ids: Vec<ConversationId>,
    ) -> Result<Vec<ConversationId>, StoreError> {
        if *scope == Scope::Everything || ids.is_empty() {
            return Ok(ids);
        }
        let select = Query::select()
            .column(Column::Conversationid)
            .from(Entity.table_ref())
            .and_where(Column::Conversationid.is_in(ids.iter().map(ToString::to_string)))
            .cond_where(filter::visible(scope))
            .take();
        let rows = self.reads.all(&select).await?;
        let ids = rows.iter().map(|row| {
            let id: String = row.try_get("", "conversationid")?;
            id.parse()
                .map_err(|_| StoreError::unreadable("conversation"))
        });
        ids.collect()
    }

    /// The stored ones of the given conversations, with their links. It asks for nobody, so it sees
    /// all.
    pub async fn load(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Conversation>, StoreError> {
        load(&self.reads, ids).await
    }

    /// The same for the write path, which waits for nobody who reads.
    pub async fn load_to_write(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Conversation>, StoreError> {
        load(&self.writes, ids).await
    }

    /// Who took part in each of the given conversations, in one statement.
    pub async fn participants(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Vec<Participant>>, StoreError> {
        let select = Entity::find()
            .filter(Column::Conversationid.is_in(ids.iter().map(ToString::to_string)))
            .into_query();
        let rows = self.reads.all(&select).await?;
        rows.iter()
            .map(|row| {
                let known = rows::to_conversation(Model::from_query_result(row, "")?)?;
                Ok((known.id, known.facts.participants))
            })
            .collect()
    }

    /// One conversation without its links; `None` as well when the caller may not see it.
    pub async fn conversation(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let select = Entity::find()
            .filter(Column::Conversationid.eq(id.to_string()))
            .filter(filter::visible(&caller.scope))
            .into_query();
        let row = self.reads.one(&select).await?;
        row.map(|row| rows::to_conversation(Model::from_query_result(&row, "")?))
            .transpose()
    }

    /// The rows of the given conversations that are stored. It asks for nobody, so it sees all.
    pub async fn listed(&self, ids: &[ConversationId]) -> Result<Vec<Listed>, StoreError> {
        let mut select = select_without(Entity, Column::State);
        select.and_where(Column::Conversationid.is_in(ids.iter().map(ToString::to_string)));
        let rows = self.reads.all(&select).await?;
        rows.iter().map(listed).collect()
    }

    /// Shows all that match and are in scope, or some `limit` of them, in no order, few at a time; gives
    /// back the place in the log at which this holds.
    pub async fn each_matching(
        &self,
        scope: &Scope,
        wanted: &Filter,
        limit: usize,
        mut show: impl FnMut(Listed),
    ) -> Result<Position, StoreError> {
        let transaction = self.reads.begin_read().await?;
        let position = super::event_log::position(&transaction).await?;
        let (mut after, mut left) = (0, limit);
        while left > 0 {
            let some = left.min(AT_ONCE);
            let select = matching_after(scope, wanted, after, some as u64);
            let rows = transaction.all(&select).await?;
            for row in &rows {
                show(listed(row)?);
            }
            let Some(last) = rows.last().filter(|_| rows.len() == some) else {
                break;
            };
            after = last.try_get::<i64>("", Column::ColId.as_str())?;
            left -= some;
        }
        transaction.commit().await?;
        Ok(position)
    }

    /// A page of the conversations that match and that the caller may see.
    pub async fn conversations(
        &self,
        caller: &Caller,
        wanted: &Filter,
        order: Order,
        page: &Page,
    ) -> Result<Slice<Listed>, StoreError> {
        let column = order.column();
        let by = [column, Column::Conversationid];
        let columns = by.map(Expr::col);
        let direction = page.order(order.descending);
        let mut select = select_without(Entity, Column::State);
        select
            .cond_where(filter::visible(&caller.scope))
            .cond_where(filter::matching(wanted))
            .cond_where(page.between::<Place>(&order, &columns, order.descending)?);
        for column in by {
            select.order_by(column, direction.clone());
        }
        select.limit(page.size()? as u64 + 1);

        let transaction = self.reads.begin_read().await?;
        let position = super::event_log::position(&transaction).await?;
        let rows = transaction.all(&select).await?;
        transaction.commit().await?;
        let items = rows
            .iter()
            .map(|row| {
                let node = listed(row)?;
                let cursor = order.cursor(&node);
                Ok(Item { cursor, node })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(page.slice(items, position)?)
    }
}

async fn load(
    session: &Session<DatabaseConnection>,
    ids: &[ConversationId],
) -> Result<HashMap<ConversationId, Conversation>, StoreError> {
    let mut loaded = HashMap::with_capacity(ids.len());
    if ids.is_empty() {
        return Ok(loaded);
    }
    let select = Entity::find()
        .filter(Column::Conversationid.is_in(ids.iter().map(ToString::to_string)))
        .into_query();
    for row in session.all(&select).await? {
        let conversation = rows::to_conversation(Model::from_query_result(&row, "")?)?;
        loaded.insert(conversation.id, conversation);
    }
    for (id, links) in contexts::links(session, ids).await? {
        if let Some(conversation) = loaded.get_mut(&id) {
            conversation.links = links;
        }
    }
    Ok(loaded)
}

pub(super) fn matching_after(
    scope: &Scope,
    wanted: &Filter,
    after: i64,
    limit: u64,
) -> SelectStatement {
    select_without(Entity, Column::State)
        .and_where(Column::ColId.gt(after))
        .cond_where(filter::visible(scope))
        .cond_where(filter::matching(wanted))
        .order_by(Column::ColId, sea_query::Order::Asc)
        .limit(limit)
        .take()
}

fn listed(row: &QueryResult) -> Result<Listed, StoreError> {
    rows::to_listed(Model::from_query_result(row, "")?)
}

impl Order {
    const fn column(self) -> Column {
        match self.field {
            OrderField::StartedAt => Column::Startedat,
            OrderField::CreatedAt => Column::Createdat,
            OrderField::UpdatedAt => Column::Updatedat,
            OrderField::StatusSince => Column::Statussince,
        }
    }

    /// The cursor that names a conversation's place in a list of this order.
    pub fn cursor(self, conversation: &Listed) -> String {
        let place = Place(self.place(&conversation.row), conversation.id);
        page::encode(&place, &self)
    }

    /// A conversation's own value of the ordering column.
    fn place(self, row: &Row) -> Time {
        match self.field {
            OrderField::StartedAt => row.started_at(),
            OrderField::CreatedAt => row.created_at,
            OrderField::UpdatedAt => row.updated_at,
            OrderField::StatusSince => row.status_since,
        }
    }
}
