//! Notifications that must wait until their conversation was read from Genesys.
//!
//! Nothing is ever inserted behind a committed change. So where a notification shows, or may show,
//! that earlier ones were missed, it waits: the reading tells what happened before it. After a
//! blind window that is every conversation which was going on meanwhile, until it was read once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::conversation::Conversation;
use crate::domain::event::ConversationEvent;
use crate::domain::ids::{ConversationId, QueueId};
use crate::domain::snapshot::{Participant, Snapshot};
use crate::domain::time::Time;

/// Genesys' clock and ours may differ by so much.
const SKEW_MS: i64 = 5_000;
/// So long after a reading or a repeat a notification may come that is older.
const LATE_MS: i64 = 5_000;
/// Readings and repeats that are remembered before old ones are swept out.
const MOST_LATE: usize = 10_000;
/// Conversations whose next change may have to say that something was lost.
const MOST_GAPS: usize = 10_000;

/// Which conversations a channel of the listener shows: those that touch these queues; all of them
/// where that cannot be said.
pub type Shown = Option<Arc<BTreeSet<QueueId>>>;

/// What either shows.
pub fn shown_by_both(one: &Shown, other: &Shown) -> Shown {
    let (one, other) = (one.as_ref()?, other.as_ref()?);
    Some(Arc::new(one.union(other).cloned().collect()))
}

/// What the listener says of its own sight.
#[derive(Clone, Debug)]
pub enum Sight {
    /// A channel hears again, or hopes to; what was before is not known.
    Blind { channel: usize, shown: Shown },
    /// From then on the channel missed nothing.
    Seeing { channel: usize, since: Time },
    /// What the channel missed until then was read.
    Whole { channel: usize, until: Time },
    /// A notification of this conversation came then and could not be read.
    Unread { id: ConversationId, at: Time },
}

#[derive(Debug)]
struct Window {
    shown: Shown,
    /// `None` while the channel is not sure to miss nothing.
    until: Option<Time>,
}

#[derive(Debug)]
struct Held {
    frames: Vec<ConversationEvent>,
    since: Instant,
    /// When the last notification came that could not be read.
    unread_at: Option<Time>,
}

/// What waits, and why more would have to.
pub(super) struct Gate {
    patience: Duration,
    held: HashMap<ConversationId, Held>,
    windows: BTreeMap<usize, Window>,
    /// Conversations that were read since the newest window closed.
    checked: HashSet<ConversationId>,
    /// When something last came that an older notification may follow: a reading, which shows
    /// what is still on its way, or an exact repeat, which may have been the later one of two.
    overtaking: HashMap<ConversationId, Time>,
    /// Conversations of which something was lost, without a change that says so yet.
    gaps: HashSet<ConversationId>,
}

impl Gate {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            held: HashMap::new(),
            windows: BTreeMap::new(),
            checked: HashSet::new(),
            overtaking: HashMap::new(),
            gaps: HashSet::new(),
        }
    }

    /// Takes note of what the listener says; gives back a conversation that must be read.
    pub(super) fn note(&mut self, sight: &Sight) -> Option<ConversationId> {
        match sight {
            Sight::Blind { channel, shown } => {
                let shown = match self.windows.get(channel) {
                    Some(open) => shown_by_both(&open.shown, shown),
                    None => shown.clone(),
                };
                self.windows.insert(*channel, Window { shown, until: None });
                self.checked.clear();
            }
            Sight::Seeing { channel, since } => {
                if let Some(window) = self.windows.get_mut(channel) {
                    window.until = Some(*since);
                    self.checked.clear();
                }
            }
            Sight::Whole { channel, until } => {
                let is_done = |window: &Window| window.until.is_some_and(|begins| begins <= *until);
                if self.windows.get(channel).is_some_and(is_done) {
                    self.windows.remove(channel);
                }
                if self.windows.is_empty() {
                    self.checked.clear();
                }
            }
            Sight::Unread { id, at } => {
                self.held_of(*id).unread_at = Some(*at);
                return Some(*id);
            }
        }
        None
    }

    pub(super) fn is_held(&self, id: ConversationId) -> bool {
        self.held.contains_key(&id)
    }

    pub(super) fn hold(&mut self, id: ConversationId, frame: ConversationEvent) {
        self.held_of(id).frames.push(frame);
    }

    fn held_of(&mut self, id: ConversationId) -> &mut Held {
        self.held.entry(id).or_insert_with(|| Held {
            frames: Vec::new(),
            since: Instant::now(),
            unread_at: None,
        })
    }

    /// Whether a notification that could not be read came after a reading of then.
    pub(super) fn is_unread_since(&self, id: ConversationId, read_at: Time) -> bool {
        let held = self.held.get(&id);
        held.and_then(|held| held.unread_at) > Some(read_at)
    }

    pub(super) fn frames(&self, id: ConversationId) -> &[ConversationEvent] {
        self.held.get(&id).map_or(&[], |held| &held.frames)
    }

    pub(super) fn release(&mut self, id: ConversationId) {
        self.held.remove(&id);
    }

    /// What waited was applied, but what could not be read is still to be made up for.
    pub(super) fn release_frames(&mut self, id: ConversationId) {
        self.held_of(id).frames.clear();
    }

    /// The conversation was read then.
    pub(super) fn check(&mut self, id: ConversationId, read_at: Time) {
        if !self.windows.is_empty() && self.is_covered(read_at) {
            self.checked.insert(id);
        }
    }

    /// Whether a reading of then came after all windows that are known.
    pub(super) fn is_covered(&self, read_at: Time) -> bool {
        let covers = |window: &Window| window.until.is_some_and(|until| until <= read_at);
        self.windows.values().all(covers)
    }

    /// Whether something of the conversation may have been missed in a blind window.
    pub(super) fn suspects(&self, known: &Conversation, said: &Snapshot) -> bool {
        if self.windows.is_empty() || self.checked.contains(&known.id) {
            return false;
        }
        // A notification of one medium shows only what began with that medium.
        let both = [&said.participants, &known.facts.participants];
        let began = both.into_iter().filter_map(|it| began(it)).min();
        self.windows.values().any(|window| {
            let before = match (window.until, began) {
                (Some(until), Some(began)) => began <= until.plus_millis(SKEW_MS),
                _ => true,
            };
            before && (window.shows(&said.participants) || window.shows(&known.facts.participants))
        })
    }

    pub(super) fn overtook(&mut self, id: ConversationId, at: Time) {
        if self.overtaking.len() >= MOST_LATE {
            self.overtaking.retain(|_, seen| !is_over(*seen, at));
        }
        self.overtaking.insert(id, at);
    }

    /// Whether a notification of now may be older than what came before it.
    pub(super) fn may_be_late(&self, id: ConversationId, now: Time) -> bool {
        let overtook = self.overtaking.get(&id);
        overtook.is_some_and(|at| !is_over(*at, now))
    }

    /// Whether something was lost before the next change.
    pub(super) fn has_gap(&self, id: ConversationId) -> bool {
        self.gaps.contains(&id)
    }

    pub(super) fn set_gap(&mut self, id: ConversationId, is_open: bool) {
        if is_open && self.gaps.len() < MOST_GAPS {
            self.gaps.insert(id);
        } else {
            self.gaps.remove(&id);
        }
    }

    /// When the next one has waited long enough.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.held
            .values()
            .map(|held| held.since + self.patience)
            .min()
    }

    /// Those that have waited long enough.
    pub(super) fn expired(&self, now: Instant) -> Vec<ConversationId> {
        let is_over = |held: &Held| held.since + self.patience <= now;
        let expired = self.held.iter().filter(|(_, held)| is_over(held));
        expired.map(|(id, _)| *id).collect()
    }
}

impl Window {
    fn shows(&self, participants: &[Participant]) -> bool {
        self.shown.as_ref().is_none_or(|queues| {
            let mut touched = participants.iter().filter_map(|it| it.queue_id.as_ref());
            touched.any(|queue| queues.contains(queue))
        })
    }
}

/// Whether whatever was overtaken then has come by now.
pub(super) fn is_over(overtook: Time, now: Time) -> bool {
    now.since(overtook) > LATE_MS
}

fn began(participants: &[Participant]) -> Option<Time> {
    participants
        .iter()
        .flat_map(|participant| {
            let legs = participant.legs.iter();
            legs.flat_map(|leg| {
                [
                    leg.connected_time,
                    leg.start_alerting_time,
                    leg.disconnected_time,
                ]
            })
            .chain([participant.connected_time, participant.start_time])
        })
        .flatten()
        .min()
}
