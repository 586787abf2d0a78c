//! A WebSocket whose every byte is the rules' own: nothing is put right on the way.

use std::time::Duration;

use bytes::BytesMut;
use reqwest::{Method, StatusCode, Upgraded};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frames::{Frame, opcode, take};
use super::target::{Answer, As, Ask, PATIENCE, Target, said};

pub(super) const SUBPROTOCOL: &str = "graphql-transport-ws";
/// The key that RFC 6455 has as its example, and the answer that belongs to it.
pub(super) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(super) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The upgrade request that every server of the protocol takes.
pub(super) fn handshake() -> Ask {
    Ask {
        method: Method::GET,
        query: Vec::new(),
        headers: vec![
            ("connection", "Upgrade".into()),
            ("upgrade", "websocket".into()),
            ("sec-websocket-version", "13".into()),
            ("sec-websocket-key", KEY.into()),
            ("sec-websocket-protocol", SUBPROTOCOL.into()),
        ],
        body: None,
        // The token goes into `connection_init`, as browsers have to do it.
        from: As::Nobody,
    }
}

/// What the server does next.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Message(Value),
    Ping,
    Pong(Vec<u8>),
    /// A close frame, with its code if it has one.
    Closed(Option<u16>),
    /// The connection ends.
    Ended,
}

pub(super) struct Socket {
    stream: Upgraded,
    buffer: BytesMut,
    /// The message of which some fragments have come.
    partial: Option<Vec<u8>>,
    /// Whether pings of the server are answered.
    pub(super) answers_pings: bool,
}

impl Socket {
    /// Shakes hands.
    pub(super) async fn open(target: &Target) -> Result<Self, String> {
        let mut response = target.start(&handshake()).await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            tokio::time::sleep(Duration::from_secs(2)).await;
            response = target.start(&handshake()).await?;
        }
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Err(format!("the handshake was answered with {status}"));
        }
        let stream = response.upgrade().await.map_err(|error| said(&error))?;
        Ok(Self {
            stream,
            buffer: BytesMut::new(),
            partial: None,
            answers_pings: true,
        })
    }

    /// Sends a frame. Where the server has hung up already, what it said before tells why.
    pub(super) async fn send(&mut self, frame: &Frame) -> Result<(), String> {
        let bytes = frame.encode();
        let sending = self.stream.write_all(&bytes);
        match tokio::time::timeout(PATIENCE, sending).await {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("the server takes nothing for {PATIENCE:?}")),
        }
    }

    /// The next thing that the server does, within the time given.
    pub(super) async fn next(&mut self, within: Duration) -> Result<Heard, String> {
        match tokio::time::timeout(within, self.read()).await {
            Ok(heard) => heard,
            Err(_) => Err(format!("nothing came within {within:?}")),
        }
    }

    async fn read(&mut self) -> Result<Heard, String> {
        loop {
            while let Some(frame) = take(&mut self.buffer)? {
                match frame.opcode {
                    opcode::PING => {
                        if self.answers_pings {
                            self.send(&Frame::new(opcode::PONG, frame.payload)).await?;
                        }
                        return Ok(Heard::Ping);
                    }
                    opcode::PONG => return Ok(Heard::Pong(frame.payload)),
                    opcode::CLOSE => return closed(&frame.payload),
                    opcode => {
                        if let Some(text) = self.join(opcode, frame.is_final, frame.payload)? {
                            return message(&text);
                        }
                    }
                }
            }
            // A connection that was reset has ended, too.
            let read = self.stream.read_buf(&mut self.buffer).await;
            if read.unwrap_or(0) == 0 {
                return Ok(Heard::Ended);
            }
        }
    }

    /// Puts fragments together; gives the message once it is whole.
    fn join(
        &mut self,
        opcode: u8,
        is_final: bool,
        payload: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, String> {
        let whole = match (opcode, self.partial.take()) {
            (opcode::TEXT, None) => payload,
            (opcode::CONTINUATION, Some(begun)) => [begun, payload].concat(),
            (opcode, begun) => {
                let during = if begun.is_some() {
                    " inside a message"
                } else {
                    ""
                };
                return Err(format!("the server sent opcode {opcode:#x}{during}"));
            }
        };
        if is_final {
            return Ok(Some(whole));
        }
        self.partial = Some(whole);
        Ok(None)
    }
}

fn message(text: &[u8]) -> Result<Heard, String> {
    let message = serde_json::from_slice(text).map(Heard::Message);
    message.map_err(|_| {
        let text = String::from_utf8_lossy(text);
        format!("a message of the server is not JSON: {text:.100}")
    })
}

fn closed(payload: &[u8]) -> Result<Heard, String> {
    match payload {
        [] => Ok(Heard::Closed(None)),
        [high, low, reason @ ..] if std::str::from_utf8(reason).is_ok() => {
            Ok(Heard::Closed(Some(u16::from_be_bytes([*high, *low]))))
        }
        _ => Err("the server's close frame has no code or no text (RFC 6455, 5.5.1)".into()),
    }
}

/// A handshake's answer, without reading on.
pub(super) async fn shake(target: &Target, ask: &Ask) -> Result<Answer, String> {
    let shaking = tokio::time::timeout(PATIENCE, target.start(ask)).await;
    let response = shaking.map_err(|_| format!("no answer within {PATIENCE:?}"))??;
    Ok(Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: Vec::new(),
    })
}
