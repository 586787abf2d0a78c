//! Which subscriptions a change may concern, without asking all of them.
//!
//! Every subscription is filed under the narrowest condition of its filter and scope: its
//! conversations, its object, its agents, its queues, or else under "everything". A change is looked
//! up under what the conversation was before and what it is after, so that a change by which a
//! conversation leaves a filter is found like one by which it enters. What is found is a candidate
//! only; whether it matches, the filter says. Pure.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use foldhash::quality::RandomState;

use crate::domain::caller::Scope;
use crate::domain::filter::{AnyOf, Filter};
use crate::domain::ids::{ConversationId, QueueId, UserId};
use crate::domain::row::{ContextRef, Row};
use crate::domain::update::Update;

/// Names a subscription.
pub type Place = u32;

#[derive(Default)]
pub struct Index {
    conversations: Lists<ConversationId>,
    contexts: Lists<ContextRef>,
    /// By agents who are in it now.
    agents: Lists<UserId>,
    /// By agents who were ever connected.
    handlers: Lists<UserId>,
    queues: Lists<QueueId>,
    everything: Vec<Place>,
}

/// The subscriptions filed under each key. Most keys have one. Every change is looked up several
/// times, so the hash is a quick one, seeded at random for each map.
struct Lists<K>(HashMap<K, List, RandomState>);

#[derive(Debug)]
enum List {
    One(Place),
    Many(Vec<Place>),
}

impl Index {
    pub fn insert(&mut self, place: Place, keys: Keys<'_>) {
        self.file(keys, &Filing::Insert(place));
    }

    /// Takes away what was inserted with the same keys.
    pub fn remove(&mut self, place: Place, keys: Keys<'_>) {
        self.file(keys, &Filing::Remove(place));
    }

    /// Calls with every subscription that the change may concern; with some of them repeatedly.
    pub fn candidates(&self, update: &Update, mut call: impl FnMut(Place)) {
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

    fn file(&mut self, keys: Keys<'_>, filing: &Filing) {
        match keys {
            Keys::Conversations(ids) => self.conversations.file(ids, filing),
            Keys::Context(context) => self.contexts.file([context], filing),
            Keys::Agents(users) => self.agents.file(users, filing),
            Keys::Handlers(users) => self.handlers.file(users, filing),
            Keys::Queues(queues) => self.queues.file(queues, filing),
            Keys::Scope { queues, user } => {
                self.queues.file(queues, filing);
                self.agents.file(user, filing);
            }
            Keys::Everything => filing.on_list(&mut self.everything),
        }
    }
}

/// Under what a subscription is filed: the narrowest condition of its filter and scope.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'a> {
    Conversations(&'a AnyOf<ConversationId>),
    Context(&'a ContextRef),
    Agents(&'a AnyOf<UserId>),
    Handlers(&'a AnyOf<UserId>),
    Queues(&'a AnyOf<QueueId>),
    Scope {
        queues: &'a BTreeSet<QueueId>,
        user: Option<&'a UserId>,
    },
    Everything,
}

impl<'a> Keys<'a> {
    pub fn of(filter: &'a Filter, scope: &'a Scope) -> Self {
        if let Some(ids) = &filter.conversation_ids {
            Self::Conversations(ids)
        } else if let Some(context) = &filter.context {
            Self::Context(context)
        } else if let Some(users) = &filter.agent_ids {
            Self::Agents(users)
        } else if let Some(users) = &filter.handled_by_ids {
            Self::Handlers(users)
        } else if let Some(queues) = &filter.queue_ids {
            Self::Queues(queues)
        } else {
            Self::of_all(scope)
        }
    }

    /// Of one who wants whatever he may see.
    pub fn of_all(scope: &'a Scope) -> Self {
        match scope {
            Scope::Everything => Self::Everything,
            Scope::Narrowed { queues, user } => Self::Scope {
                queues,
                user: user.as_ref(),
            },
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
        Self(HashMap::default())
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

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
