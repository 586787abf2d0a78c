//! The database's schema, step by step.
//!
//! Steps are append-only, each has its way back, and each is done as a [`whole`] or not at all. Table
//! and column names are written here in the lower case in which both databases keep them, so that SQL
//! with DCM's names works unquoted.

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::*;
pub use sea_orm_migration::sea_orm;

mod columns;
mod m20261123_000001_conversations;
mod m20261123_000002_event_log;
mod m20261125_000020_listener;
mod m20261125_000030_eventbridge;
mod m20261125_000040_api_keys_and_audit;
mod m20261125_000060_repair;
mod m20261128_000070_wanted_due;
mod whole;

use whole::whole;

/// Runs the steps.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let steps: Vec<Box<dyn MigrationTrait>> = vec![
            Box::new(m20261123_000001_conversations::Migration),
            Box::new(m20261123_000002_event_log::Migration),
            Box::new(m20261125_000020_listener::Migration),
            Box::new(m20261125_000030_eventbridge::Migration),
            Box::new(m20261125_000040_api_keys_and_audit::Migration),
            Box::new(m20261125_000060_repair::Migration),
            Box::new(m20261128_000070_wanted_due::Migration),
        ];
        steps.into_iter().map(whole).collect()
    }
}
