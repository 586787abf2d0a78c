//! Ended conversations are kept for ever, so nothing that is asked often may walk through them.

use migration::{Migrator, MigratorTrait};
use sea_orm::sea_query::{SelectStatement, SqliteQueryBuilder};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::{Latest, Store, StoreConfig, conversations, event_log, listener};
use crate::domain::caller::Scope;
use crate::domain::filter::Filter;
use crate::domain::ids::ConversationId;

#[tokio::test]
async fn open_conversations_are_found_by_their_status() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::connect(&StoreConfig {
        database_url: None,
        data_dir: dir.path().to_owned(),
        database_connections: 1,
        database_wait_ms: 30_000,
    })
    .await
    .unwrap();
    Migrator::up(store.database(), None).await.unwrap();
    let some = ConversationId::from_uuid(uuid::Uuid::from_u128(7));
    let open = Filter {
        open: Some(true),
        ..Filter::default()
    };
    let all = Scope::Everything;
    for select in [
        listener::open_after(None, 1_000),
        listener::open_after(Some(some), 1_000),
        event_log::compacted(&all, &Filter::default(), Latest::Status, 100),
        conversations::matching_after(&all, &open, 0, 2_000),
    ] {
        let plan = plan(&store, &select).await;
        let by_status =
            "SEARCH tbl_gen_conversation USING INDEX conversation_status (calculatedstatus=?)";
        assert!(plan.contains(by_status), "{select:?}: {plan}");
        assert!(!plan.contains("SCAN"), "{plan}");
    }
}

async fn plan(store: &Store, select: &SelectStatement) -> String {
    let sql = format!(
        "EXPLAIN QUERY PLAN {}",
        select.to_string(SqliteQueryBuilder)
    );
    let statement = Statement::from_string(DbBackend::Sqlite, sql);
    let rows = store.database().query_all_raw(statement).await.unwrap();
    let steps = rows.iter().map(|row| row.try_get("", "detail").unwrap());
    steps.collect::<Vec<String>>().join("\n")
}
