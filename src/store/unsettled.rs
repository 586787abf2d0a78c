//! Finds what Genesys' analytics did not settle yet.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use crate::domain::ids::ConversationId;
use crate::domain::row::ConversationStatus;
use crate::domain::time::Time;

use super::Store;
use super::entity::{conversation, participant};
use super::error::StoreError;

/// One look takes no more.
const MOST: u64 = 10_000;

impl Store {
    /// Conversations that ended, or are idle, with a leg that ended after `since` and whose durations
    /// are not final, the oldest first: those are the next that nobody asks for any more.
    pub async fn unsettled(&self, since: Time) -> Result<Vec<ConversationId>, StoreError> {
        let mut legs = Query::select();
        legs.column(participant::Column::Conversationid)
            .from(participant::Entity)
            .and_where(participant::Column::Timingsfinal.eq(false))
            .and_where(participant::Column::Endtime.gte(since.to_utc()));
        let over =
            [ConversationStatus::Ended, ConversationStatus::Idle].map(ConversationStatus::as_str);
        let select = conversation::Entity::find()
            .select_only()
            .column(conversation::Column::Conversationid)
            .filter(conversation::Column::Calculatedstatus.is_in(over))
            .filter(Expr::col(conversation::Column::ColId).in_subquery(legs))
            .order_by_asc(conversation::Column::Statussince)
            .limit(MOST)
            .into_query();
        let rows = self.reads.all(&select).await?;
        let ids = rows
            .iter()
            .map(|row| row.try_get::<String>("", "conversationid"))
            .collect::<Result<Vec<_>, DbErr>>()?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }
}
