//! The writes: each makes an event and gives it to the write path, or to `commands`.

use std::sync::Arc;

use async_graphql::{Context, Error, Object, Result, SimpleObject};
use axum::http::HeaderMap;

use super::error::{self, bad_input, coded};
use super::executor::AsOf;
use super::scalars::DateTime;
use super::types::conversation::Conversation;
use super::types::input::{
    CloseConversationInput, LinkConversationInput, RefreshConversationInput,
    RegisterConversationInput, UnlinkConversationInput,
};
use super::types::session::{EndSessionInput, RenewSessionInput, Session};
use crate::clock::Clock;
use crate::commands::{CommandError, Commands};
use crate::domain::audit::{AuditEntry, Deed};
use crate::domain::caller::Caller;
use crate::domain::time::Time;
use crate::http::{Authenticate, Refused, code};
use crate::hub::Hub;
use crate::ingest::Written;
use crate::sessions::{self, Sessions, Transport};
use crate::store::Store;

/// Longest reason that fits into a close frame with room to spare.
const LONGEST_REASON: usize = 100;

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

/// What closing gives back.
#[derive(SimpleObject)]
pub struct CloseConversationPayload {
    /// The conversation as Genesys shows it after closing.
    pub conversation: Conversation,
    /// The place in the change log that this answer reflects.
    pub feed_cursor: String,
    /// As given.
    pub client_mutation_id: Option<String>,
}

/// What reading again gives back.
#[derive(SimpleObject)]
pub struct RefreshConversationPayload {
    /// The conversation as Genesys shows it now.
    pub conversation: Conversation,
    /// The place in the change log that this answer reflects.
    pub feed_cursor: String,
    /// As given.
    pub client_mutation_id: Option<String>,
}

/// What ending a connection gives back.
#[derive(SimpleObject)]
pub struct EndSessionPayload {
    /// The connection, as it was.
    pub session: Session,
    /// As given.
    pub client_mutation_id: Option<String>,
}

/// What a newer token gives.
#[derive(SimpleObject)]
pub struct RenewSessionPayload {
    /// When the connection ends unless it is renewed again.
    pub expires_at: DateTime,
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
            feed_cursor: feed_cursor(ctx, &written)?,
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
            feed_cursor: feed_cursor(ctx, &written)?,
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
            feed_cursor: feed_cursor(ctx, &written)?,
            conversation: conversation(written),
            client_mutation_id,
        })
    }

    /// Closes a conversation in Genesys. Agents who are on it (parked counts) or in after-call work
    /// are wrapped up and disconnected, the newest first; one that no agent is on is disconnected on
    /// its medium. Then it is read until Genesys shows the end, for at most 5 s. An open message
    /// thread becomes IDLE. `GENESYS_ERROR` when Genesys refuses a step: `extensions.steps` says DONE,
    /// REFUSED or PENDING for each participant. One that has ended is given back unchanged.
    async fn close_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and how.")] mut input: CloseConversationInput,
    ) -> Result<CloseConversationPayload> {
        let client_mutation_id = input.client_mutation_id.take();
        let close = input.into_domain()?;
        let commands = ctx.data::<Commands>()?;
        let written = commands.close(ctx.data::<Caller>()?, close).await;
        let written = written.map_err(|cause| failed(ctx, &cause))?;
        Ok(CloseConversationPayload {
            feed_cursor: feed_cursor(ctx, &written)?,
            conversation: conversation(written),
            client_mutation_id,
        })
    }

    /// Reads a conversation from Genesys now. One unknown here is recorded.
    async fn refresh_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] mut input: RefreshConversationInput,
    ) -> Result<RefreshConversationPayload> {
        let client_mutation_id = input.client_mutation_id.take();
        let id = input.id()?;
        let commands = ctx.data::<Commands>()?;
        let written = commands.refresh(ctx.data::<Caller>()?, id).await;
        let written = written.map_err(|cause| failed(ctx, &cause))?;
        Ok(RefreshConversationPayload {
            feed_cursor: feed_cursor(ctx, &written)?,
            conversation: conversation(written),
            client_mutation_id,
        })
    }

    /// Goes on with a newer token on this WebSocket, before the old one ends. Where it allows or shows
    /// something else than the old one, running subscriptions end with `SUBSCRIPTION_ENDED`, reason
    /// PERMISSION, so that nothing more is told by the old rights: subscribe again behind the last
    /// cursor.
    async fn renew_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token.")] input: RenewSessionInput,
    ) -> Result<RenewSessionPayload> {
        let expires_at = renew(ctx, &input.token).await?;
        Ok(RenewSessionPayload {
            expires_at: expires_at.into(),
            client_mutation_id: input.client_mutation_id,
        })
    }

    /// Ends a live connection to this process. Needs the permission `admin`.
    async fn end_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and why.")] input: EndSessionInput,
    ) -> Result<EndSessionPayload> {
        let reason = input.reason.unwrap_or_default();
        if reason.len() > LONGEST_REASON {
            return Err(bad_input("input.reason", "at most 100 bytes"));
        }
        let now = ctx.data::<Arc<dyn Clock>>()?.now();
        let id = input.session_id.to_string();
        let session = ctx.data::<Sessions>()?.get(&id);
        let session = session.ok_or_else(|| error::not_found("session"))?;
        // First the record: no connection ends of which nobody knows who ended it.
        let deed = AuditEntry::about(ctx.data::<Caller>()?, Deed::SessionEnded, Some(id), now);
        let recorded = ctx.data::<Store>()?.record(&deed).await;
        recorded.map_err(|cause| error::store(ctx, &cause))?;
        session.end(&reason);
        Ok(EndSessionPayload {
            session: Session::from(&session),
            client_mutation_id: input.client_mutation_id,
        })
    }
}

async fn renew(ctx: &Context<'_>, token: &str) -> Result<Time> {
    let no_socket = || bad_input("input", "only a WebSocket can be renewed");
    let session = ctx
        .data_opt::<Arc<sessions::Session>>()
        .filter(|session| session.transport == Transport::WebSocket)
        .ok_or_else(no_socket)?;
    let shown = serde_json::Map::from_iter([("token".to_owned(), token.into())]);
    let authenticator = ctx.data::<Arc<dyn Authenticate>>()?;
    let judged = authenticator
        .connection(Some(&shown), &HeaderMap::new())
        .await;
    let pass = judged.map_err(|refused| match refused {
        Refused::Unauthenticated(why) => coded(code::UNAUTHENTICATED, why),
        Refused::Unavailable => coded(
            code::UNAVAILABLE,
            "the token can't be verified now; try again",
        ),
    })?;
    let endless = || bad_input("input.token", "it has no end, so it renews nothing");
    let expires_at = pass.validity.expires_at().ok_or_else(endless)?;
    session
        .renew(pass)
        .map_err(|other| coded(code::FORBIDDEN, other.to_string()))?;
    Ok(expires_at)
}

fn conversation(written: Written) -> Conversation {
    Arc::unwrap_or_clone(written.conversation).into()
}

/// The place of the change, or where the log stood before when nothing changed.
fn feed_cursor(ctx: &Context<'_>, written: &Written) -> Result<String> {
    let place = written.place(ctx.data::<Hub>()?.epoch());
    let as_of = ctx.data::<AsOf>()?.0;
    Ok(place.unwrap_or_else(|| as_of.cursor()).encode())
}

fn failed(ctx: &Context<'_>, cause: &CommandError) -> Error {
    match cause {
        CommandError::Ingest(cause) => error::ingest(ctx, cause),
        CommandError::NotFound => error::not_found("conversation"),
        CommandError::BadInput { argument, reason } => error::bad_input(argument, reason),
        CommandError::Genesys(cause) => error::genesys(ctx, cause),
        CommandError::Close(failure) => error::close(ctx, failure),
        CommandError::Store(cause) => error::store(ctx, cause),
    }
}
