//! Follows all wanted queues over as many channels as they need, for as long as the process runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Jitter, random_jitter};
use super::channel::Reading;
use super::client::GenesysClient;
use super::config::GenesysConfig;
use super::enrichment::Enrichment;
use super::feed_board::{FeedBoard, ShownQueues};
use super::link::{Link, LinkSettings, Topics};
use super::permissions;
use super::readback::ReadBack;
use super::repair::{Order, Repair};
use super::sink::Sink;
use super::topics::{self, MOST_TOPICS, TOPICS_PER_CHANNEL};
use super::wanted::{Unlisted, Wanted};
use super::watching::Watching;
use crate::clock::Clock;
use crate::domain::feed::FeedStatus;
use crate::ingest::{Need, SendRefused};

/// Ended conversations that may wait for their settled times; more are left unsettled.
const SETTLING: usize = 20_000;

/// Conversations that may wait to be watched; the next look at the open ones finds more.
const WATCHED: usize = 4_096;

/// The gateway's ear at Genesys.
pub struct Listener<S> {
    config: GenesysConfig,
    client: GenesysClient,
    sink: S,
    needs: mpsc::Receiver<Need>,
    clock: Arc<dyn Clock>,
    board: FeedBoard,
    jitter: Jitter,
}

/// The channels and what each is to follow.
#[derive(Default)]
struct Channels {
    spread: Vec<BTreeSet<String>>,
    topics: Vec<watch::Sender<Topics>>,
}

type Tasks = JoinSet<Result<(), SendRefused>>;

impl<S: Sink> Listener<S> {
    /// `needs` are the write path's questions to Genesys. The status is DISCONNECTED until `run` has
    /// subscribed every wanted topic.
    pub fn new(
        config: GenesysConfig,
        client: GenesysClient,
        sink: S,
        needs: mpsc::Receiver<Need>,
        clock: Arc<dyn Clock>,
    ) -> (Self, watch::Receiver<FeedStatus>) {
        let (board, status) = FeedBoard::new(clock.now());
        let listener = Self {
            config,
            client,
            sink,
            needs,
            clock,
            board,
            jitter: random_jitter,
        };
        (listener, status)
    }

    /// The queues whose conversations topics show, once they are known.
    pub fn shown_queues(&self) -> watch::Receiver<ShownQueues> {
        self.board.shown_queues()
    }

    /// Brings another jitter for the waits.
    #[must_use]
    pub fn with_jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Runs until the token is cancelled.
    ///
    /// # Errors
    /// Genesys refuses the client, or its permissions, before anything was ever followed; or the
    /// write path ended. All other trouble is waited out.
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        let mut tasks = Tasks::new();
        let (settle_tx, settle_rx) = mpsc::channel(SETTLING);
        let backoff = Backoff::new(
            self.config.reconnect_min,
            self.config.reconnect_max,
            self.config.retry_after_max,
            self.jitter,
        );
        let enrichment = Enrichment::new(
            self.client.clone(),
            self.sink.clone(),
            Arc::clone(&self.clock),
            self.config.enrichment_interval,
        );
        tasks.spawn(enrichment.run(settle_rx));
        let read_back = ReadBack {
            client: self.client.clone(),
            sink: self.sink.clone(),
            clock: Arc::clone(&self.clock),
            backoff: backoff.clone(),
            read_after: self.config.read_after,
            patience: self.config.read_patience,
        };
        let (watch_tx, watch_rx) = mpsc::channel(WATCHED);
        tasks.spawn(read_back.run(self.needs, settle_tx, watch_tx));
        let watching = Watching {
            config: self.config.watch.clone(),
            client: self.client.clone(),
            sink: self.sink.clone(),
            clock: Arc::clone(&self.clock),
            rate_limit: self.config.rate_limit,
            longest_pause: self.config.retry_after_max,
            shown: self.board.shown_queues(),
            status: self.board.watch(),
        };
        tasks.spawn(watching.run(watch_rx));
        let (repair_tx, repair_rx) = mpsc::unbounded_channel();
        let repair = Repair {
            config: self.config.clone(),
            client: self.client.clone(),
            sink: self.sink.clone(),
            clock: Arc::clone(&self.clock),
            board: self.board.clone(),
            backoff: backoff.clone(),
        };
        tasks.spawn(repair.run(repair_rx));
        let follower = Follower {
            config: self.config,
            client: self.client,
            sink: self.sink,
            clock: self.clock,
            board: self.board,
            backoff,
            repair: repair_tx,
        };
        let (client, backoff) = (follower.client.clone(), follower.backoff.clone());
        let survey = permissions::survey(&client, backoff);
        let both = async { tokio::try_join!(follower.follow(&mut tasks), survey).map(|_| ()) };
        let follow = Box::pin(both);
        let outcome = token.run_until_cancelled(follow).await;
        tasks.shutdown().await;
        outcome.unwrap_or(Ok(()))
    }
}

/// Looks which queues there are and gives each a channel.
struct Follower<S> {
    config: GenesysConfig,
    client: GenesysClient,
    sink: S,
    clock: Arc<dyn Clock>,
    board: FeedBoard,
    backoff: Backoff,
    repair: mpsc::UnboundedSender<Order>,
}

impl<S: Sink> Follower<S> {
    async fn follow(mut self, tasks: &mut Tasks) -> anyhow::Result<()> {
        let mut channels = Channels::default();
        let mut wanted = Wanted::new(&self.config);
        if let Some(configured) = wanted.topics() {
            self.assign(&configured, &mut channels, tasks)?;
        }
        loop {
            let wait = tokio::select! {
                read = wanted.refresh(&self.client) => {
                    let topics = read.map(|()| wanted.topics());
                    self.take(topics, &mut channels, tasks)?
                }
                Some(ended) = tasks.join_next() => {
                    ended??;
                    anyhow::bail!("a part of the Genesys listener ended");
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                Some(ended) = tasks.join_next() => {
                    ended??;
                    anyhow::bail!("a part of the Genesys listener ended");
                }
            }
        }
    }

    /// Takes the topics that are wanted now, or why that is not known; says when to look again.
    fn take(
        &mut self,
        wanted: Result<Option<BTreeSet<String>>, Unlisted>,
        channels: &mut Channels,
        tasks: &mut Tasks,
    ) -> anyhow::Result<std::time::Duration> {
        match wanted {
            Ok(wanted) => {
                self.backoff.reset();
                if let Some(wanted) = wanted {
                    self.assign(&wanted, channels, tasks)?;
                }
                Ok(self.config.queue_refresh)
            }
            Err(error) if channels.topics.is_empty() && !error.cause().is_retryable() => {
                Err(error.into())
            }
            Err(error) => {
                tracing::warn!(cause = %error.cause(), "{error}");
                Ok(self.backoff.next_wait(error.cause().retry_after()))
            }
        }
    }

    /// Gives each topic a channel. More than Genesys allows are refused at the start; later, when the
    /// organisation grew, those that find no room are named in the feed's status.
    fn assign(
        &self,
        wanted: &BTreeSet<String>,
        channels: &mut Channels,
        tasks: &mut Tasks,
    ) -> anyhow::Result<()> {
        if channels.topics.is_empty() && wanted.len() > MOST_TOPICS {
            anyhow::bail!(
                "{} topics are wanted, and Genesys lets one OAuth client follow {MOST_TOPICS}: \
                 name fewer queues in GATEWAY_QUEUES, fewer users in GATEWAY_USER_TOPICS, \
                 or set GATEWAY_TOPICS=conversations",
                wanted.len()
            );
        }
        let left_over = topics::spread(&mut channels.spread, wanted, TOPICS_PER_CHANNEL);
        if !left_over.is_empty() {
            tracing::error!(
                topics = left_over.len(),
                "more topics than Genesys allows one client to follow"
            );
        }
        let count = channels.spread.len();
        self.board
            .set_wanted(self.clock.now(), wanted, count, left_over);
        for (index, topics) in channels.spread.iter().enumerate() {
            if let Some(known) = channels.topics.get(index) {
                known.send_if_modified(|present| {
                    let is_other = **present != *topics;
                    if is_other {
                        *present = Arc::new(topics.clone());
                    }
                    is_other
                });
                continue;
            }
            let (topics_tx, topics_rx) = watch::channel(Arc::new(topics.clone()));
            channels.topics.push(topics_tx);
            tasks.spawn(self.link(index, topics_rx).run());
        }
        Ok(())
    }

    fn link(&self, index: usize, topics: watch::Receiver<Topics>) -> Link<S> {
        Link {
            index,
            client: self.client.clone(),
            sink: self.sink.clone(),
            board: self.board.clone(),
            settings: LinkSettings {
                reading: Reading {
                    ping_interval: self.config.ping_interval,
                    lost_after: self.config.lost_after,
                    patience: self.config.request_timeout,
                    clock: Arc::clone(&self.clock),
                },
                frame_queue: self.config.frame_queue,
                resubscribe: self.config.resubscribe,
                backoff: Backoff::clone(&self.backoff),
                good_after: self.config.reconnect_max,
            },
            topics,
            repair: self.repair.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
