//! Links to DCM's objects, and the objects seen from the other side.

use async_graphql::connection::PageInfo;
use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::conversation::ConversationConnection;
use super::enums::{ContextKey, ContextVerb};
use crate::domain::filter::Filter;
use crate::domain::ids::ConversationId;
use crate::domain::registration::ContextLink as Link;
use crate::graphql::global_id::GlobalId;
use crate::graphql::pagination;
use crate::graphql::query::list;
use crate::graphql::scalars::DateTime;
use crate::store::{ContextSummary, Order, Slice};

/// A link between a conversation and one of DCM's objects.
#[derive(SimpleObject)]
pub struct ContextLink {
    /// Global id.
    #[graphql(owned)]
    pub id: ID,
    /// What kind of object.
    pub key: ContextKey,
    /// For CUSTOM: the kind's own name.
    pub custom_key: Option<String>,
    /// DCM's id of the object.
    pub object_id: ID,
    /// DCM's name for it: a case number, a party's name.
    pub name: Option<String>,
    /// What the conversation did to it.
    pub verb: ContextVerb,
    /// Why the link was made.
    pub description: Option<String>,
    /// Who made it.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was last made again.
    pub last_at: DateTime,
}

impl ContextLink {
    pub(crate) fn all(conversation_id: ConversationId, links: &[Link]) -> Vec<Self> {
        links
            .iter()
            .map(|link| Self::of(conversation_id, link))
            .collect()
    }

    pub(crate) fn of(conversation_id: ConversationId, link: &Link) -> Self {
        Self {
            id: GlobalId::ContextLink(conversation_id, link.context.clone(), link.verb).encode(),
            key: link.context.key.into(),
            custom_key: (!link.context.custom_key.is_empty())
                .then(|| link.context.custom_key.clone()),
            object_id: ID(link.context.object_id.clone()),
            name: link.name.clone(),
            verb: link.verb.into(),
            description: link.description.clone(),
            created_by: link.created_by.clone(),
            created_at: link.created_at.into(),
            last_at: link.last_at.into(),
        }
    }
}

/// One of DCM's objects that has conversations: a case, a task, a party.
pub struct DcmObject(pub(crate) ContextSummary);

/// One of DCM's objects that has conversations: a case, a task, a party.
#[Object(name = "Context")]
impl DcmObject {
    /// What kind of object.
    async fn key(&self) -> ContextKey {
        self.0.context.key.into()
    }

    /// For CUSTOM: the kind's own name.
    async fn custom_key(&self) -> Option<&str> {
        Some(self.0.context.custom_key.as_str()).filter(|key| !key.is_empty())
    }

    /// DCM's id of the object.
    async fn object_id(&self) -> ID {
        ID(self.0.context.object_id.clone())
    }

    /// DCM's name for it.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The latest change of any of its conversations.
    async fn last_activity_at(&self) -> DateTime {
        self.0.last_activity_at.into()
    }

    /// Its conversations, newest first.
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the start, 0 to 200; 50 when neither is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only those after this edge's cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 200.")] last: Option<i32>,
        #[graphql(desc = "Only those before this edge's cursor.")] before: Option<String>,
    ) -> Result<ConversationConnection> {
        let page = pagination::page(first, after, last, before)?;
        let filter = Filter {
            context: Some(self.0.context.clone()),
            ..Filter::default()
        };
        list(ctx, &filter, Order::default(), &page).await
    }
}

/// A page of contexts.
#[derive(SimpleObject)]
pub struct ContextConnection {
    /// The contexts with their cursors.
    pub edges: Vec<ContextEdge>,
    /// The contexts.
    pub nodes: Vec<DcmObject>,
    /// Whether there is more.
    pub page_info: PageInfo,
}

/// A context in a page.
#[derive(SimpleObject)]
pub struct ContextEdge {
    /// For `after` of the same list.
    pub cursor: String,
    /// The context.
    pub node: DcmObject,
}

impl ContextConnection {
    pub(crate) fn of(slice: Slice<ContextSummary>) -> Self {
        let page_info = pagination::page_info(&slice);
        let nodes = slice
            .items
            .iter()
            .map(|item| DcmObject(item.node.clone()))
            .collect();
        Self {
            nodes,
            page_info,
            edges: slice
                .items
                .into_iter()
                .map(|item| ContextEdge {
                    cursor: item.cursor,
                    node: DcmObject(item.node),
                })
                .collect(),
        }
    }
}
