//! A conversation: what is known of it, and how an event changes that.
//!
//! [`Conversation::apply`] is the one place where a fact becomes an [`Update`]. The status is always
//! derived from the facts, never set by hand.

use std::sync::Arc;

use super::derive::{Derived, derive};
use super::event::{ConversationEvent, Fact, Refused};
use super::facts::{Facts, MarkCount, Marks};
use super::ids::ConversationId;
use super::merge::{self, Merged};
use super::naming;
use super::order::is_older;
use super::phase::{Phase, decides, phase_of};
use super::registration::{ContextLink, Registration};
use super::row::{ContextRef, ContextVerb, ConversationStatus, Failure, InitiatedBy, Row, Work};
use super::settling;
use super::snapshot::{Leg, Medium, Participant, Shape, Snapshot};
use super::time::Time;
use super::timeline::{Detail, Picture, leaps, moments};
use super::turns::{newest_turn, place_of, told_turns, turns_of};
use super::update::{ChangeCause, ChangeKind, ChangeKinds, Update};

/// All that the gateway knows of one conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    pub id: ConversationId,
    /// +1 with every change; 0 before the first.
    pub version: u32,
    pub row: Row,
    pub facts: Facts,
    pub registration: Option<Registration>,
    pub links: Vec<ContextLink>,
}

/// What an event did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// Oldest first; empty when nothing changed.
    pub updates: Vec<Update>,
    /// Only a reading can settle it: a reversible mark went back and forth, or analytics know of an end
    /// that the record has not seen.
    pub doubtful: bool,
}

/// Who and when, of the changes that one event makes.
#[derive(Clone, Copy)]
struct Change<'a> {
    occurred_at: Time,
    received_at: Time,
    cause: ChangeCause,
    gap_before: bool,
    actor: Option<&'a Arc<str>>,
}

impl Conversation {
    /// A conversation of which nothing is known yet; version 0, never stored like this.
    pub fn unknown(id: ConversationId, now: Time) -> Self {
        Self {
            id,
            version: 0,
            row: Row::blank(now),
            facts: Facts::default(),
            registration: None,
            links: Vec::new(),
        }
    }

    /// Applies one event. A repeat and an older snapshot change nothing.
    ///
    /// # Errors
    /// [`Refused`] when a registration contradicts an earlier one, or a link to take away is not
    /// there; the conversation is as before.
    pub fn apply(&mut self, event: &ConversationEvent) -> Result<Applied, Refused> {
        let change = Change {
            occurred_at: event.received_at,
            received_at: event.received_at,
            cause: ChangeCause::GenesysEvent,
            gap_before: false,
            actor: event.actor.as_ref(),
        };
        let is_known = self.version > 0 || self.facts.first_seen_at.is_some();
        let updates = match &event.fact {
            Fact::Linked(_) | Fact::Unlinked { .. } if !is_known => return Err(Refused::NotFound),
            Fact::Enriched { .. } | Fact::Failed { .. } | Fact::Succeeded { .. } if !is_known => {
                return Ok(Applied::default());
            }
            Fact::Seen {
                snapshot,
                cause,
                read_at,
                gap_before,
            } => {
                let change = Change {
                    cause: *cause,
                    gap_before: *gap_before,
                    ..change
                };
                return Ok(self.see(snapshot, *read_at, change));
            }
            Fact::Registered(registration) => self.register(registration, change)?,
            Fact::Linked(link) => self.link(link, change),
            Fact::Unlinked { context, verb } => self.unlink(context, *verb, change)?,
            Fact::Enriched {
                start,
                end,
                direction,
                sessions,
            } => {
                // Of an end that the record has not seen, analytics don't tell what led to it.
                let has_ended = self.row.status == ConversationStatus::Ended;
                let seen_end = end.filter(|_| has_ended);
                merge::enrich(&mut self.facts, *start, seen_end, *direction);
                let settled = settling::settle(&mut self.facts, sessions);
                let kinds = settled.then_some(ChangeKind::Participants);
                return Ok(Applied {
                    updates: self.settle(
                        ChangeCause::Enriched,
                        kinds.into_iter().collect(),
                        change,
                    ),
                    doubtful: end.is_some() && !has_ended,
                });
            }
            Fact::Failed { work, message } => self.fail(*work, message, change),
            Fact::Succeeded { work } => self.succeed(*work, change),
        };
        Ok(Applied {
            updates,
            doubtful: false,
        })
    }

    /// Whether Genesys' last word on all durations is known.
    pub fn is_settled(&self) -> bool {
        let participants = self.facts.participants.iter();
        let mut legs = participants.flat_map(|it| &it.legs).peekable();
        legs.peek().is_some() && legs.all(|leg| leg.timings.is_final)
    }

    /// Keeps the facts but drops the numbering: for a conversation followed in memory only, whose
    /// first committed change is still to come.
    pub fn unnumber(&mut self) {
        self.version = 0;
        self.row.status_number = 0;
    }

    /// Whether a notification must wait until the conversation was read: it shows that an earlier
    /// one was missed, or takes back a mark so soon that the two may have changed places.
    /// `may_be_late`: a reading or an exact repeat came just before, and this one may be older.
    pub fn doubts(&self, snapshot: &Snapshot, now: Time, may_be_late: bool) -> bool {
        let known = &self.facts.participants;
        if snapshot.shape != Shape::Whole && (known.is_empty() || self.lacks_media(snapshot)) {
            return true;
        }
        let snapshot = &*naming::named(snapshot, known);
        if is_older(snapshot, known) {
            return false;
        }
        if snapshot.shape == Shape::Whole && leaps(known, &snapshot.participants) {
            return true;
        }
        let may_be_marked = may_be_late || !self.facts.marks.is_empty();
        if snapshot.shape == Shape::Whole && !may_be_marked {
            return false;
        }
        match merge::merge(&self.facts, snapshot, None, now) {
            Merged::Nothing => false,
            Merged::News {
                told,
                marks_only,
                doubtful,
                ..
            } => doubtful || (may_be_late && marks_only) || leaps(known, &told),
        }
    }

    /// Applies a reading together with the notifications that waited for it, in their order: the
    /// reading tells what happened between them.
    ///
    /// # Errors
    /// As of [`Self::apply`].
    pub fn apply_through(
        &mut self,
        waiting: &[ConversationEvent],
        reading: &ConversationEvent,
    ) -> Result<Applied, Refused> {
        let mut updates = Vec::new();
        if let Fact::Seen { snapshot: told, .. } = &reading.fact
            && told.shape == Shape::Whole
        {
            naming::learn(&mut self.facts, &told.participants);
            for event in waiting {
                if let Fact::Seen { snapshot, .. } = &event.fact
                    && !self.lacks_media(snapshot)
                {
                    updates.extend(self.see_through(snapshot, told, event.received_at));
                }
            }
        }
        let applied = self.apply(reading)?;
        updates.extend(applied.updates);
        Ok(Applied {
            updates,
            doubtful: applied.doubtful,
        })
    }

    /// Whether the snapshot shows one medium and names another of which nothing is known: what it
    /// shows is less than the conversation.
    fn lacks_media(&self, snapshot: &Snapshot) -> bool {
        let is_known = |medium: &Medium| {
            let legs = self.facts.participants.iter().flat_map(|it| &it.legs);
            legs.into_iter().any(|leg| leg.medium == *medium)
        };
        snapshot
            .other_media
            .iter()
            .any(|medium| decides(*medium) && !is_known(medium))
    }

    fn see(&mut self, snapshot: &Snapshot, read_at: Option<Time>, change: Change<'_>) -> Applied {
        if snapshot.shape == Shape::Whole {
            naming::learn(&mut self.facts, &snapshot.participants);
        }
        let Merged::News {
            facts,
            told,
            doubtful,
            ..
        } = merge::merge(&self.facts, snapshot, read_at, change.received_at)
        else {
            return Applied::default();
        };
        let detail = match change.cause {
            ChangeCause::GenesysEvent if !change.gap_before => Detail::Missed,
            _ => Detail::Full,
        };
        let said_end = snapshot.end;
        let updates = self.take_in(*facts, &told, said_end, detail, change);
        Applied { updates, doubtful }
    }

    /// Applies a notification that waited for a reading; one that fits nowhere is older.
    fn see_through(&mut self, snapshot: &Snapshot, told: &Snapshot, at: Time) -> Vec<Update> {
        let snapshot = &*naming::named(snapshot, &told.participants);
        let Merged::News { facts, .. } = merge::merge(&self.facts, snapshot, None, at) else {
            return Vec::new();
        };
        let Some(marks) = placed(&facts, &told.participants, &self.facts) else {
            return Vec::new();
        };
        let facts = Facts { marks, ..*facts };
        let change = Change {
            occurred_at: at,
            received_at: at,
            cause: ChangeCause::GenesysEvent,
            gap_before: false,
            actor: None,
        };
        self.take_in(
            facts,
            &told.participants,
            snapshot.end,
            Detail::Full,
            change,
        )
    }

    /// First what `told` tells of the time before, as far as the new facts go, then the facts.
    fn take_in(
        &mut self,
        mut facts: Facts,
        told: &[Participant],
        said_end: Option<Time>,
        detail: Detail,
        mut change: Change<'_>,
    ) -> Vec<Update> {
        let now = change.received_at;
        let occurred_at = merge::newest_news(&self.facts, &facts, now)
            .or_else(|| newest_turn(&self.facts.marks, told, now));
        let known = Picture {
            participants: &self.facts.participants,
            marks: &self.facts.marks,
        };
        let limit = Picture {
            participants: &facts.participants,
            marks: &facts.marks,
        };
        let mut updates = Vec::new();
        for moment in moments(known, told, limit, facts.end, detail) {
            let past = Facts {
                participants: moment.participants,
                start: facts.start,
                end: self.facts.end,
                originating_direction: facts.originating_direction,
                first_seen_at: facts.first_seen_at,
                ..Facts::default()
            };
            let told = Change {
                occurred_at: moment.at,
                cause: ChangeCause::Reconciled,
                ..change
            };
            updates.extend(self.step(past, told));
            change.gap_before &= updates.is_empty();
        }
        if said_end.is_none() {
            // A moment before may have opened it again.
            facts.end = self.facts.end;
        }
        let occurred_at = occurred_at.unwrap_or(change.received_at);
        updates.extend(self.step(
            facts,
            Change {
                occurred_at,
                ..change
            },
        ));
        updates
    }

    /// Takes new facts in and tells what that changed.
    fn step(&mut self, facts: Facts, change: Change<'_>) -> Option<Update> {
        let was_ended = self.row.status == ConversationStatus::Ended && self.version > 0;
        let reopens = was_ended && merge::reopens(&self.facts.participants, &facts.participants);
        let mut facts = facts;
        if reopens && facts.end == self.facts.end {
            facts.end = None;
        }
        let participants_changed = facts.participants != self.facts.participants;
        self.facts = facts;
        let mut derived = derive(&self.facts, self.registration.as_ref());
        if was_ended && !reopens {
            derived.stay_ended();
        }
        let cause = match (
            reopens && derived.status != ConversationStatus::Ended,
            change.cause,
        ) {
            (true, ChangeCause::GenesysEvent) => ChangeCause::Reopened,
            (_, cause) => cause,
        };
        let mut kinds = ChangeKinds::default();
        if participants_changed {
            kinds.insert(ChangeKind::Participants);
        }
        self.conclude(derived, kinds, Change { cause, ..change })
    }

    /// Derives the row anew from facts already taken in.
    fn settle(
        &mut self,
        cause: ChangeCause,
        kinds: ChangeKinds,
        change: Change<'_>,
    ) -> Vec<Update> {
        let mut derived = derive(&self.facts, self.registration.as_ref());
        if self.row.status == ConversationStatus::Ended && self.version > 0 {
            derived.stay_ended();
        }
        self.conclude(derived, kinds, Change { cause, ..change })
            .into_iter()
            .collect()
    }

    fn register(
        &mut self,
        said: &Registration,
        change: Change<'_>,
    ) -> Result<Vec<Update>, Refused> {
        let joined = match &self.registration {
            None => said.clone(),
            Some(earlier) => earlier
                .join(said)
                .map_err(|fields| Refused::Conflict { fields })?,
        };
        let mut kinds = ChangeKinds::default();
        if self.registration.as_ref() != Some(&joined) {
            kinds.insert(ChangeKind::Details);
        }
        if self.put_initial_context(&joined, change) {
            kinds.insert(ChangeKind::Context);
        }
        self.registration = Some(joined);
        let mut derived = derive(&self.facts, self.registration.as_ref());
        if self.row.status == ConversationStatus::Ended && self.version > 0 {
            derived.stay_ended();
        }
        derived.registered_at = self.row.registered_at.or(Some(change.received_at));
        let change = Change {
            cause: ChangeCause::Registered,
            ..change
        };
        Ok(self.conclude(derived, kinds, change).into_iter().collect())
    }

    fn put_initial_context(&mut self, registration: &Registration, change: Change<'_>) -> bool {
        let Some(context) = &registration.context else {
            return false;
        };
        let known = self
            .links
            .iter_mut()
            .find(|link| link.verb == ContextVerb::Initial && link.context == *context);
        if let Some(link) = known {
            let renamed =
                registration.context_name.is_some() && link.name != registration.context_name;
            if renamed {
                link.name.clone_from(&registration.context_name);
                link.last_at = change.received_at;
            }
            return renamed;
        }
        self.links.push(ContextLink {
            context: context.clone(),
            name: registration.context_name.clone(),
            verb: ContextVerb::Initial,
            description: None,
            created_by: change.actor.map(ToString::to_string),
            created_at: change.received_at,
            last_at: change.received_at,
        });
        true
    }

    fn link(&mut self, said: &ContextLink, change: Change<'_>) -> Vec<Update> {
        let known = self
            .links
            .iter_mut()
            .find(|link| link.context == said.context && link.verb == said.verb);
        match known {
            Some(link) => {
                link.name = said.name.clone().or_else(|| link.name.take());
                link.description = said.description.clone().or_else(|| link.description.take());
                link.last_at = said.last_at;
            }
            None => self.links.push(said.clone()),
        }
        self.relinked(change)
    }

    fn unlink(
        &mut self,
        context: &ContextRef,
        verb: ContextVerb,
        change: Change<'_>,
    ) -> Result<Vec<Update>, Refused> {
        let before = self.links.len();
        self.links
            .retain(|link| link.context != *context || link.verb != verb);
        if self.links.len() == before {
            return Err(Refused::NotFound);
        }
        Ok(self.relinked(change))
    }

    fn relinked(&mut self, change: Change<'_>) -> Vec<Update> {
        let derived = Derived::of_row(&self.row);
        let kinds = [ChangeKind::Context].into_iter().collect();
        let change = Change {
            cause: ChangeCause::Linked,
            ..change
        };
        self.conclude(derived, kinds, change).into_iter().collect()
    }

    /// The same failure once more is no change.
    fn fail(&mut self, work: Work, message: &str, change: Change<'_>) -> Vec<Update> {
        let known = self.row.failure.as_ref();
        if known.is_some_and(|known| known.work == work && known.message == message) {
            return Vec::new();
        }
        let mut derived = Derived::of_row(&self.row);
        derived.failure = Some(Failure {
            work,
            message: message.to_owned(),
            at: change.received_at,
        });
        self.conclude(derived, ChangeKinds::default(), change)
            .into_iter()
            .collect()
    }

    fn succeed(&mut self, work: Work, change: Change<'_>) -> Vec<Update> {
        if self
            .row
            .failure
            .as_ref()
            .is_none_or(|failure| failure.work != work)
        {
            return Vec::new();
        }
        let mut derived = Derived::of_row(&self.row);
        derived.failure = None;
        self.conclude(derived, ChangeKinds::default(), change)
            .into_iter()
            .collect()
    }

    /// Writes the derived values into the row and makes the update, if there is any difference.
    fn conclude(
        &mut self,
        derived: Derived,
        kinds: ChangeKinds,
        change: Change<'_>,
    ) -> Option<Update> {
        let known_before = self.version > 0;
        let occurred_at = if known_before {
            change.occurred_at.max(self.row.updated_at_or_since())
        } else {
            change.occurred_at
        };
        let mut after = self.row.clone();
        derived.write_into(&mut after, occurred_at, change.received_at, known_before);
        after.contexts = self.links.iter().map(|link| link.context.clone()).collect();
        after.contexts.sort();
        after.contexts.dedup();
        let kinds = kinds_between(known_before.then_some(&self.row), &after, kinds);
        if kinds.is_empty() {
            return None;
        }
        if kinds.contains(ChangeKind::Status) {
            after.status_number += 1;
            after.status_since = occurred_at;
        }
        after.updated_at = occurred_at;
        if !known_before {
            after.created_at = change.received_at;
        }
        let before =
            known_before.then(|| Arc::new(std::mem::replace(&mut self.row, after.clone())));
        self.row = after;
        self.version += 1;
        Some(Update {
            conversation_id: self.id,
            version: self.version,
            kinds,
            before,
            after: Arc::new(self.row.clone()),
            occurred_at,
            cause: change.cause,
            gap_before: change.gap_before,
            actor: change.actor.cloned(),
        })
    }
}

/// The marks of a notification's legs, counted along what a reading tells of them.
fn placed(facts: &Facts, told: &[Participant], known: &Facts) -> Option<Marks> {
    let mut marks = facts.marks.clone();
    for participant in &facts.participants {
        let Some(teller) = told.iter().find(|it| it.id == participant.id) else {
            continue;
        };
        for leg in &participant.legs {
            let same = |it: &&Leg| it.id == leg.id && it.medium == leg.medium;
            let Some(teller) = teller.legs.iter().find(same) else {
                continue;
            };
            let Some(count) = told_turns(teller).filter(|count| count.turns > 0) else {
                continue;
            };
            let before = known
                .participants
                .iter()
                .find(|it| it.id == participant.id)
                .and_then(|it| it.legs.iter().find(same))
                .map_or(0, |before| turns_of(before, &known.marks));
            let ended = phase_of(leg, participant) == Phase::Ended;
            let turns = place_of(leg, ended, teller, before)?;
            let newest = count.newest.filter(|_| turns > 0);
            marks.insert(leg.id.clone(), MarkCount { turns, newest });
        }
    }
    Some(marks)
}

/// Adds to `kinds` what differs between the two rows.
fn kinds_between(before: Option<&Row>, after: &Row, mut kinds: ChangeKinds) -> ChangeKinds {
    let blank;
    let before = if let Some(row) = before {
        row
    } else {
        kinds.insert(ChangeKind::Status);
        blank = Row::blank(after.created_at);
        &blank
    };
    if before.status != after.status {
        kinds.insert(ChangeKind::Status);
    }
    if before.last_queue_id != after.last_queue_id {
        kinds.insert(ChangeKind::Queue);
    }
    if let Some(owner) = &after.owner
        && before
            .owner
            .as_ref()
            .is_none_or(|known| !known.is_same(owner))
    {
        kinds.insert(ChangeKind::Owner);
    }
    if before.agents != after.agents || before.handled_by != after.handled_by {
        kinds.insert(ChangeKind::Participants);
    }
    if before.contexts != after.contexts {
        kinds.insert(ChangeKind::Context);
    }
    if before.failure != after.failure {
        kinds.insert(ChangeKind::Error);
    }
    if details_differ(before, after) {
        kinds.insert(ChangeKind::Details);
    }
    kinds
}

fn details_differ(before: &Row, after: &Row) -> bool {
    before.initiated_by != after.initiated_by
        || before.registered_at != after.registered_at
        || before.initial_screen_pop_target != after.initial_screen_pop_target
        || before.conversation_start != after.conversation_start
        || before.conversation_end != after.conversation_end
        || before.direction != after.direction
        || before.original_media_type != after.original_media_type
        || before.active_media_type != after.active_media_type
        || before.waiting_since != after.waiting_since
        || before.last_queue_name != after.last_queue_name
}

impl Row {
    /// The row of a conversation of which nothing is known.
    pub fn blank(now: Time) -> Self {
        Self {
            initiated_by: InitiatedBy::Genesys,
            registered_at: None,
            initial_screen_pop_target: None,
            conversation_start: None,
            conversation_end: None,
            direction: None,
            original_media_type: None,
            active_media_type: None,
            status: ConversationStatus::Created,
            status_since: now,
            waiting_since: None,
            last_queue_id: None,
            last_queue_name: None,
            owner: None,
            failure: None,
            status_number: 0,
            created_at: now,
            updated_at: now,
            agents: Vec::new(),
            handled_by: Vec::new(),
            contexts: Vec::new(),
        }
    }

    /// The moment of the latest change: no later change happened before it.
    fn updated_at_or_since(&self) -> Time {
        self.updated_at.max(self.status_since)
    }
}

#[cfg(test)]
#[path = "conversation/tests.rs"]
mod tests;
