//! DCM objects that have conversations.

use std::collections::BTreeMap;

use conversation_gateway::domain::caller::Caller;
use conversation_gateway::domain::conversation::Conversation;
use conversation_gateway::domain::registration::ContextLink;
use conversation_gateway::domain::row::{ContextKey, ContextRef, ContextVerb};
use conversation_gateway::domain::time::Time;
use conversation_gateway::store::{ContextSummary, Page, Slice, Store};

use super::commits::sorted;
use super::database::{TestDatabase, on_both_databases};
use super::lists::filled;
use super::random::Random;

on_both_databases!(
    contexts_are_those_of_visible_conversations,
    a_search_finds_parts_of_names_and_ids_in_either_case,
    links_are_read_for_many_conversations_at_once,
    contexts_of_equal_activity_go_by_the_bytes_of_their_ids,
);

async fn contexts_are_those_of_visible_conversations(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let held = filled(&store, &mut random, 40).await;
    for _ in 0..10 {
        let caller = random.caller();
        for key in ContextKey::ALL {
            let mut latest: BTreeMap<ContextRef, Time> = BTreeMap::new();
            for held in held.iter().filter(|held| caller.scope.sees(&held.row)) {
                for link in held.links.iter().filter(|link| link.context.key == *key) {
                    let at = latest
                        .entry(link.context.clone())
                        .or_insert(held.row.updated_at);
                    *at = (*at).max(held.row.updated_at);
                }
            }
            let mut expected: Vec<_> = latest
                .into_iter()
                .map(|(context, at)| (at, context.custom_key.clone(), context.object_id.clone()))
                .collect();
            expected.sort();
            expected.reverse();
            assert_eq!(
                walk(&store, &caller, *key).await,
                expected,
                "{key:?} {caller:?}"
            );
        }
    }
}

async fn walk(store: &Store, caller: &Caller, key: ContextKey) -> Vec<(Time, String, String)> {
    let (mut walked, mut page) = (
        Vec::new(),
        Page {
            first: Some(2),
            ..Page::default()
        },
    );
    loop {
        let slice = store.contexts(caller, key, None, &page).await.unwrap();
        page.after = slice.items.last().map(|item| item.cursor.clone());
        walked.extend(slice.items.into_iter().map(|item| {
            let summary = item.node;
            (
                summary.last_activity_at,
                summary.context.custom_key,
                summary.context.object_id,
            )
        }));
        if !slice.has_next {
            return walked;
        }
    }
}

async fn a_search_finds_parts_of_names_and_ids_in_either_case(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let mut change = {
        let id = random.id();
        random.beginning(id)
    };
    let template = loop {
        if let Some(link) = change.conversation.links.first() {
            break link.clone();
        }
        change = random.beginning(change.conversation.id);
    };
    let link = |object: &str, name: Option<&str>, seconds: i64| {
        let mut link = template.clone();
        link.context = ContextRef {
            key: ContextKey::Case,
            custom_key: String::new(),
            object_id: object.to_owned(),
        };
        link.name = name.map(ToOwned::to_owned);
        link.verb = if seconds == 0 {
            ContextVerb::Initial
        } else {
            ContextVerb::Updated
        };
        link.last_at = link.created_at.plus_millis(seconds * 1_000);
        link
    };
    change.conversation.links = vec![
        link("4711", Some("Case 100%"), 0),
        link("4711", Some("Case 99_9"), 5),
        link("ABC", None, 0),
        link("Ärger", Some("Österreich"), 0),
    ];
    store.commit(&[change]).await.unwrap()[0].clone().unwrap();
    let find = async |text: &str| {
        let slice = store
            .contexts(
                &Caller::everything(),
                ContextKey::Case,
                Some(text),
                &Page::default(),
            )
            .await
            .unwrap();
        let mut found = objects(&slice);
        found.sort();
        found
    };
    for text in ["case", "0%", "9_9", "CASE 1", "47", ""] {
        assert!(find(text).await.contains(&"4711".to_owned()), "{text}");
    }
    for text in ["0_", "9%9", "\\", "x"] {
        assert!(find(text).await.is_empty(), "{text}");
    }
    assert_eq!(find("bc").await, ["ABC"]);
    for text in ["Österreich", "ÖSTERREICH", "ster", "Är"] {
        assert_eq!(find(text).await, ["Ärger"], "{text}");
    }
    let all = store
        .contexts(
            &Caller::everything(),
            ContextKey::Case,
            None,
            &Page::default(),
        )
        .await
        .unwrap();
    let names: BTreeMap<_, _> = all
        .items
        .iter()
        .map(|item| {
            (
                item.node.context.object_id.as_str(),
                item.node.name.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        names,
        BTreeMap::from([
            ("4711", Some("Case 99_9")),
            ("ABC", None),
            ("Ärger", Some("Österreich"))
        ])
    );
}

fn objects(slice: &Slice<ContextSummary>) -> Vec<String> {
    slice
        .items
        .iter()
        .map(|item| item.node.context.object_id.clone())
        .collect()
}

async fn links_are_read_for_many_conversations_at_once(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let held = filled(&store, &mut random, 20).await;
    let ids: Vec<_> = held.iter().map(|held| held.id).collect();
    let before = store.statements();
    let mut links = store.links(&ids).await.unwrap();
    assert_eq!(store.statements() - before, 1);
    for held in held {
        let read = Conversation {
            links: links.remove(&held.id).unwrap_or_default(),
            ..held.clone()
        };
        assert!(read.links.is_sorted_by_key(|link| link.created_at));
        assert_eq!(sorted(read), sorted(held));
    }
}

async fn contexts_of_equal_activity_go_by_the_bytes_of_their_ids(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let id = random.id();
    let mut change = random.beginning(id);
    let mut ids = ["a-b", "A_b", "aB", "Ab", "B", "a", "b", "a b", "ä", "Z"];
    change.conversation.links = ids
        .iter()
        .map(|object_id| ContextLink {
            context: ContextRef {
                key: ContextKey::Task,
                custom_key: String::new(),
                object_id: (*object_id).to_owned(),
            },
            name: None,
            verb: ContextVerb::Created,
            description: None,
            created_by: None,
            created_at: change.conversation.row.created_at,
            last_at: change.conversation.row.created_at,
        })
        .collect();
    store.commit(&[change]).await.unwrap()[0].clone().unwrap();
    ids.sort_unstable();
    ids.reverse();
    let walked = walk(&store, &Caller::everything(), ContextKey::Task).await;
    let walked: Vec<_> = walked
        .into_iter()
        .map(|(_, _, object_id)| object_id)
        .collect();
    assert_eq!(walked, ids);
}
