//! Filters and scopes as conditions on the conversations' table. They mean what `Filter::matches`
//! and `Scope::sees` mean.

use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityName, Value};

use crate::domain::caller::Scope;
use crate::domain::filter::{AnyOf, Filter};
use crate::domain::ids::{QueueId, UserId};
use crate::domain::row::{ContextRef, ConversationStatus};

use super::entity::conversation::Column;
use super::entity::{agent, context};

/// The conversations that match.
pub(super) fn matching(filter: &Filter) -> Condition {
    use Column::{Conversationend, Conversationstart};
    let agents = |users: &AnyOf<UserId>, relation| {
        Column::ColId.in_subquery(with_agents(users.iter(), relation))
    };
    let (agent_ids, handled_by) = (&filter.agent_ids, &filter.handled_by_ids);
    let linked = |context| Column::ColId.in_subquery(linked_to(context));
    let asked = [
        any_of(
            Column::Conversationid,
            filter.conversation_ids.as_ref(),
            ToString::to_string,
        ),
        filter.context.as_ref().map(linked),
        any_of(Column::Calculatedstatus, filter.statuses.as_ref(), |it| {
            it.as_str()
        }),
        filter
            .open
            .map(|open| if open { not_ended() } else { ended() }),
        any_of(
            Column::Lastqueueid,
            filter.queue_ids.as_ref(),
            QueueId::as_str,
        ),
        agent_ids
            .as_ref()
            .map(|ids| agents(ids, agent::Column::Active)),
        handled_by
            .as_ref()
            .map(|ids| agents(ids, agent::Column::Handled)),
        any_of(
            Column::Originalmediatype,
            filter.media_types.as_ref(),
            |it| it.as_str(),
        ),
        any_of(
            Column::Activemediatype,
            filter.active_media_types.as_ref(),
            |it| it.as_str(),
        ),
        filter.direction.map(|it| Column::Direction.eq(it.as_str())),
        filter
            .initiated_by
            .map(|it| Column::Initiatedby.eq(it.as_str())),
        filter
            .registered
            .map(|yes| present(Column::Registeredat, yes)),
        filter
            .has_error
            .map(|yes| present(Column::Errormessage, yes)),
        filter
            .started_from
            .map(|from| Conversationstart.gte(from.to_utc())),
        filter
            .started_to
            .map(|to| Conversationstart.lt(to.to_utc())),
        filter
            .ended_from
            .map(|from| Conversationend.gte(from.to_utc())),
        filter.ended_to.map(|to| Conversationend.lt(to.to_utc())),
    ];
    let asked = asked.into_iter().flatten();
    asked.fold(Condition::all(), Condition::add)
}

fn any_of<'a, T, V: Into<Value>>(
    column: Column,
    asked: Option<&'a AnyOf<T>>,
    word: impl Fn(&'a T) -> V,
) -> Option<Expr> {
    let asked = asked?;
    Some(column.is_in(asked.iter().map(word)))
}

/// The conversations that a snapshot for the filter shows.
pub(super) fn current(filter: &Filter) -> Condition {
    let open_only = (!filter.wants_ended()).then(not_ended);
    matching(filter).add_option(open_only)
}

/// The conversations that the scope sees.
pub(super) fn visible(scope: &Scope) -> Condition {
    match scope {
        Scope::Everything => Condition::all(),
        Scope::Narrowed { queues, user } => Condition::any()
            .add(Column::Lastqueueid.is_in(queues.iter().map(QueueId::as_str)))
            .add_option(user.as_ref().map(|user| {
                Column::ColId.in_subquery(with_agents(std::iter::once(user), agent::Column::Active))
            })),
    }
}

/// Each status is named, so that the index finds them: those that ended are kept for ever, and
/// "not ENDED" would walk through all of them.
pub(super) fn not_ended() -> Expr {
    let open = ConversationStatus::ALL
        .iter()
        .filter(|status| **status != ConversationStatus::Ended);
    Column::Calculatedstatus.is_in(open.map(|status| status.as_str()))
}

fn ended() -> Expr {
    Column::Calculatedstatus.eq(ConversationStatus::Ended.as_str())
}

fn present(column: Column, present: bool) -> Expr {
    if present {
        column.is_not_null()
    } else {
        column.is_null()
    }
}

fn linked_to(context: &ContextRef) -> SelectStatement {
    use context::Column::{Conversationid, Customkey, Keycode, Objectid};
    Query::select()
        .column(Conversationid)
        .from(context::Entity.table_ref())
        .and_where(Keycode.eq(context.key.as_str()))
        .and_where(Customkey.eq(context.custom_key.as_str()))
        .and_where(Objectid.eq(context.object_id.as_str()))
        .take()
}

fn with_agents<'a>(
    users: impl Iterator<Item = &'a UserId>,
    relation: agent::Column,
) -> SelectStatement {
    Query::select()
        .column(agent::Column::Conversation)
        .from(agent::Entity.table_ref())
        .and_where(agent::Column::Userid.is_in(users.map(UserId::as_str)))
        .and_where(relation.eq(true))
        .take()
}
