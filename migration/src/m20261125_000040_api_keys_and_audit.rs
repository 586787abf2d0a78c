//! API keys of machines, and the trail of who did what.

use sea_orm_migration::prelude::*;

use crate::columns::{col_id, index, key, text, time};

const KEY: &str = "gateway_api_key";
const AUDIT: &str = "gateway_audit";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(api_key(manager)).await?;
        manager.create_table(audit(manager)).await?;
        for index in [
            index("audit_conversation", AUDIT, &["conversationid", "col_id"]),
            index("audit_subject", AUDIT, &["subject", "col_id"]),
        ] {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [AUDIT, KEY] {
            manager
                .drop_table(Table::drop().table(table).to_owned())
                .await?;
        }
        Ok(())
    }
}

/// `hash`: SHA-256 of the key, in hexadecimal. The key itself is nowhere.
fn api_key(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table(KEY)
        .col(key(manager, "keyid").primary_key())
        .col(key(manager, "hash").unique_key())
        .col(text("name").not_null())
        .col(text("permissions").not_null())
        .col(text("narrowing"))
        .col(time(manager, "createdat").not_null())
        .col(text("createdby").not_null())
        .col(time(manager, "expiresat"))
        .col(time(manager, "revokedat"))
        .take()
}

fn audit(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table(AUDIT)
        .col(col_id())
        .col(time(manager, "at").not_null())
        .col(text("subject").not_null())
        .col(text("action").not_null())
        .col(text("conversationid"))
        .col(text("object"))
        .col(text("address"))
        .take()
}
