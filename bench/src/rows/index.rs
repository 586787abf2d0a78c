//! The routing index by itself: what a change costs that nobody watches.

use std::collections::HashMap;

use anyhow::ensure;
use conversation_gateway::domain::caller::Scope;
use conversation_gateway::domain::filter::Filter;
use conversation_gateway::domain::row::{ContextKey, ContextRef};
use conversation_gateway::domain::update::Update;
use conversation_gateway::feed::index::{Index, Keys, Place};

use super::count;
use crate::options::Options;
use crate::process::thread_cpu;
use crate::report::{Figure, Goal};
use crate::seed;
use crate::traffic::conversation_id;

/// Conversations that one subscription watches.
const BADGES: u32 = 30;
/// Subscriptions of each other kind, so that no list of the index is empty.
const OTHERS: u32 = 100;
/// Conversations that change; nobody watches them.
const UNWATCHED: u32 = 2_000;
const CHANGES_OF_EACH: u32 = 4;
const FEW: u32 = 1_000;
const MANY: u32 = 100_000;

pub(super) fn measure(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let changes = unwatched()?;
    let rounds = 1_000 * u32::try_from(options.seconds)?;
    let few = per_change(&index(FEW)?, &changes, rounds / 4)?;
    let many = per_change(&index(MANY)?, &changes, rounds / 4)?;
    Ok(vec![
        Figure::new("per change, 1,000 ids watched", "µs", few).goal(Goal::AtMost(0.5)),
        Figure::new("per change, 100,000 ids watched", "µs", many).goal(Goal::AtMost(0.5)),
        Figure::new("100,000 ids to 1,000", "times", many / few).goal(Goal::AtMost(1.5)),
    ])
}

/// Badges for so many conversations, and some subscriptions of every other kind.
fn index(watched: u32) -> anyhow::Result<Index> {
    let mut index = Index::default();
    let mut place: Place = 0;
    let mut insert = |filter: Filter| {
        index.insert(place, Keys::of(&filter, &Scope::Everything));
        place += 1;
    };
    for first in (0..watched).step_by(BADGES as usize) {
        let ids = first..watched.min(first + BADGES);
        let ids = ids.map(|index| Ok(conversation_id(index).parse()?));
        insert(Filter {
            conversation_ids: Some(ids.collect::<anyhow::Result<_>>()?),
            ..Filter::default()
        });
    }
    for other in 0..OTHERS {
        insert(Filter {
            context: Some(ContextRef {
                key: ContextKey::Case,
                custom_key: String::new(),
                object_id: format!("another-{other}"),
            }),
            ..Filter::default()
        });
        insert(Filter {
            queue_ids: Some(
                [format!("queue-{other}").as_str().into()]
                    .into_iter()
                    .collect(),
            ),
            ..Filter::default()
        });
        insert(Filter {
            agent_ids: Some(
                [format!("agent-{other}").as_str().into()]
                    .into_iter()
                    .collect(),
            ),
            ..Filter::default()
        });
        insert(Filter {
            handled_by_ids: Some(
                [format!("agent-{other}").as_str().into()]
                    .into_iter()
                    .collect(),
            ),
            ..Filter::default()
        });
    }
    Ok(index)
}

/// Changes as the gateway makes them, of conversations beyond all that are watched.
fn unwatched() -> anyhow::Result<Vec<Update>> {
    let mut by_step: HashMap<usize, Vec<Update>> = HashMap::new();
    for index in MANY..MANY + UNWATCHED {
        let updates = seed::life(index, CHANGES_OF_EACH)?.updates;
        for (step, update) in updates.into_iter().enumerate() {
            by_step.entry(step).or_default().push(update);
        }
    }
    // One after the other, as if they all lived at the same time.
    let mut steps: Vec<(usize, Vec<Update>)> = by_step.into_iter().collect();
    steps.sort_by_key(|(step, _)| *step);
    Ok(steps.into_iter().flat_map(|(_, updates)| updates).collect())
}

/// CPU time of this thread for one change.
fn per_change(index: &Index, changes: &[Update], rounds: u32) -> anyhow::Result<f64> {
    let mut found = 0_u64;
    let begun = thread_cpu()?;
    let wanted = u64::from(rounds) * 1_000;
    let mut looked_up = 0;
    while looked_up < wanted {
        for change in changes {
            index.candidates(std::hint::black_box(change), |_| found += 1);
        }
        looked_up += changes.len() as u64;
    }
    let took = thread_cpu()?.saturating_sub(begun);
    ensure!(found == 0, "somebody watches what nobody should");
    Ok(took.as_secs_f64() * 1e6 / count(looked_up))
}
