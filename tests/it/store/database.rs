//! An empty, migrated database of either kind, for one test.

use std::path::PathBuf;

use conversation_gateway::store::{Store, StoreConfig};
use migration::{Migrator, MigratorTrait};

use crate::support::postgres;

pub(crate) struct TestDatabase {
    pub(super) config: StoreConfig,
    /// Holds SQLite's file; gone with the test.
    dir: Option<tempfile::TempDir>,
}

impl TestDatabase {
    pub(crate) fn sqlite_empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            config: config(None, dir.path().to_owned()),
            dir: Some(dir),
        }
    }

    pub(crate) async fn postgres_empty() -> Self {
        let url = postgres::fresh_database().await;
        Self {
            config: config(Some(url), PathBuf::new()),
            dir: None,
        }
    }

    pub(crate) async fn sqlite() -> Self {
        Self::sqlite_empty().migrated().await
    }

    pub(crate) async fn postgres() -> Self {
        Self::postgres_empty().await.migrated().await
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.dir.is_some()
    }

    /// A handle with connections of its own, as another process would have.
    pub(crate) async fn open(&self) -> Store {
        Store::connect(&self.config).await.unwrap()
    }

    /// A backup of an SQLite database, made while nobody writes.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::sqlite_empty();
        for file in std::fs::read_dir(&self.config.data_dir).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.config.data_dir.join(file.file_name())).unwrap();
        }
        copy
    }

    async fn migrated(self) -> Self {
        Migrator::up(self.open().await.database(), None)
            .await
            .unwrap();
        self
    }
}

pub(super) fn config(url: Option<String>, data_dir: PathBuf) -> StoreConfig {
    StoreConfig {
        database_url: url.map(Into::into),
        data_dir,
        database_connections: 4,
        database_wait_ms: 30_000,
    }
}

/// Runs each of these tests on both databases.
macro_rules! on_both_databases {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::store::database::TestDatabase::sqlite().await).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::store::database::TestDatabase::postgres().await).await;
            })+
        }
    };
}
pub(super) use on_both_databases;
