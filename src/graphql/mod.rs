//! The GraphQL API: translates between the schema and the modules that do the work.
//!
//! A resolver reads its arguments, calls one function and wraps the result. What a status means,
//! who may see what and how anything is stored is decided elsewhere.

mod access;
mod direct;
mod documents;
pub mod error;
mod executor;
mod flat;
mod global_id;
mod loaders;
pub mod mutation;
mod pagination;
pub mod query;
mod rendering;
pub mod scalars;
mod shape;
pub mod subscription;
pub mod types;

use std::sync::Arc;

use async_graphql::{Schema, ValidationMode};
use tokio::sync::watch;

pub use executor::GatewayExecutor;
use mutation::Mutation;
use query::Query;
use subscription::Subscription;
pub use types::owner::OwnerIds;

use crate::clock::Clock;
use crate::commands::Commands;
use crate::counts::Counts;
use crate::domain::feed::FeedStatus;
use crate::http::Authenticate;
use crate::hub::Hub;
use crate::read_model::ReadModel;
use crate::sessions::Sessions;
use crate::store::Store;

pub type GatewaySchema = Schema<Query, Mutation, Subscription>;

/// What the resolvers call.
#[derive(Clone)]
pub struct Services {
    pub store: Store,
    pub hub: Hub,
    pub reads: ReadModel,
    pub counts: Counts,
    pub commands: Commands,
    pub feed_status: watch::Receiver<FeedStatus>,
    pub owner_ids: OwnerIds,
    pub clock: Arc<dyn Clock>,
    pub authenticator: Arc<dyn Authenticate>,
    pub sessions: Sessions,
}

/// Builds the schema that answers requests. How much one may ask for was judged before. Errors
/// suggest names only where everybody may see the schema: that tells of it, and takes time.
pub fn schema(services: Services, suggestions: bool) -> GatewaySchema {
    built(services, suggestions, ValidationMode::Strict)
}

/// The same for requests that are known to be valid.
fn schema_of_the_valid(services: Services) -> GatewaySchema {
    built(services, false, ValidationMode::Fast)
}

fn built(services: Services, suggestions: bool, validation: ValidationMode) -> GatewaySchema {
    let mut builder = Schema::build(Query, Mutation, Subscription).validation_mode(validation);
    if !suggestions {
        builder = builder.disable_suggestions();
    }
    builder
        .data(services.store)
        .data(services.hub)
        .data(services.reads)
        .data(services.counts)
        .data(services.commands)
        .data(services.feed_status)
        .data(services.owner_ids)
        .data(services.clock)
        .data(services.authenticator)
        .data(services.sessions)
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
