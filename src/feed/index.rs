//! Which subscriptions a change may concern, without asking all of them.
//!
//! Every subscription is filed under the narrowest condition of its filter and scope: its
//! conversations, its object, its agents, its queues, or else under "everything". A change is looked
//! up under what the conversation was before and what it is after, so that a change by which a
//! conversation leaves a filter is found like one by which it enters. What is found is a candidate
//! only; whether it matches, the filter says. Pure.

use std::collections::HashMap;
use std::hash::Hash;

use crate::domain::caller::Scope;
use crate::domain::filter::Filter;
use crate::domain::ids::{ConversationId, QueueId, UserId};
use crate::domain::row::{ContextRef, Row};
use crate::domain::update::Update;

/// Names a subscription.
pub(super) type Place = u32;

#[derive(Default)]
pub(super) struct Index {
    conversations: Lists<ConversationId>,
    contexts: Lists<ContextRef>,
    /// By agents who are in it now.
    agents: Lists<UserId>,
    /// By agents who were ever connected.
    handlers: Lists<UserId>,
    queues: Lists<QueueId>,
    everything: Vec<Place>,
}

/// The subscriptions filed under each key. Most keys have one.
struct Lists<K>(HashMap<K, List>);

#[derive(Debug)]
enum List {
    One(Place),
    Many(Vec<Place>),
}

impl Index {
    pub(super) fn insert(&mut self, place: Place, filter: &Filter, scope: &Scope) {
        self.file(filter, scope, &mut Filing::Insert(place));
    }

    /// Takes away what was inserted with the same filter and scope.
    pub(super) fn remove(&mut self, place: Place, filter: &Filter, scope: &Scope) {
        self.file(filter, scope, &mut Filing::Remove(place));
    }

    /// Calls with every subscription that the change may concern; with some of them repeatedly.
    pub(super) fn candidates(&self, update: &Update, mut call: impl FnMut(Place)) {
        self.everything.iter().copied().for_each(&mut call);
        self.conversations.visit(&update.conversation_id, &mut call);
        let before = update.before.as_deref();
        let after = &*update.after;
        self.of_row(after, &mut call);
        if let Some(before) = before.filter(|before| is_elsewhere(before, after)) {
            self.of_row(before, &mut call);
        }
    }

    fn of_row(&self, row: &Row, call: &mut impl FnMut(Place)) {
        self.contexts.visit_all(&row.contexts, call);
        self.agents.visit_all(&row.agents, call);
        self.handlers.visit_all(&row.handled_by, call);
        self.queues.visit_all(row.last_queue_id.as_ref(), call);
    }

    fn file(&mut self, filter: &Filter, scope: &Scope, filing: &mut Filing) {
        if let Some(ids) = &filter.conversation_ids {
            self.conversations.file(ids, filing);
        } else if let Some(context) = &filter.context {
            self.contexts.file([context], filing);
        } else if let Some(users) = &filter.agent_ids {
            self.agents.file(users, filing);
        } else if let Some(users) = &filter.handled_by_ids {
            self.handlers.file(users, filing);
        } else if let Some(queues) = &filter.queue_ids {
            self.queues.file(queues, filing);
        } else if let Scope::Narrowed { queues, user } = scope {
            self.queues.file(queues.iter(), filing);
            self.agents.file(user, filing);
        } else {
            filing.on_list(&mut self.everything);
        }
    }
}

/// Whether the row before is filed under keys of its own.
fn is_elsewhere(before: &Row, after: &Row) -> bool {
    before.last_queue_id != after.last_queue_id
        || before.agents != after.agents
        || before.handled_by != after.handled_by
        || before.contexts != after.contexts
}

enum Filing {
    Insert(Place),
    Remove(Place),
}

impl Filing {
    fn on_list(&self, list: &mut Vec<Place>) {
        match self {
            Self::Insert(place) => list.push(*place),
            Self::Remove(place) => {
                if let Some(found) = list.iter().position(|other| other == place) {
                    list.swap_remove(found);
                }
            }
        }
    }
}

impl<K> Default for Lists<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash> Lists<K> {
    fn visit(&self, key: &K, call: &mut impl FnMut(Place)) {
        match self.0.get(key) {
            None => {}
            Some(List::One(place)) => call(*place),
            Some(List::Many(places)) => places.iter().copied().for_each(call),
        }
    }

    fn visit_all<'a>(&self, keys: impl IntoIterator<Item = &'a K>, call: &mut impl FnMut(Place))
    where
        K: 'a,
    {
        if self.0.is_empty() {
            return;
        }
        for key in keys {
            self.visit(key, call);
        }
    }

    fn file<'a>(&mut self, keys: impl IntoIterator<Item = &'a K>, filing: &Filing)
    where
        K: 'a,
    {
        for key in keys {
            match filing {
                Filing::Insert(place) => self.insert(key, *place),
                Filing::Remove(place) => self.remove(key, *place),
            }
        }
    }

    fn insert(&mut self, key: &K, place: Place) {
        match self.0.get_mut(key) {
            None => {
                self.0.insert(key.clone(), List::One(place));
            }
            Some(List::Many(places)) => places.push(place),
            Some(list) => {
                if let List::One(first) = *list {
                    *list = List::Many(vec![first, place]);
                }
            }
        }
    }

    fn remove(&mut self, key: &K, place: Place) {
        let is_empty = match self.0.get_mut(key) {
            None => false,
            Some(List::One(only)) => *only == place,
            Some(List::Many(places)) => {
                Filing::Remove(place).on_list(places);
                places.is_empty()
            }
        };
        if is_empty {
            self.0.remove(key);
        }
    }
}
