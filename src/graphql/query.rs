//! The reads.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Interface, Object, Result};
use tokio::sync::watch;
use uuid::Uuid;

use super::error::{self, bad_input};
use super::executor::AsOf;
use super::global_id::GlobalId;
use super::loaders::Loads;
use super::pagination;
use super::types::audit::{AuditConnection, AuditFilter};
use super::types::context::{ContextConnection, ContextLink};
use super::types::conversation::{Conversation, ConversationConnection};
use super::types::count::{ConversationCount, CountDimension};
use super::types::directory::{AgentConnection, QueueConnection, Wanted, WrapUpCode};
use super::types::enums::ContextKey;
use super::types::feed::FeedStatus;
use super::types::input::{ConversationFilter, ConversationOrder, conversation_id};
use super::types::participant::Participant;
use super::types::quick::Quick;
use super::types::session::SessionConnection;
use crate::commands::Commands;
use crate::counts::{Counts, Question};
use crate::domain::caller::Caller;
use crate::domain::feed;
use crate::domain::filter::Filter;
use crate::domain::ids::{ConversationId, QueueId};
use crate::domain::row::ContextRef;
use crate::read_model::ReadModel;
use crate::sessions::Sessions;
use crate::store::{Order, Page, Store};

/// Anything with a global id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Global id."))]
pub enum Node {
    Conversation(Conversation),
    ContextLink(ContextLink),
    Participant(Participant),
}

/// What may be read.
pub struct Query;

/// What may be read.
#[Object]
impl Query {
    /// One conversation; null when there is none that the caller may see.
    async fn conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Genesys' identifier, a UUID.")] conversation_id: ID,
    ) -> Result<Option<Quick>> {
        let id = self::conversation_id("conversationId", &conversation_id)?;
        Ok(read(ctx, id).await?.map(Quick))
    }

    /// Conversations, by default the newest first.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is an argument of the schema"
    )]
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] filter: Option<ConversationFilter>,
        #[graphql(desc = "Default: STARTED_AT DESC.")] order_by: Option<ConversationOrder>,
        #[graphql(desc = "How many from the start, 0 to 200; 50 when neither is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 200.")] last: Option<i32>,
        #[graphql(desc = "Only those before this edge's cursor.")] before: Option<String>,
    ) -> Result<ConversationConnection> {
        let page = pagination::page(first, after, last, before)?;
        let filter = filter.unwrap_or_default().into_domain()?;
        let order = order_by.map_or_else(Order::default, ConversationOrder::into_store);
        list(ctx, &filter, order, &page).await
    }

    /// How many conversations there are in each group; open ones only, unless the filter names
    /// statuses. `LIMIT_EXCEEDED` when there are too many groups.
    async fn conversation_counts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which conversations; all open ones without.")] filter: Option<
            ConversationFilter,
        >,
        #[graphql(desc = "What makes a group; without any, all are one.")] group_by: Vec<
            CountDimension,
        >,
    ) -> Result<Vec<ConversationCount>> {
        let question = count_question(ctx, filter, group_by)?;
        let groups = ctx.data::<Counts>()?.now(&question).await;
        let groups = groups.map_err(|cause| error::counts(ctx, &cause))?;
        Ok(groups
            .iter()
            .map(|(group, count)| ConversationCount::of(group, count))
            .collect())
    }

    /// DCM's objects of one kind that have conversations, latest activity first.
    async fn contexts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What kind of object.")] key: ContextKey,
        #[graphql(desc = "A part of the object's name or id, in any case.")] search: Option<String>,
        #[graphql(desc = "How many, 0 to 200; 50 by default.")] first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
    ) -> Result<ContextConnection> {
        let page = pagination::page(first, after, None, None)?;
        let slice = ctx
            .data::<Store>()?
            .contexts(ctx.data::<Caller>()?, key.into(), search.as_deref(), &page)
            .await
            .map_err(|cause| error::store(ctx, &cause))?;
        Ok(ContextConnection::of(slice))
    }

    /// The organisation's queues, by name; a caller narrowed to queues sees those.
    async fn queues(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those whose name holds this, in any case.")] search: Option<String>,
        #[graphql(desc = "How many, 0 to 200; 50 when not given.")] first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
    ) -> Result<QueueConnection> {
        let wanted = Wanted::read(search, first, after)?;
        let scope = &ctx.data::<Caller>()?.scope;
        let listing = ctx.data::<Commands>()?.directory.queues();
        Ok(wanted
            .of(&listing, |queue| scope.sees_queue(&queue.id))
            .into())
    }

    /// The organisation's active users, by name.
    async fn agents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those whose name holds this, in any case.")] search: Option<String>,
        #[graphql(desc = "How many, 0 to 200; 50 when not given.")] first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
    ) -> Result<AgentConnection> {
        let wanted = Wanted::read(search, first, after)?;
        let listing = ctx.data::<Commands>()?.directory.users();
        Ok(wanted.of(&listing, |_| true).into())
    }

    /// The wrap-up codes of a queue, by name.
    async fn wrap_up_codes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Genesys' id of the queue.")] queue_id: ID,
    ) -> Result<Vec<WrapUpCode>> {
        let unknown = || error::not_found("queue");
        let queue = Uuid::try_parse(&queue_id).map_err(|_| unknown())?;
        let queue = QueueId::from(queue.hyphenated().to_string());
        let directory = &ctx.data::<Commands>()?.directory;
        let is_seen = ctx.data::<Caller>()?.scope.sees_queue(queue.as_str());
        if !is_seen || !directory.may_have(&queue) {
            return Err(unknown());
        }
        match directory.wrap_up_codes(&queue).await {
            Ok(codes) => Ok(codes.iter().map(WrapUpCode::from).collect()),
            Err(cause) if cause.is_not_found() => Err(unknown()),
            Err(cause) => Err(error::genesys(ctx, &cause)),
        }
    }

    /// Whether the picture may be stale.
    async fn feed_status(&self, ctx: &Context<'_>) -> Result<FeedStatus> {
        let feed = ctx.data::<watch::Receiver<feed::FeedStatus>>()?;
        Ok(FeedStatus::from(&*feed.borrow()))
    }

    /// The place in the change log that this answer reflects: list, then subscribe after it, with no
    /// gap.
    async fn feed_cursor(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(ctx.data::<AsOf>()?.0.cursor().encode())
    }

    /// Who did what, when, and from where; the newest first. Needs the permission `admin`.
    async fn audit_trail(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entries; all without.")] filter: Option<AuditFilter>,
        #[graphql(desc = "How many, 0 to 200; 50 by default.")] first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
    ) -> Result<AuditConnection> {
        let page = pagination::page(first, after, None, None)?;
        let wanted = filter.unwrap_or_default().into_domain()?;
        let slice = ctx.data::<Store>()?.audit_trail(&wanted, &page).await;
        let slice = slice.map_err(|cause| error::store(ctx, &cause))?;
        Ok(AuditConnection::of(&slice))
    }

    /// The live connections to this process, the oldest first. Needs the permission `admin`.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 0 to 200; 50 by default.")] first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
    ) -> Result<SessionConnection> {
        let page = pagination::page(first, after, None, None)?;
        let open = ctx.data::<Sessions>()?.list();
        Ok(SessionConnection::of(&open, &page))
    }

    /// Whatever a global id names; null when there is no such thing that the caller may see.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A global id.")] id: ID,
    ) -> Result<Option<Node>> {
        let named = GlobalId::decode(&id).ok_or_else(|| bad_input("id", "not a global id"))?;
        let conversation_id = match &named {
            GlobalId::Conversation(id)
            | GlobalId::Participant(id, _)
            | GlobalId::ContextLink(id, ..) => *id,
        };
        if let GlobalId::Conversation(id) = named {
            return Ok(read(ctx, id).await?.map(Node::Conversation));
        }
        let caller = ctx.data::<Caller>()?;
        let known = ctx
            .data::<Store>()?
            .conversation(caller, conversation_id)
            .await
            .map_err(|cause| error::store(ctx, &cause))?;
        let Some(known) = known else { return Ok(None) };
        Ok(match named {
            GlobalId::Conversation(_) => Some(Node::Conversation(known.into())),
            GlobalId::Participant(_, participant) => known
                .facts
                .participants
                .iter()
                .position(|it| it.id == participant)
                .map(|place| {
                    Node::Participant(Participant {
                        conversation_id,
                        said: std::sync::Arc::new(known.facts.participants),
                        place,
                    })
                }),
            GlobalId::ContextLink(_, context, verb) => {
                let links = ctx
                    .data::<DataLoader<Loads>>()?
                    .load_one(conversation_id)
                    .await;
                let links = links.map_err(|cause| error::internal(ctx, &*cause))?;
                links
                    .unwrap_or_default()
                    .iter()
                    .find(|link| link.context == context && link.verb == verb)
                    .map(|link| Node::ContextLink(ContextLink::of(conversation_id, link)))
            }
        })
    }
}

async fn read(ctx: &Context<'_>, id: ConversationId) -> Result<Option<Conversation>> {
    let known = ctx
        .data::<ReadModel>()?
        .conversation(ctx.data::<Caller>()?, id)
        .await
        .map_err(|cause| error::store(ctx, &cause))?;
    Ok(known.map(Conversation::from))
}

/// A page of a list: the newest of a case from memory, everything else from the store.
pub(super) async fn list(
    ctx: &Context<'_>,
    filter: &Filter,
    order: Order,
    page: &Page,
) -> Result<ConversationConnection> {
    let caller = ctx.data::<Caller>()?;
    if let (Some(context), Some(size)) = (only_context(filter), page.only_first())
        && order == Order::default()
    {
        let case = ctx.data::<ReadModel>()?.case(caller, context, size).await;
        if let Some(case) = case.map_err(|cause| error::store(ctx, &cause))? {
            return Ok(ConversationConnection::of_case(case));
        }
    }
    let slice = ctx
        .data::<Store>()?
        .conversations(caller, filter, order, page)
        .await;
    let slice = slice.map_err(|cause| error::store(ctx, &cause))?;
    Ok(ConversationConnection::of(slice, order))
}

/// The filter's context, if it is its only condition.
pub(super) fn only_context(filter: &Filter) -> Option<&ContextRef> {
    let context = filter.context.as_ref()?;
    let alone = Filter {
        context: Some(context.clone()),
        ..Filter::default()
    };
    (*filter == alone).then_some(context)
}

pub(super) fn count_question(
    ctx: &Context<'_>,
    filter: Option<ConversationFilter>,
    group_by: Vec<CountDimension>,
) -> Result<Question> {
    let filter = filter.unwrap_or_default().into_domain()?;
    let by = group_by.into_iter().map(Into::into).collect();
    Ok(Question::new(
        filter,
        by,
        ctx.data::<Caller>()?.scope.clone(),
    ))
}
