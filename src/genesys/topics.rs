//! Names of the topics the gateway follows, and which notification channel follows which.

use std::collections::BTreeSet;

use crate::domain::ids::{QueueId, UserId};
use crate::domain::snapshot::{Medium, Shape};

/// Genesys takes no more topics on one channel (and closes the door with 400).
pub const TOPICS_PER_CHANNEL: usize = 1000;

/// Genesys lets one OAuth client have no more channels; a further one evicts the oldest.
pub const MOST_CHANNELS: usize = 20;

/// What one OAuth client can follow.
pub const MOST_TOPICS: usize = TOPICS_PER_CHANNEL * MOST_CHANNELS;

/// The topic of a queue, as Genesys lists it.
pub const QUEUE_TOPIC: &str = "v2.routing.queues.{id}.conversations";

/// Which topics of a queue or user are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TopicShape {
    /// One topic, which shows conversations whole.
    Conversations,
    /// One topic for each medium, which shows that medium only.
    Media,
}

/// The media that are followed one by one, by their words in topics.
const FOLLOWED_MEDIA: [&str; 5] = ["calls", "callbacks", "chats", "emails", "messages"];

/// The media that have a topic of that shape, or any word of theirs elsewhere.
const MEDIA: [(&str, Medium); 7] = [
    ("calls", Medium::Voice),
    ("callbacks", Medium::Callback),
    ("chats", Medium::Chat),
    ("emails", Medium::Email),
    ("messages", Medium::Message),
    ("cobrowsesessions", Medium::Cobrowse),
    ("screenshares", Medium::ScreenShare),
];

/// The topics that show every conversation while it touches the queue.
pub fn of_queue(queue: &QueueId, shape: TopicShape) -> Vec<String> {
    of(&format!("v2.routing.queues.{queue}.conversations"), shape)
}

/// The topics that show every conversation of the user.
pub fn of_user(user: &UserId, shape: TopicShape) -> Vec<String> {
    of(&format!("v2.users.{user}.conversations"), shape)
}

fn of(whole: &str, shape: TopicShape) -> Vec<String> {
    match shape {
        TopicShape::Conversations => vec![whole.to_owned()],
        TopicShape::Media => FOLLOWED_MEDIA
            .iter()
            .map(|medium| format!("{whole}.{medium}"))
            .collect(),
    }
}

/// How much of a conversation the topic's notifications show; `None` when none.
pub fn shape_of(topic: &str) -> Option<Shape> {
    let topic = topic.to_ascii_lowercase();
    let rest = topic
        .strip_prefix("v2.routing.queues.")
        .or_else(|| topic.strip_prefix("v2.users."))?;
    let (_, rest) = rest.split_once('.')?;
    match rest.strip_prefix("conversations")? {
        // The last two have the whole conversation, though their names are a medium's.
        "" | ".socialexpressions" | ".videos" => Some(Shape::Whole),
        medium => medium_of(medium.strip_prefix('.')?).map(Shape::Medium),
    }
}

/// The medium of such a word: `calls`, `emails`, ...
pub fn medium_of(word: &str) -> Option<Medium> {
    let known = MEDIA
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word));
    known.map(|(_, medium)| *medium)
}

/// The queues whose topics these are; `None` when one of them is another's, a user's say.
pub fn queues_of<'a>(topics: impl Iterator<Item = &'a String>) -> Option<BTreeSet<QueueId>> {
    topics.map(|topic| queue_of(topic)).collect()
}

/// The queues among what these topics are of.
pub fn all_queues<'a>(topics: impl Iterator<Item = &'a String>) -> BTreeSet<QueueId> {
    topics.filter_map(|topic| queue_of(topic)).collect()
}

fn queue_of(topic: &str) -> Option<QueueId> {
    let rest = topic.strip_prefix("v2.routing.queues.")?;
    rest.split('.').next().map(QueueId::from)
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
    fn a_topic_s_name_says_how_much_it_shows() {
        for (topic, expected) in [
            ("v2.routing.queues.6f1d.conversations", Some(Shape::Whole)),
            ("V2.Routing.Queues.6f1d.Conversations", Some(Shape::Whole)),
            ("v2.users.77aa.conversations", Some(Shape::Whole)),
            ("v2.users.77aa.conversations.videos", Some(Shape::Whole)),
            (
                "v2.routing.queues.6f1d.conversations.calls",
                Some(Shape::Medium(Medium::Voice)),
            ),
            (
                "v2.users.77aa.conversations.cobrowseSessions",
                Some(Shape::Medium(Medium::Cobrowse)),
            ),
            ("v2.users.77aa.conversations.summaries", None),
            ("v2.users.77aa.conversationsummary", None),
            ("v2.users.77aa.presence", None),
            ("v2.conversations.chats.12.messages", None),
            ("conversations", None),
            ("", None),
        ] {
            assert_eq!(shape_of(topic), expected, "{topic}");
        }
        let queue = QueueId::from("q");
        for shape in [TopicShape::Conversations, TopicShape::Media] {
            for topic in of_queue(&queue, shape) {
                assert!(shape_of(&topic).is_some(), "{topic}");
                let queues = queues_of(std::iter::once(&topic)).expect("of a queue");
                assert!(queues.contains(&queue), "{topic}");
            }
        }
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
