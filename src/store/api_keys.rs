//! API keys: their hashes and what they allow.

use std::collections::HashSet;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, EntityName, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QueryTrait,
};

use crate::domain::api_key::{ApiKey, Grant};
use crate::domain::audit::AuditEntry;
use crate::domain::permission::Permissions;
use crate::domain::time::Time;

use super::Store;
use super::audit;
use super::entity::api_key::{Column, Entity, Model};
use super::error::StoreError;
use super::statements::inserts;

impl Store {
    /// Keeps a new key under its hash, and who made it.
    pub async fn add_api_key(
        &self,
        key: &ApiKey,
        hash: &str,
        deed: &AuditEntry,
    ) -> Result<(), StoreError> {
        let transaction = self.writes.begin_write().await?;
        for insert in inserts(&[to_model(key, hash)], None) {
            transaction.run(&insert).await?;
        }
        audit::record(&transaction, [deed]).await?;
        Ok(transaction.commit().await?)
    }

    /// The key with this hash, be it revoked or expired.
    pub async fn api_key(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        let select = Entity::find().filter(Column::Hash.eq(hash)).into_query();
        let row = self.reads.one(&select).await?;
        row.map(|row| to_key(Model::from_query_result(&row, "")?))
            .transpose()
    }

    /// All keys there ever were, the oldest first.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let select = Entity::find()
            .order_by_asc(Column::Createdat)
            .order_by_asc(Column::Keyid)
            .into_query();
        let rows = self.reads.all(&select).await?;
        rows.iter()
            .map(|row| to_key(Model::from_query_result(row, "")?))
            .collect()
    }

    /// The hashes of the keys that hold at this moment.
    pub async fn api_key_hashes(&self, now: Time) -> Result<HashSet<String>, StoreError> {
        let not_over = Condition::any()
            .add(Column::Expiresat.is_null())
            .add(Column::Expiresat.gt(now.to_utc()));
        let select = Query::select()
            .column(Column::Hash)
            .from(Entity.table_ref())
            .and_where(Column::Revokedat.is_null())
            .cond_where(not_over)
            .take();
        let rows = self.reads.all(&select).await?;
        rows.iter()
            .map(|row| Ok(row.try_get("", "hash")?))
            .collect()
    }

    /// Revokes a key for ever, and keeps who did it. `None`: there is none with this id that was not
    /// revoked before.
    pub async fn revoke_api_key(
        &self,
        id: &str,
        deed: &AuditEntry,
    ) -> Result<Option<ApiKey>, StoreError> {
        let update = Query::update()
            .table(Entity.table_ref())
            .value(Column::Revokedat, Expr::val(deed.at.to_utc()))
            .and_where(Expr::col(Column::Keyid).eq(id))
            .and_where(Expr::col(Column::Revokedat).is_null())
            .returning_all()
            .take();
        let transaction = self.writes.begin_write().await?;
        let Some(row) = transaction.one(&update).await? else {
            return Ok(None);
        };
        audit::record(&transaction, [deed]).await?;
        transaction.commit().await?;
        to_key(Model::from_query_result(&row, "")?).map(Some)
    }
}

fn to_model(key: &ApiKey, hash: &str) -> Model {
    let narrowing = key.grant.narrowing.as_ref();
    Model {
        keyid: key.id.to_string(),
        hash: hash.to_owned(),
        name: key.name.clone(),
        permissions: key.grant.permissions.to_string(),
        narrowing: narrowing
            .map(|it| serde_json::to_string(it).expect("sets of texts are always JSON")),
        createdat: key.created_at.to_utc(),
        createdby: key.created_by.clone(),
        expiresat: key.expires_at.map(Time::to_utc),
        revokedat: key.revoked_at.map(Time::to_utc),
    }
}

fn to_key(model: Model) -> Result<ApiKey, StoreError> {
    let unreadable = |source| StoreError::unreadable_json("API key", source);
    let narrowing = model.narrowing.as_deref().map(serde_json::from_str);
    Ok(ApiKey {
        id: model.keyid.into(),
        name: model.name,
        grant: Grant {
            permissions: Permissions::from_words(&model.permissions),
            narrowing: narrowing.transpose().map_err(unreadable)?,
        },
        created_at: model.createdat.into(),
        created_by: model.createdby,
        expires_at: model.expiresat.map(Into::into),
        revoked_at: model.revokedat.map(Into::into),
    })
}
