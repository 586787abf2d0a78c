//! What the Genesys listener must remember over a restart: until when it missed nothing, how far it
//! has made up for what it missed, and which conversations were going on.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::domain::ids::{ConversationId, QueueId};
use crate::domain::row::ConversationStatus;
use crate::domain::time::Time;

use super::Store;
use super::entity::conversation::{Column, Entity};
use super::error::StoreError;
use super::filter;

const LISTENER: &str = "gateway_listener";
/// The table has one row.
const ROW: i64 = 1;

/// A conversation that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    pub id: ConversationId,
    pub status: ConversationStatus,
    pub last_queue: Option<QueueId>,
    pub updated_at: Time,
}

impl Store {
    /// The conversations that have not ended, by id: those after the given one.
    pub async fn open_conversations(
        &self,
        after: Option<ConversationId>,
        limit: u64,
    ) -> Result<Vec<Open>, StoreError> {
        let rows = self.reads.all(&open_after(after, limit)).await?;
        rows.iter()
            .map(|row| {
                let id: String = row.try_get("", "conversationid")?;
                let status: String = row.try_get("", "calculatedstatus")?;
                let queue: Option<String> = row.try_get("", "lastqueueid")?;
                let updated: chrono::DateTime<chrono::Utc> = row.try_get("", "updatedat")?;
                Ok(Open {
                    id: id
                        .parse()
                        .map_err(|_| StoreError::unreadable("conversation id"))?,
                    status: ConversationStatus::from_word(&status)
                        .ok_or(StoreError::unreadable("status"))?,
                    last_queue: queue.map(QueueId::from),
                    updated_at: updated.into(),
                })
            })
            .collect()
    }

    /// Until when the listener is known to have missed nothing; `None` before it ever heard.
    pub async fn heard_until(&self) -> Result<Option<Time>, StoreError> {
        let select = Query::select()
            .column("hearduntil")
            .from(LISTENER)
            .and_where(Expr::col("id").eq(ROW))
            .take();
        let Some(row) = self.reads.one(&select).await? else {
            return Ok(None);
        };
        let until: chrono::DateTime<chrono::Utc> = row.try_get("", "hearduntil")?;
        Ok(Some(until.into()))
    }

    /// Notes it; a repair that led so far is through.
    pub async fn set_heard_until(&self, until: Time) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table(LISTENER)
            .columns(["id", "hearduntil", "repair"])
            .values_panic([
                ROW.into(),
                until.to_utc().into(),
                Option::<String>::None.into(),
            ])
            .on_conflict(
                OnConflict::column("id")
                    .update_columns(["hearduntil", "repair"])
                    .to_owned(),
            )
            .take();
        Ok(self.writes.run(&insert).await?)
    }

    /// How far the repair had come that a restart interrupted.
    pub async fn repair_note(&self) -> Result<Option<String>, StoreError> {
        let select = Query::select()
            .column("repair")
            .from(LISTENER)
            .and_where(Expr::col("id").eq(ROW))
            .take();
        let row = self.reads.one(&select).await?;
        Ok(row
            .map(|row| row.try_get("", "repair"))
            .transpose()?
            .flatten())
    }

    /// Keeps it, where the listener ever heard: before that nothing is repaired.
    pub async fn keep_repair_note(&self, note: &str) -> Result<(), StoreError> {
        let update = Query::update()
            .table(LISTENER)
            .value("repair", note)
            .and_where(Expr::col("id").eq(ROW))
            .take();
        Ok(self.writes.run(&update).await?)
    }
}

pub(super) fn open_after(after: Option<ConversationId>, limit: u64) -> SelectStatement {
    let mut select = Entity::find()
        .select_only()
        .columns([
            Column::Conversationid,
            Column::Calculatedstatus,
            Column::Lastqueueid,
            Column::Updatedat,
        ])
        .filter(filter::not_ended())
        .order_by_asc(Column::Conversationid)
        .limit(limit);
    if let Some(after) = after {
        select = select.filter(Column::Conversationid.gt(after.to_string()));
    }
    select.into_query()
}
