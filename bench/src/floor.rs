//! The floor: a bare WebSocket server that sends prepared frames, and an HTTP server with static
//! answers. What it costs is what the sockets cost; nobody can be much cheaper.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::ensure;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use chrono::{SecondsFormat, Utc};
use memchr::memmem;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::frame;
use crate::options::ServerArguments;
use crate::traffic::{conversation_id, index_of};

#[derive(Default)]
struct Registry {
    /// How often each conversation has changed.
    numbers: HashMap<u32, u32>,
    /// Who watches everything, by connection.
    all: Watchers,
    /// Who watches one conversation, by connection.
    by_conversation: HashMap<u32, Watchers>,
    sockets: HashMap<u64, Arc<TcpStream>>,
}

type Watchers = HashMap<u64, Vec<Box<str>>>;

#[derive(Clone)]
struct Floor {
    registry: Arc<Mutex<Registry>>,
    point: Bytes,
    list: Bytes,
}

pub(crate) async fn serve(arguments: ServerArguments) -> anyhow::Result<()> {
    let floor = Floor {
        registry: Arc::default(),
        point: json!({ "data": { "conversation": node(7) } }).to_string().into(),
        list: json!({ "data": { "conversations": { "nodes": (0..50).map(node).collect::<Vec<_>>() } } })
            .to_string()
            .into(),
    };
    let sockets = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.socket_port)).await?;
    tokio::spawn(accept(sockets, Arc::clone(&floor.registry)));
    let router = Router::new()
        .route("/events", post(events))
        .route("/graphql", post(answer))
        .with_state(floor);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

/// A conversation with nine fields, as the gateway would answer.
fn node(index: u32) -> Value {
    json!({
        "conversationId": conversation_id(index), "calculatedStatus": "CONNECTED",
        "statusSince": "2026-11-01T09:00:19.900Z", "direction": "INBOUND", "originalMediaType": "VOICE",
        "lastQueueId": "3f0c8a52-1d44-4b7e-9a60-52c1d7e80a11", "lastQueueName": "Queue 1",
        "conversationStart": "2026-11-01T09:00:00.100Z", "version": 1,
    })
}

async fn answer(State(floor): State<Floor>, body: Bytes) -> impl IntoResponse {
    let is_list = memmem::find(&body, b"conversations(").is_some();
    let answer = if is_list { floor.list } else { floor.point };
    ([(CONTENT_TYPE, "application/json")], answer)
}

/// Lets conversations change: prepares each change once and writes it to whoever watches.
async fn events(State(floor): State<Floor>, Json(indices): Json<Vec<u32>>) -> impl IntoResponse {
    let frames = lock(&floor.registry).frames(&indices);
    for (socket, bytes) in frames {
        if let Some(rest) = unwritten(&socket, &bytes) {
            let _ = write_all(&socket, &bytes[rest..]).await;
        }
    }
}

impl Registry {
    /// What each connection gets, in one piece.
    fn frames(&mut self, indices: &[u32]) -> Vec<(Arc<TcpStream>, Vec<u8>)> {
        let mut out: HashMap<u64, Vec<u8>> = HashMap::new();
        for &index in indices {
            let number = self.numbers.entry(index).or_default();
            *number += 1;
            let payload = payload(index, *number);
            let some = self.by_conversation.get(&index);
            for (connection, subscriptions) in self.all.iter().chain(some.into_iter().flatten()) {
                let out = out.entry(*connection).or_default();
                for id in subscriptions {
                    let head = [
                        b"{\"id\":\"",
                        id.as_bytes(),
                        b"\",\"type\":\"next\",\"payload\":",
                    ];
                    frame::put(
                        out,
                        frame::TEXT,
                        false,
                        &[head[0], head[1], head[2], payload.as_bytes(), b"}"],
                    );
                }
            }
        }
        out.into_iter()
            .filter_map(|(connection, bytes)| {
                Some((Arc::clone(self.sockets.get(&connection)?), bytes))
            })
            .collect()
    }

    fn leave(&mut self, connection: u64) {
        self.sockets.remove(&connection);
        self.all.remove(&connection);
        self.by_conversation.retain(|_, watchers| {
            watchers.remove(&connection);
            !watchers.is_empty()
        });
    }
}

/// As long as the gateway's.
fn payload(index: u32, number: u32) -> String {
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let (before, after) = if number.is_multiple_of(2) {
        ("ON_HOLD", "CONNECTED")
    } else {
        ("CONNECTED", "ON_HOLD")
    };
    format!(
        "{{\"data\":{{\"conversationStatusChanged\":{{\"number\":{number},\"conversationId\":\"{}\",\
         \"previousStatus\":\"{before}\",\"status\":\"{after}\",\"membership\":\"STAYED\",\
         \"occurredAt\":\"{now}\",\"recordedAt\":\"{now}\",\"cause\":\"GENESYS_EVENT\",\
         \"conversation\":{{\"version\":{number},\"lastQueueName\":\"Queue 1\"}}}}}},\
         \"extensions\":{{\"cursor\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}}}",
        conversation_id(index)
    )
}

fn unwritten(socket: &TcpStream, bytes: &[u8]) -> Option<usize> {
    match socket.try_write(bytes) {
        Ok(written) if written == bytes.len() => None,
        Ok(written) => Some(written),
        Err(_) => Some(0),
    }
}

async fn write_all(socket: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        socket.writable().await?;
        match socket.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn accept(listener: TcpListener, registry: Arc<Mutex<Registry>>) {
    let mut connection = 0;
    while let Ok((stream, _)) = listener.accept().await {
        connection += 1;
        let registry = Arc::clone(&registry);
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let _ = converse(stream, connection, &registry).await;
            lock(&registry).leave(connection);
        });
    }
}

async fn converse(
    mut stream: TcpStream,
    connection: u64,
    registry: &Mutex<Registry>,
) -> anyhow::Result<()> {
    let mut buffer = Vec::new();
    let head = loop {
        ensure!(stream.read_buf(&mut buffer).await? > 0, "gone");
        if let Some(end) = memmem::find(&buffer, b"\r\n\r\n") {
            break buffer.drain(..end + 4).collect::<Vec<u8>>();
        }
    };
    let stream = Arc::new(stream);
    write_all(&stream, upgraded(&head).as_bytes()).await?;
    lock(registry)
        .sockets
        .insert(connection, Arc::clone(&stream));
    loop {
        let mut used = 0;
        while let Some(frame) = frame::first(&buffer[used..]) {
            let payload = &buffer[used + frame.payload.start..used + frame.payload.end];
            let mut out = Vec::new();
            match frame.opcode {
                frame::TEXT => hear(payload, connection, registry, &mut out)?,
                frame::PING => frame::put(&mut out, frame::PONG, false, &[payload]),
                frame::CLOSE => return Ok(()),
                _ => {}
            }
            used += frame.payload.end;
            write_all(&stream, &out).await?;
        }
        buffer.drain(..used);
        if buffer.is_empty() {
            buffer = Vec::new();
        }
        stream.readable().await?;
        match stream.try_read_buf(&mut buffer) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
            _ => {}
        }
    }
}

fn upgraded(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("sec-websocket-key: "))
        .unwrap_or_default();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-protocol: graphql-transport-ws\r\nsec-websocket-accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )
}

fn hear(
    message: &[u8],
    connection: u64,
    registry: &Mutex<Registry>,
    out: &mut Vec<u8>,
) -> anyhow::Result<()> {
    let message: Value = serde_json::from_slice(message)?;
    match message["type"].as_str() {
        Some("connection_init") => {
            frame::put(out, frame::TEXT, false, &[br#"{"type":"connection_ack"}"#]);
        }
        Some("subscribe") => {
            let id: Box<str> = message["id"].as_str().unwrap_or_default().into();
            let filter = &message["payload"]["variables"]["filter"]["conversationIds"];
            let mut registry = lock(registry);
            match filter.as_array() {
                None => registry.all.entry(connection).or_default().push(id),
                Some(ids) => {
                    let indices = ids
                        .iter()
                        .filter_map(|id| index_of(id.as_str()?.as_bytes()));
                    for index in indices {
                        let watchers = registry.by_conversation.entry(index).or_default();
                        watchers.entry(connection).or_default().push(id.clone());
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn lock(registry: &Mutex<Registry>) -> MutexGuard<'_, Registry> {
    registry.lock().expect("no code that holds the lock panics")
}
