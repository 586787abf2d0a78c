//! Where the data is, and how connections to it are set up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::sqlx::{Connection, PgConnection};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr};
use secrecy::{ExposeSecret, SecretString};

use super::error::StoreError;

/// Rows that SQLite's thread reads before somebody has taken them: a page of the log, so that the
/// two threads need not wake each other for each few rows.
const ROW_BUFFER: usize = 512;

/// Pages of 4 kB that SQLite's write-ahead log may hold before they are copied into the file. Many
/// changes write the same pages, so a longer log copies each less often.
const CHECKPOINT_PAGES: u32 = 8_000;

/// Where conversations and the log are kept.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Database")]
pub struct StoreConfig {
    /// The database, `postgres://...` or `sqlite://...`. Without it: SQLite in the data directory.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// The directory of the embedded database.
    #[arg(long, env = "GATEWAY_DATA_DIR", default_value = "./data")]
    pub data_dir: PathBuf,
    /// How many connections read at the same time. Writes have their own: one on SQLite, as many
    /// again on PostgreSQL.
    #[arg(long, env = "GATEWAY_DATABASE_CONNECTIONS", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub database_connections: u32,
    /// How long a statement waits for a free connection, or for SQLite's write lock, in milliseconds
    #[arg(long, env = "GATEWAY_DATABASE_WAIT_MS", default_value_t = 30_000)]
    pub database_wait_ms: u64,
}

/// The two sides of a database.
pub(super) struct Pools {
    pub(super) reads: DatabaseConnection,
    pub(super) writes: DatabaseConnection,
}

impl StoreConfig {
    /// Opens the database, creating SQLite's file where there is none.
    pub(super) async fn open(&self) -> Result<Pools, StoreError> {
        let url = self.url()?;
        if url.starts_with("sqlite:") {
            self.open_sqlite(&url).await
        } else {
            self.open_postgres(&url).await
        }
    }

    fn url(&self) -> Result<String, StoreError> {
        let refused = |reason| StoreError::Setting {
            name: "DATABASE_URL",
            reason,
        };
        let Some(url) = &self.database_url else {
            return sqlite_file(&self.data_dir);
        };
        let url = url.expose_secret();
        if url.starts_with("sqlite:") {
            if url.contains(":memory:") || url.contains("mode=memory") {
                return Err(refused(
                    "must name a file: SQLite in memory outlives nothing",
                ));
            }
            let joint = if url.contains('?') { '&' } else { '?' };
            return Ok(if url.contains("mode=") {
                url.to_owned()
            } else {
                format!("{url}{joint}mode=rwc")
            });
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(url.to_owned());
        }
        Err(refused("must begin with postgres:// or sqlite://"))
    }

    async fn open_sqlite(&self, url: &str) -> Result<Pools, StoreError> {
        let wait = Duration::from_millis(self.database_wait_ms);
        let options = |connections: u32, read_only: bool| {
            let mut options = self.options(url, connections);
            // A file does not hang up, and asking takes as long as a statement.
            options.test_before_acquire(false);
            options.map_sqlx_sqlite_opts(move |sqlite| {
                sqlite
                    .pragma("journal_mode", "WAL")
                    .pragma("synchronous", "FULL")
                    .pragma("foreign_keys", "ON")
                    .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
                    .pragma("query_only", if read_only { "ON" } else { "OFF" })
                    .busy_timeout(wait)
                    .row_buffer_size(ROW_BUFFER)
                    .statement_cache_capacity(256)
            });
            options
        };
        // The writer comes first: it makes the file and turns the WAL on.
        let writes = Database::connect(options(1, false)).await?;
        let reads = Database::connect(options(self.database_connections, true)).await?;
        Ok(Pools { reads, writes })
    }

    async fn open_postgres(&self, url: &str) -> Result<Pools, StoreError> {
        // A pool would try again for all its patience before it says that nobody is there.
        let once = PgConnection::connect(url).await.map_err(connect_failed)?;
        once.close().await.map_err(connect_failed)?;
        let mut options = self.options(url, self.database_connections);
        options.map_sqlx_postgres_opts(|postgres| postgres.options([("synchronous_commit", "on")]));
        let writes = Database::connect(options.clone()).await?;
        let reads = Database::connect(options).await?;
        Ok(Pools { reads, writes })
    }

    fn options(&self, url: &str, connections: u32) -> ConnectOptions {
        let mut options = ConnectOptions::new(url);
        options
            .max_connections(connections)
            .min_connections(1)
            .acquire_timeout(Duration::from_millis(self.database_wait_ms))
            .sqlx_logging(false);
        options
    }
}

fn connect_failed(error: sea_orm::sqlx::Error) -> StoreError {
    StoreError::Database(DbErr::Conn(RuntimeErr::SqlxError(error.into())))
}

fn sqlite_file(dir: &Path) -> Result<String, StoreError> {
    let failed = |source| StoreError::DataDir {
        path: dir.to_owned(),
        source,
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    let file = std::path::absolute(dir.join("gateway.db")).map_err(failed)?;
    let file = file.to_str().ok_or(StoreError::Setting {
        name: "GATEWAY_DATA_DIR",
        reason: "must be a path in UTF-8",
    })?;
    Ok(format!("sqlite://{}?mode=rwc", percent_encoded(file)))
}

/// A path may hold what an URL gives a meaning to.
fn percent_encoded(path: &str) -> String {
    path.replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        store: StoreConfig,
    }

    fn parsed(arguments: &[&str]) -> Result<StoreConfig, clap::Error> {
        let arguments = std::iter::once(&"gateway").chain(arguments);
        Command::try_parse_from(arguments).map(|command| command.store)
    }

    #[test]
    fn a_password_is_never_shown() {
        let config = parsed(&["--database-url", "postgres://user:pass-word@host/db"]).unwrap();
        assert_eq!(config.url().unwrap(), "postgres://user:pass-word@host/db");
        assert!(!format!("{config:?}").contains("pass-word"));
    }

    #[test]
    fn a_sqlite_file_is_made_where_it_is_missing() {
        for (given, opened) in [
            ("sqlite://a.db", "sqlite://a.db?mode=rwc"),
            (
                "sqlite://a.db?cache=private",
                "sqlite://a.db?cache=private&mode=rwc",
            ),
            ("sqlite://a.db?mode=rw", "sqlite://a.db?mode=rw"),
        ] {
            assert_eq!(
                parsed(&["--database-url", given]).unwrap().url().unwrap(),
                opened
            );
        }
    }

    #[test]
    fn no_connections_are_too_few() {
        assert!(parsed(&["--database-connections", "0"]).is_err());
    }
}
