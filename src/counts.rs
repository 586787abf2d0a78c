//! How many conversations there are, group by group, without counting the table for each event.
//!
//! A view is counted once from the rows and from then on adjusted by each entry of the log, which
//! carries the row before and after. Whoever asks the same question with the same scope shares one
//! view. A view costs nothing while nobody asks: it is brought up to date by the one who reads it.
//! It lives as long as somebody holds an answer of it; of those that nobody holds some are kept.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use lru::LruCache;

use crate::domain::caller::Scope;
use crate::domain::filter::Filter;
use crate::domain::ids::{ConversationId, QueueId, UserId};
use crate::domain::row::{ConversationStatus, Direction, MediaType, Row};
use crate::domain::time::Time;
use crate::hub::Hub;
use crate::store::{Committed, Store, StoreError};

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Counts")]
pub struct CountsConfig {
    /// Most groups that a count may have
    #[arg(long, env = "GATEWAY_COUNT_GROUPS", default_value_t = 1_000)]
    pub count_groups: usize,
    /// Shortest time between two messages of a subscription to counts, in milliseconds
    #[arg(long, env = "GATEWAY_COUNT_INTERVAL_MS", default_value_t = 250)]
    pub count_interval_ms: u64,
    /// How many different counts are kept in memory beyond those that are subscribed to
    #[arg(long, env = "GATEWAY_COUNT_VIEWS", default_value = "64")]
    pub count_views: NonZeroUsize,
}

/// What conversations are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    Status,
    Queue,
    MediaType,
    ActiveMediaType,
    Direction,
    /// An agent who is in it now; a conversation with several counts for each of them.
    Agent,
}

/// What makes a group; a dimension that was not asked for is `None` in all groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    pub status: Option<ConversationStatus>,
    pub queue: Option<QueueId>,
    pub media_type: Option<MediaType>,
    pub active_media_type: Option<MediaType>,
    pub direction: Option<Direction>,
    pub agent: Option<UserId>,
}

/// What is known of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub conversations: usize,
    /// The least `waitingSince`, else `statusSince`.
    pub oldest_since: Option<Time>,
    /// The queue's latest name, of a group with a queue.
    pub queue_name: Option<String>,
}

/// All groups at one place in the log. It holds the view that it came from, so that what follows need
/// not be counted anew, however many other questions are asked meanwhile.
#[derive(Clone)]
pub struct Groups {
    shown: Arc<BTreeMap<Group, Count>>,
    view: Arc<View>,
}

impl Deref for Groups {
    type Target = BTreeMap<Group, Count>;

    fn deref(&self) -> &Self::Target {
        &self.shown
    }
}

/// A question for counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    filter: Filter,
    by: Vec<Dimension>,
    scope: Scope,
}

#[derive(Debug, thiserror::Error)]
pub enum CountsError {
    #[error("the count has more than {limit} groups")]
    TooManyGroups { limit: usize },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The counts of this process; clones share their views.
#[derive(Clone)]
pub struct Counts {
    store: Store,
    hub: Hub,
    views: Arc<Mutex<Views>>,
    groups_limit: usize,
    interval: Duration,
}

struct Views {
    /// All that somebody holds, and a few more until they are next cleared away.
    known: HashMap<Question, Weak<View>>,
    /// Those asked for last, held for whoever asks next.
    recent: LruCache<Question, Arc<View>>,
}

/// The answer to one question. Held over an await while it is counted anew, so that all who ask at
/// that moment wait for one reading of the rows.
type View = tokio::sync::Mutex<Option<Tally>>;

impl Question {
    /// `by` is a set: order and repetition mean nothing.
    pub fn new(filter: Filter, mut by: Vec<Dimension>, scope: Scope) -> Self {
        by.sort_unstable();
        by.dedup();
        let mut filter = filter;
        // Ended ones are counted only when a status is asked for.
        filter.statuses.get_or_insert_with(|| {
            let open = |status: &&ConversationStatus| **status != ConversationStatus::Ended;
            ConversationStatus::ALL
                .iter()
                .filter(open)
                .copied()
                .collect()
        });
        Self { filter, by, scope }
    }

    fn counts(&self, id: ConversationId, row: &Row) -> bool {
        self.scope.sees(row) && self.filter.matches(id, row)
    }

    /// The groups that a conversation belongs to.
    fn groups(&self, row: &Row) -> Vec<Group> {
        let by = |dimension| self.by.contains(&dimension);
        let group = Group {
            status: by(Dimension::Status).then_some(row.status),
            queue: row.last_queue_id.clone().filter(|_| by(Dimension::Queue)),
            media_type: row.original_media_type.filter(|_| by(Dimension::MediaType)),
            active_media_type: row
                .active_media_type
                .filter(|_| by(Dimension::ActiveMediaType)),
            direction: row.direction.filter(|_| by(Dimension::Direction)),
            agent: None,
        };
        if !by(Dimension::Agent) || row.agents.is_empty() {
            return vec![group];
        }
        let with = |agent: &UserId| Group {
            agent: Some(agent.clone()),
            ..group.clone()
        };
        row.agents.iter().map(with).collect()
    }
}

impl Counts {
    pub fn new(config: &CountsConfig, store: Store, hub: Hub) -> Self {
        Self {
            store,
            hub,
            views: Arc::new(Mutex::new(Views::new(config.count_views))),
            groups_limit: config.count_groups,
            interval: Duration::from_millis(config.count_interval_ms),
        }
    }

    /// All groups now: every published change is in.
    ///
    /// # Errors
    /// [`CountsError::TooManyGroups`]; a database that can't be read.
    pub async fn now(&self, question: &Question) -> Result<Groups, CountsError> {
        let views = self.views.lock();
        let view = views
            .expect("no code that holds the lock panics")
            .of(question);
        self.present(question, view).await
    }

    /// The view's groups, with all that was published.
    async fn present(&self, question: &Question, view: Arc<View>) -> Result<Groups, CountsError> {
        let mut tally = view.lock().await;
        let missed = tally
            .as_ref()
            .and_then(|tally| self.hub.after(tally.sequence));
        if let (Some(tally), Some(missed)) = (tally.as_mut(), missed) {
            for entry in &missed {
                tally.take_in(question, entry);
            }
        } else {
            *tally = Some(self.count(question).await?);
        }
        let counted = tally.as_mut().expect("it was just counted");
        if counted.groups.len() > self.groups_limit {
            return Err(CountsError::TooManyGroups {
                limit: self.groups_limit,
            });
        }
        let shown = counted.shown(question);
        drop(tally);
        Ok(Groups { shown, view })
    }

    /// Waits for a change after `seen`, no sooner than the pause between two messages, and gives
    /// every group that is not as it was, those that are gone with zero.
    ///
    /// # Errors
    /// As [`Self::now`].
    pub async fn changes(
        &self,
        question: &Question,
        seen: &Groups,
    ) -> Result<(Groups, Vec<(Group, Count)>), CountsError> {
        loop {
            let place = self.hub.head().sequence;
            tokio::time::sleep(self.interval).await;
            let now = self.present(question, Arc::clone(&seen.view)).await?;
            let changed = difference(seen, &now);
            if !changed.is_empty() {
                return Ok((now, changed));
            }
            self.hub.reached(place + 1).await;
        }
    }

    async fn count(&self, question: &Question) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        let (scope, filter) = (&question.scope, &question.filter);
        let counted = self
            .store
            .each_matching(scope, filter, usize::MAX, |listed| {
                tally.add(question, &listed.row);
            });
        tally.sequence = counted.await?.sequence;
        Ok(tally)
    }
}

impl Views {
    fn new(kept: NonZeroUsize) -> Self {
        Self {
            known: HashMap::new(),
            recent: LruCache::new(kept),
        }
    }

    fn of(&mut self, question: &Question) -> Arc<View> {
        if let Some(view) = self.recent.get(question) {
            return Arc::clone(view);
        }
        let view = self.known.get(question).and_then(Weak::upgrade);
        let view = view.unwrap_or_else(|| self.begin(question));
        self.recent.put(question.clone(), Arc::clone(&view));
        view
    }

    fn begin(&mut self, question: &Question) -> Arc<View> {
        if self.known.len() == self.known.capacity() {
            self.known.retain(|_, view| view.strong_count() > 0);
        }
        let view = Arc::default();
        self.known.insert(question.clone(), Arc::downgrade(&view));
        view
    }
}

/// A view's groups at one place in the log.
#[derive(Default)]
struct Tally {
    sequence: u64,
    groups: HashMap<Group, Members>,
    names: HashMap<QueueId, (Time, String)>,
    /// The same for readers, until something changes.
    shown: Option<Arc<BTreeMap<Group, Count>>>,
}

/// The conversations of a group by what they wait since: the least is needed when it leaves.
#[derive(Default)]
struct Members {
    conversations: usize,
    since: BTreeMap<Time, usize>,
}

impl Tally {
    fn take_in(&mut self, question: &Question, entry: &Committed) {
        if entry.sequence() <= self.sequence {
            return;
        }
        self.sequence = entry.sequence();
        let update = entry.update();
        let id = update.conversation_id;
        let before = update
            .before
            .as_deref()
            .filter(|row| question.counts(id, row));
        if let Some(before) = before {
            self.remove(question, before);
        }
        if question.counts(id, &update.after) {
            self.add(question, &update.after);
        }
    }

    fn add(&mut self, question: &Question, row: &Row) {
        self.shown = None;
        self.remember_name(row);
        for group in question.groups(row) {
            let members = self.groups.entry(group).or_default();
            members.conversations += 1;
            *members.since.entry(since(row)).or_default() += 1;
        }
    }

    fn remove(&mut self, question: &Question, row: &Row) {
        self.shown = None;
        for group in question.groups(row) {
            let Some(members) = self.groups.get_mut(&group) else {
                continue;
            };
            members.conversations -= 1;
            if let Some(same) = members.since.get_mut(&since(row)) {
                *same -= 1;
                if *same == 0 {
                    members.since.remove(&since(row));
                }
            }
            if members.conversations == 0 {
                self.groups.remove(&group);
            }
        }
    }

    fn remember_name(&mut self, row: &Row) {
        let (Some(queue), Some(name)) = (&row.last_queue_id, &row.last_queue_name) else {
            return;
        };
        let newer = (row.updated_at, name.clone());
        let known = self
            .names
            .entry(queue.clone())
            .or_insert_with(|| newer.clone());
        if *known < newer {
            *known = newer;
        }
    }

    fn shown(&mut self, question: &Question) -> Arc<BTreeMap<Group, Count>> {
        if let Some(shown) = &self.shown {
            return Arc::clone(shown);
        }
        let mut shown: BTreeMap<Group, Count> = self
            .groups
            .iter()
            .map(|(group, members)| {
                let name = group.queue.as_ref().and_then(|queue| self.names.get(queue));
                let count = Count {
                    conversations: members.conversations,
                    oldest_since: members.since.keys().next().copied(),
                    queue_name: name.map(|(_, name)| name.clone()),
                };
                (group.clone(), count)
            })
            .collect();
        if question.by.is_empty() {
            // The sum of all is there even when it is zero.
            shown.entry(Group::default()).or_default();
        }
        let shown = Arc::new(shown);
        self.shown = Some(Arc::clone(&shown));
        shown
    }
}

fn since(row: &Row) -> Time {
    row.waiting_since.unwrap_or(row.status_since)
}

/// Every group of `now` that is not as in `before`, and with zero those that are gone.
fn difference(before: &Groups, now: &Groups) -> Vec<(Group, Count)> {
    if Arc::ptr_eq(&before.shown, &now.shown) {
        return Vec::new();
    }
    let changed = now
        .iter()
        .filter(|(group, count)| before.get(group) != Some(count))
        .map(|(group, count)| (group.clone(), count.clone()));
    let gone = before
        .iter()
        .filter(|(group, _)| !now.contains_key(group))
        .map(|(group, last)| {
            let none = Count {
                queue_name: last.queue_name.clone(),
                ..Count::default()
            };
            (group.clone(), none)
        });
    changed.chain(gone).collect()
}
