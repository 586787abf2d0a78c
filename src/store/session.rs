//! The one way to the database: every statement is built, adapted, counted and run here.
//!
//! Times are bound as `chrono` values everywhere; here alone they become, for SQLite, the
//! 24-character text that SQLite keeps (`chrono`'s own decoding reads it back).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, QueryResult, SqliteTransactionMode, Statement, StatementBuilder,
    TransactionOptions, TransactionTrait, Value, Values,
};
use tokio::sync::Notify;

use crate::domain::time::Time;

/// How many values one statement may bind on either database, with room to spare (SQLite 32,766,
/// PostgreSQL 65,535).
pub(super) const MAX_BINDS: usize = 30_000;

/// Counts statements, and stops before one of them when a test wants to see a crash there.
#[derive(Debug)]
pub(super) struct Gauge {
    statements: AtomicU64,
    /// How many more statements of write transactions pass; negative: all.
    until_stop: AtomicI64,
    stopped: Notify,
}

impl Default for Gauge {
    fn default() -> Self {
        Self {
            statements: AtomicU64::new(0),
            until_stop: AtomicI64::new(-1),
            stopped: Notify::new(),
        }
    }
}

impl Gauge {
    pub(super) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    pub(super) fn stop_after(&self, statements: i64) {
        self.until_stop.store(statements, Ordering::SeqCst);
    }

    pub(super) async fn stopped(&self) {
        self.stopped.notified().await;
    }

    fn count(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for ever where a test has put the end of the world.
    async fn pass_write(&self) {
        if self.until_stop.load(Ordering::SeqCst) < 0 {
            return;
        }
        if self.until_stop.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.stopped.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// A connection pool or a transaction of it.
#[derive(Clone, Debug)]
pub(super) struct Session<C> {
    inner: C,
    gauge: Arc<Gauge>,
    writes: bool,
    /// Statements of a transaction on SQLite that answer nothing, until the next one that does.
    /// SQLite has a thread of its own, and the way to it and back costs more than such a statement.
    waiting: Option<Arc<Mutex<Option<Statement>>>>,
}

impl<C: ConnectionTrait> Session<C> {
    pub(super) fn backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    pub(super) async fn all(
        &self,
        statement: &impl StatementBuilder,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let statement = self.ready(statement).await;
        self.inner.query_all_raw(statement).await
    }

    pub(super) async fn one(
        &self,
        statement: &impl StatementBuilder,
    ) -> Result<Option<QueryResult>, DbErr> {
        let statement = self.ready(statement).await;
        self.inner.query_one_raw(statement).await
    }

    /// Runs a statement whose answer nobody needs; on SQLite in a transaction with the next one, so that
    /// its failure shows there, at the latest when the transaction is committed.
    pub(super) async fn run(&self, statement: &impl StatementBuilder) -> Result<(), DbErr> {
        let statement = self.ready(statement).await;
        match &self.waiting {
            Some(waiting) => {
                *lock(waiting) = Some(statement);
                Ok(())
            }
            None => self.inner.execute_raw(statement).await.map(drop),
        }
    }

    /// The statement, behind those that wait for it.
    async fn ready(&self, statement: &impl StatementBuilder) -> Statement {
        self.gauge.count();
        if self.writes {
            self.gauge.pass_write().await;
        } else {
            metrics::counter!("gateway_database_reads_total").increment(1);
        }
        let backend = self.backend();
        let mut statement = statement.build(&backend);
        if let Some(values) = &mut statement.values {
            for value in &mut values.0 {
                adapt(backend, value);
            }
        }
        match self.take_waiting() {
            Some(waiting) => joined(waiting, statement),
            None => statement,
        }
    }

    fn take_waiting(&self) -> Option<Statement> {
        lock(self.waiting.as_ref()?).take()
    }
}

impl Session<DatabaseConnection> {
    pub(super) fn reading(inner: DatabaseConnection, gauge: Arc<Gauge>) -> Self {
        Self {
            inner,
            gauge,
            writes: false,
            waiting: None,
        }
    }

    pub(super) fn writing(inner: DatabaseConnection, gauge: Arc<Gauge>) -> Self {
        Self {
            inner,
            gauge,
            writes: true,
            waiting: None,
        }
    }

    pub(super) fn connection(&self) -> &DatabaseConnection {
        &self.inner
    }

    /// A transaction whose statements all see the same moment.
    pub(super) async fn begin_read(&self) -> Result<Session<DatabaseTransaction>, DbErr> {
        let postgres = self.backend() == DbBackend::Postgres;
        self.begin(TransactionOptions {
            isolation_level: postgres.then_some(IsolationLevel::RepeatableRead),
            access_mode: postgres.then_some(AccessMode::ReadOnly),
            sqlite_transaction_mode: None,
        })
        .await
    }

    /// A transaction that writes. SQLite takes its write lock at once: a lock taken only after a
    /// read would fail when another process wrote in between.
    pub(super) async fn begin_write(&self) -> Result<Session<DatabaseTransaction>, DbErr> {
        let postgres = self.backend() == DbBackend::Postgres;
        self.begin(TransactionOptions {
            isolation_level: postgres.then_some(IsolationLevel::ReadCommitted),
            access_mode: None,
            sqlite_transaction_mode: (!postgres).then_some(SqliteTransactionMode::Immediate),
        })
        .await
    }

    async fn begin(
        &self,
        options: TransactionOptions,
    ) -> Result<Session<DatabaseTransaction>, DbErr> {
        let waits = self.backend() == DbBackend::Sqlite;
        Ok(Session {
            inner: self.inner.begin_with_options(options).await?,
            gauge: Arc::clone(&self.gauge),
            writes: self.writes,
            waiting: waits.then(Arc::default),
        })
    }
}

impl Session<DatabaseTransaction> {
    pub(super) async fn commit(self) -> Result<(), DbErr> {
        if self.writes {
            self.gauge.pass_write().await;
        }
        if let Some(waiting) = self.take_waiting() {
            self.inner.execute_raw(waiting).await?;
        }
        self.inner.commit().await
    }
}

/// Two statements as one text. SQLite's placeholders have no numbers, so the values follow each other.
fn joined(mut first: Statement, second: Statement) -> Statement {
    first.sql.push(';');
    first.sql.push_str(&second.sql);
    let values = second.values.into_iter().flat_map(|values| values.0);
    first
        .values
        .get_or_insert_with(|| Values(Vec::new()))
        .0
        .extend(values);
    first
}

fn lock(waiting: &Mutex<Option<Statement>>) -> MutexGuard<'_, Option<Statement>> {
    waiting.lock().expect("no code that holds the lock panics")
}

fn adapt(backend: DbBackend, value: &mut Value) {
    match value {
        Value::ChronoDateTimeUtc(time) if backend == DbBackend::Sqlite => {
            *value = Value::String(time.map(|time| Time::from(time).to_string()));
        }
        // PostgreSQL's texts can't hold NUL; both databases drop it, so that they stay alike.
        Value::String(Some(text)) if text.contains('\0') => text.retain(|c| c != '\0'),
        _ => {}
    }
}
