//! The writes: each makes an event and gives it to the write path, or to `commands`.

use std::sync::Arc;

use async_graphql::{Context, Error, Object, Result, SimpleObject};

use super::error;
use super::types::conversation::Conversation;
use super::types::input::{
    LinkConversationInput, RegisterConversationInput, UnlinkConversationInput,
};
use crate::clock::Clock;
use crate::commands::{CommandError, Commands};
use crate::domain::caller::Caller;
use crate::hub::Hub;
use crate::ingest::Written;
use crate::store::Store;

/// What may be changed.
pub struct Mutation;

/// What a registration gives back.
#[derive(SimpleObject)]
pub struct RegisterConversationPayload {
    /// The conversation as it is now.
    pub conversation: Conversation,
    /// It was not known before.
    pub created: bool,
    /// The place in the change log that this answer reflects.
    pub feed_cursor: String,
    /// As given.
    pub client_mutation_id: Option<String>,
}

/// What a link gives back.
#[derive(SimpleObject)]
pub struct LinkConversationPayload {
    /// The conversation as it is now.
    pub conversation: Conversation,
    /// The place in the change log that this answer reflects.
    pub feed_cursor: String,
    /// As given.
    pub client_mutation_id: Option<String>,
}

/// What taking a link away gives back.
#[derive(SimpleObject)]
pub struct UnlinkConversationPayload {
    /// The conversation as it is now.
    pub conversation: Conversation,
    /// The place in the change log that this answer reflects.
    pub feed_cursor: String,
    /// As given.
    pub client_mutation_id: Option<String>,
}

/// What may be changed.
#[Object]
impl Mutation {
    /// Tells the gateway of a conversation: before, while or after Genesys shows it, and as often as
    /// one likes. CONFLICT when it contradicts an earlier registration; nothing changes then.
    async fn register_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is known of it.")] mut input: RegisterConversationInput,
    ) -> Result<RegisterConversationPayload> {
        let client_mutation_id = input.client_mutation_id.take();
        let (id, registration) = input.into_domain()?;
        let commands = ctx.data::<Commands>()?;
        let written = commands
            .register(ctx.data::<Caller>()?, id, registration)
            .await;
        let written = written.map_err(|cause| failed(ctx, &cause))?;
        Ok(RegisterConversationPayload {
            feed_cursor: feed_cursor(ctx, &written).await?,
            created: written.created,
            conversation: conversation(written),
            client_mutation_id,
        })
    }

    /// Links a conversation to one of DCM's objects. A repeat refreshes name, description and
    /// `lastAt`. A conversation unknown here is read from Genesys first.
    async fn link_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link.")] mut input: LinkConversationInput,
    ) -> Result<LinkConversationPayload> {
        let client_mutation_id = input.client_mutation_id.take();
        let caller = ctx.data::<Caller>()?;
        let now = ctx.data::<Arc<dyn Clock>>()?.now();
        let (id, link) = input.into_domain(&caller.subject, now)?;
        let written = ctx.data::<Commands>()?.link(caller, id, link).await;
        let written = written.map_err(|cause| failed(ctx, &cause))?;
        Ok(LinkConversationPayload {
            feed_cursor: feed_cursor(ctx, &written).await?,
            conversation: conversation(written),
            client_mutation_id,
        })
    }

    /// Takes a wrong link away.
    async fn unlink_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link.")] mut input: UnlinkConversationInput,
    ) -> Result<UnlinkConversationPayload> {
        let client_mutation_id = input.client_mutation_id.take();
        let (id, context, verb) = input.into_domain()?;
        let commands = ctx.data::<Commands>()?;
        let written = commands
            .unlink(ctx.data::<Caller>()?, id, context, verb)
            .await;
        let written = written.map_err(|cause| failed(ctx, &cause))?;
        Ok(UnlinkConversationPayload {
            feed_cursor: feed_cursor(ctx, &written).await?,
            conversation: conversation(written),
            client_mutation_id,
        })
    }
}

fn conversation(written: Written) -> Conversation {
    Arc::unwrap_or_clone(written.conversation).into()
}

async fn feed_cursor(ctx: &Context<'_>, written: &Written) -> Result<String> {
    if let Some(entry) = written.committed.last() {
        return Ok(entry.cursor(ctx.data::<Hub>()?.epoch()).encode());
    }
    let head = ctx
        .data::<Store>()?
        .head()
        .await
        .map_err(|cause| error::store(ctx, &cause))?;
    Ok(head.cursor().encode())
}

fn failed(ctx: &Context<'_>, cause: &CommandError) -> Error {
    match cause {
        CommandError::Ingest(cause) => error::ingest(ctx, cause),
        CommandError::NotFound => error::not_found("conversation"),
        CommandError::Genesys(cause) => error::genesys(ctx, cause),
        CommandError::Store(cause) => error::store(ctx, cause),
    }
}
