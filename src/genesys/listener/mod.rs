//! Follows all wanted queues over as many channels as they need, for as long as the process runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Jitter, random_jitter};
use super::channel::Reading;
use super::client::{ApiError, GenesysClient};
use super::config::GenesysConfig;
use super::enrichment::Enrichment;
use super::feed_board::FeedBoard;
use super::link::{Link, LinkSettings, Topics};
use super::queues;
use super::readback::ReadBack;
use super::repair::{Order, Repair};
use super::sink::Sink;
use super::topics::{self, TOPICS_PER_CHANNEL};
use crate::clock::Clock;
use crate::domain::feed::FeedStatus;
use crate::domain::ids::QueueId;
use crate::ingest::{Need, SendRefused};

/// Ended conversations that may wait for their settled times; more are left unsettled.
const SETTLING: usize = 20_000;

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
        tasks.spawn(read_back.run(self.needs, settle_tx));
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
        let outcome = token.run_until_cancelled(follower.follow(&mut tasks)).await;
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
        if !self.config.queues.is_empty() {
            let configured = self.config.queues.iter().cloned().collect();
            self.assign(&configured, &mut channels, tasks);
        }
        loop {
            let wait = tokio::select! {
                listed = queues::list(&self.client) => self.take(listed, &mut channels, tasks)?,
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

    /// Takes a listing of the queues, or its failure; says when to look again.
    fn take(
        &mut self,
        listed: Result<BTreeSet<QueueId>, ApiError>,
        channels: &mut Channels,
        tasks: &mut Tasks,
    ) -> anyhow::Result<std::time::Duration> {
        match listed {
            Ok(listed) => {
                self.backoff.reset();
                if self.config.queues.is_empty() {
                    self.assign(&listed, channels, tasks);
                }
                Ok(self.config.queue_refresh)
            }
            Err(error) if channels.topics.is_empty() && !error.is_retryable() => {
                Err(error).context("the list of queues cannot be read (routing:queue:view), and GATEWAY_QUEUES names none")
            }
            Err(error) => {
                tracing::warn!(%error, "the list of queues cannot be read");
                Ok(self.backoff.next_wait(error.retry_after()))
            }
        }
    }

    fn assign(&self, queues: &BTreeSet<QueueId>, channels: &mut Channels, tasks: &mut Tasks) {
        let wanted = queues.iter().map(topics::of_queue).collect::<BTreeSet<_>>();
        let left_over = topics::spread(&mut channels.spread, &wanted, TOPICS_PER_CHANNEL);
        if !left_over.is_empty() {
            tracing::error!(
                topics = left_over.len(),
                "more queues than Genesys allows one client to follow"
            );
        }
        let count = channels.spread.len();
        self.board
            .set_wanted(self.clock.now(), wanted.len(), count, left_over);
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
