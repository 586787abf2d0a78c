//! One notification channel and its topics, kept alive over however many sockets it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::channel::{self, Channel, Ended, OpenError, Reading, Received};
use super::client::{ApiError, GenesysClient};
use super::decode::{self, Decoded, Terms};
use super::feed_board::FeedBoard;
use super::repair::Order;
use super::sink::Sink;
use super::{topics, wire};
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::feed::RefusedTopic;
use crate::domain::ids::{ConversationId, QueueId};
use crate::domain::time::Time;
use crate::domain::update::ChangeCause;
use crate::ingest::{SendRefused, Shown, Sight};

/// The topics one channel is to have.
pub type Topics = Arc<BTreeSet<String>>;

/// What a link needs of the listener's settings.
#[derive(Clone)]
pub struct LinkSettings {
    pub reading: Reading,
    pub frame_queue: usize,
    pub resubscribe: Duration,
    pub backoff: Backoff,
    /// A socket that lasted this long was a good one: the waits begin anew.
    pub good_after: Duration,
}

pub struct Link<S> {
    pub index: usize,
    pub client: GenesysClient,
    pub sink: S,
    pub board: FeedBoard,
    pub settings: LinkSettings,
    pub topics: watch::Receiver<Topics>,
    pub repair: mpsc::UnboundedSender<Order>,
}

/// Why there is no socket that answers with all topics.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Socket(#[from] Ended),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// Which topics Genesys gave and which it refused.
type Settled = BTreeMap<String, Option<RefusedTopic>>;

impl<S: Sink> Link<S> {
    /// Never ends by itself, but for a write path that is closed.
    pub async fn run(self) -> Result<(), SendRefused> {
        let (received_tx, received_rx) = mpsc::channel(self.settings.frame_queue.max(1));
        let apply = Applying {
            channel: self.index,
            client: self.client.clone(),
            sink: self.sink.clone(),
            board: self.board.clone(),
            topics: self.topics.clone(),
            repair: self.repair.clone(),
        }
        .run(received_rx);
        tokio::select! {
            () = self.stay_connected(received_tx) => Ok(()),
            closed = apply => closed,
        }
    }

    async fn stay_connected(mut self, received: mpsc::Sender<Received>) {
        let mut channel = None;
        let mut old = None;
        let mut since = None;
        let mut backoff = self.settings.backoff.clone();
        let clock = Arc::clone(&self.settings.reading.clock);
        loop {
            let begun = Instant::now();
            let begun_at = clock.now();
            let (heard, _) = watch::channel(None);
            let mut sees = false;
            let session = self.session(&mut channel, &mut old, since, &received, &heard, &mut sees);
            let broken = match session.await {
                Ok(ended) => Broken::Socket(ended),
                Err(broken) => broken,
            };
            let last_heard: Option<Time> = *heard.borrow();
            // A socket that answered without all topics has not made up for anything.
            if sees {
                since = last_heard.or(since);
            }
            self.board
                .down(clock.now(), self.index, last_heard.unwrap_or(begun_at));
            if last_heard.is_some() && begun.elapsed() >= self.settings.good_after {
                backoff.reset();
            }
            let wait = backoff.next_wait(broken.retry_after());
            tracing::warn!(
                channel.index = self.index,
                reason = %broken,
                retry_in_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "the notification channel is down"
            );
            metrics::counter!("gateway_genesys_channel_losses_total", "reason" => broken.word())
                .increment(1);
            if broken.is_token() {
                self.client.forget_token().await;
            }
            if broken.costs_the_channel() {
                channel = None;
            }
            let announced = matches!(broken, Broken::Socket(Ended::ClosingNotice));
            if !(announced && begun.elapsed() >= self.settings.good_after) {
                sleep(wait).await;
            }
        }
    }

    /// One socket: the channel it belongs to, then reading and subscribing side by side.
    async fn session(
        &mut self,
        channel: &mut Option<wire::Channel>,
        old: &mut Option<Channel>,
        since: Option<Time>,
        received: &mpsc::Sender<Received>,
        heard: &watch::Sender<Option<Time>>,
        sees: &mut bool,
    ) -> Result<Ended, Broken> {
        let known = match channel.take() {
            // Announced: the channel stays, and there is no time to lose.
            Some(known) if old.is_some() => Some(known),
            Some(known) => {
                let exists = self.client.channel_exists(&known.id).await;
                // An error says nothing about the channel: it stays for the next attempt.
                if !matches!(exists, Ok(false)) {
                    *channel = Some(known.clone());
                }
                exists?.then_some(known)
            }
            None => None,
        };
        let current = match known {
            Some(known) => known,
            None => self.client.create_channel().await?,
        };
        *channel = Some(current.clone());
        let replaced = old.take();
        let opened = Channel::open(&current.connect_uri, self.settings.reading.clone()).await;
        if let Some(replaced) = replaced {
            // The new socket ends the old one; until then both may say the same.
            replaced
                .drain(received, self.settings.reading.lost_after)
                .await;
        }
        let mut socket = opened?;
        let _ = received.send(Received::Reopened).await;
        let heard_rx = heard.subscribe();
        let ended = tokio::select! {
            ended = socket.read(received, heard) => ended,
            Err(error) = self.keep_subscribed(&current.id, since, received, heard_rx, sees) => return Err(error.into()),
        };
        if ended == Ended::ClosingNotice {
            *old = Some(socket);
        }
        Ok(ended)
    }

    /// Subscribes all topics, and from then on what changes. Only the first failure is an error: a
    /// later one leaves a working socket alone and is tried again.
    async fn keep_subscribed(
        &mut self,
        channel: &str,
        since: Option<Time>,
        received: &mpsc::Sender<Received>,
        mut heard: watch::Receiver<Option<Time>>,
        sees: &mut bool,
    ) -> Result<(), ApiError> {
        let mut settled = Settled::new();
        let mut backoff = self.settings.backoff.clone();
        let wanted = self.topics.borrow_and_update().clone();
        self.subscribe(channel, &wanted, &mut settled, true).await?;
        // The socket must have answered, not only opened.
        if heard.wait_for(Option::is_some).await.is_err() {
            return Ok(());
        }
        let at = self.settings.reading.clock.now();
        self.board.blind(at, self.index);
        let _ = received.send(Received::Seeing { since, at }).await;
        *sees = true;
        loop {
            self.report_up(&settled);
            let followed = subscribed(&settled);
            let since = self.settings.reading.clock.now();
            let mut renew = false;
            tokio::select! {
                changed = self.topics.changed() => if changed.is_err() {
                    return std::future::pending().await;
                },
                () = sleep(self.settings.resubscribe) => renew = true,
            }
            loop {
                let wanted = self.topics.borrow_and_update().clone();
                let Err(error) = self.subscribe(channel, &wanted, &mut settled, renew).await else {
                    backoff.reset();
                    break;
                };
                tracing::warn!(channel.index = self.index, %error, "topics cannot be subscribed yet");
                sleep(backoff.next_wait(error.retry_after())).await;
            }
            let mut added = subscribed(&settled);
            added.retain(|topic| !followed.contains(topic));
            if !added.is_empty() {
                self.make_up_for(&added, since, received).await;
            }
        }
    }

    /// What these topics would have shown before they were subscribed is read.
    async fn make_up_for(
        &self,
        added: &BTreeSet<String>,
        since: Time,
        received: &mpsc::Sender<Received>,
    ) {
        let at = self.settings.reading.clock.now();
        let shown = topics::queues_of(added.iter()).map(Arc::new);
        self.board.blind(at, self.index);
        let _ = received.send(Received::Added { shown, since, at }).await;
    }

    async fn subscribe(
        &self,
        channel: &str,
        wanted: &BTreeSet<String>,
        settled: &mut Settled,
        renew: bool,
    ) -> Result<(), ApiError> {
        let is_gone = settled.keys().any(|topic| !wanted.contains(topic));
        let (asked, answered) = if renew || is_gone {
            let asked = wanted.iter().map(String::as_str).collect::<Vec<_>>();
            let answered = self.client.replace_topics(channel, &asked).await?;
            (asked.into_iter().map(str::to_owned).collect(), answered)
        } else {
            let is_new = |topic: &&String| !settled.contains_key(*topic);
            let asked = wanted.iter().filter(is_new).cloned().collect::<Vec<_>>();
            if asked.is_empty() {
                return Ok(());
            }
            let names = asked.iter().map(String::as_str).collect::<Vec<_>>();
            let answered = self.client.add_topics(channel, &names).await?;
            (asked, answered)
        };
        settled.retain(|topic, _| wanted.contains(topic));
        settled.extend(settle(asked, answered));
        Ok(())
    }

    fn report_up(&self, settled: &Settled) {
        let refused = settled.values().flatten().cloned().collect::<Vec<_>>();
        let subscribed = subscribed(settled);
        let now = self.settings.reading.clock.now();
        tracing::info!(
            channel.index = self.index,
            subscribed = subscribed.len(),
            refused = refused.len(),
            "the notification channel is up"
        );
        self.board.up(now, self.index, subscribed, refused);
    }
}

/// The topics that Genesys gave.
fn subscribed(settled: &Settled) -> BTreeSet<String> {
    let given = settled.iter().filter(|(_, refused)| refused.is_none());
    given.map(|(topic, _)| topic.clone()).collect()
}

/// Older answers hold only the topics' ids; one that is not answered at all is not subscribed.
fn settle(asked: Vec<String>, answered: Vec<wire::ChannelTopic>) -> Settled {
    let answers = answered
        .into_iter()
        .map(|topic| (topic.id.to_ascii_lowercase(), topic))
        .collect::<BTreeMap<_, _>>();
    let refusal = |topic: &str| {
        let (reason, missing_permissions) = match answers.get(&topic.to_ascii_lowercase()) {
            Some(answer) if answer.is_rejected() => (
                answer.rejection_reason.clone(),
                answer.missing_permissions.clone(),
            ),
            Some(_) => return None,
            None => (Some("Genesys did not confirm it".to_owned()), Vec::new()),
        };
        Some(RefusedTopic {
            topic: topic.to_owned(),
            reason,
            missing_permissions,
        })
    };
    asked
        .into_iter()
        .map(|topic| {
            let refused = refusal(&topic);
            (topic, refused)
        })
        .collect()
}

/// Decodes what was received and hands it to the write path, in order.
struct Applying<S> {
    channel: usize,
    client: GenesysClient,
    sink: S,
    board: FeedBoard,
    topics: watch::Receiver<Topics>,
    repair: mpsc::UnboundedSender<Order>,
}

impl<S: Sink> Applying<S> {
    async fn run(self, mut received: mpsc::Receiver<Received>) -> Result<(), SendRefused> {
        while let Some(received) = received.recv().await {
            match received {
                Received::Frame { frame, at } => self.apply(frame, at).await?,
                Received::Unreadable { named, at } => self.missed(named, at).await?,
                Received::Reopened => self.note_blind(self.shown()).await?,
                Received::Seeing { since, at } => {
                    self.note_seeing(self.shown(), since, at).await?;
                }
                Received::Added { shown, since, at } => {
                    self.note_blind(shown.clone()).await?;
                    self.note_seeing(shown, Some(since), at).await?;
                }
            }
        }
        Ok(())
    }

    async fn apply(&self, frame: wire::Frame, at: Time) -> Result<(), SendRefused> {
        let queue_name = |queue: &QueueId| self.client.queue_names().name(queue);
        let terms = Terms {
            queue_name: &queue_name,
            keep: self.client.keep(),
        };
        let named = frame
            .event_body
            .as_ref()
            .and_then(|body| body.id.as_deref()?.parse().ok());
        match decode::decode(frame, terms) {
            Ok(Decoded::Snapshot(snapshot)) => {
                self.board.heard(at);
                metrics::counter!("gateway_genesys_notifications_total").increment(1);
                channel::count_unknown_words(&snapshot);
                let event = ConversationEvent {
                    conversation_id: snapshot.conversation_id,
                    received_at: at,
                    actor: None,
                    fact: Fact::Seen {
                        snapshot,
                        cause: ChangeCause::GenesysEvent,
                        read_at: None,
                        gap_before: false,
                    },
                };
                self.sink.put(event).await
            }
            Ok(Decoded::Signal(_)) => Ok(()),
            Err(skip) => {
                channel::skipped(skip.reason());
                self.missed(named, at).await
            }
        }
    }

    /// A skipped frame is a blind window of its conversation; of all that the channel shows when
    /// it does not say which.
    async fn missed(&self, named: Option<ConversationId>, at: Time) -> Result<(), SendRefused> {
        if let Some(id) = named {
            return self.sink.note(Sight::Unread { id, at }).await;
        }
        self.board.blind(at, self.channel);
        self.note_blind(self.shown()).await?;
        self.note_seeing(self.shown(), Some(at), at).await
    }

    async fn note_blind(&self, shown: Shown) -> Result<(), SendRefused> {
        let channel = self.channel;
        self.sink.note(Sight::Blind { channel, shown }).await
    }

    async fn note_seeing(
        &self,
        shown: Shown,
        since: Option<Time>,
        at: Time,
    ) -> Result<(), SendRefused> {
        let channel = self.channel;
        self.sink.note(Sight::Seeing { channel, since: at }).await?;
        let order = Order {
            channel,
            shown,
            since,
            until: at,
        };
        self.repair.send(order).map_err(|_| SendRefused::Closed)
    }

    fn shown(&self) -> Shown {
        topics::queues_of(self.topics.borrow().iter()).map(Arc::new)
    }
}

impl Broken {
    const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after(),
            _ => None,
        }
    }

    fn is_token(&self) -> bool {
        match self {
            Self::Socket(ended) => *ended == Ended::TokenRevoked,
            Self::Open(error) => matches!(error, OpenError::Refused(401 | 403)),
            Self::Api(error) => error.status() == Some(401),
        }
    }

    /// Whether another channel must be made: this one expired, was replaced, or went with its token.
    const fn costs_the_channel(&self) -> bool {
        match self {
            Self::Socket(ended) => {
                matches!(
                    ended,
                    Ended::ChannelGone | Ended::TokenRevoked | Ended::Kicked
                )
            }
            Self::Open(error) => matches!(error, OpenError::Refused(400..=428 | 430..=499)),
            Self::Api(error) => matches!(error.status(), Some(401 | 404)),
        }
    }

    /// The value of the metric's label.
    const fn word(&self) -> &'static str {
        match self {
            Self::Socket(Ended::Closed) => "closed",
            Self::Socket(Ended::Silent) => "silent",
            Self::Socket(Ended::ClosingNotice) => "closing_notice",
            Self::Socket(Ended::ChannelGone) => "channel_gone",
            Self::Socket(Ended::TokenRevoked) => "token_revoked",
            Self::Socket(Ended::Kicked) => "kicked",
            Self::Socket(Ended::Backlogged) => "backlogged",
            Self::Socket(Ended::Oversized) => "oversized",
            Self::Open(_) => "not_opened",
            Self::Api(_) => "api",
        }
    }
}
