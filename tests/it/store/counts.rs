//! Counts are kept by following the log; they must equal what counting the rows would give.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use conversation_gateway::counts::{Counts, CountsConfig, CountsError, Dimension, Group, Question};
use conversation_gateway::domain::caller::Scope;
use conversation_gateway::domain::conversation::Conversation;
use conversation_gateway::domain::filter::Filter;
use conversation_gateway::domain::row::{ConversationStatus, Row};
use conversation_gateway::domain::time::Time;
use conversation_gateway::hub::{Hub, HubConfig};
use conversation_gateway::store::{Change, Store};

use super::database::{TestDatabase, on_both_databases};
use super::lists::filled;
use super::random::Random;

on_both_databases!(
    counts_equal_a_naive_count_after_every_change,
    too_many_groups_are_refused,
    a_change_is_told_once_and_a_group_that_is_gone_with_zero,
    who_holds_an_answer_never_has_the_rows_counted_again,
);

const DIMENSIONS: [Dimension; 6] = [
    Dimension::Status,
    Dimension::Queue,
    Dimension::MediaType,
    Dimension::ActiveMediaType,
    Dimension::Direction,
    Dimension::Agent,
];

/// Views that are kept when nobody holds them.
const VIEWS: usize = 8;

type Naive = BTreeMap<Group, (usize, Time)>;

async fn counts_equal_a_naive_count_after_every_change(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let mut held = filled(&store, &mut random, 40).await;
    // So short a tail of the log is overrun now and then, and the view is counted anew.
    let (hub, counts) = counting(&store, 6, 1_000).await;
    let ids: Vec<_> = held.iter().map(|held| held.id).collect();
    let questions: Vec<_> = (0..12)
        .map(|_| {
            let by: Vec<_> = DIMENSIONS
                .into_iter()
                .filter(|_| random.chance(0.4))
                .collect();
            (random.filter(&ids), by, random.caller().scope)
        })
        .collect();
    for _ in 0..40 {
        for _ in 0..random.up_to(8) {
            let place = random.up_to(held.len() - 1);
            let change = random.next(&held[place]);
            commit(&store, &hub, &change).await;
            held[place] = change.conversation;
        }
        for (filter, by, scope) in &questions {
            if random.chance(0.5) {
                let question = Question::new(filter.clone(), by.clone(), scope.clone());
                let counted = counts.now(&question).await.unwrap();
                let counted: Naive = counted
                    .iter()
                    .filter_map(|(group, count)| {
                        Some((group.clone(), (count.conversations, count.oldest_since?)))
                    })
                    .collect();
                assert_eq!(counted, naive(&held, filter, by, scope), "{question:?}");
            }
        }
    }
}

async fn too_many_groups_are_refused(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    filled(&store, &mut random, 60).await;
    let (_, counts) = counting(&store, 100, 3).await;
    let all = |by| Question::new(every_status(), by, Scope::Everything);
    let refused = counts
        .now(&all(vec![Dimension::Status, Dimension::Queue]))
        .await;
    assert!(matches!(
        refused,
        Err(CountsError::TooManyGroups { limit: 3 })
    ));
    let sum = counts.now(&all(Vec::new())).await.unwrap();
    assert_eq!(
        sum.values()
            .map(|count| count.conversations)
            .collect::<Vec<_>>(),
        [60]
    );
}

async fn a_change_is_told_once_and_a_group_that_is_gone_with_zero(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let (hub, counts) = counting(&store, 100, 1_000).await;
    let question = Question::new(every_status(), vec![Dimension::Status], Scope::Everything);
    let mut seen = counts.now(&question).await.unwrap();
    assert!(seen.is_empty());
    let id = random.id();
    let mut change = random.beginning(id);
    commit(&store, &hub, &change).await;
    for _ in 0..20 {
        let status = change.conversation.row.status;
        let (now, changed) = counts.changes(&question, &seen).await.unwrap();
        let told: BTreeMap<_, _> = changed
            .iter()
            .map(|(group, count)| (group.status.unwrap(), count.conversations))
            .collect();
        assert_eq!(told[&status], 1);
        for gone in seen
            .keys()
            .filter_map(|group| group.status)
            .filter(|gone| *gone != status)
        {
            assert_eq!(told[&gone], 0);
        }
        seen = now;
        let before = change.conversation;
        change = loop {
            let next = random.next(&before);
            if next.conversation.row.status != status {
                break next;
            }
        };
        commit(&store, &hub, &change).await;
    }
}

/// Narrowed callers ask as many questions as they are, and more than views are kept.
async fn who_holds_an_answer_never_has_the_rows_counted_again(database: TestDatabase) {
    let mut random = Random::new();
    let store = database.open().await;
    let mut held = filled(&store, &mut random, 10).await;
    let reader = database.open().await;
    let (hub, counts) = counting(&reader, 100, 1_000).await;
    let agent = |number| Scope::Narrowed {
        queues: Arc::new(["queue-a".into()].into()),
        user: Some(format!("agent-{number}").into()),
    };
    let questions = (0..4 * VIEWS)
        .map(|number| Question::new(every_status(), vec![Dimension::Status], agent(number)));
    let mut answers = Vec::new();
    for question in questions {
        let answer = counts.now(&question).await.unwrap();
        answers.push((question, answer));
    }
    let read = reader.statements();
    for _ in 0..10 {
        let change = random.next(&held[0]);
        commit(&store, &hub, &change).await;
        held[0] = change.conversation;
        for (question, _) in &answers {
            let counted = counts.now(question).await.unwrap();
            let expected = naive(&held, &every_status(), &[Dimension::Status], &agent(0));
            let counted = counted.values().map(|count| count.conversations);
            assert!(counted.eq(expected.values().map(|(count, _)| *count)));
        }
    }
    assert_eq!(reader.statements(), read);
    // What nobody holds any more is counted again, but for the last that were asked for.
    let first = answers.remove(0).0;
    answers.clear();
    counts.now(&first).await.unwrap();
    assert!(reader.statements() > read);
}

async fn counting(store: &Store, tail: usize, groups: usize) -> (Hub, Counts) {
    let config = HubConfig {
        log_tail: tail,
        ..HubConfig::default()
    };
    let hub = Hub::new(&config, store.head().await.unwrap());
    let config = CountsConfig {
        count_groups: groups,
        count_interval_ms: 1,
        count_views: NonZeroUsize::new(VIEWS).unwrap(),
    };
    (hub.clone(), Counts::new(&config, store.clone(), hub))
}

async fn commit(store: &Store, hub: &Hub, change: &Change) {
    let outcome = store.commit(std::slice::from_ref(change)).await.unwrap();
    hub.publish(outcome.into_iter().next().unwrap().unwrap());
}

fn every_status() -> Filter {
    Filter {
        statuses: Some(ConversationStatus::ALL.iter().copied().collect()),
        ..Filter::default()
    }
}

fn naive(held: &[Conversation], filter: &Filter, by: &[Dimension], scope: &Scope) -> Naive {
    let counted = held.iter().filter(|held| {
        (filter.statuses.is_some() || held.row.status != ConversationStatus::Ended)
            && filter.matches(held.id, &held.row)
            && scope.sees(&held.row)
    });
    let mut naive = Naive::new();
    for row in counted.map(|held| &held.row) {
        for group in groups(row, by) {
            let since = row.waiting_since.unwrap_or(row.status_since);
            let (count, oldest) = naive.entry(group).or_insert((0, since));
            *count += 1;
            *oldest = since.min(*oldest);
        }
    }
    naive
}

fn groups(row: &Row, by: &[Dimension]) -> Vec<Group> {
    let mut group = Group::default();
    for dimension in by {
        match dimension {
            Dimension::Status => group.status = Some(row.status),
            Dimension::Queue => group.queue.clone_from(&row.last_queue_id),
            Dimension::MediaType => group.media_type = row.original_media_type,
            Dimension::ActiveMediaType => group.active_media_type = row.active_media_type,
            Dimension::Direction => group.direction = row.direction,
            Dimension::Agent => {}
        }
    }
    if !by.contains(&Dimension::Agent) || row.agents.is_empty() {
        return vec![group];
    }
    let mut groups = Vec::new();
    for agent in &row.agents {
        group.agent = Some(agent.clone());
        groups.push(group.clone());
    }
    groups
}
