//! Reading the log: cursors, snapshots, histories.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use conversation_gateway::domain::caller::Caller;
use conversation_gateway::domain::filter::Filter;
use conversation_gateway::domain::ids::ConversationId;
use conversation_gateway::domain::time::Time;
use conversation_gateway::domain::update::{ChangeKind, ChangeKinds};
use conversation_gateway::store::{
    BadPage, Committed, Cursor, CursorRefused, Latest, Page, Store, StoreError,
};
use migration::sea_orm::ConnectionTrait;

use super::commits::all_of;
use super::database::{TestDatabase, on_both_databases};
use super::lists::filled;
use super::random::Random;

on_both_databases!(
    every_committed_entry_can_be_resumed_from,
    cursors_of_another_log_are_unknown,
    cursors_below_the_floor_are_expired,
    the_floor_is_the_last_entry_that_is_too_old,
    a_snapshot_shows_the_latest_entry_of_each,
    a_history_is_the_status_changes_in_pages,
    a_long_log_is_read_quickly,
);

async fn every_committed_entry_can_be_resumed_from(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let empty = store.head().await.unwrap();
    assert_eq!((empty.sequence, empty.check), (0, 0));
    assert_eq!(store.check(&empty.cursor()).await.unwrap(), Ok(()));
    assert!(store.updates_after(0, 10).await.unwrap().is_empty());
    filled(&store, &mut random, 10).await;
    let elsewhere = database.open().await;
    for entry in all_of(&store).await {
        let cursor = Cursor::decode(&entry.cursor(empty.epoch).encode()).unwrap();
        assert_eq!(elsewhere.check(&cursor).await.unwrap(), Ok(()));
    }
    assert_eq!(store.check(&empty.cursor()).await.unwrap(), Ok(()));
    assert_eq!(
        store
            .check(&store.head().await.unwrap().cursor())
            .await
            .unwrap(),
        Ok(())
    );
}

async fn cursors_of_another_log_are_unknown(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    filled(&store, &mut random, 10).await;
    let head = store.head().await.unwrap();
    let entry = &all_of(&store).await[4];
    let good = entry.cursor(head.epoch);
    let foreign = [
        Cursor {
            epoch: good.epoch ^ 1,
            ..good
        },
        Cursor {
            check: good.check ^ 1,
            ..good
        },
        Cursor {
            sequence: head.sequence + 1,
            ..good
        },
        Cursor {
            sequence: u64::MAX,
            ..good
        },
        Cursor {
            sequence: 0,
            ..good
        },
        Cursor { version: 2, ..good },
    ];
    for cursor in foreign {
        assert_eq!(
            store.check(&cursor).await.unwrap(),
            Err(CursorRefused::Unknown { head }),
            "{cursor:?}"
        );
    }
    let other = TestDatabase::sqlite().await;
    assert_ne!(other.open().await.head().await.unwrap().epoch, head.epoch);
}

async fn cursors_below_the_floor_are_expired(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    filled(&store, &mut random, 10).await;
    let head = store.head().await.unwrap();
    let log = all_of(&store).await;
    store
        .database()
        .execute_unprepared("UPDATE gateway_log_head SET floor = 5")
        .await
        .unwrap();
    let check = async |index: usize| store.check(&log[index].cursor(head.epoch)).await.unwrap();
    assert_eq!(check(3).await, Err(CursorRefused::Expired { head }));
    assert_eq!(check(4).await, Ok(()));
    let beginning = Cursor::new(head.epoch, 0, 0);
    assert_eq!(
        store.check(&beginning).await.unwrap(),
        Err(CursorRefused::Expired { head })
    );
}

async fn the_floor_is_the_last_entry_that_is_too_old(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    assert_eq!(store.raise_floor(Time::from_millis(0)).await.unwrap(), 0);
    filled(&store, &mut random, 30).await;
    let log = all_of(&store).await;
    let moments = log.iter().map(|entry| entry.recorded_at());
    let latest = log.last().unwrap().recorded_at().as_millis() + 1;
    for moment in moments.chain([Time::from_millis(latest)]) {
        let naive = log
            .iter()
            .rfind(|entry| entry.recorded_at() < moment)
            .map_or(0, |entry| entry.sequence());
        assert_eq!(store.raise_floor(moment).await.unwrap(), naive);
        assert_eq!(store.floor().await.unwrap(), naive);
    }
    let lower = store.raise_floor(Time::from_millis(0)).await.unwrap();
    assert_eq!(lower, log.last().unwrap().sequence(), "it never falls");
    assert_eq!(all_of(&store).await.len(), log.len(), "nothing is deleted");
}

async fn a_snapshot_shows_the_latest_entry_of_each(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let held = filled(&store, &mut random, 40).await;
    let rows: HashMap<_, _> = held.iter().map(|held| (held.id, held)).collect();
    let log = all_of(&store).await;
    let status: ChangeKinds = [ChangeKind::Status].into_iter().collect();
    let some: ChangeKinds = [ChangeKind::Owner, ChangeKind::Error].into_iter().collect();
    let sorts = [
        (Latest::Status, status),
        (Latest::Of(some), some),
        (Latest::Of(ChangeKinds::default()), ChangeKinds::default()),
    ];
    for (latest, kinds) in sorts {
        let everything = Filter {
            conversation_ids: Some(rows.keys().copied().collect()),
            ..Filter::default()
        };
        let (_, current) = store
            .current(&Caller::everything(), &everything, latest, 1_000)
            .await
            .unwrap();
        let mut newest: BTreeMap<ConversationId, &Arc<Committed>> = BTreeMap::new();
        for entry in log
            .iter()
            .filter(|entry| entry.update().kinds.intersects(kinds))
        {
            newest.insert(entry.update().conversation_id, entry);
        }
        let mut expected: Vec<_> = newest.into_values().collect();
        expected.sort_by_key(|entry| entry.sequence());
        assert_eq!(current.len(), expected.len());
        for (shown, entry) in current.iter().zip(expected) {
            let id = entry.update().conversation_id;
            assert_eq!(
                (shown.sequence(), shown.check()),
                (entry.sequence(), entry.check())
            );
            assert_eq!(shown.update(), entry.update());
            let (row, version) = shown.conversation();
            assert_eq!((&**row, version), (&rows[&id].row, rows[&id].version));
        }
    }
}

async fn a_history_is_the_status_changes_in_pages(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let empty = store.head().await.unwrap();
    let mut held = filled(&store, &mut random, 6).await;
    for _ in 0..12 {
        let changes: Vec<_> = held.iter().map(|held| random.next(held)).collect();
        store.commit(&changes).await.unwrap();
        held = changes
            .into_iter()
            .map(|change| change.conversation)
            .collect();
    }
    let unknown = random.id();
    let ids: Vec<_> = held.iter().map(|held| held.id).chain([unknown]).collect();
    let mut histories: HashMap<_, Vec<_>> = HashMap::new();
    for entry in all_of(&store).await {
        if entry.update().is_status_change() {
            histories
                .entry(entry.update().conversation_id)
                .or_default()
                .push(entry);
        }
    }
    let epoch = store.head().await.unwrap().epoch;
    let before = store.statements();
    let slices = store
        .status_history(
            &ids,
            &Page {
                first: Some(4),
                ..Page::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(store.statements() - before, 3);
    assert!(slices[&unknown].items.is_empty() && !slices[&unknown].has_next);
    for (id, history) in &histories {
        let numbers: Vec<_> = history
            .iter()
            .map(|entry| entry.update().after.status_number)
            .collect();
        assert!(
            numbers
                .iter()
                .copied()
                .eq(1..=u32::try_from(numbers.len()).unwrap())
        );
        assert_eq!(slices[id].items.len(), history.len().min(4));
        assert_eq!(
            (slices[id].has_previous, slices[id].has_next),
            (false, history.len() > 4)
        );
        walk(&store, *id, history, epoch).await;
    }
    let beginning = Cursor::new(empty.epoch, empty.sequence, empty.check).encode();
    nothing_is_before(&store, &ids[..1], beginning).await;
    foreign_cursors_are_refused(&store, &ids).await;
}

async fn foreign_cursors_are_refused(store: &Store, ids: &[ConversationId]) {
    let head = store.head().await.unwrap();
    let refused = async |after: String| {
        let page = Page {
            after: Some(after),
            ..Page::default()
        };
        store.status_history(ids, &page).await.unwrap_err()
    };
    for (epoch, sequence, check) in [
        (head.epoch ^ 1, head.sequence, head.check),
        (head.epoch, head.sequence + 1, head.check),
        (head.epoch, head.sequence, head.check ^ 1),
    ] {
        let error = refused(Cursor::new(epoch, sequence, check).encode()).await;
        let expected = CursorRefused::Unknown { head };
        assert!(
            matches!(&error, StoreError::Cursor(refused) if *refused == expected),
            "{error:?}"
        );
    }
    let error = refused("nonsense".to_owned()).await;
    assert!(
        matches!(
            error,
            StoreError::Page(BadPage::Cursor { argument: "after" })
        ),
        "{error:?}"
    );
}

async fn nothing_is_before(store: &Store, ids: &[ConversationId], beginning: String) {
    let page = Page {
        last: Some(3),
        before: Some(beginning),
        ..Page::default()
    };
    let slices = store.status_history(ids, &page).await.unwrap();
    let slice = &slices[&ids[0]];
    assert_eq!(
        (slice.items.len(), slice.has_previous, slice.has_next),
        (0, false, true)
    );
}

async fn walk(store: &Store, id: ConversationId, history: &[Arc<Committed>], epoch: u64) {
    let (mut forward, mut page) = (
        Vec::new(),
        Page {
            first: Some(3),
            ..Page::default()
        },
    );
    loop {
        let slice = store
            .status_history(&[id], &page)
            .await
            .unwrap()
            .remove(&id)
            .unwrap();
        assert_eq!(slice.has_previous, !forward.is_empty());
        for item in slice.items {
            assert_eq!(item.cursor, item.node.cursor(epoch).encode());
            page.after = Some(item.cursor);
            forward.push(item.node);
        }
        if !slice.has_next {
            break;
        }
    }
    assert_eq!(forward, history);
    let (mut backward, mut page) = (
        Vec::new(),
        Page {
            last: Some(3),
            ..Page::default()
        },
    );
    loop {
        let slice = store
            .status_history(&[id], &page)
            .await
            .unwrap()
            .remove(&id)
            .unwrap();
        assert_eq!(slice.has_next, !backward.is_empty());
        page.before = slice.items.first().map(|item| item.cursor.clone());
        backward.extend(slice.items.into_iter().rev().map(|item| item.node));
        if !slice.has_previous {
            break;
        }
    }
    backward.reverse();
    assert_eq!(backward, history);
    let after_all = Page {
        after: Some(history.last().unwrap().cursor(epoch).encode()),
        ..Page::default()
    };
    let slice = store
        .status_history(&[id], &after_all)
        .await
        .unwrap()
        .remove(&id)
        .unwrap();
    assert_eq!(
        (slice.items.len(), slice.has_previous, slice.has_next),
        (0, true, false)
    );
}

/// Not a benchmark: it notices when reading becomes slower by an order.
async fn a_long_log_is_read_quickly(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    for _ in 0..5 {
        let changes: Vec<_> = (0..400)
            .map(|_| {
                let id = random.id();
                random.beginning(id)
            })
            .collect();
        store.commit(&changes).await.unwrap();
    }
    let head = store.head().await.unwrap().sequence;
    let start = Instant::now();
    let mut after = 0;
    while after < head {
        after = store
            .updates_after(after, 1_000)
            .await
            .unwrap()
            .last()
            .unwrap()
            .sequence();
    }
    let rate = u128::from(head) * 1_000_000 / start.elapsed().as_micros().max(1);
    println!("{rate} entries a second");
    assert!(rate > 1_000, "{rate} entries a second");
}
