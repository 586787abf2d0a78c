//! What Genesys shows of a conversation: snapshots, and what they tell of the time before.

use super::{Applied, Change, Conversation};
use crate::domain::derive::derive;
use crate::domain::event::{ConversationEvent, Fact, Refused};
use crate::domain::facts::{Facts, MarkCount, Marks};
use crate::domain::merge::{self, Merged};
use crate::domain::naming;
use crate::domain::order::is_older;
use crate::domain::phase::{Phase, decides, phase_of};
use crate::domain::row::ConversationStatus;
use crate::domain::snapshot::{Medium, Participant, Shape, Snapshot};
use crate::domain::time::Time;
use crate::domain::timeline::{self, Detail, Picture, leaps, moments};
use crate::domain::turns::{newest_turn, place_of, told_marks, told_turns, turns_of};
use crate::domain::update::{ChangeCause, ChangeKind, ChangeKinds, Update};

impl Conversation {
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
        let mut asked_at = None;
        if let Fact::Seen {
            snapshot: told,
            read_at,
            ..
        } = &reading.fact
            && told.shape == Shape::Whole
        {
            naming::learn(&mut self.facts, &told.participants);
            let seen_at = self.facts.last_seen_at;
            for event in waiting {
                if let Fact::Seen { snapshot, .. } = &event.fact
                    && !self.lacks_media(snapshot)
                {
                    updates.extend(self.see_through(snapshot, told, event.received_at));
                }
            }
            if read_at.is_some() {
                // Whenever they arrived, they are older than the reading.
                self.facts.last_seen_at = seen_at;
                asked_at = *read_at;
            }
        }
        let applied = self.apply(reading)?;
        updates.extend(applied.updates);
        // It was taken in, whether it was news or not.
        self.facts.last_seen_at = self.facts.last_seen_at.max(asked_at);
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

    pub(super) fn see(
        &mut self,
        snapshot: &Snapshot,
        read_at: Option<Time>,
        change: Change<'_>,
    ) -> Applied {
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
        let Merged::News { mut facts, .. } = merge::merge(&self.facts, snapshot, None, at) else {
            return Vec::new();
        };
        if let Shape::Medium(medium) = snapshot.shape {
            let then = merge::newest_news(&self.facts, &facts, at).unwrap_or(at);
            let known = self.with_other_media(medium, told, then);
            if let Merged::News { facts: joined, .. } = merge::merge(&known, snapshot, None, at) {
                facts = joined;
            }
        }
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

    /// What is known, with the media that a notification does not show as the reading tells that they stood
    /// then: of them the record may be behind.
    fn with_other_media(&self, medium: Medium, told: &Snapshot, then: Time) -> Facts {
        let known = Picture {
            participants: &self.facts.participants,
            marks: &self.facts.marks,
        };
        let marks = told_marks(&told.participants);
        let told = Picture {
            participants: &told.participants,
            marks: &marks,
        };
        let mut participants = timeline::as_at(known, told, then);
        participants.retain_mut(|participant| {
            let known = self.facts.participants.iter();
            let known = known
                .filter(|it| it.id == participant.id)
                .flat_map(|it| &it.legs);
            participant.legs.retain(|leg| leg.medium != medium);
            let own = known.filter(|leg| leg.medium == medium);
            participant.legs.extend(own.cloned());
            !participant.legs.is_empty()
        });
        Facts {
            participants,
            ..self.facts.clone()
        }
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
        // After-call work goes on behind an end, too, and that end may be taken back.
        let may_reopen = was_ended || self.facts.end.is_some();
        let reopens = may_reopen && merge::reopens(&self.facts.participants, &facts.participants);
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
            was_ended && reopens && derived.status != ConversationStatus::Ended,
            change.cause,
        ) {
            (true, _) => ChangeCause::Reopened,
            (false, cause) => cause,
        };
        let mut kinds = ChangeKinds::default();
        if participants_changed {
            kinds.insert(ChangeKind::Participants);
        }
        self.conclude(derived, kinds, Change { cause, ..change })
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
            let Some(teller) = teller.same_leg(leg) else {
                continue;
            };
            let Some(count) = told_turns(teller).filter(|count| count.turns > 0) else {
                continue;
            };
            let before = known
                .participants
                .iter()
                .find(|it| it.id == participant.id)
                .and_then(|it| it.same_leg(leg))
                .map_or(0, |before| turns_of(before, &known.marks));
            let ended = phase_of(leg, participant) == Phase::Ended;
            let turns = place_of(leg, ended, teller, before)?;
            let newest = count.newest.filter(|_| turns > 0);
            marks.insert(leg.id.clone(), MarkCount { turns, newest });
        }
    }
    Some(marks)
}
