//! A conversation: what is known of it, and how an event changes that.
//!
//! [`Conversation::apply`] is the one place where a fact becomes an [`Update`]. The status is always
//! derived from the facts, never set by hand.

mod conclusion;
mod context;
mod sight;

use std::sync::Arc;

use super::derive::Derived;
use super::event::{ConversationEvent, Fact, Refused};
use super::facts::Facts;
use super::ids::ConversationId;
use super::merge;
use super::registration::{ContextLink, Registration};
use super::row::{ConversationStatus, Failure, Row, Work};
use super::settling;
use super::snapshot::{Snapshot, Source};
use super::time::Time;
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
    /// [`Refused`] when a registration contradicts an earlier one, a link to take away is not there, or
    /// there are too many; the conversation is as before.
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
                let mut applied = self.see(snapshot, *read_at, change);
                if is_reading(snapshot) {
                    applied.updates.extend(self.succeed(Work::Reading, change));
                }
                return Ok(applied);
            }
            Fact::Registered(registration) => self.register(registration, change)?,
            Fact::Linked(link) => self.link(link, change)?,
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
}

/// Whether Genesys was asked for this conversation, and answered: analytics' word on one that goes on
/// comes along with others', and is no answer for it.
fn is_reading(snapshot: &Snapshot) -> bool {
    match snapshot.source {
        Source::Rest => true,
        Source::Analytics => snapshot.end.is_some(),
        Source::Topic(_) => false,
    }
}

#[cfg(test)]
mod tests;
