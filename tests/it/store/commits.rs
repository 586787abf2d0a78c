//! What is written: conversations, projections, the numbered log.

use std::collections::HashMap;
use std::sync::Arc;

use conversation_gateway::domain::conversation::Conversation;
use conversation_gateway::domain::registration::ContextLink;
use conversation_gateway::store::{Change, Committed, Conflict, Store};
use migration::sea_orm::ConnectionTrait;
use tokio::task::JoinSet;

use super::database::{TestDatabase, on_both_databases};
use super::random::Random;

on_both_databases!(
    what_was_committed_is_loaded_again,
    the_log_says_what_was_committed,
    a_change_that_lost_its_race_is_a_conflict_for_it_alone,
    legs_links_and_agents_follow_the_conversation,
    two_writers_at_once_number_the_log_without_gaps,
);

async fn what_was_committed_is_loaded_again(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let mut expected = HashMap::new();
    let changes: Vec<Change> = (0..60)
        .map(|_| {
            let id = random.id();
            random.beginning(id)
        })
        .collect();
    for result in store.commit(&changes).await.unwrap() {
        result.unwrap();
    }
    for change in changes {
        expected.insert(change.conversation.id, change.conversation);
    }
    for _ in 0..3 {
        let next: Vec<Change> = expected.values().map(|held| random.next(held)).collect();
        for result in store.commit(&next).await.unwrap() {
            result.unwrap();
        }
        expected.extend(
            next.into_iter()
                .map(|change| (change.conversation.id, change.conversation)),
        );
    }
    let ids: Vec<_> = expected.keys().copied().chain([random.id()]).collect();
    let loaded = store.load(&ids).await.unwrap();
    assert_eq!(loaded.len(), expected.len());
    for (id, conversation) in loaded {
        assert_eq!(sorted(conversation), sorted(expected.remove(&id).unwrap()));
    }
}

async fn the_log_says_what_was_committed(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let mut told = Vec::new();
    let mut held: Vec<Conversation> = Vec::new();
    for _ in 0..5 {
        let mut changes: Vec<Change> = held.iter().map(|held| random.next(held)).collect();
        changes.extend((0..5).map(|_| {
            let id = random.id();
            random.beginning(id)
        }));
        for (result, change) in store
            .commit(&changes)
            .await
            .unwrap()
            .into_iter()
            .zip(&changes)
        {
            let committed = result.unwrap();
            let updates: Vec<_> = committed
                .iter()
                .map(|entry| entry.update().clone())
                .collect();
            assert_eq!(updates, change.updates);
            told.extend(committed);
        }
        held = changes
            .into_iter()
            .map(|change| change.conversation)
            .collect();
    }
    let read = all_of(&store).await;
    assert_eq!(read, told);
    assert!(
        read.iter()
            .zip(1..)
            .all(|(entry, sequence)| entry.sequence() == sequence)
    );
    assert!(read.is_sorted_by_key(|entry| entry.recorded_at()));
    assert_eq!(store.head().await.unwrap().sequence, read.len() as u64);
    assert_eq!(
        store.head().await.unwrap().check,
        read.last().unwrap().check()
    );
}

async fn a_change_that_lost_its_race_is_a_conflict_for_it_alone(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let ids = [random.id(), random.id(), random.id()];
    let first = ids[..2]
        .iter()
        .map(|id| random.beginning(*id))
        .collect::<Vec<_>>();
    store.commit(&first).await.unwrap();
    let winner = random.next(&first[0].conversation);
    store.commit(std::slice::from_ref(&winner)).await.unwrap();

    let late = random.next(&first[0].conversation);
    let known_again = random.beginning(ids[1]);
    let new = random.beginning(ids[2]);
    let never_there = {
        let id = random.id();
        let known = random.conversation(id, 4);
        random.next(&known)
    };
    let twice = random.beginning(ids[2]);
    let before = store.head().await.unwrap().sequence;
    let results = store
        .commit(&[
            late.clone(),
            known_again,
            new.clone(),
            never_there.clone(),
            twice,
        ])
        .await
        .unwrap();

    let conflict = |id, expected| {
        Err(Conflict {
            conversation_id: id,
            expected,
        })
    };
    assert_eq!(results[0], conflict(ids[0], first[0].conversation.version));
    assert_eq!(results[1], conflict(ids[1], 0));
    assert_eq!(results[2].as_ref().map(Vec::len), Ok(new.updates.len()));
    assert_eq!(results[3], conflict(never_there.conversation.id, 4));
    assert_eq!(results[4], conflict(ids[2], 0));
    let after = store.head().await.unwrap().sequence;
    assert_eq!(after - before, new.updates.len() as u64);
    let loaded = store.load(&ids).await.unwrap();
    assert_eq!(sorted(loaded[&ids[0]].clone()), sorted(winner.conversation));
    assert_eq!(sorted(loaded[&ids[2]].clone()), sorted(new.conversation));
}

async fn legs_links_and_agents_follow_the_conversation(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let id = random.id();
    let mut change = random.beginning(id);
    for _ in 0..20 {
        store.commit(std::slice::from_ref(&change)).await.unwrap()[0]
            .clone()
            .unwrap();
        let conversation = &change.conversation;
        let legs: usize = conversation
            .facts
            .participants
            .iter()
            .map(|one| one.legs.len())
            .sum();
        assert_eq!(count(&store, "tbl_gen_participant").await, legs);
        assert_eq!(
            count(&store, "tbl_gen_context").await,
            conversation.links.len()
        );
        let row = &conversation.row;
        let mut agents: Vec<_> = row.agents.iter().chain(&row.handled_by).collect();
        agents.sort();
        agents.dedup();
        assert_eq!(
            count(&store, "gateway_conversation_agent").await,
            agents.len()
        );
        change = random.next(conversation);
    }
}

async fn two_writers_at_once_number_the_log_without_gaps(database: TestDatabase) {
    let mut random = Random::new();
    let ids: Vec<_> = (0..6).map(|_| random.id()).collect();
    let (one, other) = (database.open().await, database.open().await);
    let begin: Vec<_> = ids.iter().map(|id| random.beginning(*id)).collect();
    one.commit(&begin).await.unwrap();

    let writer = |store: Store, mut random: Random, ids: Vec<_>| async move {
        let (mut told, mut conflicts) = (Vec::new(), 0);
        for _ in 0..40 {
            let held = store.load(&ids).await.unwrap();
            let changes: Vec<_> = held.values().map(|held| random.next(held)).collect();
            for result in store.commit(&changes).await.unwrap() {
                match result {
                    Ok(committed) => told.extend(committed),
                    Err(_) => conflicts += 1,
                }
            }
        }
        (told, conflicts)
    };
    let mut writers = JoinSet::new();
    for store in [one.clone(), other] {
        writers.spawn(writer(store, Random::new(), ids.clone()));
    }
    let outcomes = writers.join_all().await;
    let told: Vec<_> = outcomes.iter().flat_map(|(told, _)| told).collect();
    let conflicts: usize = outcomes.iter().map(|(_, conflicts)| conflicts).sum();
    assert_eq!(told.len() + conflicts, 2 * 40 * ids.len());
    let log = all_of(&one).await;
    assert!(
        log.iter()
            .zip(1..)
            .all(|(entry, sequence)| entry.sequence() == sequence)
    );
    assert!(log.is_sorted_by_key(|entry| entry.recorded_at()));
    assert_eq!(
        log.len(),
        begin
            .iter()
            .map(|change| change.updates.len())
            .sum::<usize>()
            + told.len()
    );
    for entry in told {
        assert_eq!(&log[usize::try_from(entry.sequence()).unwrap() - 1], entry);
    }
    let mut last = HashMap::new();
    for entry in &log {
        let update = entry.update();
        let before = last.insert(update.conversation_id, update.clone());
        assert_eq!(
            update.version,
            before.as_ref().map_or(0, |before| before.version) + 1
        );
        assert_eq!(update.before, before.map(|before| before.after));
    }
}

/// Reads the whole log in small steps.
pub(super) async fn all_of(store: &Store) -> Vec<Arc<Committed>> {
    let mut all: Vec<Arc<Committed>> = Vec::new();
    loop {
        let after = all.last().map_or(0, |entry| entry.sequence());
        let next = store.updates_after(after, 7).await.unwrap();
        if next.is_empty() {
            return all;
        }
        all.extend(next);
    }
}

/// Links have no order of their own.
pub(super) fn sorted(mut conversation: Conversation) -> Conversation {
    let key = |link: &ContextLink| (link.context.clone(), link.verb);
    conversation.links.sort_by_key(key);
    conversation
}

async fn count(store: &Store, table: &str) -> usize {
    let statement = migration::sea_orm::Statement::from_string(
        store.database().get_database_backend(),
        format!("SELECT COUNT(*) AS n FROM {table}"),
    );
    let row = store
        .database()
        .query_one_raw(statement)
        .await
        .unwrap()
        .unwrap();
    usize::try_from(row.try_get::<i64>("", "n").unwrap()).unwrap()
}
