//! Conversations that somebody outside named, kept until they were read from Genesys.

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Order, Query};

use crate::domain::ids::ConversationId;
use crate::domain::time::Time;

use super::Store;
use super::error::StoreError;

const WANTED: &str = "gateway_wanted_reading";

impl Store {
    /// Remembers that the conversation is to be read, from now on; once more only moves the time.
    pub async fn want_reading(&self, id: ConversationId, at: Time) -> Result<(), StoreError> {
        let now = at.to_utc();
        let insert = Query::insert()
            .into_table(WANTED)
            .columns(["conversationid", "wantedat", "dueat"])
            .values_panic([id.to_string().into(), now.into(), now.into()])
            .on_conflict(
                OnConflict::column("conversationid")
                    .update_columns(["wantedat", "dueat"])
                    .to_owned(),
            )
            .take();
        Ok(self.writes.run(&insert).await?)
    }

    /// What is to be read by now, the longest due first, with the time of each wish.
    pub async fn wanted_readings(
        &self,
        now: Time,
        limit: u64,
    ) -> Result<Vec<(ConversationId, Time)>, StoreError> {
        let select = Query::select()
            .columns(["conversationid", "wantedat"])
            .from(WANTED)
            .and_where(Expr::col("dueat").lte(now.to_utc()))
            .order_by("dueat", Order::Asc)
            .limit(limit)
            .take();
        let rows = self.reads.all(&select).await?;
        rows.iter()
            .map(|row| {
                let id: String = row.try_get("", "conversationid")?;
                let at: chrono::DateTime<chrono::Utc> = row.try_get("", "wantedat")?;
                let id = id.parse();
                let id = id.map_err(|_| StoreError::unreadable("conversation id"))?;
                Ok((id, at.into()))
            })
            .collect()
    }

    /// It can't be read now; a wish that came later stays as it is.
    pub async fn put_off_reading(
        &self,
        id: ConversationId,
        at: Time,
        until: Time,
    ) -> Result<(), StoreError> {
        let update = Query::update()
            .table(WANTED)
            .value("dueat", until.to_utc())
            .and_where(Expr::col("conversationid").eq(id.to_string()))
            .and_where(Expr::col("wantedat").lte(at.to_utc()))
            .take();
        Ok(self.writes.run(&update).await?)
    }

    /// It was read, or needs not be; a wish that came later stays.
    pub async fn reading_done(&self, id: ConversationId, at: Time) -> Result<(), StoreError> {
        let delete = Query::delete()
            .from_table(WANTED)
            .and_where(Expr::col("conversationid").eq(id.to_string()))
            .and_where(Expr::col("wantedat").lte(at.to_utc()))
            .take();
        Ok(self.writes.run(&delete).await?)
    }
}
