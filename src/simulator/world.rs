//! Everything the simulated organisation holds, and the one way conversations change: make the change, write the truth down,
//! tell the sockets.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::channels::Channels;
use super::clock::Stamp;
use super::config::SimulatorConfig;
use super::conversation::Conversation;
use super::conversation::steps::{Change, Outcome, Refused, Scene, Step};
use super::conversation::words::{Direction, Media};
use super::faults::Faults;
use super::oauth::Tokens;
use super::org::{Customer, Org};
use super::socket::Frame;
use super::stats::Stats;
use super::traffic::Traffic;
use super::truth::Status;
use super::{media, snapshot, topics};

/// Consecutive changes of a conversation lie at least so far apart.
const STEP_MS: i64 = 2;

pub(crate) type Handle = Arc<Mutex<Conversation>>;

pub(crate) struct World {
    pub(crate) config: SimulatorConfig,
    pub(crate) org: Org,
    pub(crate) tokens: Tokens,
    pub(crate) channels: Channels,
    pub(crate) faults: Faults,
    pub(crate) traffic: Traffic,
    pub(crate) stats: Stats,
    /// Analytics jobs by id.
    pub(crate) jobs: Mutex<HashMap<Uuid, Value>>,
    /// Analytics' word on conversations as of their last change, which they know by now.
    pub(crate) settled: Mutex<HashMap<Uuid, (Stamp, Arc<Value>)>>,
    /// Last body of each replayed conversation.
    pub(crate) replayed: Mutex<HashMap<Uuid, Value>>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    rng: Mutex<StdRng>,
    conversations: RwLock<HashMap<Uuid, Handle>>,
    /// Ended ones, oldest first, for forgetting.
    ended: Mutex<VecDeque<Uuid>>,
}

impl World {
    pub(crate) fn new(config: SimulatorConfig) -> Self {
        Self {
            org: Org::new(&config),
            tokens: Tokens::new(&config),
            channels: Channels::new(config.channel_lifetime),
            faults: Faults::none(),
            traffic: Traffic::default(),
            stats: Stats::default(),
            jobs: Mutex::default(),
            settled: Mutex::default(),
            replayed: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            rng: Mutex::new(StdRng::seed_from_u64(config.seed)),
            conversations: RwLock::default(),
            ended: Mutex::default(),
            config,
        }
    }

    pub(crate) fn rng(&self) -> MutexGuard<'_, StdRng> {
        self.rng.lock().expect("no panic while held")
    }

    /// A new conversation that waits for its first step, in the given queue or the next in turn.
    pub(crate) fn new_conversation(
        &self,
        media: Media,
        direction: Direction,
        queue: Option<Uuid>,
    ) -> Conversation {
        let caller = Customer::random(&mut *self.rng());
        Conversation::new(
            media,
            direction,
            queue.or_else(|| self.org.any_queue()),
            caller,
            Stamp::now(),
        )
    }

    pub(crate) fn add(&self, conversation: Conversation) -> (Uuid, Handle) {
        let (id, handle) = (conversation.id, Arc::new(Mutex::new(conversation)));
        self.conversations
            .write()
            .expect("no panic while held")
            .insert(id, Arc::clone(&handle));
        (id, handle)
    }

    pub(crate) fn conversation(&self, id: Uuid) -> Option<Handle> {
        self.conversations
            .read()
            .expect("no panic while held")
            .get(&id)
            .map(Arc::clone)
    }

    /// Every conversation known, oldest first.
    pub(crate) fn all(&self) -> Vec<Handle> {
        let mut all: Vec<(Stamp, Uuid, Handle)> = {
            let conversations = self.conversations.read().expect("no panic while held");
            conversations
                .iter()
                .map(|(id, handle)| {
                    (
                        handle.lock().expect("no panic while held").start,
                        *id,
                        Arc::clone(handle),
                    )
                })
                .collect()
        };
        all.sort_by_key(|(start, id, _)| (*start, *id));
        all.into_iter().map(|(_, _, handle)| handle).collect()
    }

    /// Takes a step, its changes one after the other in their own time.
    pub(crate) async fn take(&self, handle: &Handle, step: Step) -> Result<(), Refused> {
        let (changes, speed) = {
            let conversation = lock(handle);
            (conversation.changes(&self.org, step)?, conversation.speed)
        };
        for (wait, change) in changes {
            self.pause(handle, scaled(wait, speed)).await;
            self.change(handle, &change)?;
        }
        Ok(())
    }

    /// Makes a change that is not one of the named steps.
    pub(crate) async fn act(
        &self,
        handle: &Handle,
        name: &'static str,
        act: impl FnOnce(&mut Conversation, &Scene<'_>) -> Outcome,
    ) -> Result<(), Refused> {
        self.pause(handle, Duration::ZERO).await;
        self.make(handle, name, act)
    }

    /// Waits for so long, and at least until the conversation may change again.
    async fn pause(&self, handle: &Handle, time: Duration) {
        let earliest = Stamp::now().until(lock(handle).last.plus_millis(STEP_MS));
        let time = time.max(earliest);
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
    }

    pub(crate) fn change(&self, handle: &Handle, change: &Change) -> Result<(), Refused> {
        self.make(handle, change.name(), |conversation, scene| {
            conversation.change(scene, change)
        })
    }

    fn make(
        &self,
        handle: &Handle,
        name: &'static str,
        act: impl FnOnce(&mut Conversation, &Scene<'_>) -> Outcome,
    ) -> Result<(), Refused> {
        let mut conversation = lock(handle);
        let at = Stamp::now().max(conversation.last.plus_millis(STEP_MS));
        let told = act(&mut conversation, &Scene { org: &self.org, at })?;
        conversation.last = at;
        conversation.settle_end();
        let was_ended = conversation.told.status == Status::Ended;
        let heard = told.map(|told| conversation.record(name, told, at));
        self.publish(&mut conversation, heard.as_ref());
        if conversation.terminate() {
            self.publish(&mut conversation, heard.as_ref());
        }
        if conversation.told.status == Status::Ended && !was_ended {
            let id = conversation.id;
            drop(conversation);
            self.note_end(id);
        }
        Ok(())
    }

    /// Forgets the ended conversations that are too many; one that was reopened since stays.
    fn note_end(&self, id: Uuid) {
        let mut ended = self.ended.lock().expect("no panic while held");
        ended.push_back(id);
        while ended.len() > self.config.keep_ended {
            let Some(oldest) = ended.pop_front() else {
                break;
            };
            let over = self
                .conversation(oldest)
                .is_some_and(|handle| lock(&handle).told.status == Status::Ended);
            if over {
                self.conversations
                    .write()
                    .expect("no panic while held")
                    .remove(&oldest);
                self.settled
                    .lock()
                    .expect("no panic while held")
                    .remove(&oldest);
            }
        }
    }

    /// Sends the snapshot on every topic of the queues touched and the users in it that somebody listens to.
    fn publish(&self, conversation: &mut Conversation, heard: Option<&Arc<AtomicBool>>) {
        self.stats.snapshots.fetch_add(1, Ordering::Relaxed);
        let (queues, users) = (conversation.queues(), conversation.users());
        let names = |media: Option<Media>| -> Vec<String> {
            queues
                .iter()
                .map(|queue| topics::of_queue(*queue, media))
                .chain(users.iter().map(|user| topics::of_user(*user, media)))
                .collect()
        };
        let mut body = None;
        for topic in names(None) {
            self.tell(&topic, conversation.id, heard, || {
                body.get_or_insert_with(|| snapshot::live(conversation))
                    .clone()
            });
        }
        for (index, media) in Media::ALL.into_iter().enumerate() {
            if !conversation.has(media) {
                continue;
            }
            let mut body = None;
            let mut told = conversation.media_told[index];
            for topic in names(Some(media)) {
                self.tell_changed(&topic, conversation, media, heard, &mut body, &mut told);
            }
            conversation.media_told[index] = told;
        }
    }

    /// A media topic tells a change of its own medium only.
    fn tell_changed(
        &self,
        topic: &str,
        conversation: &Conversation,
        media: Media,
        heard: Option<&Arc<AtomicBool>>,
        body: &mut Option<Arc<str>>,
        told: &mut u64,
    ) {
        let before = conversation.media_told[Media::ALL
            .iter()
            .position(|known| *known == media)
            .unwrap_or(0)];
        if self.channels.listeners(topic).is_empty() {
            return;
        }
        let body = body.get_or_insert_with(|| media::live(conversation, &self.org, media));
        *told = fingerprint(body);
        if *told != before {
            self.tell(topic, conversation.id, heard, || Arc::clone(body));
        }
    }

    fn tell(
        &self,
        topic: &str,
        conversation: Uuid,
        heard: Option<&Arc<AtomicBool>>,
        body: impl FnOnce() -> Arc<str>,
    ) {
        let lines = self.channels.listeners(topic);
        if lines.is_empty() {
            return;
        }
        let frame = Frame {
            text: envelope(topic, &body()),
            conversation,
            heard: heard.map(Arc::clone),
            since: Instant::now(),
        };
        for line in lines {
            line.send(frame.clone());
        }
    }

    /// Sends a recorded notification as it is.
    pub(crate) fn replay(&self, topic: &str, body: &Value) {
        let id = body["id"].as_str().and_then(|id| Uuid::parse_str(id).ok());
        if let Some(id) = id {
            self.replayed
                .lock()
                .expect("no panic while held")
                .insert(id, body.clone());
        }
        self.tell(topic, id.unwrap_or_default(), None, || {
            Arc::from(body.to_string())
        });
    }

    /// Tells every socket that the token behind its channel is worth nothing any more.
    pub(crate) fn announce_revocation(&self) {
        for (channel, line) in self.channels.sockets() {
            let body = json!({"channelId": channel, "systemTopicType": "token_revoked", "reason": "user_tokens_revoked", "organizationId": self.org.id, "message": "The token was revoked."});
            let topic = format!("v2.system.token_revoked.{channel}");
            let notice = json!({"topicName": topic, "version": "2", "eventBody": body, "metadata": {"CorrelationId": Uuid::new_v4()}});
            line.say(&Arc::from(notice.to_string()));
        }
    }

    /// Announces that the sockets will close, and closes those that are still there when the time is over.
    pub(crate) fn announce_closing(self: &Arc<Self>) {
        for (channel, line) in self.channels.sockets() {
            let body = json!({"channelId": channel, "message": "The WebSocket is about to be closed; open a new connection to the same channel.", "organizationId": self.org.id});
            let notice = json!({"topicName": "v2.system.socket_closing", "version": "2", "eventBody": body, "metadata": {"CorrelationId": Uuid::new_v4()}});
            line.say(&Arc::from(notice.to_string()));
            let world = Arc::clone(self);
            self.tasks.spawn(async move {
                tokio::select! {
                    () = tokio::time::sleep(world.config.closing_grace) => line.close(1001, "maintenance"),
                    () = world.stop.cancelled() => {}
                }
            });
        }
    }

    /// Ends what has expired, until the simulator stops: channels by their time, all of them when no token is valid any more.
    pub(crate) async fn keep_house(&self) {
        let every = Duration::from_millis(200)
            .min(self.config.channel_lifetime / 4)
            .max(Duration::from_millis(10));
        let mut ticks = tokio::time::interval(every);
        while self.stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let now = Stamp::now();
            self.channels.expire(now, !self.tokens.any_valid(now));
        }
    }
}

pub(crate) fn lock(handle: &Handle) -> MutexGuard<'_, Conversation> {
    handle.lock().expect("no panic while held")
}

pub(crate) fn scaled(millis: u64, speed: f64) -> Duration {
    Duration::from_millis(millis).div_f64(speed)
}

fn envelope(topic: &str, body: &str) -> Utf8Bytes {
    let mut text = String::with_capacity(topic.len() + body.len() + 128);
    for part in [
        r#"{"topicName":""#,
        topic,
        r#"","version":"2","eventBody":"#,
        body,
        r#","metadata":{"CorrelationId":""#,
    ] {
        text.push_str(part);
    }
    text.push_str(
        Uuid::new_v4()
            .hyphenated()
            .encode_lower(&mut Uuid::encode_buffer()),
    );
    text.push_str(r#""}}"#);
    Utf8Bytes::from(text)
}

fn fingerprint(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
