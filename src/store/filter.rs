//! Filters and scopes as conditions on the conversations' table. They mean what `Filter::matches`
//! and `Scope::sees` mean.

use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityName};

use crate::domain::caller::Scope;
use crate::domain::filter::Filter;
use crate::domain::ids::{QueueId, UserId};
use crate::domain::row::{ContextRef, ConversationStatus};
use crate::domain::time::Time;

use super::entity::conversation::Column;
use super::entity::{agent, context};

/// The conversations that match.
pub(super) fn matching(filter: &Filter) -> Condition {
    let within = |column: Column, from: Option<Time>, to: Option<Time>| {
        Condition::all()
            .add_option(from.map(|from| column.gte(from.to_utc())))
            .add_option(to.map(|to| column.lt(to.to_utc())))
    };
    let words =
        |column: Column, words: Option<Vec<&'static str>>| words.map(|words| column.is_in(words));
    Condition::all()
        .add_option(
            filter
                .conversation_ids
                .as_ref()
                .map(|ids| Column::Conversationid.is_in(ids.iter().map(ToString::to_string))),
        )
        .add_option(
            filter
                .context
                .as_ref()
                .map(|context| Column::ColId.in_subquery(linked_to(context))),
        )
        .add_option(words(
            Column::Calculatedstatus,
            filter
                .statuses
                .as_ref()
                .map(|all| all.iter().map(|word| word.as_str()).collect()),
        ))
        .add_option(
            filter
                .open
                .map(|open| if open { not_ended() } else { ended() }),
        )
        .add_option(
            filter
                .queue_ids
                .as_ref()
                .map(|ids| Column::Lastqueueid.is_in(ids.iter().map(QueueId::as_str))),
        )
        .add_option(
            filter.agent_ids.as_ref().map(|ids| {
                Column::ColId.in_subquery(with_agents(ids.iter(), agent::Column::Active))
            }),
        )
        .add_option(
            filter.handled_by_ids.as_ref().map(|ids| {
                Column::ColId.in_subquery(with_agents(ids.iter(), agent::Column::Handled))
            }),
        )
        .add_option(words(
            Column::Originalmediatype,
            filter
                .media_types
                .as_ref()
                .map(|all| all.iter().map(|word| word.as_str()).collect()),
        ))
        .add_option(words(
            Column::Activemediatype,
            filter
                .active_media_types
                .as_ref()
                .map(|all| all.iter().map(|word| word.as_str()).collect()),
        ))
        .add_option(
            filter
                .direction
                .map(|direction| Column::Direction.eq(direction.as_str())),
        )
        .add_option(
            filter
                .initiated_by
                .map(|by| Column::Initiatedby.eq(by.as_str())),
        )
        .add_option(
            filter
                .registered
                .map(|yes| present(Column::Registeredat, yes)),
        )
        .add_option(
            filter
                .has_error
                .map(|yes| present(Column::Errormessage, yes)),
        )
        .add(within(
            Column::Conversationstart,
            filter.started_from,
            filter.started_to,
        ))
        .add(within(
            Column::Conversationend,
            filter.ended_from,
            filter.ended_to,
        ))
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

fn not_ended() -> sea_orm::sea_query::Expr {
    Column::Calculatedstatus.ne(ConversationStatus::Ended.as_str())
}

fn ended() -> sea_orm::sea_query::Expr {
    Column::Calculatedstatus.eq(ConversationStatus::Ended.as_str())
}

fn present(column: Column, present: bool) -> sea_orm::sea_query::Expr {
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
