//! Which conversation is read next; pure but for the moments it is handed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::ids::ConversationId;
use crate::genesys::backoff::Backoff;

/// How a conversation is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Haste {
    /// What is still on its way may arrive first.
    Calm,
    /// Notifications wait for it.
    Now,
}

/// One that is to be read.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) haste: Haste,
    /// Since when it is wanted in this haste.
    pub(super) since: Instant,
    /// Readings that brought no answer.
    pub(super) failures: u32,
    backoff: Backoff,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the queue of its haste.
    Ready,
    WaitingUntil(Instant),
    /// With how it is wanted once more: the reading may have begun before what is doubted came.
    BeingRead(Option<Haste>),
}

/// Two queues, the urgent one first, and those that wait for their time.
pub(super) struct Line {
    calm_wait: Duration,
    backoff: Backoff,
    turns: BTreeMap<ConversationId, Turn>,
    urgent: VecDeque<ConversationId>,
    calm: VecDeque<ConversationId>,
    waiting: BTreeSet<(Instant, ConversationId)>,
}

impl Line {
    /// A calm one waits for `calm_wait` first, one that failed as `backoff` says.
    pub(super) const fn new(calm_wait: Duration, backoff: Backoff) -> Self {
        Self {
            calm_wait,
            backoff,
            turns: BTreeMap::new(),
            urgent: VecDeque::new(),
            calm: VecDeque::new(),
            waiting: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.turns.len()
    }

    pub(super) fn want(&mut self, id: ConversationId, haste: Haste, now: Instant) {
        match self.turns.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(Turn {
                    haste,
                    since: now,
                    failures: 0,
                    backoff: self.backoff.clone(),
                    place: Place::Ready,
                });
                match haste {
                    Haste::Now => self.urgent.push_back(id),
                    Haste::Calm => self.wait(id, now + self.calm_wait),
                }
            }
            Entry::Occupied(mut entry) => {
                let turn = entry.get_mut();
                if let Place::BeingRead(again) = &mut turn.place {
                    *again = (*again).max(Some(haste));
                } else if haste > turn.haste {
                    self.leave(id);
                    self.turns.remove(&id);
                    self.want(id, haste, now);
                }
            }
        }
    }

    /// The one to read now.
    pub(super) fn next(&mut self, now: Instant) -> Option<(ConversationId, Turn)> {
        while let Some((until, id)) = self.waiting.first().copied()
            && until <= now
        {
            self.waiting.pop_first();
            self.enqueue(id);
        }
        let next = self.urgent.pop_front();
        let id = next.or_else(|| self.calm.pop_front())?;
        let turn = self.turns.get_mut(&id)?;
        turn.place = Place::BeingRead(None);
        Some((id, turn.clone()))
    }

    /// When one of those that wait is to be read.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.waiting.first().map(|(until, _)| *until)
    }

    /// It was read, or given up.
    pub(super) fn done(&mut self, id: ConversationId, now: Instant) {
        let done = self.turns.remove(&id);
        if let Some(Place::BeingRead(Some(again))) = done.map(|turn| turn.place) {
            self.want(id, again, now);
        }
    }

    /// There was no answer; `asked`: so long Genesys asks to wait.
    pub(super) fn put_off(&mut self, id: ConversationId, asked: Option<Duration>, now: Instant) {
        let Some(turn) = self.turns.get_mut(&id) else {
            return;
        };
        if let Place::BeingRead(Some(again)) = turn.place
            && again > turn.haste
        {
            return self.done(id, now);
        }
        turn.failures += 1;
        let until = now + turn.backoff.next_wait(asked);
        self.wait(id, until);
    }

    fn wait(&mut self, id: ConversationId, until: Instant) {
        if let Some(turn) = self.turns.get_mut(&id) {
            turn.place = Place::WaitingUntil(until);
            self.waiting.insert((until, id));
        }
    }

    fn enqueue(&mut self, id: ConversationId) {
        if let Some(turn) = self.turns.get_mut(&id) {
            turn.place = Place::Ready;
            match turn.haste {
                Haste::Now => self.urgent.push_back(id),
                Haste::Calm => self.calm.push_back(id),
            }
        }
    }

    /// Takes it out of where it stands.
    fn leave(&mut self, id: ConversationId) {
        match self.turns.get(&id).map(|turn| turn.place) {
            Some(Place::WaitingUntil(until)) => {
                self.waiting.remove(&(until, id));
            }
            Some(Place::Ready) => {
                self.urgent.retain(|known| *known != id);
                self.calm.retain(|known| *known != id);
            }
            Some(Place::BeingRead(_)) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn id(number: u128) -> ConversationId {
        ConversationId::from_uuid(uuid::Uuid::from_u128(number))
    }

    /// A calm one waits for one second, one that failed for ten.
    fn line() -> (Line, Instant) {
        let tenth = SECOND * 10;
        let backoff = Backoff::new(tenth, tenth, tenth, || 1.0);
        (Line::new(SECOND, backoff), Instant::now())
    }

    /// Takes all that may be read now.
    fn taken(line: &mut Line, now: Instant) -> Vec<ConversationId> {
        std::iter::from_fn(|| line.next(now).map(|(id, _)| id)).collect()
    }

    #[test]
    fn urgent_ones_go_first_each_in_the_order_in_which_they_came() {
        let (mut line, start) = line();
        for number in [1, 2] {
            line.want(id(number), Haste::Calm, start);
        }
        for number in [3, 4, 5] {
            line.want(id(number), Haste::Now, start + SECOND);
        }
        let order = [3, 4, 5, 1, 2].map(id);
        assert_eq!(taken(&mut line, start + SECOND), order);
    }

    #[test]
    fn a_calm_one_waits_first_and_goes_at_once_when_it_becomes_urgent() {
        let (mut line, start) = line();
        line.want(id(1), Haste::Calm, start);
        line.want(id(2), Haste::Calm, start);
        assert_eq!(taken(&mut line, start), []);
        assert_eq!(line.next_wake(), Some(start + SECOND));
        line.want(id(2), Haste::Now, start);
        assert_eq!(taken(&mut line, start), [id(2)]);
        assert_eq!(taken(&mut line, start + SECOND), [id(1)]);
        assert_eq!(line.next_wake(), None);
    }

    #[test]
    fn one_that_is_wanted_while_it_is_read_is_read_once_more() {
        let (mut line, start) = line();
        line.want(id(1), Haste::Now, start);
        assert_eq!(taken(&mut line, start), [id(1)]);
        line.want(id(1), Haste::Now, start);
        line.want(id(1), Haste::Calm, start);
        assert_eq!(taken(&mut line, start), []);
        line.done(id(1), start);
        assert_eq!(taken(&mut line, start), [id(1)]);
        line.done(id(1), start);
        assert_eq!(line.len(), 0);
    }

    #[test]
    fn one_without_an_answer_waits_without_keeping_others_from_theirs() {
        let (mut line, start) = line();
        line.want(id(1), Haste::Now, start);
        assert_eq!(taken(&mut line, start), [id(1)]);
        line.put_off(id(1), None, start);
        line.want(id(2), Haste::Now, start);
        assert_eq!(taken(&mut line, start + SECOND), [id(2)]);
        let (next, turn) = line.next(start + SECOND * 10).expect("its time came");
        assert_eq!((next, turn.failures, turn.since), (id(1), 1, start));
    }

    #[test]
    fn a_calm_one_that_fails_while_notifications_come_to_wait_for_it_is_read_at_once() {
        let (mut line, start) = line();
        line.want(id(1), Haste::Calm, start);
        assert_eq!(taken(&mut line, start + SECOND), [id(1)]);
        line.want(id(1), Haste::Now, start + SECOND);
        line.put_off(id(1), None, start + SECOND);
        let (next, turn) = line.next(start + SECOND).expect("at once");
        assert_eq!((next, turn.haste, turn.failures), (id(1), Haste::Now, 0));
    }
}
