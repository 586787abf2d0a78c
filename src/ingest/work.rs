//! What one batch makes of the conversations that it touches: each event is applied, or waits for a
//! reading, or is refused.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::gate::{self, Gate};
use super::known::Known;
use super::{Asker, Job, Need, Request, Track, Written};
use crate::domain::audit::AuditEntry;
use crate::domain::conversation::Conversation;
use crate::domain::event::{ConversationEvent, Fact, Refused};
use crate::domain::ids::ConversationId;
use crate::domain::order;
use crate::domain::row::{ConversationStatus, Work as WorkKind};
use crate::domain::snapshot::{Snapshot, Source};
use crate::domain::status::forgotten_leg;
use crate::domain::time::Time;
use crate::domain::update::Update;
use crate::store::{Change, Committed};

/// The conversations that one batch touches, with what it makes of them.
#[derive(Default)]
pub(super) struct Work {
    pub(super) items: HashMap<ConversationId, Item>,
    /// Conversations in the order in which the batch first changes them.
    order: Vec<ConversationId>,
    refused: HashMap<usize, Refused>,
    /// Notifications that must wait for a reading.
    pub(super) held: HashMap<ConversationId, Vec<ConversationEvent>>,
    /// Conversations whose waiting notifications were applied.
    pub(super) released: HashSet<ConversationId>,
    /// Those among them whose reading is older than a notification that could not be read.
    pub(super) unread: HashSet<ConversationId>,
    /// When those were read that the batch has a reading of.
    pub(super) checked: HashMap<ConversationId, Time>,
    /// Whether something of these was lost that nobody will tell any more: where it was, no change
    /// says so yet.
    pub(super) gaps: HashMap<ConversationId, bool>,
    /// Exact repeats: an older notification may follow.
    pub(super) repeats: Vec<(ConversationId, Time)>,
}

pub(super) struct Item {
    pub(super) conversation: Conversation,
    updates: Vec<Update>,
    deeds: Vec<AuditEntry>,
    committed: Vec<Arc<Committed>>,
    /// As it is stored.
    before: Option<Arc<Conversation>>,
    /// The place in the batch of the event that made the row.
    made_by: Option<usize>,
    pub(super) needs: Vec<Need>,
    /// Not a row: nobody registered or linked it.
    pub(super) followed_only: bool,
}

/// What a step through the batch needs to see.
struct Sights<'a> {
    place: usize,
    asker: Option<&'a Asker>,
    gate: &'a Gate,
    known: &'a Known,
    track: Track,
}

impl Work {
    pub(super) fn take(
        &mut self,
        place: usize,
        request: &Request,
        gate: &Gate,
        known: &Known,
        track: Track,
    ) {
        let sights = Sights {
            place,
            asker: request.asker.as_ref(),
            gate,
            known,
            track,
        };
        match &request.job {
            Job::Event(event) if self.is_hidden_from_its_asker(event, &sights) => {
                self.refused.insert(place, Refused::NotFound);
            }
            Job::Event(event) => self.route(event, &sights),
            Job::Release(id) => self.release_untold(*id, &sights),
        }
    }

    fn is_hidden_from_its_asker(&mut self, event: &ConversationEvent, sights: &Sights<'_>) -> bool {
        let Some(asker) = sights.asker else {
            return false;
        };
        self.item(event, sights.known).is_hidden_from(asker)
    }

    /// Holds a notification back that must wait, lets go what waited for a reading, applies the rest.
    fn route(&mut self, event: &ConversationEvent, sights: &Sights<'_>) {
        let id = event.conversation_id;
        match &event.fact {
            Fact::Seen { snapshot, .. } if matches!(snapshot.source, Source::Topic(_)) => {
                if self.must_wait(event, snapshot, sights) {
                    self.held.entry(id).or_default().push(event.clone());
                } else {
                    self.apply_behind_gap(event, sights);
                }
            }
            Fact::Seen {
                snapshot,
                read_at: Some(read_at),
                ..
            } if snapshot.source == Source::Rest => {
                // The answer may show what came after the question was sent.
                let is_before = |frame: &ConversationEvent| {
                    let Fact::Seen { snapshot: said, .. } = &frame.fact else {
                        return false;
                    };
                    frame.received_at <= *read_at || order::precedes(said, snapshot)
                };
                let waiting = self.waiting(id, sights.gate).into_iter();
                let (before, after): (Vec<_>, Vec<_>) = waiting.partition(is_before);
                self.let_go(id);
                if sights.gate.is_unread_since(id, *read_at) {
                    self.unread.insert(id);
                }
                self.gaps.insert(id, false);
                let checked = self.checked.entry(id).or_insert(*read_at);
                *checked = (*checked).max(*read_at);
                self.apply(event, &before, sights);
                for frame in after {
                    self.route(&frame, sights);
                }
            }
            Fact::Seen { snapshot, .. } if snapshot.source == Source::Analytics => {
                self.take_analytics(event, snapshot, sights);
            }
            Fact::Failed {
                work: WorkKind::Reading,
                ..
            } => {
                self.release_untold(id, sights);
                self.apply(event, &[], sights);
            }
            _ => {
                self.apply(event, &[], sights);
            }
        }
    }

    /// Analytics know all of a conversation that has ended, so that what waits for a reading need not
    /// wait any more. Of one that goes on the awaited reading says more.
    fn take_analytics(
        &mut self,
        event: &ConversationEvent,
        snapshot: &Snapshot,
        sights: &Sights<'_>,
    ) {
        let id = event.conversation_id;
        if !self.awaits_reading(id, sights.gate) {
            self.apply(event, &[], sights);
        } else if snapshot.end.is_some() {
            let waiting = self.waiting(id, sights.gate);
            self.let_go(id);
            self.gaps.insert(id, false);
            self.apply(event, &waiting, sights);
        } else {
            // It is neither refused nor does it change anything.
            self.item(event, sights.known);
        }
    }

    fn must_wait(
        &mut self,
        event: &ConversationEvent,
        snapshot: &Snapshot,
        sights: &Sights<'_>,
    ) -> bool {
        let id = event.conversation_id;
        if self.awaits_reading(id, sights.gate) || self.unread.contains(&id) {
            return true;
        }
        let now = event.received_at;
        let checked = self.checked.get(&id);
        let may_be_late = sights.gate.may_be_late(id, now)
            || checked.is_some_and(|read_at| !gate::is_over(*read_at, now));
        let is_checked = checked.is_some_and(|read_at| sights.gate.is_covered(*read_at));
        let known = &self.item(event, sights.known).conversation;
        let is_suspect = !is_checked && sights.gate.suspects(known, snapshot);
        is_suspect || known.doubts(snapshot, now, may_be_late)
    }

    /// Whether notifications of the conversation wait until it was read.
    fn awaits_reading(&self, id: ConversationId, gate: &Gate) -> bool {
        self.held.contains_key(&id) || (gate.is_held(id) && !self.released.contains(&id))
    }

    fn waiting(&mut self, id: ConversationId, gate: &Gate) -> Vec<ConversationEvent> {
        let mut waiting = Vec::new();
        if !self.released.contains(&id) {
            waiting.extend_from_slice(gate.frames(id));
        }
        waiting.extend(self.held.remove(&id).unwrap_or_default());
        waiting
    }

    fn let_go(&mut self, id: ConversationId) {
        self.unread.remove(&id);
        self.released.insert(id);
    }

    /// Applies what waits for a reading that won't come in time: there may have been more, which the
    /// next change says.
    fn release_untold(&mut self, id: ConversationId, sights: &Sights<'_>) {
        if self.awaits_reading(id, sights.gate) {
            self.gaps.insert(id, true);
        }
        let waiting = self.waiting(id, sights.gate);
        self.let_go(id);
        for frame in waiting {
            self.apply_behind_gap(&frame, sights);
        }
    }

    /// Applies a notification. Where something was lost before it, the first change says so.
    fn apply_behind_gap(&mut self, event: &ConversationEvent, sights: &Sights<'_>) {
        let id = event.conversation_id;
        let known = self.gaps.get(&id).copied();
        if !known.unwrap_or_else(|| sights.gate.has_gap(id)) {
            self.apply(event, &[], sights);
            return;
        }
        let mut event = event.clone();
        if let Fact::Seen { gap_before, .. } = &mut event.fact {
            *gap_before = true;
        }
        if self.apply(&event, &[], sights) {
            self.gaps.insert(id, false);
        }
    }

    fn item(&mut self, event: &ConversationEvent, known: &Known) -> &mut Item {
        let id = event.conversation_id;
        if !self.items.contains_key(&id) {
            self.order.push(id);
        }
        self.items.entry(id).or_insert_with(|| {
            let before = known.stored(id).cloned();
            let conversation = known.get(id).map_or_else(
                || Conversation::unknown(id, event.received_at),
                |known| Conversation::clone(known),
            );
            Item {
                before,
                made_by: None,
                conversation,
                updates: Vec::new(),
                deeds: Vec::new(),
                committed: Vec::new(),
                needs: Vec::new(),
                followed_only: false,
            }
        })
    }

    /// Whether it changed anything.
    fn apply(
        &mut self,
        event: &ConversationEvent,
        waiting: &[ConversationEvent],
        sights: &Sights<'_>,
    ) -> bool {
        let id = event.conversation_id;
        let place = sights.place;
        let item = self.item(event, sights.known);
        match item.conversation.apply_through(waiting, event) {
            Err(refused) => {
                self.refused.insert(place, refused);
                false
            }
            Ok(applied) => {
                let is_change = !applied.updates.is_empty();
                if applied.doubtful {
                    item.needs.push(Need::Read(id));
                }
                if applied.updates.iter().any(ends) {
                    item.needs.push(Need::Settle(id));
                }
                if is_change {
                    item.needs.extend(watched(&item.conversation));
                }
                let repeats = !is_change && matches!(event.fact, Fact::Seen { .. });
                if is_change && let Some(asker) = sights.asker {
                    item.deeds.push(asker.deed.clone());
                }
                item.take(applied.updates, event, sights.track);
                let is_new = item.before.is_none() && !item.updates.is_empty();
                if is_new && item.made_by.is_none() {
                    item.made_by = Some(place);
                }
                if repeats {
                    self.repeats.push((id, event.received_at));
                }
                is_change
            }
        }
    }

    pub(super) fn changes(&self) -> Vec<Change> {
        self.order
            .iter()
            .filter_map(|id| self.items.get(id))
            .filter(|item| !item.updates.is_empty())
            .map(|item| Change {
                before: item.before.clone(),
                conversation: item.conversation.clone(),
                updates: item.updates.clone(),
                deeds: item.deeds.clone(),
            })
            .collect()
    }

    pub(super) fn committed(&mut self, id: ConversationId, entries: Vec<Arc<Committed>>) {
        if let Some(item) = self.items.get_mut(&id) {
            item.committed = entries;
        }
    }

    pub(super) fn answer(&self, place: usize, id: ConversationId) -> Result<Written, Refused> {
        if let Some(refused) = self.refused.get(&place) {
            return Err(refused.clone());
        }
        let item = self.items.get(&id).ok_or(Refused::NotFound)?;
        Ok(Written {
            conversation: Arc::new(item.conversation.clone()),
            committed: item.committed.clone(),
            created: item.made_by == Some(place),
            as_of: None,
        })
    }
}

impl Item {
    fn is_hidden_from(&self, asker: &Asker) -> bool {
        let is_known =
            self.conversation.version > 0 || self.conversation.facts.first_seen_at.is_some();
        is_known && !asker.scope.sees(&self.conversation.row)
    }

    /// The conversation as it is now, and as it is stored once the batch is written.
    pub(super) fn into_known(self) -> (Arc<Conversation>, Arc<Conversation>) {
        let present = Arc::new(self.conversation);
        let kept = self.before.filter(|_| self.updates.is_empty());
        let stored = kept.unwrap_or_else(|| Arc::clone(&present));
        (present, stored)
    }

    fn take(&mut self, updates: Vec<Update>, event: &ConversationEvent, track: Track) {
        let is_asked_for = matches!(
            event.fact,
            Fact::Registered(_) | Fact::Linked(_) | Fact::Unlinked { .. }
        );
        let wanted = track == Track::Queues
            || is_asked_for
            || self.conversation.registration.is_some()
            || !self.conversation.links.is_empty()
            || self.before.is_some();
        if wanted {
            self.followed_only = false;
            self.updates.extend(updates);
        } else {
            self.followed_only = true;
            self.conversation.unnumber();
        }
    }
}

/// What of a conversation that just changed no notification may tell.
fn watched(conversation: &Conversation) -> Option<Need> {
    let facts = &conversation.facts;
    if facts.first_seen_at.is_none() {
        return Some(Need::Unshown(conversation.id));
    }
    let is_open = conversation.row.status != ConversationStatus::Ended;
    let held_up = is_open && forgotten_leg(&facts.participants).is_some();
    held_up.then_some(Need::HeldUp(conversation.id))
}

/// Nobody works on it any more: for good, or until the thread wakes.
fn ends(update: &Update) -> bool {
    let over = matches!(
        update.after.status,
        ConversationStatus::Ended | ConversationStatus::Idle
    );
    update.is_status_change() && over
}
