//! One notification socket's life: open, ping, read, and the reason why it ended.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config, tungstenite};

use super::wire::{self, Signal};
use crate::clock::Clock;
use crate::domain::ids::ConversationId;
use crate::domain::snapshot::{LegState, Snapshot};
use crate::domain::time::Time;
use crate::ingest::Shown;

/// The longest message that is read.
const LONGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// Genesys answers it with a pong in a text frame.
const PING: &str = r#"{"message":"ping"}"#;

/// What came over a channel's sockets, in order.
#[derive(Debug)]
pub enum Received {
    /// A frame about a conversation, as it came.
    Frame { frame: wire::Frame, at: Time },
    /// A frame that is no JSON, with the conversation that it seems to be about.
    Unreadable {
        named: Option<ConversationId>,
        at: Time,
    },
    /// A new socket: what was sent since `since` may be lost.
    Reopened,
    /// All topics are subscribed on a socket that answers; since `since` something may be lost.
    Seeing { since: Option<Time>, at: Time },
    /// Further topics are subscribed, which show these queues; they were not before `since`.
    Added { shown: Shown, since: Time, at: Time },
}

/// How a socket is read.
#[derive(Clone)]
pub struct Reading {
    pub ping_interval: Duration,
    pub lost_after: Duration,
    /// For opening it.
    pub patience: Duration,
    pub clock: Arc<dyn Clock>,
}

/// Why a socket is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    #[error("the socket was closed")]
    Closed,
    #[error("nothing came for too long")]
    Silent,
    #[error("Genesys is about to close the socket")]
    ClosingNotice,
    #[error("the channel is gone")]
    ChannelGone,
    #[error("the token was revoked")]
    TokenRevoked,
    #[error("another socket took over the channel")]
    Kicked,
    #[error("notifications come faster than they can be written")]
    Backlogged,
    #[error("a frame was longer than 16 MiB")]
    Oversized,
}

/// Why a socket could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("the socket was refused with {0}")]
    Refused(u16),
    #[error("the socket cannot be opened")]
    Unreachable,
    #[error("opening the socket took too long")]
    TimedOut,
}

/// An open socket.
pub struct Channel {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    reading: Reading,
}

impl Channel {
    /// Connects to a `ws` or `wss` address of any host. The address is the secret: no token is sent.
    pub async fn open(uri: &str, reading: Reading) -> Result<Self, OpenError> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(LONGEST_MESSAGE))
            .max_frame_size(Some(LONGEST_MESSAGE));
        let opened = timeout(
            reading.patience,
            connect_async_with_config(uri, Some(config), true),
        )
        .await
        .map_err(|_| OpenError::TimedOut)?;
        match opened {
            Ok((socket, _)) => Ok(Self { socket, reading }),
            Err(tungstenite::Error::Http(answer)) => {
                Err(OpenError::Refused(answer.status().as_u16()))
            }
            Err(_) => Err(OpenError::Unreachable),
        }
    }

    /// Reads until the socket is over. Inputs of the loop: frames, the time to ping, and the time at
    /// which silence means loss. `heard` tells when the latest frame came, whatever it was; a frame
    /// that finds `received` full ends the socket, so that pongs are never late for want of room.
    pub async fn read(
        &mut self,
        received: &mpsc::Sender<Received>,
        heard: &watch::Sender<Option<Time>>,
    ) -> Ended {
        let mut ping = interval(self.reading.ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lost_at = Instant::now() + self.reading.lost_after;
        loop {
            let message = tokio::select! {
                message = self.socket.next() => message,
                _ = ping.tick() => {
                    let sent = timeout(self.reading.lost_after, self.socket.send(Message::text(PING)));
                    match sent.await {
                        Ok(Ok(())) => continue,
                        Ok(Err(_)) => return Ended::Closed,
                        Err(_) => return Ended::Silent,
                    }
                }
                () = sleep_until(lost_at) => return Ended::Silent,
            };
            let text = match message {
                Some(Err(tungstenite::Error::Capacity(_))) => {
                    skipped("oversized");
                    return Ended::Oversized;
                }
                None | Some(Err(_) | Ok(Message::Close(_))) => return Ended::Closed,
                Some(Ok(Message::Text(text))) => Some(text),
                // Genesys sends text only: what this was to say is lost.
                Some(Ok(Message::Binary(_))) => Some(tungstenite::Utf8Bytes::default()),
                Some(Ok(_)) => None,
            };
            let at = self.reading.clock.now();
            lost_at = Instant::now() + self.reading.lost_after;
            heard.send_replace(Some(at));
            if let Some(ended) = text.and_then(|text| take(&text, at, received)) {
                return ended;
            }
        }
    }

    /// Reads what is still to come on a socket that another one has replaced, until it is closed
    /// or the time is over.
    pub async fn drain(mut self, received: &mpsc::Sender<Received>, longest: Duration) {
        let (heard, _) = watch::channel(None);
        let drained = async {
            loop {
                match self.read(received, &heard).await {
                    Ended::ClosingNotice | Ended::Kicked => {}
                    _ => return,
                }
            }
        };
        let _ = timeout(longest, drained).await;
    }
}

/// Puts a frame where it belongs; says when it ends the socket.
fn take(text: &str, at: Time, received: &mpsc::Sender<Received>) -> Option<Ended> {
    let Ok(frame) = serde_json::from_str::<wire::Frame>(text) else {
        skipped("unreadable");
        let named = named_in(text);
        return hand_over(Received::Unreadable { named, at }, received);
    };
    match frame.signal() {
        None => hand_over(Received::Frame { frame, at }, received),
        Some(Signal::SocketClosing) => Some(Ended::ClosingNotice),
        Some(Signal::NoLongerSubscribed) => Some(Ended::Kicked),
        Some(Signal::TokenRevoked) => Some(Ended::TokenRevoked),
        Some(Signal::ChannelGone) => Some(Ended::ChannelGone),
        Some(Signal::Heartbeat | Signal::Pong | Signal::SubscriptionChanged | Signal::Other) => {
            None
        }
    }
}

fn hand_over(it: Received, received: &mpsc::Sender<Received>) -> Option<Ended> {
    match received.try_send(it) {
        Ok(()) => None,
        Err(mpsc::error::TrySendError::Full(_)) => Some(Ended::Backlogged),
        Err(mpsc::error::TrySendError::Closed(_)) => Some(Ended::Closed),
    }
}

/// The conversation that a broken frame of a notification is about: its body begins with the id.
fn named_in(text: &str) -> Option<ConversationId> {
    let (_, body) = text.split_once(r#""eventBody":{"id":""#)?;
    body.get(..36)?.parse().ok()
}

/// Counts a frame that could not be used and says so, without its content.
pub(super) fn skipped(reason: &'static str) {
    metrics::counter!("gateway_genesys_frames_skipped_total", "reason" => reason).increment(1);
    tracing::warn!(reason, "a notification was skipped");
}

/// Counts states of legs that the gateway has no meaning for: such a leg decides nothing while it
/// is open.
pub(super) fn count_unknown_words(snapshot: &Snapshot) {
    let legs = snapshot.participants.iter().flat_map(|it| &it.legs);
    let unknown = legs
        .filter(|leg| leg.state == LegState::Unrecognised)
        .count();
    if unknown > 0 {
        let unknown = u64::try_from(unknown).unwrap_or(u64::MAX);
        metrics::counter!("gateway_genesys_unknown_words_total").increment(unknown);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use serde_json::json;
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;
    use crate::genesys::fake::{Answer, Fake, clock};

    /// Serves one socket: sends `frames`, then closes it or stays silent.
    async fn serve(frames: Vec<String>, then_close: bool) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            for frame in frames {
                socket.send(Message::text(frame)).await.unwrap();
            }
            if then_close {
                let _ = socket.close(None).await;
            }
            std::future::pending::<()>().await;
        });
        (address, server)
    }

    fn reading() -> Reading {
        Reading {
            ping_interval: Duration::from_millis(20),
            lost_after: Duration::from_millis(200),
            patience: Duration::from_secs(5),
            clock: clock(),
        }
    }

    async fn end_of(frames: Vec<String>, then_close: bool, room: usize) -> (Ended, bool) {
        let (address, _server) = serve(frames, then_close).await;
        let mut channel = Channel::open(&format!("ws://{address}/x"), reading())
            .await
            .unwrap();
        let (received_tx, _received) = mpsc::channel(room);
        let (heard, _) = watch::channel(None);
        let read = channel.read(&received_tx, &heard);
        let ended = timeout(Duration::from_secs(10), read)
            .await
            .expect("in time");
        let was_heard = heard.borrow().is_some();
        (ended, was_heard)
    }

    fn system(topic: &str, kind: &str) -> String {
        json!({ "topicName": topic, "eventBody": { "systemTopicType": kind } }).to_string()
    }

    #[tokio::test]
    async fn the_reason_of_the_end_is_told() {
        let notification = || json!({ "topicName": "v2.x", "eventBody": {} }).to_string();
        for (frames, then_close, expected) in [
            (vec![], true, Ended::Closed),
            (vec![], false, Ended::Silent),
            (vec![notification(), "{".to_owned()], false, Ended::Silent),
            (
                vec![system("v2.system.socket_closing", "")],
                false,
                Ended::ClosingNotice,
            ),
            (
                vec![r#"{"result":"404"}"#.to_owned()],
                false,
                Ended::ChannelGone,
            ),
            (
                vec![system("v2.system.a.b", "token_revoked")],
                false,
                Ended::TokenRevoked,
            ),
            (
                vec![system("v2.system.a.b", "no_longer_subscribed")],
                false,
                Ended::Kicked,
            ),
            (
                vec![notification(), notification(), notification()],
                false,
                Ended::Backlogged,
            ),
        ] {
            let anything = !frames.is_empty();
            assert_eq!(end_of(frames, then_close, 2).await, (expected, anything));
        }
    }

    #[tokio::test]
    async fn pings_keep_a_socket_without_traffic_alive() {
        // It sends nothing but answers to pings.
        let fake = Fake::start(|_| Answer::json(404, &json!({}))).await;
        let uri = format!("ws://{}/socket/x", fake.address);
        let mut channel = Channel::open(&uri, reading()).await.unwrap();
        let (received_tx, _received) = mpsc::channel(1);
        let (heard, _) = watch::channel(None);
        let read = channel.read(&received_tx, &heard);
        let ended = timeout(reading().lost_after * 3, read).await;
        assert!(ended.is_err(), "{ended:?}");
    }

    #[tokio::test]
    async fn a_refused_handshake_tells_its_status() {
        let fake = Fake::start(|_| Answer::json(401, &json!({}))).await;
        let uri = format!("ws://{}/channels/gone", fake.address);
        let refused = Channel::open(&uri, reading()).await.err();
        assert_eq!(refused, Some(OpenError::Refused(401)));
        let nowhere = Channel::open("ws://127.0.0.1:1/", reading()).await.err();
        assert_eq!(nowhere, Some(OpenError::Unreachable));
    }
}
