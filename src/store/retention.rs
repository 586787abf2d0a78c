//! How far back the log can be followed. The entries before that place stay: they are the history.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, EntityName, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use crate::domain::time::Time;

use super::Store;
use super::entity::event_log::{Column, Entity};
use super::entity::log_head;
use super::error::StoreError;
use super::event_log::head;

impl Store {
    /// The oldest place that the log can be followed from: 0 is before its first entry.
    pub async fn floor(&self) -> Result<u64, StoreError> {
        Ok(head(&self.reads).await?.floor.cast_unsigned())
    }

    /// Raises the floor to the last entry that was recorded before `moment`, and returns where the
    /// floor is then. Times don't fall along the log: a few reads find the entry, however long it is.
    pub async fn raise_floor(&self, moment: Time) -> Result<u64, StoreError> {
        let log = head(&self.reads).await?;
        let (mut old, mut new) = (log.floor, log.head + 1);
        if !self.is_older(old + 1, moment).await? {
            return Ok(old.cast_unsigned());
        }
        while new - old > 1 {
            let middle = old + (new - old) / 2;
            if self.is_older(middle, moment).await? {
                old = middle;
            } else {
                new = middle;
            }
        }
        self.set_floor(old).await?;
        Ok(old.cast_unsigned())
    }

    /// Whether the first entry from this place on was recorded before the moment.
    async fn is_older(&self, sequence: i64, moment: Time) -> Result<bool, StoreError> {
        let select = Entity::find()
            .select_only()
            .column(Column::Recordedat)
            .filter(Column::Sequence.gte(sequence))
            .order_by_asc(Column::Sequence)
            .limit(1)
            .into_query();
        let Some(row) = self.reads.one(&select).await? else {
            return Ok(false);
        };
        let recorded_at: chrono::DateTime<chrono::Utc> = row.try_get("", "recordedat")?;
        Ok(Time::from(recorded_at) < moment)
    }

    async fn set_floor(&self, floor: i64) -> Result<(), StoreError> {
        let update = Query::update()
            .table(log_head::Entity.table_ref())
            .value(log_head::Column::Floor, floor)
            .and_where(Expr::col(log_head::Column::Floor).lt(floor))
            .take();
        Ok(self.writes.run(&update).await?)
    }
}
