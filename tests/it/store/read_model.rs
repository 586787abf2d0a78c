//! What is read from memory must equal what SQL would say, whatever was written in between.

use std::num::NonZeroUsize;

use conversation_gateway::domain::filter::Filter;
use conversation_gateway::domain::ids::ConversationId;
use conversation_gateway::domain::row::ContextRef;
use conversation_gateway::hub::{Hub, HubConfig};
use conversation_gateway::read_model::{ReadModel, ReadModelConfig};
use conversation_gateway::store::{Order, Page, Store};

use super::database::{TestDatabase, on_both_databases};
use super::lists::filled;
use super::random::Random;

on_both_databases!(
    reads_from_memory_equal_sql_after_every_change,
    what_is_in_memory_costs_no_statement,
);

async fn reads_from_memory_equal_sql_after_every_change(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let mut held = filled(&store, &mut random, 30).await;
    // Little room and a short tail: eviction and forgetting are part of the test.
    let (hub, model) = model(&store, 12, 8).await;
    let mut from_memory = 0;
    for _ in 0..60 {
        for _ in 0..random.up_to(4) {
            let place = random.up_to(held.len() - 1);
            let change = random.next(&held[place]);
            let outcome = store.commit(std::slice::from_ref(&change)).await.unwrap();
            hub.publish(outcome.into_iter().next().unwrap().unwrap());
            held[place] = change.conversation;
        }
        let caller = random.caller();
        let id = held[random.up_to(held.len() - 1)].id;
        let read = model.conversation(&caller, id).await.unwrap();
        let stored = store.conversation(&caller, id).await.unwrap();
        let told = read.map(|read| (read.id, read.version, (*read.row).clone()));
        assert_eq!(
            told,
            stored.map(|stored| (stored.id, stored.version, stored.row))
        );

        for held in held.iter().take(5) {
            for context in &held.row.contexts {
                let size = random.up_to(6);
                let page = model.case(&caller, context, size).await.unwrap();
                if let Some(page) = page {
                    let expected = expected(&store, &caller, context, size).await;
                    let ids: Vec<_> = page
                        .conversations
                        .iter()
                        .map(|it| (it.id, it.version))
                        .collect();
                    assert_eq!((ids, page.has_next), expected, "{context:?}");
                    assert_eq!(page.position, hub.head());
                    from_memory += 1;
                }
            }
        }
    }
    assert!(from_memory > 0, "no case was ever in memory");
}

async fn what_is_in_memory_costs_no_statement(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let held = filled(&store, &mut random, 10).await;
    let (_, model) = model(&store, 100, 100).await;
    let caller = conversation_gateway::domain::caller::Caller::everything();
    let read_all = async || {
        for held in &held {
            assert!(
                model
                    .conversation(&caller, held.id)
                    .await
                    .unwrap()
                    .is_some()
            );
            for context in &held.row.contexts {
                assert!(model.case(&caller, context, 50).await.unwrap().is_some());
            }
        }
    };
    read_all().await;
    let before = store.statements();
    read_all().await;
    assert_eq!(store.statements(), before);
    let nobody = random.id();
    assert!(model.conversation(&caller, nobody).await.unwrap().is_none());
}

async fn expected(
    store: &Store,
    caller: &conversation_gateway::domain::caller::Caller,
    context: &ContextRef,
    size: usize,
) -> (Vec<(ConversationId, u32)>, bool) {
    let filter = Filter {
        context: Some(context.clone()),
        ..Filter::default()
    };
    let page = Page {
        first: Some(size),
        ..Page::default()
    };
    let slice = store
        .conversations(caller, &filter, Order::default(), &page)
        .await
        .unwrap();
    let ids = slice
        .items
        .iter()
        .map(|item| (item.node.id, item.node.version));
    (ids.collect(), slice.has_next)
}

async fn model(store: &Store, room: usize, tail: usize) -> (Hub, ReadModel) {
    let config = HubConfig {
        log_tail: tail,
        ..HubConfig::default()
    };
    let hub = Hub::new(&config, store.head().await.unwrap());
    let config = ReadModelConfig {
        read_model: NonZeroUsize::new(room).unwrap(),
        read_model_case: 6,
    };
    (hub.clone(), ReadModel::new(&config, store.clone(), hub))
}
