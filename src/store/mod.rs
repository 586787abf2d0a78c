//! The database: conversations, their log, and every question that is asked of them.
//!
//! It speaks domain types; tables and SQL stay inside. A change and its log entry are written in
//! one transaction, and only what was so written becomes a [`Committed`]. It doesn't know what a
//! change means, who asks (a [`Caller`](crate::domain::caller::Caller)'s scope is just a condition
//! to it), or who waits for news.

mod api_keys;
mod audit;
mod commit;
mod committed;
mod config;
mod contexts;
mod conversations;
mod cursor;
mod entity;
mod error;
mod event_log;
mod filter;
mod listener;
mod page;
#[cfg(test)]
mod plan_tests;
mod projection;
mod record;
mod retention;
mod rows;
mod session;
mod statements;
mod unsettled;
mod wanted;

use std::sync::Arc;

use sea_orm::sea_query::ExprTrait;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{DatabaseConnection, DbBackend};

use session::{Gauge, Session};

pub use commit::Change;
pub use committed::Committed;
pub use config::StoreConfig;
pub use contexts::ContextSummary;
pub use conversations::{Order, OrderField};
pub use cursor::{Cursor, NotACursor, Position};
pub use error::{BadPage, Conflict, CursorRefused, StoreError};
pub use event_log::Latest;
pub use listener::Open;
pub use page::{Item, Page, Slice};

/// The newest migration that this code needs.
pub const SCHEMA: &str = "m20261128_000070_wanted_due";

/// The handle to the database; its clones share the connections.
#[derive(Clone, Debug)]
pub struct Store {
    reads: Session<DatabaseConnection>,
    writes: Session<DatabaseConnection>,
    gauge: Arc<Gauge>,
}

impl Store {
    /// Connects; the tables need not be there yet (see [`Self::is_migrated`]).
    pub async fn connect(config: &StoreConfig) -> Result<Self, StoreError> {
        let pools = config.open().await?;
        let gauge = Arc::new(Gauge::default());
        Ok(Self {
            reads: Session::reading(pools.reads, Arc::clone(&gauge)),
            writes: Session::writing(pools.writes, Arc::clone(&gauge)),
            gauge,
        })
    }

    /// The writing connection, for migrations.
    pub fn database(&self) -> &DatabaseConnection {
        self.writes.connection()
    }

    /// Whether all migrations were run that this code needs.
    pub async fn is_migrated(&self) -> Result<bool, StoreError> {
        let (tables, name) = match self.reads.backend() {
            DbBackend::Postgres => ("pg_tables", "tablename"),
            _ => ("sqlite_master", "name"),
        };
        let steps = "seaql_migrations";
        let has_table = Query::select()
            .column(name)
            .from(tables)
            .and_where(Expr::col(name).eq(steps))
            .take();
        if self.reads.one(&has_table).await?.is_none() {
            return Ok(false);
        }
        let has_step = Query::select()
            .column("version")
            .from(steps)
            .and_where(Expr::col("version").eq(SCHEMA))
            .take();
        Ok(self.reads.one(&has_step).await?.is_some())
    }

    /// How many SQL statements this handle and its clones have run.
    pub fn statements(&self) -> u64 {
        self.gauge.statements()
    }

    /// For tests of crashes: writing stops for ever before the statement after the next
    /// `statements` (a transaction's end counts as one). Negative: never.
    pub fn stop_writing_after(&self, statements: i64) {
        self.gauge.stop_after(statements);
    }

    /// Returns when writing has stopped where [`Self::stop_writing_after`] said.
    pub async fn writing_stopped(&self) {
        self.gauge.stopped().await;
    }
}
