//! The log of all changes, its head, and the history that DCM reads.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{belongs_to_conversation, flag, given_key, index, number, text, time};

const LOG: &str = "gateway_event_log";
const HEAD: &str = "gateway_log_head";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(log(manager)).await?;
        manager
            .create_index(
                index("log_of_conversation", LOG, &["conversation", "sequence"])
                    .unique()
                    .take(),
            )
            .await?;
        manager
            .create_index(
                index("log_version", LOG, &["conversation", "version"])
                    .unique()
                    .take(),
            )
            .await?;
        manager.create_table(head(manager)).await?;
        let connection = manager.get_connection();
        connection.execute_unprepared(&first_head(manager)).await?;
        connection.execute_unprepared(HISTORY).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared("DROP VIEW tbl_gen_conversationhistory")
            .await?;
        for table in [HEAD, LOG] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}

fn log(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table(LOG)
        .col(given_key(manager, "sequence"))
        .col(number("conversation"))
        .col(text("conversationid").not_null())
        .col(number("version"))
        .col(number("number"))
        .col(text("status").not_null())
        .col(text("previousstatus"))
        .col(ColumnDef::new("kinds").integer().not_null())
        .col(text("cause").not_null())
        .col(time(manager, "occurredat").not_null())
        .col(time(manager, "recordedat").not_null())
        .col(number("checkvalue"))
        .col(flag("gapbefore"))
        .col(text("actor"))
        .col(text("record").not_null())
        .foreign_key(&mut belongs_to_conversation(LOG, "conversation"))
        .take()
}

/// One row: where the log ends, from where it is kept, and which log it is.
fn head(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table(HEAD)
        .col(given_key(manager, "id").check(Expr::col("id").eq(1)))
        .col(number("head"))
        .col(number("headcheck"))
        .col(number("floor"))
        .col(number("epoch"))
        .col(time(manager, "lastrecordedat").not_null())
        .take()
}

/// The epoch is random, so that no cursor of another log is ever taken for one of this.
fn first_head(manager: &SchemaManager) -> String {
    let epoch = match manager.get_database_backend() {
        DbBackend::Postgres => "hashtextextended(gen_random_uuid()::text, 0)",
        _ => "random()",
    };
    format!("INSERT INTO {HEAD} VALUES (1, 0, 0, 0, {epoch}, '1970-01-01T00:00:00.000Z')")
}

/// The bits of `kinds`: 1 status, 2 queue, 4 owner, 8 participants, 16 context, 32 details, 64 error.
const HISTORY: &str = "
CREATE VIEW tbl_gen_conversationhistory AS
SELECT
    sequence AS col_id,
    conversation AS conversationid,
    actor IS NULL AS issystem,
    COALESCE(actor, 'GENESYS') AS historycreatedby,
    COALESCE(actor, 'Genesys Cloud') AS createdbyname,
    CASE
        WHEN previousstatus IS NULL THEN 'The conversation became known as ' || status || '.'
        WHEN kinds & 1 <> 0 THEN 'The status changed from ' || previousstatus || ' to ' || status || '.'
        WHEN kinds & 64 <> 0 THEN 'The error of the work with Genesys changed.'
        WHEN kinds & 4 <> 0 THEN 'The owner changed.'
        WHEN kinds & 2 <> 0 THEN 'The queue changed.'
        WHEN kinds & 16 <> 0 THEN 'The links to DCM objects changed.'
        WHEN kinds & 8 <> 0 THEN 'The participants changed.'
        ELSE 'The details changed.'
    END AS description,
    cause AS additionalinfo,
    CASE
        WHEN kinds & 1 <> 0 THEN 'STATUS'
        WHEN kinds & 64 <> 0 THEN 'ERROR'
        WHEN kinds & 4 <> 0 THEN 'OWNER'
        WHEN kinds & 2 <> 0 THEN 'QUEUE'
        WHEN kinds & 16 <> 0 THEN 'CONTEXT'
        WHEN kinds & 8 <> 0 THEN 'PARTICIPANTS'
        ELSE 'DETAILS'
    END AS messagetype,
    occurredat AS createddate
FROM gateway_event_log";
