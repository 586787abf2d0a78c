//! Lists of conversations: filters, scopes, orders, pages.

use std::collections::BTreeSet;
use std::sync::Arc;

use conversation_gateway::domain::caller::{Caller, Scope};
use conversation_gateway::domain::conversation::Conversation;
use conversation_gateway::domain::filter::Filter;
use conversation_gateway::domain::ids::ConversationId;
use conversation_gateway::domain::permission::Permissions;
use conversation_gateway::domain::row::Listed;
use conversation_gateway::domain::time::Time;
use conversation_gateway::store::{
    BadPage, Cursor, Latest, Order, OrderField, Page, Slice, Store, StoreError,
};

use super::database::{TestDatabase, on_both_databases};
use super::random::Random;

on_both_databases!(
    filters_and_scopes_mean_the_same_in_sql,
    every_order_is_walked_whole_in_both_directions,
    a_page_says_what_lies_beyond_it,
    cursors_of_other_lists_are_refused,
    a_thousand_ids_fit_into_every_list_of_a_filter,
    an_unseen_conversation_is_none,
);

const NEWEST_FIRST: Order = Order {
    field: OrderField::StartedAt,
    descending: true,
};

async fn filters_and_scopes_mean_the_same_in_sql(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let held = filled(&store, &mut random, 120).await;
    let ids: Vec<_> = held.iter().map(|held| held.id).collect();
    let mut found = 0;
    for _ in 0..300 {
        let (filter, caller) = (random.filter(&ids), random.caller());
        let expected: BTreeSet<ConversationId> = held
            .iter()
            .filter(|held| filter.matches(held.id, &held.row) && caller.scope.sees(&held.row))
            .map(|held| held.id)
            .collect();
        let page = Page {
            first: Some(1000),
            ..Page::default()
        };
        let listed = store
            .conversations(&caller, &filter, NEWEST_FIRST, &page)
            .await
            .unwrap();
        assert_eq!(
            ids_of(&listed).into_iter().collect::<BTreeSet<_>>(),
            expected,
            "{filter:?} {caller:?}"
        );
        found += expected.len();

        let (position, current) = store
            .current(&caller, &filter, Latest::Status, 1_000)
            .await
            .unwrap();
        assert_eq!(position, store.head().await.unwrap());
        let shown: BTreeSet<_> = current
            .iter()
            .map(|entry| entry.update().conversation_id)
            .collect();
        let expected: BTreeSet<_> = held
            .iter()
            .filter(|held| expected.contains(&held.id))
            .filter(|held| filter.wants_ended() || held.row.status.as_str() != "ENDED")
            .map(|held| held.id)
            .collect();
        assert_eq!(shown, expected, "{filter:?} {caller:?}");
    }
    assert!(found > 1_000, "the filters hardly ever match: {found}");
}

async fn every_order_is_walked_whole_in_both_directions(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let held = filled(&store, &mut random, 50).await;
    let caller = Caller::everything();
    for field in OrderField::ALL {
        for descending in [false, true] {
            let order = Order {
                field: *field,
                descending,
            };
            let mut expected: Vec<_> = held
                .iter()
                .map(|held| (place(*field, held), held.id.to_string()))
                .collect();
            expected.sort();
            if descending {
                expected.reverse();
            }
            let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
            let mut page = Page {
                first: Some(7),
                ..Page::default()
            };
            let mut forward = Vec::new();
            loop {
                let slice = store
                    .conversations(&caller, &Filter::default(), order, &page)
                    .await
                    .unwrap();
                forward.extend(ids_of(&slice).iter().map(ToString::to_string));
                page.after = slice.items.last().map(|item| item.cursor.clone());
                if !slice.has_next {
                    break;
                }
            }
            assert_eq!(forward, expected, "{order:?}");
            let mut page = Page {
                last: Some(7),
                ..Page::default()
            };
            let mut backward = Vec::new();
            loop {
                let slice = store
                    .conversations(&caller, &Filter::default(), order, &page)
                    .await
                    .unwrap();
                backward.extend(ids_of(&slice).iter().rev().map(ToString::to_string));
                page.before = slice.items.first().map(|item| item.cursor.clone());
                if !slice.has_previous {
                    break;
                }
            }
            backward.reverse();
            assert_eq!(backward, expected, "{order:?}");
        }
    }
}

async fn a_page_says_what_lies_beyond_it(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    filled(&store, &mut random, 5).await;
    let caller = Caller::everything();
    let list = async |page: Page| {
        store
            .conversations(&caller, &Filter::default(), NEWEST_FIRST, &page)
            .await
            .unwrap()
    };
    let all = list(Page::default()).await;
    assert_eq!(
        (all.items.len(), all.has_previous, all.has_next),
        (5, false, false)
    );
    assert_eq!(all.position, store.head().await.unwrap());
    let none = list(Page {
        first: Some(0),
        ..Page::default()
    })
    .await;
    assert_eq!((none.items.len(), none.has_next), (0, true));
    let exact = list(Page {
        first: Some(5),
        ..Page::default()
    })
    .await;
    assert_eq!((exact.items.len(), exact.has_next), (5, false));
    let (second, fourth) = (all.items[1].cursor.clone(), all.items[3].cursor.clone());
    let middle = list(Page {
        after: Some(second),
        before: Some(fourth),
        ..Page::default()
    })
    .await;
    assert_eq!(ids_of(&middle), vec![all.items[2].node.id]);
    assert!(middle.has_previous);

    let before = store.statements();
    list(Page::default()).await;
    assert_eq!(
        store.statements() - before,
        2,
        "a list is its head and its rows"
    );
}

async fn cursors_of_other_lists_are_refused(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    filled(&store, &mut random, 3).await;
    let caller = Caller::everything();
    let all = store
        .conversations(&caller, &Filter::default(), NEWEST_FIRST, &Page::default())
        .await
        .unwrap();
    let own = all.items[0].cursor.clone();
    let foreign = [
        (
            own.clone(),
            Order {
                field: OrderField::UpdatedAt,
                descending: true,
            },
        ),
        (
            own.clone(),
            Order {
                field: OrderField::StartedAt,
                descending: false,
            },
        ),
        ("nonsense".to_owned(), NEWEST_FIRST),
        (Cursor::new(1, 2, 3).encode(), NEWEST_FIRST),
    ];
    for (cursor, order) in foreign {
        let page = Page {
            before: Some(cursor),
            ..Page::default()
        };
        let error = store
            .conversations(&caller, &Filter::default(), order, &page)
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Page(BadPage::Cursor { argument: "before" })
            ),
            "{error:?}"
        );
    }
    let both = Page {
        first: Some(1),
        last: Some(1),
        ..Page::default()
    };
    let error = store
        .conversations(&caller, &Filter::default(), NEWEST_FIRST, &both)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Page(BadPage::BothDirections)),
        "{error:?}"
    );
}

async fn a_thousand_ids_fit_into_every_list_of_a_filter(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let held = filled(&store, &mut random, 40).await;
    let subject = held
        .iter()
        .find(|held| !held.row.agents.is_empty() && held.row.last_queue_id.is_some());
    let Some(subject) = subject else {
        panic!("40 conversations without an agent and a queue")
    };
    let users: Vec<_> = (0..999)
        .map(|n| format!("user-{n}").into())
        .chain([subject.row.agents[0].clone()])
        .collect();
    let queue = subject.row.last_queue_id.clone().unwrap();
    let queues: Vec<_> = (0..999)
        .map(|n| format!("queue-{n}").into())
        .chain([queue])
        .collect();
    let filter = Filter {
        conversation_ids: Some((0..999).map(|_| random.id()).chain([subject.id]).collect()),
        queue_ids: Some(queues.iter().cloned().collect()),
        agent_ids: Some(users.into_iter().collect()),
        ..Filter::default()
    };
    let scope = Scope::Narrowed {
        queues: Arc::new(queues.into_iter().collect()),
        user: None,
    };
    let caller = Caller::new("someone", Permissions::all(), scope);
    let listed = store
        .conversations(&caller, &filter, NEWEST_FIRST, &Page::default())
        .await
        .unwrap();
    assert_eq!(ids_of(&listed), vec![subject.id]);
    let ids: Vec<_> = filter.conversation_ids.iter().flatten().copied().collect();
    assert_eq!(store.load(&ids).await.unwrap().len(), 1);
    assert_eq!(
        store
            .current(&caller, &filter, Latest::Status, 1_000)
            .await
            .unwrap()
            .1
            .len(),
        1
    );
    assert_eq!(
        store
            .status_history(&ids, &Page::default())
            .await
            .unwrap()
            .len(),
        1_000
    );
}

async fn an_unseen_conversation_is_none(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let held = filled(&store, &mut random, 30).await;
    for _ in 0..10 {
        let caller = random.caller();
        for held in &held {
            let mut expected = held.clone();
            expected.links.clear();
            let found = store.conversation(&caller, held.id).await.unwrap();
            assert_eq!(found, caller.scope.sees(&held.row).then_some(expected));
        }
    }
    assert_eq!(
        store
            .conversation(&Caller::everything(), random.id())
            .await
            .unwrap(),
        None
    );
}

/// Commits conversations, each changed a few times.
pub(super) async fn filled(store: &Store, random: &mut Random, count: usize) -> Vec<Conversation> {
    let mut changes: Vec<_> = (0..count)
        .map(|_| {
            let id = random.id();
            random.beginning(id)
        })
        .collect();
    for result in store.commit(&changes).await.unwrap() {
        result.unwrap();
    }
    for _ in 0..2 {
        for change in &mut changes {
            if random.chance(0.5) {
                *change = random.next(&change.conversation);
                store.commit(std::slice::from_ref(change)).await.unwrap()[0]
                    .clone()
                    .unwrap();
            }
        }
    }
    changes
        .into_iter()
        .map(|change| change.conversation)
        .collect()
}

fn ids_of(slice: &Slice<Listed>) -> Vec<ConversationId> {
    slice.items.iter().map(|item| item.node.id).collect()
}

fn place(field: OrderField, conversation: &Conversation) -> Time {
    let row = &conversation.row;
    match field {
        OrderField::StartedAt => row.conversation_start.unwrap_or(row.created_at),
        OrderField::CreatedAt => row.created_at,
        OrderField::UpdatedAt => row.updated_at,
        OrderField::StatusSince => row.status_since,
    }
}
