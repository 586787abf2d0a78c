//! A step and the note that it is done are one transaction, on SQLite too: a process that is killed
//! in between leaves nothing that the next one would stumble over.

use sea_orm_migration::prelude::*;

struct Whole(Box<dyn MigrationTrait>);

pub(crate) fn whole(step: Box<dyn MigrationTrait>) -> Box<dyn MigrationTrait> {
    Box::new(Whole(step))
}

impl MigrationName for Whole {
    fn name(&self) -> &str {
        self.0.name()
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Whole {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.up(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.down(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use sea_orm_migration::sea_orm::{ConnectOptions, Database, DatabaseConnection};

    use super::*;
    use crate::Migrator;

    /// A step that fails between its two tables the first time.
    #[derive(DeriveMigrationName)]
    struct Halting;

    static HALTS: AtomicBool = AtomicBool::new(true);

    #[async_trait::async_trait]
    impl MigrationTrait for Halting {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            manager.create_table(table("first")).await?;
            if HALTS.swap(false, Ordering::Relaxed) {
                return Err(DbErr::Custom("halted".to_owned()));
            }
            manager.create_table(table("second")).await
        }
    }

    fn table(name: &'static str) -> TableCreateStatement {
        let id = ColumnDef::new("id").integer().take();
        Table::create().table(name).col(id).take()
    }

    struct Steps;

    #[async_trait::async_trait]
    impl MigratorTrait for Steps {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            vec![whole(Box::new(Halting))]
        }
    }

    /// Each connection to memory is a database of its own.
    async fn memory() -> DatabaseConnection {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1);
        Database::connect(options).await.unwrap()
    }

    #[tokio::test]
    async fn a_step_that_stopped_half_way_left_nothing_and_is_done_the_next_time() {
        let database = memory().await;
        let manager = SchemaManager::new(&database);
        Steps::up(&database, None).await.unwrap_err();
        assert!(!manager.has_table("first").await.unwrap());
        Steps::up(&database, None).await.unwrap();
        assert!(manager.has_table("second").await.unwrap());
    }

    #[test]
    fn every_step_is_whole() {
        for step in Migrator::migrations() {
            assert_eq!(step.use_transaction(), Some(true), "{}", step.name());
        }
    }
}
