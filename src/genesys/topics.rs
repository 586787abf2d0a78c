//! Names of the topics the gateway follows, and which notification channel follows which.

use std::collections::BTreeSet;

use crate::domain::ids::QueueId;

/// Genesys takes no more topics on one channel (and closes the door with 400).
pub const TOPICS_PER_CHANNEL: usize = 1000;

/// Genesys lets one OAuth client have no more channels; a further one evicts the oldest.
pub const MOST_CHANNELS: usize = 20;

/// The topic that shows every conversation while it touches the queue.
pub fn of_queue(queue: &QueueId) -> String {
    format!("v2.routing.queues.{queue}.conversations")
}

/// Whether the topic's notifications are snapshots of all participants and media.
pub fn shows_whole_conversations(topic: &str) -> bool {
    let parts = topic.split('.').collect::<Vec<_>>();
    let is = |index: usize, word: &str| {
        parts
            .get(index)
            .is_some_and(|part| part.eq_ignore_ascii_case(word))
    };
    let of_a_queue = parts.len() == 5 && is(1, "routing") && is(2, "queues");
    let of_a_user = parts.len() == 4 && is(1, "users");
    is(0, "v2") && (of_a_queue || of_a_user) && is(parts.len() - 1, "conversations")
}

/// The queues whose topics these are; `None` when one of them is another's, a user's say.
pub fn queues_of<'a>(topics: impl Iterator<Item = &'a String>) -> Option<BTreeSet<QueueId>> {
    topics
        .map(|topic| {
            let queue = topic
                .strip_prefix("v2.routing.queues.")?
                .split('.')
                .next()?;
            Some(QueueId::from(queue))
        })
        .collect()
}

/// Spreads the wanted topics over channels. A topic stays on the channel it is on, so that a new
/// queue disturbs no other. Gives back the topics for which no channel is left.
pub fn spread(
    channels: &mut Vec<BTreeSet<String>>,
    wanted: &BTreeSet<String>,
    per_channel: usize,
) -> Vec<String> {
    for channel in channels.iter_mut() {
        channel.retain(|topic| wanted.contains(topic));
    }
    if channels.is_empty() {
        channels.push(BTreeSet::new());
    }
    let placed = channels.iter().flatten().cloned().collect::<BTreeSet<_>>();
    let mut left_over = Vec::new();
    for topic in wanted.difference(&placed) {
        let with_room = channels
            .iter()
            .position(|channel| channel.len() < per_channel);
        let index = match with_room {
            Some(index) => index,
            None if channels.len() < MOST_CHANNELS => {
                channels.push(BTreeSet::new());
                channels.len() - 1
            }
            None => {
                left_over.push(topic.clone());
                continue;
            }
        };
        channels[index].insert(topic.clone());
    }
    left_over
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(range: std::ops::Range<usize>) -> BTreeSet<String> {
        range.map(|n| format!("t{n:05}")).collect()
    }

    #[test]
    fn only_topics_with_the_whole_conversation_count() {
        for (topic, expected) in [
            ("v2.routing.queues.6f1d.conversations", true),
            ("V2.Routing.Queues.6f1d.Conversations", true),
            ("v2.users.77aa.conversations", true),
            ("v2.routing.queues.6f1d.conversations.calls", false),
            ("v2.users.77aa.presence", false),
            ("v2.conversations.chats.12.messages", false),
            ("conversations", false),
            ("", false),
        ] {
            assert_eq!(shows_whole_conversations(topic), expected, "{topic}");
        }
        assert!(shows_whole_conversations(&of_queue(&QueueId::from("q"))));
    }

    #[test]
    fn topics_fill_one_channel_after_the_other_and_stay_where_they_are() {
        let mut channels = Vec::new();
        assert_eq!(
            spread(&mut channels, &topics(0..25), 10),
            Vec::<String>::new()
        );
        assert_eq!(
            channels.iter().map(BTreeSet::len).collect::<Vec<_>>(),
            [10, 10, 5]
        );

        let before = channels.clone();
        let mut wanted = topics(0..27);
        wanted.remove("t00003");
        spread(&mut channels, &wanted, 10);
        assert_eq!(
            channels.iter().map(BTreeSet::len).collect::<Vec<_>>(),
            [10, 10, 6]
        );
        assert_eq!(channels[1], before[1]);
        assert_eq!(
            channels.iter().flatten().cloned().collect::<BTreeSet<_>>(),
            wanted
        );
    }

    #[test]
    fn without_queues_there_is_still_one_channel_that_shows_whether_genesys_answers() {
        let mut channels = Vec::new();
        spread(&mut channels, &BTreeSet::new(), 10);
        assert_eq!(channels, [BTreeSet::new()]);
    }

    #[test]
    fn topics_beyond_the_last_channel_are_given_back() {
        let mut channels = Vec::new();
        let left_over = spread(&mut channels, &topics(0..43), 2);
        assert_eq!(channels.len(), MOST_CHANNELS);
        assert_eq!(left_over, ["t00040", "t00041", "t00042"]);
    }
}
