//! A process that dies in the middle of writing leaves nothing half-written.

use std::time::Duration;

use conversation_gateway::domain::conversation::Conversation;
use conversation_gateway::store::Store;
use migration::sea_orm::{ConnectionTrait, Statement};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::commits::{all_of, sorted};
use super::database::{TestDatabase, config, on_both_databases};
use super::random::Random;

on_both_databases!(a_crash_between_any_two_statements_leaves_nothing_half_written);

const ENOUGH: Duration = Duration::from_secs(30);

async fn a_crash_between_any_two_statements_leaves_nothing_half_written(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let first: Vec<_> = (0..5)
        .map(|_| {
            let id = random.id();
            random.beginning(id)
        })
        .collect();
    store.commit(&first).await.unwrap();
    let before = Picture::of(
        &store,
        &first
            .iter()
            .map(|change| change.conversation.id)
            .collect::<Vec<_>>(),
    )
    .await;
    let mut crashes = 0;
    loop {
        let mut changes: Vec<_> = first
            .iter()
            .map(|change| random.next(&change.conversation))
            .collect();
        changes.push({
            let id = random.id();
            random.beginning(id)
        });
        let ids: Vec<_> = changes
            .iter()
            .map(|change| change.conversation.id)
            .collect();
        let dying = database.open().await;
        dying.stop_writing_after(crashes);
        let mut writing = JoinSet::new();
        let writer = dying.clone();
        writing.spawn(async move { writer.commit(&changes).await });
        let written = tokio::select! {
            () = dying.writing_stopped() => None,
            written = timeout(ENOUGH, writing.join_next()) => written.expect("the commit ends"),
        };
        if let Some(written) = written {
            written.unwrap().unwrap();
            break;
        }
        // What a process that is killed now leaves behind.
        let (survivor, _image) = after_death(&database, &store).await;
        assert_eq!(
            Picture::of(&survivor, &ids).await,
            before,
            "stopped before statement {crashes}"
        );
        writing.shutdown().await;
        drop(dying);
        crashes += 1;
    }
    assert!(crashes >= 8, "only {crashes} places to stop at");
    let whole = Picture::of(
        &store,
        &first
            .iter()
            .map(|change| change.conversation.id)
            .collect::<Vec<_>>(),
    )
    .await;
    assert_ne!(whole, before);
}

/// The database as the next process finds it: of SQLite a copy of the files as they are, of
/// PostgreSQL the server once it has lost the writer.
async fn after_death(database: &TestDatabase, other: &Store) -> (Store, Option<tempfile::TempDir>) {
    if database.is_sqlite() {
        let image = tempfile::tempdir().unwrap();
        for file in ["gateway.db", "gateway.db-wal"] {
            std::fs::copy(database.config.data_dir.join(file), image.path().join(file)).unwrap();
        }
        let survivor = Store::connect(&config(None, image.path().to_owned()))
            .await
            .unwrap();
        return (survivor, Some(image));
    }
    let connection = other.database();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
    let statement = Statement::from_string(connection.get_database_backend(), kill);
    connection.query_all_raw(statement).await.unwrap();
    (other.clone(), None)
}

/// All that must hold together.
#[derive(Debug, PartialEq)]
struct Picture {
    conversations: Vec<Conversation>,
    log: Vec<(u64, u64)>,
    head: (u64, u64),
    rows: Vec<i64>,
}

impl Picture {
    async fn of(store: &Store, ids: &[conversation_gateway::domain::ids::ConversationId]) -> Self {
        let mut conversations: Vec<_> = store
            .load(ids)
            .await
            .unwrap()
            .into_values()
            .map(sorted)
            .collect();
        conversations.sort_by_key(|conversation| conversation.id);
        let head = store.head().await.unwrap();
        let mut rows = Vec::new();
        for table in [
            "tbl_gen_conversation",
            "tbl_gen_participant",
            "tbl_gen_context",
            "gateway_conversation_agent",
        ] {
            let connection = store.database();
            let count = format!("SELECT COUNT(*) AS n FROM {table}");
            let statement = Statement::from_string(connection.get_database_backend(), count);
            rows.push(
                connection
                    .query_one_raw(statement)
                    .await
                    .unwrap()
                    .unwrap()
                    .try_get("", "n")
                    .unwrap(),
            );
        }
        Self {
            conversations,
            log: all_of(store)
                .await
                .iter()
                .map(|entry| (entry.sequence(), entry.check()))
                .collect(),
            head: (head.sequence, head.check),
            rows,
        }
    }
}
