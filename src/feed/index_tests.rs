use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::filter::sighting;
use crate::feed::testing::{filter, scope, updates};

/// The subscriptions that the index finds and the filter confirms.
fn found(index: &Index, all: &[(Filter, Scope)], update: &Update) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    index.candidates(update, |place| {
        let place = place as usize;
        if concerns(&all[place], update) {
            found.insert(place);
        }
    });
    found
}

fn concerns((filter, scope): &(Filter, Scope), update: &Update) -> bool {
    sighting(filter, scope, update).is_some()
}

fn place(place: usize) -> Place {
    Place::try_from(place).unwrap()
}

impl Index {
    fn is_empty(&self) -> bool {
        self.conversations.0.is_empty()
            && self.contexts.0.is_empty()
            && self.agents.0.is_empty()
            && self.handlers.0.is_empty()
            && self.queues.0.is_empty()
            && self.everything.is_empty()
    }
}

proptest! {
    #[test]
    fn the_index_finds_whom_a_search_through_all_finds(
        all in vec((filter(), scope()), 0..30),
        gone in vec(any::<bool>(), 30),
        updates in updates(12),
    ) {
        let mut index = Index::default();
        for (number, (filter, scope)) in all.iter().enumerate() {
            index.insert(place(number), Keys::of(filter, scope));
        }
        for update in &updates {
            let naive = (0..all.len()).filter(|number| concerns(&all[*number], update));
            prop_assert_eq!(found(&index, &all, update), naive.collect::<BTreeSet<_>>());
        }
        for (number, (filter, scope)) in all.iter().enumerate().filter(|(number, _)| gone[*number]) {
            index.remove(place(number), Keys::of(filter, scope));
        }
        for update in &updates {
            let naive = (0..all.len()).filter(|number| !gone[*number] && concerns(&all[*number], update));
            prop_assert_eq!(found(&index, &all, update), naive.collect::<BTreeSet<_>>());
        }
        for (number, (filter, scope)) in all.iter().enumerate().filter(|(number, _)| !gone[*number]) {
            index.remove(place(number), Keys::of(filter, scope));
        }
        prop_assert!(index.is_empty(), "{} subscriptions left something behind", all.len());
    }
}
