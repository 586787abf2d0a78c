//! Notification channels: who subscribed to what, and the one socket that each may have.
//!
//! Knows nothing of conversations: it is handed finished frames per topic.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::clock::Stamp;
use super::socket::{Frame, Outgoing};

const MAX_CHANNELS: usize = 20;
pub(crate) const MAX_TOPICS: usize = 1_000;
/// Frames that may wait for one socket. A socket that falls behind further is dropped, as a peer that does not read would be.
const MAX_WAITING: usize = 16_384;

pub(crate) struct Channels {
    lifetime: Duration,
    next_socket: AtomicU64,
    open: Mutex<HashMap<String, Channel>>,
}

struct Channel {
    token: String,
    expires: Stamp,
    last_used: Stamp,
    /// As subscribed, combined ones whole.
    topics: Vec<String>,
    /// Individual and lower-cased: topic names are compared without regard to case.
    heard: HashSet<String>,
    socket: Option<Line>,
}

/// The sending side of a socket.
#[derive(Clone)]
pub(crate) struct Line {
    number: u64,
    frames: mpsc::Sender<Outgoing>,
    /// Cuts the connection without a word.
    cut: CancellationToken,
}

/// The receiving side, for the socket's own task.
pub(crate) struct Attached {
    pub(crate) number: u64,
    pub(crate) frames: mpsc::Receiver<Outgoing>,
    pub(crate) cut: CancellationToken,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChannelInfo {
    pub(crate) id: String,
    pub(crate) expires: Stamp,
}

impl Channels {
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            next_socket: AtomicU64::new(1),
            open: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Channel>> {
        self.open.lock().expect("no panic while held")
    }

    /// The 21st creation evicts the channel used longest ago, those without a socket first.
    pub(crate) fn create(&self, token: &str, now: Stamp) -> ChannelInfo {
        let mut open = self.lock();
        if open.len() >= MAX_CHANNELS {
            let oldest = open
                .iter()
                .min_by_key(|(_, channel)| (channel.socket.is_some(), channel.last_used))
                .map(|(id, _)| id.clone());
            if let Some(line) = oldest
                .and_then(|id| open.remove(&id))
                .and_then(|channel| channel.socket)
            {
                line.close(1008, "channel replaced");
            }
        }
        let id = format!("streaming-0-{}", &base32(Uuid::new_v4())[..26]);
        let expires = now.plus(self.lifetime);
        let channel = Channel {
            token: token.to_owned(),
            expires,
            last_used: now,
            topics: Vec::new(),
            heard: HashSet::new(),
            socket: None,
        };
        open.insert(id.clone(), channel);
        ChannelInfo { id, expires }
    }

    /// Channels of one token, or of every token of the client.
    pub(crate) fn list(&self, token: Option<&str>) -> Vec<ChannelInfo> {
        let open = self.lock();
        let listed = open
            .iter()
            .filter(|(_, channel)| token.is_none_or(|token| token == channel.token));
        listed
            .map(|(id, channel)| ChannelInfo {
                id: id.clone(),
                expires: channel.expires,
            })
            .collect()
    }

    pub(crate) fn exists(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    pub(crate) fn topics(&self, id: &str) -> Option<Vec<String>> {
        self.lock().get(id).map(|channel| channel.topics.clone())
    }

    /// Adds topics, or puts them in place of the old ones; either prolongs the channel's life. `None`: no such channel;
    /// `Some(false)`: there would be too many, and nothing changed.
    pub(crate) fn subscribe(
        &self,
        id: &str,
        topics: &[String],
        replace: bool,
        now: Stamp,
    ) -> Option<bool> {
        let mut open = self.lock();
        let channel = open.get_mut(id)?;
        let mut all = if replace {
            Vec::new()
        } else {
            channel.topics.clone()
        };
        let mut known: HashSet<String> = all.iter().cloned().collect();
        all.extend(
            topics
                .iter()
                .filter(|topic| known.insert((*topic).clone()))
                .cloned(),
        );
        if all.len() > MAX_TOPICS {
            return Some(false);
        }
        channel.heard = all
            .iter()
            .flat_map(|topic| super::topics::expand(topic))
            .map(|topic| topic.to_lowercase())
            .collect();
        channel.topics = all;
        channel.expires = now.plus(self.lifetime);
        channel.last_used = now;
        Some(true)
    }

    /// Gives the channel a socket; one that it had already is closed.
    pub(crate) fn attach(&self, id: &str, now: Stamp) -> Option<Attached> {
        let mut open = self.lock();
        let channel = open.get_mut(id)?;
        channel.last_used = now;
        let number = self.next_socket.fetch_add(1, Ordering::Relaxed);
        let (sender, frames) = mpsc::channel(MAX_WAITING);
        let cut = CancellationToken::new();
        if let Some(first) = channel.socket.replace(Line {
            number,
            frames: sender,
            cut: cut.clone(),
        }) {
            first.close(1008, "another connection was opened for this channel");
        }
        Some(Attached {
            number,
            frames,
            cut,
        })
    }

    /// The socket is gone; nothing happens if the channel has a newer one.
    pub(crate) fn detach(&self, id: &str, number: u64) {
        if let Some(channel) = self.lock().get_mut(id) {
            channel.socket.take_if(|line| line.number == number);
        }
    }

    /// Is anybody there to hear the topic?
    pub(crate) fn listeners(&self, topic: &str) -> Vec<Line> {
        let topic = topic.to_lowercase();
        self.lock()
            .values()
            .filter(|channel| channel.heard.contains(&topic))
            .filter_map(|channel| channel.socket.clone())
            .collect()
    }

    pub(crate) fn sockets(&self) -> Vec<(String, Line)> {
        self.lock()
            .iter()
            .filter_map(|(id, channel)| Some((id.clone(), channel.socket.clone()?)))
            .collect()
    }

    pub(crate) fn drop_sockets(&self) {
        for (_, line) in self.sockets() {
            line.cut.cancel();
        }
    }

    /// Ends channels whose time is over; all of them with `every`.
    pub(crate) fn expire(&self, now: Stamp, every: bool) {
        self.lock().retain(|_, channel| {
            let stays = !every && channel.expires > now;
            if let Some(line) = channel.socket.as_ref().filter(|_| !stays) {
                line.close(1008, "channel expired");
            }
            stays
        });
    }
}

impl Line {
    /// Hands a frame to the socket; a socket that is hopelessly behind is dropped.
    pub(crate) fn send(&self, frame: Frame) {
        if self.frames.try_send(Outgoing::Frame(frame)).is_err() {
            self.cut.cancel();
        }
    }

    pub(crate) fn say(&self, text: &Arc<str>) {
        let _ = self
            .frames
            .try_send(Outgoing::Text(Utf8Bytes::from(text.as_ref())));
    }

    /// Closes after what waits has been sent.
    pub(crate) fn close(&self, code: u16, reason: &'static str) {
        if self.frames.try_send(Outgoing::Close(code, reason)).is_err() {
            self.cut.cancel();
        }
    }
}

fn base32(id: Uuid) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuv0123456789";
    let bits = id.as_u128();
    (0..26)
        .map(|place| char::from(DIGITS[usize::try_from((bits >> (5 * place)) & 31).unwrap_or(0)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Stamp = Stamp::from_millis(1_000);

    #[test]
    fn the_twenty_first_channel_evicts_the_oldest_without_a_socket() {
        let channels = Channels::new(Duration::from_mins(1));
        let created: Vec<_> = (0..20)
            .map(|n| channels.create("token", NOW.plus_millis(n)).id)
            .collect();
        let _socket = channels
            .attach(&created[0], NOW)
            .expect("the channel exists");
        channels.create("token", NOW.plus_millis(30));
        assert!(channels.exists(&created[0]));
        assert!(!channels.exists(&created[1]));
        assert_eq!(channels.list(Some("token")).len(), 20);
        assert_eq!(channels.list(Some("other")).len(), 0);
    }

    #[test]
    fn a_thousand_topics_fit_and_subscribing_prolongs_the_life() {
        let channels = Channels::new(Duration::from_mins(1));
        let id = channels.create("token", NOW).id;
        let topics: Vec<String> = (0..1_000)
            .map(|n| format!("v2.users.{n}.presence"))
            .collect();
        assert_eq!(
            channels.subscribe(&id, &topics, false, NOW.plus_millis(50_000)),
            Some(true)
        );
        assert_eq!(
            channels.subscribe(&id, &topics[..10], false, NOW),
            Some(true),
            "the same topics count once"
        );
        assert_eq!(
            channels.subscribe(&id, &["v2.users.x.presence".to_owned()], false, NOW),
            Some(false)
        );
        assert_eq!(
            channels.subscribe(&id, &topics[..1], true, NOW.plus_millis(50_000)),
            Some(true)
        );
        channels.expire(NOW.plus_millis(100_000), false);
        assert!(channels.exists(&id));
        channels.expire(NOW.plus_millis(110_000), false);
        assert!(!channels.exists(&id));
        assert_eq!(channels.subscribe(&id, &topics, false, NOW), None);
    }

    #[test]
    fn a_second_socket_takes_the_place_of_the_first_and_outlives_its_leaving() {
        let channels = Channels::new(Duration::from_mins(1));
        let id = channels.create("token", NOW).id;
        channels.subscribe(&id, &["v2.users.X?presence&tokens".to_owned()], true, NOW);
        let mut first = channels.attach(&id, NOW).expect("the channel exists");
        let second = channels.attach(&id, NOW).expect("the channel exists");
        assert!(matches!(
            first.frames.try_recv(),
            Ok(Outgoing::Close(1008, _))
        ));
        channels.detach(&id, first.number);
        assert_eq!(channels.listeners("v2.users.x.presence").len(), 1);
        channels.detach(&id, second.number);
        assert_eq!(channels.listeners("v2.users.x.presence").len(), 0);
    }
}
