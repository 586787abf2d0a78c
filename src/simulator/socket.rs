//! One notification socket: writes frames, heartbeats and faults, answers pings and in-band subscribing.
//!
//! The loop waits for: a cut, an order or frame to write, the heartbeat, a frame held back by `reorder`, the client's text,
//! and a change of the faults (so that silence begins at once, pongs included).

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use uuid::Uuid;

use super::broken::Broken;
use super::channels::Attached;
use super::clock::Stamp;
use super::faults::Lasting;
use super::topics;
use super::world::World;

const HEARTBEAT: &str =
    r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#;
const PONG: &str = r#"{"topicName":"channel.metadata","eventBody":{"message":"pong"}}"#;
/// Frames written before the socket is flushed.
const BATCH: usize = 128;
/// A frame that is to be overtaken waits no longer than this for another.
const OVERTAKEN_AFTER: Duration = Duration::from_millis(100);

/// What a socket is told to write.
pub(crate) enum Outgoing {
    Frame(Frame),
    Text(Utf8Bytes),
    Close(u16, &'static str),
}

/// A notification, serialised once for all sockets that get it.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) text: Utf8Bytes,
    pub(crate) conversation: Uuid,
    /// Raised when the frame has been written whole.
    pub(crate) heard: Option<Arc<AtomicBool>>,
    pub(crate) since: Instant,
}

/// Why the loop ends.
enum End {
    /// Without a word, or the peer has gone.
    Gone,
    Said(u16, &'static str),
}

struct Session<'a> {
    world: &'a World,
    channel: String,
    faults: watch::Receiver<Lasting>,
    rng: StdRng,
    aside: Option<(Frame, Instant)>,
    late: VecDeque<Frame>,
}

pub(crate) async fn serve(
    mut socket: WebSocket,
    world: &World,
    channel: String,
    attached: Attached,
) {
    let Attached {
        number,
        mut frames,
        cut,
    } = attached;
    let mut session = Session {
        world,
        channel,
        faults: world.faults.watch(),
        rng: StdRng::seed_from_u64(world.config.seed.wrapping_add(number)),
        aside: None,
        late: VecDeque::new(),
    };
    world.stats.sockets.fetch_add(1, Ordering::Relaxed);
    let end = tokio::select! {
        () = cut.cancelled() => End::Gone,
        () = world.stop.cancelled() => End::Said(1001, "the simulator stops"),
        end = session.run(&mut socket, &mut frames) => end,
    };
    // Whoever publishes from now on must not count on this socket.
    world.channels.detach(&session.channel, number);
    if let End::Said(code, reason) = end {
        let close = Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        }));
        let _ = tokio::time::timeout(Duration::from_secs(1), socket.send(close)).await;
    }
    world.stats.sockets.fetch_sub(1, Ordering::Relaxed);
}

impl Session<'_> {
    async fn run(
        &mut self,
        socket: &mut WebSocket,
        frames: &mut tokio::sync::mpsc::Receiver<Outgoing>,
    ) -> End {
        let beat = self.world.config.heartbeat;
        let mut heartbeat = interval_at(Instant::now() + beat, beat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let silent_until = self
                .faults
                .borrow_and_update()
                .silent_until
                .filter(|until| *until > Instant::now());
            let aside_until = self.aside.as_ref().map(|(_, until)| *until);
            let late_until = self
                .late
                .front()
                .map(|frame| frame.since + self.faults.borrow().delay);
            let mut quiet_end = pin!(wait(silent_until));
            let done = tokio::select! {
                biased;
                Ok(()) = self.faults.changed() => Ok(()),
                () = &mut quiet_end, if silent_until.is_some() => Ok(()),
                got = frames.recv_many(&mut batch, BATCH) => if got == 0 { Err(End::Gone) } else { self.write(socket, &mut batch).await },
                () = wait(late_until), if late_until.is_some() => self.write(socket, &mut batch).await,
                () = wait(aside_until), if aside_until.is_some() => self.write_aside(socket).await,
                _ = heartbeat.tick(), if silent_until.is_none() => self.say(socket, Utf8Bytes::from_static(HEARTBEAT)).await,
                message = socket.recv(), if silent_until.is_none() => self.read(socket, message).await,
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn say(&self, socket: &mut WebSocket, text: Utf8Bytes) -> Result<(), End> {
        socket
            .send(Message::Text(text))
            .await
            .map_err(|_| End::Gone)
    }

    /// Writes a batch of frames, flushes once, and only then counts them as heard.
    async fn write(
        &mut self,
        socket: &mut WebSocket,
        batch: &mut Vec<Outgoing>,
    ) -> Result<(), End> {
        let faults = self.faults.borrow().clone();
        let mut written = Vec::with_capacity(batch.len());
        let mut end = None;
        for outgoing in batch.drain(..) {
            match outgoing {
                _ if faults.is_silent() => {}
                Outgoing::Frame(frame) => self.late.push_back(frame),
                Outgoing::Text(text) => feed(socket, text).await?,
                Outgoing::Close(code, reason) => end = Some(End::Said(code, reason)),
            }
        }
        while let Some(frame) = self
            .late
            .pop_front_if(|frame| end.is_some() || frame.since + faults.delay <= Instant::now())
        {
            if !faults.is_silent() {
                self.write_frame(socket, frame, &faults, &mut written)
                    .await?;
            }
        }
        socket.flush().await.map_err(|_| End::Gone)?;
        self.heard(&written);
        end.map_or(Ok(()), Err)
    }

    async fn write_frame(
        &mut self,
        socket: &mut WebSocket,
        frame: Frame,
        faults: &Lasting,
        written: &mut Vec<Frame>,
    ) -> Result<(), End> {
        if let Some(kind) = self.world.faults.take_break() {
            return feed_message(socket, kind.of(&frame)).await;
        }
        if self.roll(faults.malformed) {
            let broken = self.broken(&frame);
            feed_message(socket, broken).await?;
        }
        if self.aside.is_none() && self.roll(faults.reorder) {
            self.aside = Some((frame, Instant::now() + OVERTAKEN_AFTER));
            return Ok(());
        }
        let overtaken = self.aside.take().map(|(mut late, _)| {
            // Overtaken by a newer frame of the same conversation, it shows its step to nobody any more.
            late.heard = late
                .heard
                .filter(|_| late.conversation != frame.conversation);
            late
        });
        let twice = self.roll(faults.duplicate);
        for frame in [Some(frame.clone()), twice.then_some(frame), overtaken]
            .into_iter()
            .flatten()
        {
            feed(socket, frame.text.clone()).await?;
            written.push(frame);
        }
        Ok(())
    }

    async fn write_aside(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        let Some((frame, _)) = self.aside.take() else {
            return Ok(());
        };
        if self.faults.borrow().is_silent() {
            return Ok(());
        }
        self.say(socket, frame.text.clone()).await?;
        self.heard(&[frame]);
        Ok(())
    }

    fn heard(&self, written: &[Frame]) {
        for frame in written {
            if let Some(heard) = &frame.heard {
                heard.store(true, Ordering::Release);
            }
        }
        self.world
            .stats
            .frames
            .fetch_add(u64::try_from(written.len()).unwrap_or(0), Ordering::Relaxed);
    }

    fn roll(&mut self, share: f64) -> bool {
        share > 0.0 && self.rng.random_bool(share)
    }

    /// An unreadable frame of one of the kinds.
    fn broken(&mut self, frame: &Frame) -> Message {
        let kinds = Broken::COMMON;
        kinds[self.rng.random_range(0..kinds.len())].of(frame)
    }

    async fn read(
        &mut self,
        socket: &mut WebSocket,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<(), End> {
        match message {
            None | Some(Err(_) | Ok(Message::Close(_))) => Err(End::Gone),
            Some(Ok(Message::Text(text))) => {
                let Some(answer) = self.answer(&text) else {
                    return Ok(());
                };
                self.say(socket, answer).await
            }
            Some(Ok(_)) => Ok(()),
        }
    }

    fn answer(&self, text: &str) -> Option<Utf8Bytes> {
        let request: Value = serde_json::from_str(text).ok()?;
        match request["message"].as_str()? {
            "ping" => Some(Utf8Bytes::from_static(PONG)),
            "subscribe" => Some(Utf8Bytes::from(self.subscribe(&request).to_string())),
            _ => None,
        }
    }

    /// Subscribing over the socket itself; `result` is a string.
    fn subscribe(&self, request: &Value) -> Value {
        let correlation = &request["correlationId"];
        let wanted: Vec<String> = request["topics"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|topic| topic.as_str().map(str::to_owned))
            .collect();
        let failure = |message: &str| json!({"result": "400", "status": "failure", "message": message, "correlationId": correlation});
        let bad = wanted
            .iter()
            .flat_map(|topic| topics::expand(topic))
            .find(|topic| topics::judge(&self.world.org, topic).is_err());
        if let Some(bad) = bad {
            return failure(&format!("Topic cannot be subscribed: {bad}"));
        }
        match self
            .world
            .channels
            .subscribe(&self.channel, &wanted, false, Stamp::now())
        {
            Some(true) => {
                json!({"result": "200", "status": "subscribed", "correlationId": correlation})
            }
            Some(false) => failure("Too many topics"),
            None => {
                json!({"result": "404", "message": "Channel not found", "correlationId": correlation})
            }
        }
    }
}

async fn feed(socket: &mut WebSocket, text: Utf8Bytes) -> Result<(), End> {
    feed_message(socket, Message::Text(text)).await
}

async fn feed_message(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    socket.feed(message).await.map_err(|_| End::Gone)
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
