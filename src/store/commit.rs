//! The one place that writes: conversations, their projections and the log, in one transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbBackend, EntityName, EntityTrait,
    FromQueryResult, IdenStatic, Iterable, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use crate::domain::audit::AuditEntry;
use crate::domain::conversation::Conversation;
use crate::domain::ids::ConversationId;
use crate::domain::row::Row;
use crate::domain::time::Time;
use crate::domain::update::Update;

use super::Store;
use super::audit;
use super::committed::Committed;
use super::entity::{agent, context, conversation, event_log, log_head, participant};
use super::error::{Conflict, StoreError};
use super::projection::{self, Difference};
use super::rows;
use super::session::Session;
use super::statements::{inserts, overwrite, rest};

type Transaction = Session<DatabaseTransaction>;

/// A conversation as it shall be, with what was done to it. Both states hold all its links.
#[derive(Clone, Debug)]
pub struct Change {
    /// What the change began from, as it is stored; `None` for a conversation that must not exist yet.
    pub before: Option<Arc<Conversation>>,
    pub conversation: Conversation,
    /// Oldest first, with the versions that follow.
    pub updates: Vec<Update>,
    /// Who asked for it, for the audit trail.
    pub deeds: Vec<AuditEntry>,
}

impl Change {
    /// The stored version that the change began from; 0: none may exist.
    fn expected(&self) -> u32 {
        self.before.as_ref().map_or(0, |before| before.version)
    }
}

/// A change that won its race, so that what it began from is what is stored.
struct Winner<'a> {
    change: &'a Change,
    col_id: i64,
}

impl Winner<'_> {
    fn before(&self) -> Option<&Conversation> {
        self.change.before.as_deref()
    }
}

impl Store {
    /// Writes all changes in one transaction and numbers their updates along the log, change by
    /// change in the given order. A change that lost its race is a [`Conflict`] and changes
    /// nothing; the others are kept. Of two changes of one conversation the second is a conflict.
    ///
    /// # Errors
    /// When the database fails; nothing is kept then, unless the failure came while it was
    /// answering the commit.
    pub async fn commit(
        &self,
        changes: &[Change],
    ) -> Result<Vec<Result<Vec<Arc<Committed>>, Conflict>>, StoreError> {
        let transaction = self.writes.begin_write().await?;
        let winners = race(&transaction, changes).await?;
        write_known(&transaction, &winners).await?;
        write_legs(&transaction, &winners).await?;
        write_agents(&transaction, &winners).await?;
        write_links(&transaction, &winners).await?;
        let deeds = winners.iter().flat_map(|winner| &winner.change.deeds);
        audit::record(&transaction, deeds).await?;
        let committed = append(&transaction, &winners).await?;
        transaction.commit().await?;
        Ok(outcome(changes, committed))
    }
}

/// Finds out which changes begin from what is stored, and locks their conversations, in the order
/// of ids, so that two writers never wait for each other.
async fn race<'a>(
    transaction: &Transaction,
    changes: &'a [Change],
) -> Result<Vec<Winner<'a>>, StoreError> {
    let mut seen = HashSet::new();
    let changes: Vec<&Change> = changes
        .iter()
        .filter(|change| !change.updates.is_empty() && seen.insert(change.conversation.id))
        .collect();
    let new = insert_new(transaction, &changes).await?;
    let mut stored = lock_known(transaction, &changes).await?;
    let mut winners = Vec::new();
    for change in changes {
        let id = change.conversation.id;
        if let Some(&col_id) = new.get(&id) {
            winners.push(Winner { change, col_id });
        } else if let Some((col_id, version)) = stored.remove(&id)
            && version == i64::from(change.expected())
        {
            winners.push(Winner { change, col_id });
        }
    }
    Ok(winners)
}

async fn insert_new(
    transaction: &Transaction,
    changes: &[&Change],
) -> Result<HashMap<ConversationId, i64>, StoreError> {
    let mut new: Vec<&Conversation> = changes
        .iter()
        .filter(|change| change.expected() == 0)
        .map(|change| &change.conversation)
        .collect();
    new.sort_by_key(|conversation| conversation.id);
    let models: Vec<_> = new
        .iter()
        .map(|conversation| rows::to_model(0, conversation))
        .collect();
    let mut inserted = HashMap::new();
    for mut insert in inserts(&models, Some(conversation::Column::ColId)) {
        insert
            .on_conflict(
                OnConflict::column(conversation::Column::Conversationid)
                    .do_nothing()
                    .to_owned(),
            )
            .returning(Query::returning().columns([
                conversation::Column::ColId,
                conversation::Column::Conversationid,
            ]));
        for row in transaction.all(&insert).await? {
            let id: String = row.try_get("", "conversationid")?;
            let id = id
                .parse()
                .map_err(|_| StoreError::unreadable("conversation"))?;
            inserted.insert(id, row.try_get("", "col_id")?);
        }
    }
    Ok(inserted)
}

/// The key and the version of each conversation that changes, which stay as they are until the commit.
async fn lock_known(
    transaction: &Transaction,
    changes: &[&Change],
) -> Result<HashMap<ConversationId, (i64, i64)>, StoreError> {
    use conversation::Column::{ColId, Conversationid, Version};
    let ids: Vec<String> = changes
        .iter()
        .filter(|change| change.expected() != 0)
        .map(|change| change.conversation.id.to_string())
        .collect();
    let mut stored = HashMap::new();
    if ids.is_empty() {
        return Ok(stored);
    }
    let mut select = conversation::Entity::find()
        .select_only()
        .columns([ColId, Conversationid, Version])
        .filter(Conversationid.is_in(ids))
        .order_by_asc(Conversationid)
        .into_query();
    if transaction.backend() == DbBackend::Postgres {
        select.lock(LockType::Update);
    }
    for row in transaction.all(&select).await? {
        let id: String = row.try_get("", Conversationid.as_str())?;
        let id = id
            .parse()
            .map_err(|_| StoreError::unreadable("conversation"))?;
        let (col_id, version) = (ColId.as_str(), Version.as_str());
        stored.insert(id, (row.try_get("", col_id)?, row.try_get("", version)?));
    }
    Ok(stored)
}

/// The rows are locked and known to exist, so inserting over them is one statement for all.
async fn write_known(transaction: &Transaction, winners: &[Winner<'_>]) -> Result<(), StoreError> {
    let known = winners.iter().filter(|winner| winner.before().is_some());
    let models: Vec<_> = known
        .map(|winner| rows::to_model(winner.col_id, &winner.change.conversation))
        .collect();
    let mut kept = vec![
        conversation::Column::ColId,
        conversation::Column::Conversationid,
    ];
    kept.extend(unchanged(winners));
    for mut insert in inserts(&models, None) {
        let mut over = OnConflict::column(conversation::Column::ColId);
        over.update_columns(rest::<conversation::Entity>(&kept));
        insert.on_conflict(over);
        transaction.run(&insert).await?;
    }
    Ok(())
}

/// Columns that have an index and that none of the changes touches. Writing the same value again
/// would write the index's pages again.
fn unchanged(winners: &[Winner<'_>]) -> impl Iterator<Item = conversation::Column> {
    use conversation::Column::{Calculatedstatus, Createdat, Lastqueueid, Startedat, Statussince};
    type Same = fn(&Row, &Row) -> bool;
    let indexed: [(_, Same); 5] = [
        (Calculatedstatus, |old, new| old.status == new.status),
        (Createdat, |old, new| old.created_at == new.created_at),
        (Lastqueueid, |old, new| {
            old.last_queue_id == new.last_queue_id
        }),
        (Startedat, |old, new| {
            rows::started_at(old) == rows::started_at(new)
        }),
        (Statussince, |old, new| old.status_since == new.status_since),
    ];
    indexed.into_iter().filter_map(|(column, same)| {
        let is_same = |winner: &Winner<'_>| {
            let before = winner.before();
            before.is_none_or(|before| same(&before.row, &winner.change.conversation.row))
        };
        winners.iter().all(is_same).then_some(column)
    })
}

async fn write_legs(transaction: &Transaction, winners: &[Winner<'_>]) -> Result<(), StoreError> {
    use participant::Column::{ColId, Conversationid, Participantid, Sessionid};
    let mut difference = Difference::default();
    for winner in winners {
        let legs =
            |conversation: &Conversation| projection::legs(winner.col_id, &conversation.facts);
        let old = winner.before().map(legs).unwrap_or_default();
        difference.add(old, legs(&winner.change.conversation));
    }
    delete::<participant::Entity>(transaction, &difference.gone, |leg| {
        Condition::all()
            .add(Conversationid.eq(leg.conversationid))
            .add(Participantid.eq(&leg.participantid))
            .add(Sessionid.eq(&leg.sessionid))
    })
    .await?;
    for mut insert in inserts(&difference.written, Some(ColId)) {
        insert.on_conflict(overwrite::<participant::Entity>(
            &[Conversationid, Participantid, Sessionid],
            Some(ColId),
        ));
        transaction.run(&insert).await?;
    }
    Ok(())
}

async fn write_agents(transaction: &Transaction, winners: &[Winner<'_>]) -> Result<(), StoreError> {
    use agent::Column::{Conversation as ConversationKey, Userid};
    let mut difference = Difference::default();
    for winner in winners {
        let agents =
            |conversation: &Conversation| projection::agents(winner.col_id, &conversation.row);
        let old = winner.before().map(agents).unwrap_or_default();
        difference.add(old, agents(&winner.change.conversation));
    }
    delete::<agent::Entity>(transaction, &difference.gone, |agent| {
        Condition::all()
            .add(ConversationKey.eq(agent.conversation))
            .add(Userid.eq(&agent.userid))
    })
    .await?;
    for mut insert in inserts(&difference.written, None) {
        insert.on_conflict(overwrite::<agent::Entity>(&[ConversationKey, Userid], None));
        transaction.run(&insert).await?;
    }
    Ok(())
}

async fn write_links(transaction: &Transaction, winners: &[Winner<'_>]) -> Result<(), StoreError> {
    use context::Column::{ColId, Contexttype, Conversationid, Customkey, Keycode, Objectid};
    let mut difference = Difference::default();
    for winner in winners {
        let links =
            |conversation: &Conversation| projection::links(winner.col_id, &conversation.links);
        let old = winner.before().map(links).unwrap_or_default();
        difference.add(old, links(&winner.change.conversation));
    }
    delete::<context::Entity>(transaction, &difference.gone, |link| {
        Condition::all()
            .add(Conversationid.eq(link.conversationid))
            .add(Keycode.eq(&link.keycode))
            .add(Customkey.eq(&link.customkey))
            .add(Objectid.eq(&link.objectid))
            .add(Contexttype.eq(&link.contexttype))
    })
    .await?;
    for mut insert in inserts(&difference.written, Some(ColId)) {
        insert.on_conflict(overwrite::<context::Entity>(
            &[Conversationid, Keycode, Customkey, Objectid, Contexttype],
            Some(ColId),
        ));
        transaction.run(&insert).await?;
    }
    Ok(())
}

async fn delete<E: EntityTrait>(
    transaction: &Transaction,
    gone: &[E::Model],
    condition: impl Fn(&E::Model) -> Condition,
) -> Result<(), StoreError> {
    // SQLite limits how deep a condition nests.
    for gone in gone.chunks(200) {
        let any = gone
            .iter()
            .fold(Condition::any(), |any, model| any.add(condition(model)));
        let delete = Query::delete()
            .from_table(E::default().table_ref())
            .cond_where(any)
            .take();
        transaction.run(&delete).await?;
    }
    Ok(())
}

/// Numbers the updates and writes the log. The counter is taken last, because everyone who writes
/// waits for it from here to the end of the transaction.
async fn append(
    transaction: &Transaction,
    winners: &[Winner<'_>],
) -> Result<HashMap<ConversationId, Vec<Arc<Committed>>>, StoreError> {
    let checks: Vec<u64> = winners
        .iter()
        .flat_map(|winner| &winner.change.updates)
        .map(|_| rand::random())
        .collect();
    let Some(last) = checks.last() else {
        return Ok(HashMap::new());
    };
    let (mut sequence, recorded_at) = take_numbers(transaction, checks.len() as u64, *last).await?;
    let mut checks = checks.into_iter();
    let mut models = Vec::new();
    let mut committed: HashMap<_, Vec<_>> = HashMap::new();
    for winner in winners {
        for (update, check) in winner.change.updates.iter().zip(&mut checks) {
            sequence += 1;
            let entry = Committed::new(sequence, check, recorded_at, update.clone());
            models.push(entry.to_model(winner.col_id));
            committed
                .entry(winner.change.conversation.id)
                .or_default()
                .push(Arc::new(entry));
        }
    }
    for insert in inserts::<event_log::Model>(&models, None) {
        transaction.run(&insert).await?;
    }
    Ok(committed)
}

/// Advances the counter; returns where it was, and the moment of recording.
async fn take_numbers(
    transaction: &Transaction,
    count: u64,
    last_check: u64,
) -> Result<(u64, Time), StoreError> {
    use log_head::Column::{Head, Headcheck, Lastrecordedat};
    let now = match transaction.backend() {
        DbBackend::Postgres => {
            "GREATEST(lastrecordedat, date_trunc('milliseconds', clock_timestamp()))"
        }
        _ => "MAX(lastrecordedat, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
    };
    let update = Query::update()
        .table(log_head::Entity.table_ref())
        .value(Head, Expr::col(Head).add(count.cast_signed()))
        .value(Headcheck, last_check.cast_signed())
        .value(Lastrecordedat, Expr::cust(now))
        .returning(Query::returning().columns(log_head::Column::iter()))
        .take();
    let row = transaction
        .one(&update)
        .await?
        .ok_or(StoreError::unreadable("log head"))?;
    let head = log_head::Model::from_query_result(&row, "")?;
    Ok((
        head.head.cast_unsigned() - count,
        head.lastrecordedat.into(),
    ))
}

fn outcome(
    changes: &[Change],
    mut committed: HashMap<ConversationId, Vec<Arc<Committed>>>,
) -> Vec<Result<Vec<Arc<Committed>>, Conflict>> {
    changes
        .iter()
        .map(|change| {
            if change.updates.is_empty() {
                return Ok(Vec::new());
            }
            committed.remove(&change.conversation.id).ok_or(Conflict {
                conversation_id: change.conversation.id,
                expected: change.expected(),
            })
        })
        .collect()
}
