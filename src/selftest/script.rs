//! A rule of the WebSocket as a play: what the client does, and what it must then hear.

use std::time::Duration;

use serde_json::{Value, json};

use super::frames::{Frame, opcode};
use super::pattern::fits;
use super::socket::{Heard, Socket};
use super::target::{As, Target};

/// How far the connection is when the steps begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// The handshake is done.
    Handshaken,
    /// The server has acknowledged the client as well.
    Acknowledged,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Sends this message.
    Say(Value),
    /// Sends a text that is no message.
    Text(&'static str),
    Send(Frame),
    /// Introduces the client.
    Introduce(As),
    /// The next message is like this.
    Hear(Value),
    /// Every id gets these types of message, in this order; ids may mix.
    HearEach(Vec<(&'static str, Vec<&'static str>)>),
    /// Nothing waits: the next message is the answer to a ping that is sent now.
    Quiet,
    /// A pong frame with this payload comes before any message.
    Ponged(&'static [u8]),
    /// The server pings by itself.
    Pinged,
    /// The client answers no ping from here on.
    Mute,
    /// The server closes with one of these codes; what it had to say before does not matter.
    Closed(&'static [u16]),
    /// The server answers a close frame with its own, having said nothing in between.
    AnswersClose(&'static [u16]),
    /// The server ends the connection and says nothing more.
    Ends,
    /// Sends fragments of one message without end, until the server closes with this code.
    TooMuch(u16),
}

/// Fragments of a message that is too long.
const FRAGMENT: usize = 64 * 1024;
/// A server that takes a message of 16 MiB has no limit worth the name.
const MOST_FRAGMENTS: usize = 256;

/// Plays the steps on a connection of their own.
pub(super) async fn play(
    target: &Target,
    opening: Opening,
    steps: &[Step],
    patience: Duration,
) -> Result<(), String> {
    let mut stage = Stage {
        socket: Socket::open(target).await?,
        target,
        patience,
    };
    if opening == Opening::Acknowledged {
        stage.step(&Step::Introduce(As::Oneself)).await?;
        let ack = Step::Hear(json!({ "type": "connection_ack" }));
        stage.step(&ack).await?;
    }
    for (number, step) in steps.iter().enumerate() {
        let outcome = stage.step(step).await;
        outcome.map_err(|reason| format!("step {}, {}: {reason}", number + 1, told(step)))?;
    }
    Ok(())
}

struct Stage<'a> {
    target: &'a Target,
    socket: Socket,
    patience: Duration,
}

impl Stage<'_> {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Say(message) => self.say(message).await,
            Step::Text(text) => self.socket.send(&Frame::text(text)).await,
            Step::Send(frame) => self.socket.send(frame).await,
            Step::Introduce(from) => {
                let payload = self.target.introduction(*from);
                let init = json!({ "type": "connection_init", "payload": payload });
                self.say(&init).await
            }
            Step::Hear(pattern) => self.hear(pattern).await,
            Step::HearEach(expected) => self.hear_each(expected).await,
            Step::Quiet => self.quiet().await,
            Step::Ponged(payload) => self.ponged(payload).await,
            Step::Pinged => self.pinged().await,
            Step::Mute => {
                self.socket.answers_pings = false;
                Ok(())
            }
            Step::Closed(codes) => self.closed(codes).await,
            Step::AnswersClose(codes) => self.answers_close(codes).await,
            Step::Ends => self.ends().await,
            Step::TooMuch(code) => self.too_much(*code).await,
        }
    }

    async fn say(&mut self, message: &Value) -> Result<(), String> {
        self.socket.send(&Frame::text(&message.to_string())).await
    }

    /// The next message; frames that keep the connection alive may come in between.
    async fn message(&mut self) -> Result<Value, String> {
        loop {
            match self.socket.next(self.patience).await? {
                Heard::Message(message) if message["type"] == "ping" => {
                    self.say(&json!({ "type": "pong" })).await?;
                }
                Heard::Message(message) => return Ok(message),
                Heard::Ping | Heard::Pong(_) => {}
                other => return Err(said(&other)),
            }
        }
    }

    async fn hear(&mut self, pattern: &Value) -> Result<(), String> {
        let message = self.message().await?;
        if fits(pattern, &message) {
            Ok(())
        } else {
            Err(format!("{message:.300} came"))
        }
    }

    async fn hear_each(&mut self, expected: &[(&str, Vec<&str>)]) -> Result<(), String> {
        let count = expected.iter().map(|(_, types)| types.len()).sum();
        let mut heard = Vec::new();
        for _ in 0..count {
            heard.push(self.message().await?);
        }
        for (id, types) in expected {
            let of_id = heard.iter().filter(|message| message["id"] == *id);
            let came: Vec<_> = of_id.filter_map(|it| it["type"].as_str()).collect();
            if came != *types {
                return Err(format!("{id} got {came:?}, not {types:?}"));
            }
        }
        Ok(())
    }

    async fn quiet(&mut self) -> Result<(), String> {
        self.say(&json!({ "type": "ping" })).await?;
        self.hear(&json!({ "type": "pong" })).await
    }

    async fn ponged(&mut self, payload: &[u8]) -> Result<(), String> {
        loop {
            match self.socket.next(self.patience).await? {
                Heard::Pong(answer) if answer == payload => return Ok(()),
                Heard::Pong(answer) => {
                    let length = answer.len();
                    return Err(format!("a pong with {length} other bytes came"));
                }
                Heard::Ping => {}
                other => return Err(said(&other)),
            }
        }
    }

    async fn pinged(&mut self) -> Result<(), String> {
        loop {
            match self.socket.next(self.patience).await? {
                Heard::Ping => return Ok(()),
                Heard::Message(message) if message["type"] == "ping" => return Ok(()),
                Heard::Pong(_) => {}
                other => return Err(said(&other)),
            }
        }
    }

    async fn closed(&mut self, codes: &[u16]) -> Result<(), String> {
        loop {
            match self.socket.next(self.patience).await? {
                Heard::Message(_) | Heard::Ping | Heard::Pong(_) => {}
                Heard::Closed(Some(code)) if codes.contains(&code) => return Ok(()),
                other => return Err(said(&other)),
            }
        }
    }

    async fn answers_close(&mut self, codes: &[u16]) -> Result<(), String> {
        loop {
            match self.socket.next(self.patience).await? {
                Heard::Ping | Heard::Pong(_) => {}
                Heard::Closed(None) if codes.is_empty() => return Ok(()),
                Heard::Closed(Some(code)) if codes.contains(&code) => return Ok(()),
                other => return Err(said(&other)),
            }
        }
    }

    async fn ends(&mut self) -> Result<(), String> {
        match self.socket.next(self.patience).await? {
            Heard::Ended => Ok(()),
            other => Err(said(&other)),
        }
    }

    async fn too_much(&mut self, code: u16) -> Result<(), String> {
        let fragment = Frame::new(opcode::CONTINUATION, vec![b' '; FRAGMENT]).unfinished();
        self.socket.send(&Frame::text("{").unfinished()).await?;
        for _ in 0..MOST_FRAGMENTS {
            self.socket.send(&fragment).await?;
            match self.socket.next(Duration::from_millis(1)).await {
                Ok(Heard::Closed(Some(closed))) if closed == code => return Ok(()),
                Ok(Heard::Ping) | Err(_) => {}
                Ok(other) => return Err(said(&other)),
            }
        }
        Err(format!(
            "it takes {MOST_FRAGMENTS} fragments of {FRAGMENT} bytes"
        ))
    }
}

/// What happened, in the words of a report.
fn said(heard: &Heard) -> String {
    match heard {
        Heard::Message(message) => format!("{message:.300} came"),
        Heard::Ping => "a ping came".into(),
        Heard::Pong(_) => "a pong came".into(),
        Heard::Closed(Some(code)) => format!("the server closed with {code}"),
        Heard::Closed(None) => "the server closed without a code".into(),
        Heard::Ended => "the connection ended without a close frame".into(),
    }
}

/// What was to be done or heard.
fn told(step: &Step) -> String {
    match step {
        Step::Say(message) => format!("saying {message:.100}"),
        Step::Text(text) => format!("saying {text:.100}"),
        Step::Send(frame) => format!("sending a frame of opcode {:#x}", frame.opcode),
        Step::Introduce(_) => "introducing the client".into(),
        Step::Hear(pattern) => format!("wanted {pattern}"),
        Step::HearEach(_) => "wanted each operation's own messages".into(),
        Step::Quiet => "wanted no message but a ping's answer".into(),
        Step::Ponged(_) => "wanted a pong frame with the ping's payload".into(),
        Step::Pinged => "wanted a ping".into(),
        Step::Mute => "falling silent".into(),
        Step::Closed(codes) => format!("wanted close {codes:?}"),
        Step::AnswersClose(codes) => format!("wanted the answer to the close {codes:?}"),
        Step::Ends => "wanted the end of the connection".into(),
        Step::TooMuch(code) => format!("wanted close {code}"),
    }
}
