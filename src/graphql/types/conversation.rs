//! The conversation and its connections.

use std::sync::Arc;

use async_graphql::connection::PageInfo;
use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::change::{StatusChangeConnection, history_connection};
use super::context::ContextLink;
use super::enums::{ConversationStatus, Direction, InitiatedBy, MediaType, ScreenPopTarget};
use super::owner::{Owner, OwnerIds};
use super::participant::Participant;
use super::plain::Plain;
use super::quick::Quick;
use crate::domain::conversation::Conversation as Known;
use crate::domain::ids::{ConversationId, QueueId};
use crate::domain::row::{Listed, Row};
use crate::graphql::error;
use crate::graphql::global_id::GlobalId;
use crate::graphql::loaders::{HistoryKey, Loads, WholeKey};
use crate::graphql::pagination;
use crate::graphql::scalars::DateTime;
use crate::read_model::CasePage;
use crate::store::{Order, Position, Slice};

/// A Genesys conversation and its one universal status.
#[derive(Clone)]
pub struct Conversation {
    id: ConversationId,
    version: u32,
    row: Arc<Row>,
    /// Present when the whole conversation was read with the row: saves reading it again.
    participants: Option<Arc<Vec<crate::domain::snapshot::Participant>>>,
}

impl Conversation {
    /// Scalars as of a change; participants, context and history as they are when asked.
    pub(crate) fn as_of(id: ConversationId, version: u32, row: &Arc<Row>) -> Self {
        Self {
            id,
            version,
            row: Arc::clone(row),
            participants: None,
        }
    }
}

impl From<Listed> for Conversation {
    fn from(listed: Listed) -> Self {
        Self::as_of(listed.id, listed.version, &listed.row)
    }
}

impl Conversation {
    /// What a field without arguments or selections answers; `None` for any other field. It says
    /// what the field's resolver says.
    pub(crate) fn plain_field(&self, name: &str) -> Option<Plain<'_>> {
        let row = &*self.row;
        Some(match name {
            "__typename" => Plain::Word("Conversation"),
            "conversationId" => Plain::Id(self.id),
            "id" => Plain::Text(GlobalId::Conversation(self.id).encode().0.into()),
            "initiatedBy" => Plain::word::<InitiatedBy, _>(Some(row.initiated_by)),
            "registeredAt" => Plain::moment(row.registered_at),
            "initialScreenPopTarget" => {
                Plain::word::<ScreenPopTarget, _>(row.initial_screen_pop_target)
            }
            "conversationStart" => Plain::moment(row.conversation_start),
            "conversationEnd" => Plain::moment(row.conversation_end),
            "direction" => Plain::word::<Direction, _>(row.direction),
            "originalMediaType" => Plain::word::<MediaType, _>(row.original_media_type),
            "activeMediaType" => Plain::word::<MediaType, _>(row.active_media_type),
            "calculatedStatus" => Plain::word::<ConversationStatus, _>(Some(row.status)),
            "statusSince" => Plain::Moment(row.status_since),
            "waitingSince" => Plain::moment(row.waiting_since),
            "lastQueueId" => Plain::text(row.last_queue_id.as_ref().map(QueueId::as_str)),
            "lastQueueName" => Plain::text(row.last_queue_name.as_deref()),
            "errorMessage" => Plain::text(row.failure.as_ref().map(|it| it.message.as_str())),
            "errorAt" => Plain::moment(row.failure.as_ref().map(|it| it.at)),
            "version" => Plain::Number(i32::try_from(self.version).unwrap_or(i32::MAX)),
            "createdAt" => Plain::Moment(row.created_at),
            "updatedAt" => Plain::Moment(row.updated_at),
            _ => return None,
        })
    }
}

impl From<Known> for Conversation {
    fn from(known: Known) -> Self {
        Self {
            id: known.id,
            version: known.version,
            row: Arc::new(known.row),
            participants: Some(Arc::new(known.facts.participants)),
        }
    }
}

/// A Genesys conversation and its one universal status.
#[Object]
impl Conversation {
    /// Global id.
    pub async fn id(&self) -> ID {
        GlobalId::Conversation(self.id).encode()
    }

    /// Genesys' identifier, a lower-case UUID.
    async fn conversation_id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// Who began it. Of an observed, unregistered conversation: GENESYS, as a presumption.
    async fn initiated_by(&self) -> InitiatedBy {
        self.row.initiated_by.into()
    }

    /// When it was first registered; null when it was only observed.
    async fn registered_at(&self) -> Option<DateTime> {
        self.row.registered_at.map(DateTime)
    }

    /// What DCM opens when an agent answers.
    async fn initial_screen_pop_target(&self) -> Option<ScreenPopTarget> {
        self.row.initial_screen_pop_target.map(Into::into)
    }

    /// When it began.
    async fn conversation_start(&self) -> Option<DateTime> {
        self.row.conversation_start.map(DateTime)
    }

    /// When the talk ended; null unless ENDED. It may be corrected later.
    async fn conversation_end(&self) -> Option<DateTime> {
        self.row.conversation_end.map(DateTime)
    }

    /// Who reached out to whom.
    async fn direction(&self) -> Option<Direction> {
        self.row.direction.map(Into::into)
    }

    /// The medium it began on.
    async fn original_media_type(&self) -> Option<MediaType> {
        self.row.original_media_type.map(Into::into)
    }

    /// The medium of the leg that makes the status; a voicemail waits as CALLBACK.
    async fn active_media_type(&self) -> Option<MediaType> {
        self.row.active_media_type.map(Into::into)
    }

    /// The universal status.
    async fn calculated_status(&self) -> ConversationStatus {
        self.row.status.into()
    }

    /// `occurredAt` of the change that gave it this status.
    async fn status_since(&self) -> DateTime {
        self.row.status_since.into()
    }

    /// Since when it waits in its present queue, unbroken by unanswered offers.
    async fn waiting_since(&self) -> Option<DateTime> {
        self.row.waiting_since.map(DateTime)
    }

    /// The queue it is or was in last.
    async fn last_queue_id(&self) -> Option<ID> {
        self.row.last_queue_id.as_ref().map(|id| ID(id.to_string()))
    }

    /// That queue's name at that time.
    async fn last_queue_name(&self) -> Option<&str> {
        self.row.last_queue_name.as_deref()
    }

    /// Who has it now. Null means: leave the case with the owner it has.
    async fn owner(&self, ctx: &Context<'_>) -> Result<Option<Owner>> {
        let ids = ctx.data::<OwnerIds>()?;
        Ok(self.row.owner.as_ref().map(|owned| ids.owner(owned)))
    }

    /// The latest failure with Genesys over this conversation, or the error Genesys ended it with.
    async fn error_message(&self) -> Option<&str> {
        self.row
            .failure
            .as_ref()
            .map(|failure| failure.message.as_str())
    }

    /// When that failure came.
    async fn error_at(&self) -> Option<DateTime> {
        self.row.failure.as_ref().map(|failure| failure.at.into())
    }

    /// The DCM objects it is linked to.
    async fn context(&self, ctx: &Context<'_>) -> Result<Vec<ContextLink>> {
        let links = ctx.data::<DataLoader<Loads>>()?.load_one(self.id).await;
        let links = links.map_err(|cause| error::internal(ctx, &*cause))?;
        Ok(ContextLink::all(self.id, &links.unwrap_or_default()))
    }

    /// Everybody who took part, first come first.
    async fn participants(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            default_with = "Some(false)",
            desc = "Also queues, IVRs, voicemail, bots, flows and dialers."
        )]
        include_system: Option<bool>,
    ) -> Result<Vec<Participant>> {
        let said = if let Some(said) = &self.participants {
            Arc::clone(said)
        } else {
            let loads = ctx.data::<DataLoader<Loads>>()?;
            let loaded = loads.load_one(WholeKey(self.id)).await;
            loaded
                .map_err(|cause| error::internal(ctx, &*cause))?
                .unwrap_or_default()
        };
        Ok(Participant::all(
            self.id,
            &said,
            include_system == Some(true),
        ))
    }

    /// The status changes, oldest first.
    async fn status_history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many of the oldest, 0 to 200; 50 when neither is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
        #[graphql(desc = "How many of the newest, 0 to 200.")] last: Option<i32>,
        #[graphql(desc = "Only those before this edge's cursor.")] before: Option<String>,
    ) -> Result<StatusChangeConnection> {
        let page = pagination::page(first, after, last, before)?;
        let key = HistoryKey { id: self.id, page };
        let loaded = ctx
            .data::<DataLoader<Loads>>()?
            .load_one(key)
            .await
            .map_err(|cause| error::store(ctx, &cause))?;
        history_connection(ctx, self, loaded.as_deref())
    }

    /// +1 with every committed change of this conversation.
    async fn version(&self) -> i32 {
        i32::try_from(self.version).unwrap_or(i32::MAX)
    }

    /// When the gateway first knew of it.
    async fn created_at(&self) -> DateTime {
        self.row.created_at.into()
    }

    /// When its latest change happened.
    async fn updated_at(&self) -> DateTime {
        self.row.updated_at.into()
    }
}

/// A page of conversations.
pub struct ConversationConnection {
    conversations: Vec<Listed>,
    order: Order,
    has_previous: bool,
    has_next: bool,
    position: Position,
}

/// A page of conversations.
#[Object]
impl ConversationConnection {
    /// The conversations with their cursors.
    async fn edges(&self) -> Vec<ConversationEdge> {
        let edge = |listed: &Listed| ConversationEdge {
            cursor: self.order.cursor(listed),
            node: Quick(listed.clone().into()),
        };
        self.conversations.iter().map(edge).collect()
    }

    /// The conversations.
    async fn nodes(&self) -> Vec<Quick> {
        let node = |listed: &Listed| Quick(listed.clone().into());
        self.conversations.iter().map(node).collect()
    }

    /// Whether there is more.
    async fn page_info(&self) -> PageInfo {
        let cursor = |listed: &Listed| self.order.cursor(listed);
        PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.conversations.first().map(cursor),
            end_cursor: self.conversations.last().map(cursor),
        }
    }

    /// The place in the change log that this page reflects: subscribe after it to miss nothing.
    async fn feed_cursor(&self) -> String {
        self.position.cursor().encode()
    }
}

/// A conversation in a page.
#[derive(SimpleObject)]
pub struct ConversationEdge {
    /// For `after` and `before` of the same list.
    pub cursor: String,
    /// The conversation.
    pub node: Quick,
}

impl ConversationConnection {
    pub(crate) fn of(slice: Slice<Listed>, order: Order) -> Self {
        Self {
            conversations: slice.items.into_iter().map(|item| item.node).collect(),
            order,
            has_previous: slice.has_previous,
            has_next: slice.has_next,
            position: slice.position,
        }
    }

    pub(crate) fn of_case(page: CasePage) -> Self {
        Self {
            conversations: page.conversations,
            order: Order::default(),
            has_previous: false,
            has_next: page.has_next,
            position: page.position,
        }
    }
}
