//! A proxy that does harm, as proxies do.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    None,
    /// Drops the chosen subprotocol from the handshake's answer.
    StripsSubprotocol,
    /// Closes with 1000, whatever the gateway's own code was.
    ClosesNormally,
    /// Makes `error` messages `next` messages.
    MakesErrorsResults,
    /// Answers the client's `complete` with one of its own.
    EchoesComplete,
    /// Loses the payload of pong frames.
    EmptiesPongs,
    /// Turns every error status into 200.
    AnswersAlways200,
    /// Says of every body that it is JSON in UTF-8.
    SendsAllAsJson,
    /// Passes an answer on when it is whole.
    CollectsStreams,
}

pub(super) struct Proxy {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub(super) async fn start(gateway: SocketAddr, harm: Harm) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                let server = TcpStream::connect(gateway).await.expect("the gateway");
                client.set_nodelay(true).expect("a socket option");
                connections.spawn(relay(client, server, harm));
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// One request; its connection ends with it, unless it becomes a WebSocket.
async fn relay(client: TcpStream, server: TcpStream, harm: Harm) {
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let Some((head, rest)) = head(&mut from_client).await else {
        return;
    };
    let is_upgrade = head.to_ascii_lowercase().contains("\r\nupgrade: websocket");
    let head = sent(&head, is_upgrade, harm);
    if to_server
        .write_all(&[head.as_bytes(), &rest].concat())
        .await
        .is_err()
    {
        return;
    }
    let (echoes, echoed) = mpsc::unbounded_channel();
    let forward = forward(from_client, to_server, harm, echoes);
    if is_upgrade {
        tokio::join!(forward, frames(from_server, to_client, harm, echoed));
    } else {
        // A client that hangs up ends the request.
        tokio::select! {
            () = forward => {}
            () = answer(from_server, to_client, harm) => {}
        }
    }
}

/// A head with its empty line, and what was read behind it.
async fn head(from: &mut OwnedReadHalf) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let rest = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).expect("a head is text"), rest));
        }
        if from.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

fn lines(head: &str, map: impl Fn(&str) -> Option<String>) -> String {
    let lines = head.trim_end().split("\r\n");
    lines
        .filter_map(map)
        .map(|line| line + "\r\n")
        .collect::<String>()
        + "\r\n"
}

/// The head of the request as the gateway gets it.
fn sent(head: &str, is_upgrade: bool, harm: Harm) -> String {
    if is_upgrade {
        return head.to_owned();
    }
    let is = |line: &str, name: &str| line.to_ascii_lowercase().starts_with(name);
    let mut head = lines(head, |line| {
        let is_replaced = harm == Harm::SendsAllAsJson && is(line, "content-type:");
        (!is(line, "connection:") && !is_replaced).then(|| line.to_owned())
    });
    let more = match harm {
        Harm::SendsAllAsJson => "connection: close\r\ncontent-type: application/json\r\n",
        _ => "connection: close\r\n",
    };
    let first = head.find("\r\n").expect("a request line") + 2;
    head.insert_str(first, more);
    head
}

/// The head of the answer as the client gets it.
fn received(head: &str, harm: Harm) -> String {
    lines(head, |line| {
        let is_protocol = line
            .to_ascii_lowercase()
            .starts_with("sec-websocket-protocol:");
        let is_error = line.starts_with("HTTP/1.1 4") || line.starts_with("HTTP/1.1 5");
        match harm {
            Harm::StripsSubprotocol if is_protocol => None,
            Harm::AnswersAlways200 if is_error => Some("HTTP/1.1 200 OK".to_owned()),
            _ => Some(line.to_owned()),
        }
    })
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    harm: Harm,
    echoes: mpsc::UnboundedSender<Vec<u8>>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        // Before the gateway can answer anything.
        if harm == Harm::EchoesComplete {
            for text in texts(&buffer[..read]) {
                if text.contains(r#""type":"complete""#) {
                    let _ = echoes.send(frame(0x81, text.as_bytes()));
                }
            }
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
}

/// The texts of the masked frames of less than 64 kB in what a client sent at once.
fn texts(mut bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let [first, second, rest @ ..] = bytes
        && *second & 0x80 != 0
    {
        let (length, rest) = match (second & 0x7f, rest) {
            (126, [high, low, rest @ ..]) => (u16::from_be_bytes([*high, *low]), rest),
            (length, rest) => (u16::from(length), rest),
        };
        let length = usize::from(length);
        let Some((mask, rest)) = rest.split_at_checked(4) else {
            break;
        };
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            break;
        };
        let text = payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask);
        if *first == 0x81 {
            texts.extend(String::from_utf8(text.collect()));
        }
        bytes = rest;
    }
    texts
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, harm: Harm) {
    let Some((head, rest)) = head(&mut from).await else {
        return;
    };
    let mut bytes = received(&head, harm).into_bytes();
    bytes.extend(rest);
    loop {
        if harm != Harm::CollectsStreams && !bytes.is_empty() {
            if to.write_all(&bytes).await.is_err() {
                return;
            }
            bytes.clear();
        }
        if from.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            break;
        }
    }
    let _ = to.write_all(&bytes).await;
}

/// The handshake's answer and the frames behind it.
async fn frames(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    harm: Harm,
    mut echoed: mpsc::UnboundedReceiver<Vec<u8>>,
) {
    let Some((head, mut bytes)) = head(&mut from).await else {
        return;
    };
    let is_open = head.starts_with("HTTP/1.1 101");
    let mut head = received(&head, harm);
    if !is_open {
        // What is asked next on this connection would be no upgrade's either.
        let first = head.find("\r\n").expect("a status line") + 2;
        head.insert_str(first, "connection: close\r\n");
    }
    let _ = to.write_all(head.as_bytes()).await;
    loop {
        let out = if is_open {
            harmed(&mut bytes, harm)
        } else {
            std::mem::take(&mut bytes)
        };
        if to.write_all(&out).await.is_err() {
            return;
        }
        tokio::select! {
            biased;
            Some(echo) = echoed.recv() => bytes.splice(0..0, echo).for_each(drop),
            read = from.read_buf(&mut bytes) => if read.unwrap_or(0) == 0 { return },
        }
    }
}

/// Takes the whole frames out of what was read, and harms them.
fn harmed(bytes: &mut Vec<u8>, harm: Harm) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((first, payload, length)) = whole(bytes) {
        bytes.drain(..length);
        let payload = match (harm, first & 0x0f) {
            (Harm::ClosesNormally, 8) if payload.first() >= Some(&0x0f) => {
                [&1000_u16.to_be_bytes()[..], &payload[2..]].concat()
            }
            (Harm::MakesErrorsResults, 1) => {
                let text = String::from_utf8(payload).expect("texts are UTF-8");
                text.replace(r#""type":"error""#, r#""type":"next""#).into()
            }
            (Harm::EmptiesPongs, 0xA) => Vec::new(),
            _ => payload,
        };
        out.extend(frame(first, &payload));
    }
    out
}

/// First byte and payload of the first frame, and how long it is in all.
fn whole(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (start, length) = match *bytes.get(1)? {
        126 => (
            4,
            u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into(),
        ),
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (10, usize::try_from(length).ok()?)
        }
        short => (2, usize::from(short)),
    };
    let payload = bytes.get(start..start + length)?;
    Some((bytes[0], payload.to_vec(), start + length))
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => bytes.push(short),
        (_, Ok(middle)) => {
            bytes.push(126);
            bytes.extend(middle.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}
