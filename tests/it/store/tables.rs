//! What others see of the tables, and how they come and go.

use conversation_gateway::store::{SCHEMA, Store, StoreConfig, StoreError};
use migration::sea_orm::{ConnectionTrait, QueryResult, Statement};
use migration::{Migrator, MigratorTrait};

use super::database::{TestDatabase, config, on_both_databases};
use super::lists::filled;
use super::random::Random;

on_both_databases!(
    sql_with_dcms_names_unquoted_finds_its_tables,
    every_stored_time_has_milliseconds,
    migrations_go_down_and_up_again,
    texts_with_nul_are_stored_without_it,
    what_another_hand_has_stored_wrongly_is_a_lasting_failure,
);

async fn sql_with_dcms_names_unquoted_finds_its_tables(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    filled(&store, &mut random, 20).await;
    let queries = [
        "SELECT COL_ID, InitiatedBy, InitialScreenPopTarget, ConversationId, ConversationStart, ConversationEnd, \
         Direction, OriginalMediaType, CalculatedStatus, LastQueueId, LastQueueName, ErrorMessage \
         FROM TBL_GEN_CONVERSATION WHERE CalculatedStatus IS NOT NULL",
        "SELECT c.ConversationId, c.CalculatedStatus, p.COL_ID, p.ParticipantId, p.SessionId, p.Purpose, p.IsSystem, \
         p.UserId, p.ParticipantName, p.ExternalContactId, p.QueueId, p.QueueName, p.MediaType, p.Direction, p.State, \
         p.ConnectedTime, p.EndTime, p.AlertSeconds, p.DialSeconds, p.TalkSeconds, p.HoldSeconds, p.ParkSeconds, \
         p.AcwSeconds, p.DisconnectType, p.WrapUpCode, p.WrapUpName, p.IsConsult, p.TimingsFinal \
         FROM TBL_GEN_CONVERSATION c JOIN TBL_GEN_PARTICIPANT p ON p.ConversationId = c.COL_ID",
        "SELECT c.ConversationId, x.COL_ID, x.KeyCode, x.CustomKey, x.KeyName, x.ObjectId, x.Description, \
         x.ContextType, x.CreatedBy, x.CreatedDate, x.LastDate \
         FROM TBL_GEN_CONVERSATION c JOIN TBL_GEN_CONTEXT x ON x.ConversationId = c.COL_ID",
        "SELECT c.ConversationId, h.COL_ID, h.IsSystem, h.HistoryCreatedBy, h.CreatedByName, h.Description, \
         h.AdditionalInfo, h.MessageType, h.CreatedDate \
         FROM TBL_GEN_CONVERSATION c JOIN TBL_GEN_CONVERSATIONHISTORY h ON h.ConversationId = c.COL_ID",
    ];
    for query in queries {
        assert!(!rows(&store, query).await.is_empty(), "{query}");
    }
    let history = "SELECT Description FROM TBL_GEN_CONVERSATIONHISTORY ORDER BY COL_ID";
    let first: String = rows(&store, history).await[0]
        .try_get("", "description")
        .unwrap_or_else(|_| String::new());
    assert!(
        first.starts_with("The conversation became known as ") && first.ends_with('.'),
        "{first}"
    );
    let all = rows(&store, history).await.len() as u64;
    assert_eq!(all, store.head().await.unwrap().sequence);
}

async fn every_stored_time_has_milliseconds(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    filled(&store, &mut random, 20).await;
    let times = [
        (
            "tbl_gen_conversation",
            "conversationstart conversationend errorat registeredat statussince waitingsince ownersince startedat createdat updatedat",
        ),
        ("tbl_gen_participant", "connectedtime endtime"),
        ("tbl_gen_context", "createddate lastdate"),
        ("gateway_event_log", "occurredat recordedat"),
        ("gateway_log_head", "lastrecordedat"),
    ];
    for (table, columns) in times {
        for column in columns.split(' ') {
            let wrong = if database.is_sqlite() {
                format!(
                    "typeof({column}) <> 'text' OR length({column}) <> 24 OR {column} NOT LIKE '____-__-__T__:__:__.___Z'"
                )
            } else {
                format!("{column} <> date_trunc('milliseconds', {column})")
            };
            let query = |condition: &str| {
                format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL AND ({condition})")
            };
            assert!(
                !rows(&store, &query("1 = 1")).await.is_empty(),
                "{table}.{column} is never set"
            );
            assert!(
                rows(&store, &query(&wrong)).await.is_empty(),
                "{table}.{column}"
            );
        }
    }
    if !database.is_sqlite() {
        let query = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' \
                     AND table_name NOT LIKE 'seaql%' AND table_name <> 'tbl_gen_conversationhistory' \
                     AND data_type = 'timestamp with time zone' AND datetime_precision <> 3";
        assert!(rows(&store, query).await.is_empty());
    }
}

async fn migrations_go_down_and_up_again(database: TestDatabase) {
    let store = database.open().await;
    assert!(store.is_migrated().await.unwrap());
    let newest = Migrator::migrations().last().unwrap().name().to_owned();
    assert_eq!(
        newest, SCHEMA,
        "the store names the newest migration as what it needs"
    );
    Migrator::down(store.database(), Some(1)).await.unwrap();
    assert!(!store.is_migrated().await.unwrap());
    Migrator::down(store.database(), None).await.unwrap();
    Migrator::up(store.database(), None).await.unwrap();
    assert!(store.is_migrated().await.unwrap());
    filled(&store, &mut Random::new(), 3).await;
}

async fn texts_with_nul_are_stored_without_it(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let mut change = {
        let id = random.id();
        random.beginning(id)
    };
    change.conversation.row.last_queue_name = Some("Cla\0ims".to_owned());
    let id = change.conversation.id;
    store.commit(&[change]).await.unwrap()[0].clone().unwrap();
    let loaded = store.load(&[id]).await.unwrap().remove(&id).unwrap();
    assert_eq!(loaded.row.last_queue_name.as_deref(), Some("Claims"));
}

async fn what_another_hand_has_stored_wrongly_is_a_lasting_failure(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let held = filled(&store, &mut random, 1).await;
    let spoil = if database.is_sqlite() {
        "UPDATE tbl_gen_conversation SET updatedat = 'yesterday'"
    } else {
        "ALTER TABLE tbl_gen_conversation ALTER COLUMN updatedat TYPE text"
    };
    rows(&store, spoil).await;
    let failure = database.open().await.load(&[held[0].id]).await.unwrap_err();
    assert!(failure.is_lasting(), "{failure:?}");
}

#[tokio::test]
async fn an_empty_database_is_not_migrated() {
    for database in [
        TestDatabase::sqlite_empty(),
        TestDatabase::postgres_empty().await,
    ] {
        assert!(!database.open().await.is_migrated().await.unwrap());
    }
}

#[tokio::test]
async fn sqlite_writes_ahead_and_durably() {
    let database = TestDatabase::sqlite().await;
    let store = database.open().await;
    let pragma = async |name: &str| rows(&store, &format!("PRAGMA {name}")).await.remove(0);
    assert_eq!(
        pragma("journal_mode")
            .await
            .try_get_by_index::<String>(0)
            .unwrap(),
        "wal"
    );
    assert_eq!(
        pragma("synchronous")
            .await
            .try_get_by_index::<i32>(0)
            .unwrap(),
        2
    );
    assert_eq!(
        pragma("foreign_keys")
            .await
            .try_get_by_index::<i32>(0)
            .unwrap(),
        1
    );
}

#[tokio::test]
async fn a_data_directory_may_have_any_name() {
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join("50% ü?#&/deep");
    let store = Store::connect(&config(None, odd.clone())).await.unwrap();
    Migrator::up(store.database(), None).await.unwrap();
    assert!(odd.join("gateway.db").is_file());
}

#[tokio::test]
async fn urls_that_keep_nothing_are_refused() {
    for url in [
        "sqlite::memory:",
        "sqlite://x?mode=memory",
        "mysql://localhost/x",
        "nonsense",
    ] {
        let refused: StoreConfig = config(Some(url.to_owned()), ".".into());
        let error = Store::connect(&refused).await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Setting {
                    name: "DATABASE_URL",
                    ..
                }
            ),
            "{url}: {error:?}"
        );
    }
}

async fn rows(store: &Store, sql: &str) -> Vec<QueryResult> {
    let connection = store.database();
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection
        .query_all_raw(statement)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}
