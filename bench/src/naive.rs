//! The naive server: what most people would write with the same crates. One broadcast channel, a
//! filter in each subscription, `async-graphql-axum`'s own WebSocket, and SeaORM for every read.

use std::net::Ipv4Addr;

use async_graphql::{
    Context, Enum, ID, InputObject, Object, Result, Schema, SimpleObject, Subscription,
};
use async_graphql_axum::{GraphQL, GraphQLSubscription};
use axum::Router;
use axum::routing::get_service;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectOptions, Database, DatabaseConnection, QueryOrder, QuerySelect, Set};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use crate::options::ServerArguments;
use crate::traffic::conversation_id;

mod table {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "conversation")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) status: String,
        pub(crate) status_since: DateTimeUtc,
        pub(crate) direction: String,
        pub(crate) media_type: String,
        pub(crate) queue_id: String,
        pub(crate) queue_name: String,
        pub(crate) start: DateTimeUtc,
        pub(crate) version: i32,
        #[sea_orm(indexed)]
        pub(crate) object_id: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Conversations of one case.
const OF_A_CASE: u32 = 50;

#[derive(Clone, SimpleObject)]
struct Conversation {
    #[graphql(name = "conversationId")]
    id: ID,
    calculated_status: Status,
    status_since: DateTime<Utc>,
    direction: String,
    original_media_type: String,
    last_queue_id: ID,
    last_queue_name: String,
    #[graphql(name = "conversationStart")]
    start: DateTime<Utc>,
    version: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
enum Status {
    Connected,
    OnHold,
}

#[derive(Clone, SimpleObject)]
struct ConversationStatusChange {
    number: i32,
    conversation_id: ID,
    previous_status: Status,
    status: Status,
    membership: String,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    cause: String,
    conversation: Conversation,
}

#[derive(SimpleObject)]
struct ConversationConnection {
    nodes: Vec<Conversation>,
}

#[derive(InputObject)]
struct ConversationFilter {
    conversation_ids: Option<Vec<ID>>,
    context: Option<ContextRef>,
}

#[derive(InputObject)]
struct ContextRef {
    key: ContextKey,
    object_id: ID,
}

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
enum ContextKey {
    Case,
}

struct Query;

#[Object]
impl Query {
    async fn conversation(
        &self,
        ctx: &Context<'_>,
        conversation_id: ID,
    ) -> Result<Option<Conversation>> {
        let database = ctx.data::<DatabaseConnection>()?;
        let found = table::Entity::find_by_id(conversation_id.to_string())
            .one(database)
            .await?;
        Ok(found.map(Conversation::from))
    }

    async fn conversations(
        &self,
        ctx: &Context<'_>,
        filter: ConversationFilter,
        first: u64,
    ) -> Result<ConversationConnection> {
        let mut select = table::Entity::find()
            .order_by_desc(table::Column::Start)
            .limit(first);
        if let Some(context) = filter.context {
            let ContextKey::Case = context.key;
            select = select.filter(table::Column::ObjectId.eq(context.object_id.to_string()));
        }
        let found = select.all(ctx.data::<DatabaseConnection>()?).await?;
        let nodes = found.into_iter().map(Conversation::from).collect();
        Ok(ConversationConnection { nodes })
    }
}

struct Mutation;

#[Object]
impl Mutation {
    /// Lets conversations change.
    async fn flip(&self, ctx: &Context<'_>, conversation_ids: Vec<ID>) -> Result<usize> {
        let database = ctx.data::<DatabaseConnection>()?;
        let changes = ctx.data::<broadcast::Sender<ConversationStatusChange>>()?;
        for id in &conversation_ids {
            let found = table::Entity::find_by_id(id.to_string())
                .one(database)
                .await?;
            let Some(found) = found else { continue };
            let now = Utc::now();
            let previous_status = status(&found.status);
            let turned = if found.status == "ON_HOLD" {
                "CONNECTED"
            } else {
                "ON_HOLD"
            };
            let version = found.version + 1;
            let mut row: table::ActiveModel = found.into();
            row.status = Set(turned.to_owned());
            row.status_since = Set(now);
            row.version = Set(version);
            let conversation = Conversation::from(row.update(database).await?);
            let _ = changes.send(ConversationStatusChange {
                number: version,
                conversation_id: id.clone(),
                previous_status,
                status: status(turned),
                membership: "STAYED".to_owned(),
                occurred_at: now,
                recorded_at: now,
                cause: "GENESYS_EVENT".to_owned(),
                conversation,
            });
        }
        Ok(conversation_ids.len())
    }
}

struct Feed;

#[Subscription]
impl Feed {
    async fn conversation_status_changed(
        &self,
        ctx: &Context<'_>,
        filter: Option<ConversationFilter>,
        #[graphql(name = "after")] _after: Option<String>,
    ) -> Result<impl Stream<Item = ConversationStatusChange> + use<>> {
        let changes = ctx
            .data::<broadcast::Sender<ConversationStatusChange>>()?
            .subscribe();
        let ids = filter.and_then(|filter| filter.conversation_ids);
        Ok(BroadcastStream::new(changes)
            .filter_map(|change| async { change.ok() })
            .filter(move |change| {
                let wanted = ids
                    .as_ref()
                    .is_none_or(|ids| ids.contains(&change.conversation_id));
                async move { wanted }
            }))
    }
}

fn status(word: &str) -> Status {
    match word {
        "ON_HOLD" => Status::OnHold,
        _ => Status::Connected,
    }
}

impl From<table::Model> for Conversation {
    fn from(row: table::Model) -> Self {
        Self {
            id: row.id.into(),
            calculated_status: status(&row.status),
            status_since: row.status_since,
            direction: row.direction,
            original_media_type: row.media_type,
            last_queue_id: row.queue_id.into(),
            last_queue_name: row.queue_name,
            start: row.start,
            version: row.version,
        }
    }
}

pub(crate) async fn serve(arguments: ServerArguments) -> anyhow::Result<()> {
    let database = open(&arguments).await?;
    let (changes, _) = broadcast::channel::<ConversationStatusChange>(1_024);
    let schema = Schema::build(Query, Mutation, Feed)
        .data(database)
        .data(changes)
        .finish();
    let graphql =
        get_service(GraphQLSubscription::new(schema.clone())).post_service(GraphQL::new(schema));
    let router = Router::new().route("/graphql", graphql);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    Ok(axum::serve(listener, router).await?)
}

async fn open(arguments: &ServerArguments) -> anyhow::Result<DatabaseConnection> {
    let file = arguments.data_dir.join("naive.db");
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
    options.max_connections(10).sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|sqlite| sqlite.pragma("journal_mode", "WAL"));
    let database = Database::connect(options).await?;
    let schema = sea_orm::Schema::new(database.get_database_backend());
    database
        .execute(&schema.create_table_from_entity(table::Entity))
        .await?;
    for index in schema.create_index_from_entity(table::Entity) {
        database.execute(&index).await?;
    }
    let begun = Utc::now();
    for first in (0..arguments.conversations).step_by(1_000) {
        let last = arguments.conversations.min(first + 1_000);
        let rows = (first..last).map(|index| table::ActiveModel {
            id: Set(conversation_id(index)),
            status: Set("CONNECTED".to_owned()),
            status_since: Set(begun),
            direction: Set("INBOUND".to_owned()),
            media_type: Set("VOICE".to_owned()),
            queue_id: Set("3f0c8a52-1d44-4b7e-9a60-52c1d7e80a11".to_owned()),
            queue_name: Set("Queue 1".to_owned()),
            start: Set(begun),
            version: Set(1),
            object_id: Set(format!("case-{}", index / OF_A_CASE)),
        });
        table::Entity::insert_many(rows).exec(&database).await?;
    }
    Ok(database)
}
