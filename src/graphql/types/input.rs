//! Inputs, and how they become the domain's values.

use std::str::FromStr;

use async_graphql::{Error, ID, InputObject};

use super::enums::{
    ContextKey, ContextVerb, ConversationOrderField, ConversationStatus, Direction, InitiatedBy,
    MediaType, OrderDirection, ScreenPopTarget,
};
use crate::commands::Close;
use crate::domain::filter::{AnyOf, Filter};
use crate::domain::ids::ConversationId;
use crate::domain::registration::{ContextLink, Registration};
use crate::domain::row::{ContextKey as Key, ContextRef as Ref, ContextVerb as Verb};
use crate::domain::time::Time;
use crate::graphql::error::bad_input;
use crate::graphql::scalars::DateTime;
use crate::store::Order;

/// Most ids a filter may name in one list.
const MOST_IDS: usize = 1_000;
/// Longest text of a name, key or object id, in characters.
const LONGEST_TEXT: usize = 500;
/// Longest key or object id, in bytes of UTF-8: an index of `PostgreSQL` takes 2.7 kB.
const LONGEST_KEY: usize = 1_000;
/// Longest wrap-up notes, in characters.
const LONGEST_NOTES: usize = 5_000;

/// Which conversations. All given conditions hold together; a list means "any of" and an empty list
/// matches nothing; what is absent or null is no condition.
#[derive(InputObject, Default)]
pub struct ConversationFilter {
    /// These conversations, at most 1,000.
    pub conversation_ids: Option<Vec<ID>>,
    /// Linked to this object.
    pub context: Option<ContextRef>,
    /// In one of these statuses.
    pub statuses: Option<Vec<ConversationStatus>>,
    /// True: not ENDED. False: ENDED.
    pub open: Option<bool>,
    /// Last in one of these queues, at most 1,000.
    pub queue_ids: Option<Vec<ID>>,
    /// One of these agents is in it now: rung, connected, holding, parked or in after-call work.
    pub agent_ids: Option<Vec<ID>>,
    /// One of these agents was ever connected.
    pub handled_by_ids: Option<Vec<ID>>,
    /// Begun on one of these media.
    pub media_types: Option<Vec<MediaType>>,
    /// The leg that makes the status is on one of these media.
    pub active_media_types: Option<Vec<MediaType>>,
    /// Of this direction.
    pub direction: Option<Direction>,
    /// Begun by.
    pub initiated_by: Option<InitiatedBy>,
    /// True: registered. False: only observed.
    pub registered: Option<bool>,
    /// True: with an `errorMessage`. False: without.
    pub has_error: Option<bool>,
    /// Started at or after this moment.
    pub started_from: Option<DateTime>,
    /// Started before this moment.
    pub started_to: Option<DateTime>,
    /// Ended at or after this moment.
    pub ended_from: Option<DateTime>,
    /// Ended before this moment.
    pub ended_to: Option<DateTime>,
}

/// Names one of DCM's objects.
#[derive(InputObject)]
pub struct ContextRef {
    /// What kind of object.
    pub key: ContextKey,
    /// For CUSTOM: the kind's own name.
    pub custom_key: Option<String>,
    /// DCM's id of the object.
    pub object_id: ID,
}

/// What a list is ordered by; equal ones by `conversationId`.
#[derive(InputObject)]
pub struct ConversationOrder {
    /// The field.
    pub field: ConversationOrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// What is known of a conversation when it is registered. Null says nothing; a later registration
/// fills what earlier ones left out.
#[derive(InputObject)]
pub struct RegisterConversationInput {
    /// Genesys' identifier, a UUID.
    pub conversation_id: ID,
    /// Who began it.
    pub initiated_by: InitiatedBy,
    /// What DCM opens when an agent answers.
    pub initial_screen_pop_target: Option<ScreenPopTarget>,
    /// Used until Genesys says its own.
    pub direction: Option<Direction>,
    /// Used until Genesys says its own.
    pub original_media_type: Option<MediaType>,
    /// Used until Genesys says its own.
    pub conversation_start: Option<DateTime>,
    /// Used until Genesys says its own.
    pub queue_id: Option<ID>,
    /// Used until Genesys says its own.
    pub queue_name: Option<String>,
    /// The object it began about: the INITIAL context.
    pub context: Option<ContextLinkInput>,
    /// Given back unchanged.
    pub client_mutation_id: Option<String>,
}

/// The object a conversation began about.
#[derive(InputObject)]
pub struct ContextLinkInput {
    /// What kind of object.
    pub key: ContextKey,
    /// For CUSTOM: the kind's own name.
    pub custom_key: Option<String>,
    /// DCM's id of the object.
    pub object_id: ID,
    /// DCM's name for it.
    pub name: Option<String>,
}

/// A link to make, or to refresh.
#[derive(InputObject)]
pub struct LinkConversationInput {
    /// Genesys' identifier of the conversation.
    pub conversation_id: ID,
    /// What kind of object.
    pub key: ContextKey,
    /// For CUSTOM: the kind's own name.
    pub custom_key: Option<String>,
    /// DCM's id of the object.
    pub object_id: ID,
    /// DCM's name for it.
    pub name: Option<String>,
    /// CREATED or UPDATED; INITIAL comes by registration only.
    pub verb: ContextVerb,
    /// Why.
    pub description: Option<String>,
    /// Given back unchanged.
    pub client_mutation_id: Option<String>,
}

/// A wrong link to take away.
#[derive(InputObject)]
pub struct UnlinkConversationInput {
    /// Genesys' identifier of the conversation.
    pub conversation_id: ID,
    /// What kind of object.
    pub key: ContextKey,
    /// For CUSTOM: the kind's own name.
    pub custom_key: Option<String>,
    /// DCM's id of the object.
    pub object_id: ID,
    /// The link's verb.
    pub verb: ContextVerb,
    /// Given back unchanged.
    pub client_mutation_id: Option<String>,
}

/// A conversation to close.
#[derive(InputObject)]
pub struct CloseConversationInput {
    /// Genesys' identifier of the conversation.
    pub conversation_id: ID,
    /// Only this agent, by Genesys' id of the user; the others go on.
    pub user_id: Option<ID>,
    /// For the agents: id or exact name of one of the queue's wrap-up codes. Without it an agent who
    /// talks goes on to after-call work, and after-call work that runs already is skipped.
    pub wrap_up_code: Option<String>,
    /// Goes to Genesys with the code; it is neither stored nor logged here.
    pub wrap_up_notes: Option<String>,
    /// Genesys' full teardown instead of disconnecting one after the other: meant for conversations
    /// that are stuck. It takes no `userId`.
    #[graphql(default_with = "Some(false)")]
    pub force: Option<bool>,
    /// Given back unchanged.
    pub client_mutation_id: Option<String>,
}

/// A conversation to read again.
#[derive(InputObject)]
pub struct RefreshConversationInput {
    /// Genesys' identifier of the conversation.
    pub conversation_id: ID,
    /// Given back unchanged.
    pub client_mutation_id: Option<String>,
}

impl ConversationFilter {
    /// # Errors
    /// `BAD_USER_INPUT` for too many ids, for what is no conversation's id, and for a wrong context.
    pub(crate) fn into_domain(self) -> Result<Filter, Error> {
        let conversation_ids = match self.conversation_ids {
            None => None,
            Some(ids) => Some(
                few("filter.conversationIds", ids)?
                    .iter()
                    .map(|id| conversation_id("filter.conversationIds", id))
                    .collect::<Result<_, _>>()?,
            ),
        };
        Ok(Filter {
            conversation_ids,
            context: self
                .context
                .map(|context| context.into_domain("filter.context"))
                .transpose()?,
            statuses: self.statuses.map(into_all),
            open: self.open,
            queue_ids: texts("filter.queueIds", self.queue_ids)?,
            agent_ids: texts("filter.agentIds", self.agent_ids)?,
            handled_by_ids: texts("filter.handledByIds", self.handled_by_ids)?,
            media_types: self.media_types.map(into_all),
            active_media_types: self.active_media_types.map(into_all),
            direction: self.direction.map(Into::into),
            initiated_by: self.initiated_by.map(Into::into),
            registered: self.registered,
            has_error: self.has_error,
            started_from: self.started_from.map(|time| time.0),
            started_to: self.started_to.map(|time| time.0),
            ended_from: self.ended_from.map(|time| time.0),
            ended_to: self.ended_to.map(|time| time.0),
        })
    }
}

impl ContextRef {
    fn into_domain(self, argument: &'static str) -> Result<Ref, Error> {
        context(argument, self.key, self.custom_key, &self.object_id)
    }
}

impl ConversationOrder {
    pub(crate) fn into_store(self) -> Order {
        Order {
            field: self.field.into(),
            descending: self.direction == OrderDirection::Desc,
        }
    }
}

impl RegisterConversationInput {
    pub(crate) fn into_domain(self) -> Result<(ConversationId, Registration), Error> {
        let id = conversation_id("input.conversationId", &self.conversation_id)?;
        let (context, context_name) = match self.context {
            None => (None, None),
            Some(said) => (
                Some(context(
                    "input.context",
                    said.key,
                    said.custom_key,
                    &said.object_id,
                )?),
                text("input.context.name", said.name)?,
            ),
        };
        let registration = Registration {
            initiated_by: self.initiated_by.into(),
            initial_screen_pop_target: self.initial_screen_pop_target.map(Into::into),
            direction: self.direction.map(Into::into),
            original_media_type: self.original_media_type.map(Into::into),
            conversation_start: self.conversation_start.map(|time| time.0),
            queue_id: text("input.queueId", self.queue_id.map(|id| id.0))?.map(Into::into),
            queue_name: text("input.queueName", self.queue_name)?,
            context,
            context_name,
        };
        Ok((id, registration))
    }
}

impl LinkConversationInput {
    pub(crate) fn into_domain(
        self,
        created_by: &str,
        now: Time,
    ) -> Result<(ConversationId, ContextLink), Error> {
        let id = conversation_id("input.conversationId", &self.conversation_id)?;
        let verb = Verb::from(self.verb);
        if verb == Verb::Initial {
            return Err(bad_input(
                "input.verb",
                "INITIAL comes by registration only",
            ));
        }
        let link = ContextLink {
            context: context("input.objectId", self.key, self.custom_key, &self.object_id)?,
            name: text("input.name", self.name)?,
            verb,
            description: text("input.description", self.description)?,
            created_by: Some(created_by.to_owned()),
            created_at: now,
            last_at: now,
        };
        Ok((id, link))
    }
}

impl UnlinkConversationInput {
    pub(crate) fn into_domain(self) -> Result<(ConversationId, Ref, Verb), Error> {
        let id = conversation_id("input.conversationId", &self.conversation_id)?;
        let context = context("input.objectId", self.key, self.custom_key, &self.object_id)?;
        Ok((id, context, self.verb.into()))
    }
}

impl CloseConversationInput {
    pub(crate) fn into_domain(self) -> Result<Close, Error> {
        if self.wrap_up_notes.is_some() && self.wrap_up_code.is_none() {
            return Err(bad_input("input.wrapUpNotes", "notes go with wrapUpCode"));
        }
        let force = self.force == Some(true);
        if force && self.user_id.is_some() {
            return Err(bad_input("input.force", "a teardown is of everybody"));
        }
        Ok(Close {
            conversation_id: conversation_id("input.conversationId", &self.conversation_id)?,
            user: text("input.userId", self.user_id.map(|id| id.0))?.map(Into::into),
            wrap_up_code: text("input.wrapUpCode", self.wrap_up_code)?,
            wrap_up_notes: notes(self.wrap_up_notes)?,
            force,
        })
    }
}

impl RefreshConversationInput {
    pub(crate) fn id(&self) -> Result<ConversationId, Error> {
        conversation_id("input.conversationId", &self.conversation_id)
    }
}

/// # Errors
/// `BAD_USER_INPUT` when the text is not a UUID.
pub(crate) fn conversation_id(argument: &'static str, id: &ID) -> Result<ConversationId, Error> {
    ConversationId::from_str(id).map_err(|_| bad_input(argument, "a conversation's id is a UUID"))
}

fn context(
    argument: &'static str,
    key: ContextKey,
    custom_key: Option<String>,
    object_id: &ID,
) -> Result<Ref, Error> {
    let key = Key::from(key);
    let custom_key = key_text(argument, custom_key)?.unwrap_or_default();
    if (key == Key::Custom) == custom_key.is_empty() {
        return Err(bad_input(
            argument,
            "customKey goes with CUSTOM, and only with it",
        ));
    }
    let object_id = key_text(argument, Some(object_id.0.clone()))?.unwrap_or_default();
    if object_id.is_empty() {
        return Err(bad_input(argument, "objectId is empty"));
    }
    Ok(Ref {
        key,
        custom_key,
        object_id,
    })
}

/// A text that an index holds, whose room is counted in bytes.
fn key_text(argument: &'static str, key: Option<String>) -> Result<Option<String>, Error> {
    match text(argument, key)? {
        Some(key) if key.len() > LONGEST_KEY => Err(bad_input(
            argument,
            format!("longer than {LONGEST_KEY} bytes of UTF-8"),
        )),
        key => Ok(key),
    }
}

fn text(argument: &'static str, text: Option<String>) -> Result<Option<String>, Error> {
    match text {
        Some(text) if text.chars().count() > LONGEST_TEXT => Err(bad_input(
            argument,
            format!("longer than {LONGEST_TEXT} characters"),
        )),
        Some(text) if text.contains('\0') => Err(bad_input(argument, "holds a NUL character")),
        text => Ok(text),
    }
}

/// Notes may be longer than names.
fn notes(notes: Option<String>) -> Result<Option<String>, Error> {
    match notes {
        Some(notes) if notes.chars().count() > LONGEST_NOTES => Err(bad_input(
            "input.wrapUpNotes",
            format!("longer than {LONGEST_NOTES} characters"),
        )),
        notes => Ok(notes),
    }
}

fn few(argument: &'static str, ids: Vec<ID>) -> Result<Vec<ID>, Error> {
    if ids.len() > MOST_IDS {
        return Err(bad_input(argument, format!("more than {MOST_IDS} ids")));
    }
    Ok(ids)
}

fn texts<T: From<String> + Ord>(
    argument: &'static str,
    ids: Option<Vec<ID>>,
) -> Result<Option<AnyOf<T>>, Error> {
    let Some(ids) = ids else { return Ok(None) };
    let ids = few(argument, ids)?;
    Ok(Some(ids.into_iter().map(|id| T::from(id.0)).collect()))
}

fn into_all<A: Into<B>, B: Ord>(values: Vec<A>) -> AnyOf<B> {
    values.into_iter().map(Into::into).collect()
}
