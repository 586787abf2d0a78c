//! Conversations that an event from EventBridge named and that are still to be read from Genesys.

use sea_orm_migration::prelude::*;

use crate::columns::{key, time};

const WANTED: &str = "gateway_wanted_reading";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(WANTED)
            .col(key(manager, "conversationid").primary_key())
            .col(time(manager, "wantedat").not_null())
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(WANTED).to_owned())
            .await
    }
}
