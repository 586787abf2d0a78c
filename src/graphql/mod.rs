//! The GraphQL API: translates between the schema and the modules that do the work.
//!
//! A resolver reads its arguments, calls one function and wraps the result. What a status means,
//! who may see what and how anything is stored is decided elsewhere.

pub mod error;
mod executor;
mod global_id;
mod loaders;
pub mod mutation;
mod pagination;
pub mod query;
pub mod scalars;
pub mod subscription;
pub mod types;

use std::sync::Arc;

use async_graphql::Schema;
use tokio::sync::watch;

pub use executor::GatewayExecutor;
use mutation::Mutation;
use query::Query;
use subscription::Subscription;
pub use types::owner::OwnerIds;

use crate::clock::Clock;
use crate::commands::Commands;
use crate::domain::feed::FeedStatus;
use crate::hub::Hub;
use crate::store::Store;

pub type GatewaySchema = Schema<Query, Mutation, Subscription>;

/// What the resolvers call.
pub struct Services {
    pub store: Store,
    pub hub: Hub,
    pub commands: Commands,
    pub feed_status: watch::Receiver<FeedStatus>,
    pub owner_ids: OwnerIds,
    pub clock: Arc<dyn Clock>,
}

/// Builds the schema that answers requests. How much one may ask for was judged before. Errors
/// suggest names only where everybody may see the schema: that tells of it, and takes time.
pub fn schema(services: Services, suggestions: bool) -> GatewaySchema {
    let mut builder = Schema::build(Query, Mutation, Subscription);
    if !suggestions {
        builder = builder.disable_suggestions();
    }
    builder
        .data(services.store)
        .data(services.hub)
        .data(services.commands)
        .data(services.feed_status)
        .data(services.owner_ids)
        .data(services.clock)
        .finish()
}

/// The schema without services: it can be read, but answers nothing.
pub fn bare_schema() -> GatewaySchema {
    Schema::build(Query, Mutation, Subscription).finish()
}

/// The schema as text.
pub fn sdl() -> String {
    bare_schema().sdl_with_options(
        async_graphql::SDLExportOptions::new()
            .sorted_fields()
            .sorted_enum_items(),
    )
}
