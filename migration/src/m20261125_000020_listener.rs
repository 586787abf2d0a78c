//! Until when the Genesys listener is known to have missed nothing, over restarts.

use sea_orm_migration::prelude::*;

use crate::columns::{given_key, time};

const LISTENER: &str = "gateway_listener";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(LISTENER)
            .col(given_key(manager, "id"))
            .col(time(manager, "hearduntil").not_null())
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table(LISTENER).to_owned())
            .await
    }
}
