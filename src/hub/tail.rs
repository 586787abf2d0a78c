//! The log's newest entries in memory, without a gap, up to the hub's head.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::quality::RandomState;

use crate::domain::filter::AnyOf;
use crate::domain::ids::ConversationId;
use crate::store::Committed;

pub(super) struct Tail {
    entries: VecDeque<Arc<Committed>>,
    /// Where each conversation's entries are. When thousands come back at once, each for its own few
    /// conversations, nobody looks through all the others' changes.
    by_conversation: HashMap<ConversationId, VecDeque<u64>, RandomState>,
    longest: usize,
}

/// Some entries, and the place up to which they are all that was looked for.
pub(super) type Found<'a> = (Vec<&'a Arc<Committed>>, u64);

impl Tail {
    pub(super) fn new(longest: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            by_conversation: HashMap::default(),
            longest: longest.max(1),
        }
    }

    /// Takes in the entry after the last; the oldest makes room.
    pub(super) fn push(&mut self, entry: Arc<Committed>) {
        if self.entries.len() == self.longest
            && let Some(oldest) = self.entries.pop_front()
        {
            self.forget(oldest.update().conversation_id);
        }
        let places = self
            .by_conversation
            .entry(entry.update().conversation_id)
            .or_default();
        places.push_back(entry.sequence());
        self.entries.push_back(entry);
    }

    /// The conversation's oldest entry is gone.
    fn forget(&mut self, id: ConversationId) {
        if let Entry::Occupied(mut places) = self.by_conversation.entry(id) {
            places.get_mut().pop_front();
            if places.get().is_empty() {
                places.remove();
            }
        }
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Arc<Committed>> {
        let first = self.entries.front()?.sequence();
        let place = usize::try_from(sequence.checked_sub(first)?).ok()?;
        self.entries.get(place)
    }

    /// The version to which the conversation's newest entry here led.
    pub(super) fn newest_version(&self, id: ConversationId) -> Option<u32> {
        let newest = self.by_conversation.get(&id)?.back()?;
        Some(self.get(*newest)?.update().version)
    }

    /// The entries after a place, at most `limit`, where the log ends at `head`; `None` when some of
    /// them are not in memory.
    pub(super) fn after(&self, sequence: u64, head: u64, limit: usize) -> Option<Found<'_>> {
        let missing = usize::try_from(head.saturating_sub(sequence)).ok()?;
        let skipped = self.entries.len().checked_sub(missing)?;
        let found = missing.min(limit);
        let last = sequence + found as u64;
        let entries = self.entries.range(skipped..skipped + found);
        Some((entries.collect(), last))
    }

    /// The same of these conversations only.
    pub(super) fn after_of(
        &self,
        conversations: &AnyOf<ConversationId>,
        sequence: u64,
        head: u64,
        limit: usize,
    ) -> Option<Found<'_>> {
        self.after(sequence, head, 0)?;
        let later = |places: &VecDeque<u64>| {
            let first = places.partition_point(|place| *place <= sequence);
            places.range(first..).copied().collect::<Vec<_>>()
        };
        let mut places: Vec<u64> = conversations
            .iter()
            .filter_map(|id| self.by_conversation.get(id))
            .flat_map(later)
            .collect();
        places.sort_unstable();
        let last = match places.get(limit..) {
            None | Some([]) => head.max(sequence),
            Some(_) => limit.checked_sub(1).map_or(sequence, |last| places[last]),
        };
        places.truncate(limit);
        let entries = places.into_iter().filter_map(|place| self.get(place));
        Some((entries.collect(), last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conversation::Conversation;
    use crate::domain::time::Time;
    use crate::domain::update::{ChangeCause, ChangeKinds, Update};

    fn id(number: u64) -> ConversationId {
        ConversationId::from_uuid(uuid::Uuid::from_u128(number.into()))
    }

    fn entry(sequence: u64, of: ConversationId) -> Arc<Committed> {
        let now = Time::from_millis(0);
        let update = Update {
            conversation_id: of,
            version: 1,
            kinds: ChangeKinds::default(),
            before: None,
            after: Arc::new(Conversation::unknown(of, now).row),
            occurred_at: now,
            cause: ChangeCause::GenesysEvent,
            gap_before: false,
            actor: None,
        };
        Arc::new(Committed::invented(sequence, update))
    }

    fn sequences((entries, last): Found<'_>) -> (Vec<u64>, u64) {
        let sequences = entries.iter().map(|entry| entry.sequence()).collect();
        (sequences, last)
    }

    const HEAD: u64 = 60;

    /// The last 20 of 60 entries of five conversations, which come in no even order.
    fn tail() -> Tail {
        let mut tail = Tail::new(20);
        for sequence in 1..=HEAD {
            tail.push(entry(sequence, id(sequence * sequence % 7)));
        }
        tail
    }

    #[test]
    fn entries_are_found_as_far_back_as_they_are_kept() {
        let tail = tail();
        assert!(tail.after(39, HEAD, 1).is_none());
        let found = tail.after(40, HEAD, 3).unwrap();
        assert_eq!(sequences(found), (vec![41, 42, 43], 43));
        assert_eq!(sequences(tail.after(60, HEAD, 3).unwrap()), (vec![], 60));
        assert_eq!(tail.get(41).unwrap().sequence(), 41);
        assert!(tail.get(40).is_none() && tail.get(61).is_none());
    }

    #[test]
    fn those_of_some_conversations_are_the_same_that_looking_at_all_would_find() {
        let tail = tail();
        let sets = [vec![], vec![0], vec![1, 3], vec![0, 1, 2, 4], vec![9]];
        for (after, wanted) in
            (38..=HEAD).flat_map(|after| sets.iter().map(move |set| (after, set)))
        {
            let ids: AnyOf<_> = wanted.iter().map(|number| id(*number)).collect();
            let all = tail.after(after, HEAD, usize::MAX);
            let mut expected = all.map(sequences);
            if let Some((sequences, _)) = &mut expected {
                sequences.retain(|sequence| wanted.contains(&(sequence * sequence % 7)));
            }
            let found = tail.after_of(&ids, after, HEAD, usize::MAX);
            assert_eq!(found.map(sequences), expected);
        }
    }

    #[test]
    fn where_the_limit_ends_a_step_the_next_goes_on() {
        let tail = tail();
        let ids: AnyOf<_> = [id(1), id(2)].into_iter().collect();
        let (all, _) = sequences(tail.after_of(&ids, 40, HEAD, usize::MAX).unwrap());
        let (mut seen, mut steps) = (40, Vec::new());
        while seen < HEAD {
            let (found, last) = sequences(tail.after_of(&ids, seen, HEAD, 2).unwrap());
            assert!(found.len() <= 2);
            steps.extend(found);
            seen = last;
        }
        assert_eq!(steps, all);
    }
}
