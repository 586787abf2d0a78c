//! When a conversation that is still to be read is asked for next: one that can't be read gives way
//! to the others.

use sea_orm_migration::prelude::*;

use crate::columns::{index, time};

const WANTED: &str = "gateway_wanted_reading";
const BY_DUE: &str = "gateway_wanted_reading_due";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table(WANTED)
            .add_column(time(manager, "dueat"))
            .to_owned();
        manager.alter_table(table).await?;
        let at_once = Query::update()
            .table(WANTED)
            .value("dueat", Expr::col("wantedat"))
            .to_owned();
        manager.execute(at_once).await?;
        manager
            .create_index(index(BY_DUE, WANTED, &["dueat"]))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(Index::drop().name(BY_DUE).table(WANTED).to_owned())
            .await?;
        let table = Table::alter().table(WANTED).drop_column("dueat").to_owned();
        manager.alter_table(table).await
    }
}
