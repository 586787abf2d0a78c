//! The audit trail. What changes a conversation is written with the change, in its transaction.

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryTrait,
};
use serde::{Deserialize, Serialize};

use crate::domain::audit::{AuditEntry, AuditFilter, Deed};
use crate::domain::time::Time;

use super::Store;
use super::entity::audit::{Column, Entity, Model};
use super::error::StoreError;
use super::page::{self, Item, Key, Page, Slice};
use super::session::Session;
use super::statements::inserts;

/// The trail has one order: as it was written.
#[derive(Serialize, Deserialize)]
struct Place(i64);

impl Key for Place {
    type List = String;

    fn values(&self) -> Vec<SimpleExpr> {
        vec![Expr::val(self.0)]
    }
}

impl Store {
    /// Writes one line that belongs to no change of a conversation.
    pub async fn record(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        record(&self.writes, [entry]).await
    }

    /// The lines that match, the newest first.
    pub async fn audit_trail(
        &self,
        wanted: &AuditFilter,
        page: &Page,
    ) -> Result<Slice<AuditEntry>, StoreError> {
        let list = "audit".to_owned();
        let column = [Expr::col(Column::ColId)];
        let mut select = Entity::find()
            .filter(matching(wanted))
            .filter(page.between::<Place>(&list, &column, true)?)
            .into_query();
        select
            .order_by(Column::ColId, page.order(true))
            .limit(page.size()? as u64 + 1);
        let transaction = self.reads.begin_read().await?;
        let position = super::event_log::position(&transaction).await?;
        let rows = transaction.all(&select).await?;
        transaction.commit().await?;
        let items = rows.iter().map(|row| {
            let model = Model::from_query_result(row, "")?;
            Ok(Item {
                cursor: page::encode(&Place(model.col_id), &list),
                node: to_entry(model)?,
            })
        });
        let items = items.collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page.slice(items, position)?)
    }
}

pub(super) async fn record<'a, C: ConnectionTrait>(
    session: &Session<C>,
    entries: impl IntoIterator<Item = &'a AuditEntry>,
) -> Result<(), StoreError> {
    let models: Vec<_> = entries.into_iter().map(to_model).collect();
    for insert in inserts(&models, Some(Column::ColId)) {
        session.run(&insert).await?;
    }
    Ok(())
}

fn matching(wanted: &AuditFilter) -> Condition {
    let id = wanted.conversation_id.map(|id| id.to_string());
    let deeds = wanted.deeds.as_ref();
    Condition::all()
        .add_option(wanted.subject.as_ref().map(|who| Column::Subject.eq(who)))
        .add_option(deeds.map(|deeds| Column::Action.is_in(deeds.iter().map(|deed| deed.as_str()))))
        .add_option(id.map(|id| Column::Conversationid.eq(id)))
        .add_option(wanted.from.map(|from| Column::At.gte(from.to_utc())))
        .add_option(wanted.to.map(|to| Column::At.lt(to.to_utc())))
}

fn to_model(entry: &AuditEntry) -> Model {
    Model {
        col_id: 0,
        at: entry.at.to_utc(),
        subject: entry.subject.to_string(),
        action: entry.deed.as_str().to_owned(),
        conversationid: entry.conversation_id.map(|id| id.to_string()),
        object: entry.object.clone(),
        address: entry.address.map(|address| address.to_string()),
    }
}

fn to_entry(model: Model) -> Result<AuditEntry, StoreError> {
    let unreadable = || StoreError::unreadable("audit entry");
    let id = model.conversationid.map(|id| id.parse());
    let address = model.address.map(|address| address.parse());
    Ok(AuditEntry {
        at: Time::from(model.at),
        subject: model.subject.into(),
        deed: Deed::from_word(&model.action).ok_or_else(unreadable)?,
        conversation_id: id.transpose().map_err(|_| unreadable())?,
        object: model.object,
        address: address.transpose().map_err(|_| unreadable())?,
    })
}
