//! How far a repair of what was missed has come, over restarts.

use sea_orm_migration::prelude::*;

use crate::columns::text;

const LISTENER: &str = "gateway_listener";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table(LISTENER)
            .add_column(text("repair"))
            .to_owned();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table(LISTENER)
            .drop_column("repair")
            .to_owned();
        manager.alter_table(table).await
    }
}
