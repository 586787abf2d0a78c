//! Reading the links between conversations and DCM objects.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, DatabaseConnection, EntityName, FromQueryResult, QueryResult,
};
use serde::{Deserialize, Serialize};

use crate::domain::caller::Caller;
use crate::domain::ids::ConversationId;
use crate::domain::registration::ContextLink;
use crate::domain::row::{ContextKey, ContextRef};
use crate::domain::time::Time;

use super::Store;
use super::entity::{context, conversation};
use super::error::StoreError;
use super::filter;
use super::page::{self, Item, Key, Page, Slice};
use super::projection;
use super::session::Session;
use super::statements::select_prefixed;

/// A DCM object that has conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextSummary {
    pub context: ContextRef,
    /// The name of its newest link that has one.
    pub name: Option<String>,
    /// The latest change of any of its conversations.
    pub last_activity_at: Time,
}

/// Latest activity, custom key, object.
#[derive(Serialize, Deserialize)]
struct Place(Time, String, String);

impl Key for Place {
    type List = ContextKey;

    fn values(&self) -> Vec<SimpleExpr> {
        vec![
            Expr::val(self.0.to_utc()),
            Expr::val(self.1.as_str()),
            Expr::val(self.2.as_str()),
        ]
    }
}

impl Store {
    /// The links of each of the given conversations, oldest first; one without any is left out.
    pub async fn links(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Vec<ContextLink>>, StoreError> {
        links(&self.reads, ids).await
    }

    /// The objects of one kind that have conversations which the caller may see, the latest active
    /// first. `search`: a part of the name or of the object's id, in either case. SQLite knows the
    /// case of ASCII letters only: others must be searched for as they are stored.
    pub async fn contexts(
        &self,
        caller: &Caller,
        key: ContextKey,
        search: Option<&str>,
        page: &Page,
    ) -> Result<Slice<ContextSummary>, StoreError> {
        let scope = filter::visible(&caller.scope);
        let activity = || Expr::col((conversation::Entity, conversation::Column::Updatedat)).max();
        let place = [
            activity(),
            column(context::Column::Customkey),
            column(context::Column::Objectid),
        ];
        let direction = page.order(true);
        let mut select = of_conversations(scope.clone());
        select
            .expr_as(activity(), "activity")
            .expr_as(place[1].clone(), "customkey")
            .expr_as(place[2].clone(), "objectid")
            .and_where(column(context::Column::Keycode).eq(key.as_str()))
            .cond_where(search.map_or_else(Condition::all, found))
            .add_group_by([place[1].clone(), place[2].clone()])
            .cond_having(page.between::<Place>(&key, &place, true)?)
            .limit(page.size()? as u64 + 1);
        for expression in place {
            select.order_by_expr(expression, direction.clone());
        }

        let transaction = self.reads.begin_read().await?;
        let position = super::event_log::position(&transaction).await?;
        let rows = transaction.all(&select).await?;
        let mut items = rows
            .iter()
            .map(|row| summary(row, key))
            .collect::<Result<Vec<_>, StoreError>>()?;
        if !items.is_empty() {
            let names = transaction.all(&names(key, scope, &items)).await?;
            name(&mut items, &names)?;
        }
        transaction.commit().await?;
        Ok(page.slice(items, position)?)
    }
}

/// [`Store::links`], by this session.
pub(super) async fn links(
    session: &Session<DatabaseConnection>,
    ids: &[ConversationId],
) -> Result<HashMap<ConversationId, Vec<ContextLink>>, StoreError> {
    let mut links: HashMap<_, Vec<_>> = HashMap::new();
    if ids.is_empty() {
        return Ok(links);
    }
    let ids = ids.iter().map(ToString::to_string);
    let mut select = of_conversations(conversation::Column::Conversationid.is_in(ids).into());
    select_prefixed(&mut select, "x_", context::Entity, None);
    select
        .column((conversation::Entity, conversation::Column::Conversationid))
        .order_by(
            (context::Entity, context::Column::Createddate),
            sea_orm::Order::Asc,
        )
        .order_by(
            (context::Entity, context::Column::ColId),
            sea_orm::Order::Asc,
        );
    for row in session.all(&select).await? {
        let id: String = row.try_get("", "conversationid")?;
        let id = id
            .parse()
            .map_err(|_| StoreError::unreadable("conversation"))?;
        let link = projection::to_link(context::Model::from_query_result(&row, "x_")?)?;
        links.entry(id).or_default().push(link);
    }
    Ok(links)
}

/// Links joined with those of their conversations that are meant.
fn of_conversations(condition: Condition) -> SelectStatement {
    Query::select()
        .from(context::Entity.table_ref())
        .inner_join(
            conversation::Entity.table_ref(),
            Expr::col((conversation::Entity, conversation::Column::ColId))
                .equals((context::Entity, context::Column::Conversationid)),
        )
        .cond_where(condition)
        .take()
}

fn column(column: context::Column) -> SimpleExpr {
    Expr::col((context::Entity, column))
}

fn found(search: &str) -> Condition {
    let escaped: String = search
        .chars()
        .flat_map(|c| {
            matches!(c, '%' | '_' | '\\')
                .then_some('\\')
                .into_iter()
                .chain([c])
        })
        .collect();
    let pattern = |text: &str| LikeExpr::new(format!("%{text}%")).escape('\\');
    let like = |name| {
        Condition::any()
            .add(Expr::expr(Func::lower(column(name))).like(pattern(&escaped.to_lowercase())))
            .add(column(name).like(pattern(&escaped)))
    };
    Condition::any()
        .add(like(context::Column::Keyname))
        .add(like(context::Column::Objectid))
}

fn summary(row: &QueryResult, key: ContextKey) -> Result<Item<ContextSummary>, StoreError> {
    let last_activity_at: Time = row
        .try_get::<chrono::DateTime<chrono::Utc>>("", "activity")?
        .into();
    let context = ContextRef {
        key,
        custom_key: row.try_get("", "customkey")?,
        object_id: row.try_get("", "objectid")?,
    };
    let place = Place(
        last_activity_at,
        context.custom_key.clone(),
        context.object_id.clone(),
    );
    Ok(Item {
        cursor: page::encode(&place, &key),
        node: ContextSummary {
            context,
            name: None,
            last_activity_at,
        },
    })
}

/// All names of the objects, the newest last.
fn names(key: ContextKey, scope: Condition, items: &[Item<ContextSummary>]) -> SelectStatement {
    let objects = items
        .iter()
        .map(|item| item.node.context.object_id.as_str());
    of_conversations(scope)
        .expr(column(context::Column::Customkey))
        .expr(column(context::Column::Objectid))
        .expr(column(context::Column::Keyname))
        .and_where(column(context::Column::Keycode).eq(key.as_str()))
        .and_where(column(context::Column::Objectid).is_in(objects))
        .and_where(column(context::Column::Keyname).is_not_null())
        .order_by(
            (context::Entity, context::Column::Lastdate),
            sea_orm::Order::Asc,
        )
        .order_by(
            (context::Entity, context::Column::ColId),
            sea_orm::Order::Asc,
        )
        .take()
}

fn name(items: &mut [Item<ContextSummary>], names: &[QueryResult]) -> Result<(), StoreError> {
    let mut newest: HashMap<(String, String), String> = HashMap::new();
    for row in names {
        let object = (row.try_get("", "customkey")?, row.try_get("", "objectid")?);
        newest.insert(object, row.try_get("", "keyname")?);
    }
    for item in items {
        let context = &item.node.context;
        let object = (context.custom_key.clone(), context.object_id.clone());
        item.node.name = newest.remove(&object);
    }
    Ok(())
}
