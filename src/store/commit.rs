//! The one place that writes: conversations, their projections and the log, in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbBackend, EntityName, EntityTrait,
    FromQueryResult, Iterable, QueryFilter, QueryOrder, QueryTrait,
};

use crate::domain::audit::AuditEntry;
use crate::domain::conversation::Conversation;
use crate::domain::facts::Facts;
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
use super::statements::{inserts, overwrite};

type Transaction = Session<DatabaseTransaction>;

/// A conversation as it shall be, with what was done to it. `conversation` holds all its links.
#[derive(Clone, Debug)]
pub struct Change {
    pub conversation: Conversation,
    /// Oldest first, with consecutive versions. The first one's version says from which version the
    /// change began: 1 for a conversation that must not exist yet.
    pub updates: Vec<Update>,
    /// Who asked for it, for the audit trail.
    pub deeds: Vec<AuditEntry>,
}

impl Change {
    /// The stored version that the change began from; 0: none may exist.
    fn expected(&self) -> u32 {
        self.updates
            .first()
            .map_or(self.conversation.version, |first| {
                first.version.saturating_sub(1)
            })
    }
}

/// A change that won its race.
struct Winner<'a> {
    change: &'a Change,
    col_id: i64,
    /// What is stored so far.
    facts: Facts,
    row: Option<Row>,
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
            winners.push(Winner {
                change,
                col_id,
                facts: Facts::default(),
                row: None,
            });
        } else if let Some(model) = stored.remove(&id)
            && change.expected() != 0
            && model.version == i64::from(change.expected())
        {
            winners.push(Winner {
                change,
                col_id: model.col_id,
                facts: rows::facts(&model)?,
                row: Some(rows::to_row(model)?),
            });
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

async fn lock_known(
    transaction: &Transaction,
    changes: &[&Change],
) -> Result<HashMap<ConversationId, conversation::Model>, StoreError> {
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
        .filter(conversation::Column::Conversationid.is_in(ids))
        .order_by_asc(conversation::Column::Conversationid)
        .into_query();
    if transaction.backend() == DbBackend::Postgres {
        select.lock(LockType::Update);
    }
    for row in transaction.all(&select).await? {
        let model = conversation::Model::from_query_result(&row, "")?;
        let id = model
            .conversationid
            .parse()
            .map_err(|_| StoreError::unreadable("conversation"))?;
        stored.insert(id, model);
    }
    Ok(stored)
}

/// The rows are locked and known to exist, so inserting over them is one statement for all.
async fn write_known(transaction: &Transaction, winners: &[Winner<'_>]) -> Result<(), StoreError> {
    let models: Vec<_> = winners
        .iter()
        .filter(|winner| winner.row.is_some())
        .map(|winner| rows::to_model(winner.col_id, &winner.change.conversation))
        .collect();
    for mut insert in inserts(&models, None) {
        insert.on_conflict(overwrite::<conversation::Entity>(
            &[conversation::Column::ColId],
            None,
        ));
        transaction.run(&insert).await?;
    }
    Ok(())
}

async fn write_legs(transaction: &Transaction, winners: &[Winner<'_>]) -> Result<(), StoreError> {
    use participant::Column::{ColId, Conversationid, Participantid, Sessionid};
    let mut difference = Difference::default();
    for winner in winners {
        difference.add(
            projection::legs(winner.col_id, &winner.facts),
            projection::legs(winner.col_id, &winner.change.conversation.facts),
        );
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
    use agent::Column::{Conversation, Userid};
    let mut difference = Difference::default();
    for winner in winners {
        let old = winner.row.as_ref();
        difference.add(
            old.map(|row| projection::agents(winner.col_id, row))
                .unwrap_or_default(),
            projection::agents(winner.col_id, &winner.change.conversation.row),
        );
    }
    delete::<agent::Entity>(transaction, &difference.gone, |agent| {
        Condition::all()
            .add(Conversation.eq(agent.conversation))
            .add(Userid.eq(&agent.userid))
    })
    .await?;
    for mut insert in inserts(&difference.written, None) {
        insert.on_conflict(overwrite::<agent::Entity>(&[Conversation, Userid], None));
        transaction.run(&insert).await?;
    }
    Ok(())
}

/// Links are compared with their table, because the rest of the conversation doesn't hold them.
async fn write_links(transaction: &Transaction, winners: &[Winner<'_>]) -> Result<(), StoreError> {
    use context::Column::{ColId, Contexttype, Conversationid, Customkey, Keycode, Objectid};
    let mut stored = stored_links(transaction, winners).await?;
    let mut difference = Difference::default();
    for winner in winners {
        difference.add(
            stored.remove(&winner.col_id).unwrap_or_default(),
            projection::links(winner.col_id, &winner.change.conversation.links),
        );
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

async fn stored_links(
    transaction: &Transaction,
    winners: &[Winner<'_>],
) -> Result<HashMap<i64, BTreeMap<projection::LinkKey, context::Model>>, StoreError> {
    let mut stored: HashMap<i64, BTreeMap<_, _>> = HashMap::new();
    let known: Vec<i64> = winners
        .iter()
        .filter(|winner| winner.row.is_some())
        .map(|winner| winner.col_id)
        .collect();
    if known.is_empty() {
        return Ok(stored);
    }
    let select = context::Entity::find()
        .filter(context::Column::Conversationid.is_in(known))
        .into_query();
    for row in transaction.all(&select).await? {
        let mut model = context::Model::from_query_result(&row, "")?;
        model.col_id = 0;
        let links = stored.entry(model.conversationid).or_default();
        links.insert(projection::link_key(&model), model);
    }
    Ok(stored)
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
