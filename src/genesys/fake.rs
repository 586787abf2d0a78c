//! A loopback server that answers as a test wants: REST by a function, the socket by frames.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::task::JoinSet;

use super::GenesysConfig;
use super::client::GenesysClient;
use crate::clock::{Clock, SystemClock};

/// One request, as the test's function sees it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) authorization: String,
    pub(super) body: String,
    /// 1 for the first request with this method and path.
    pub(super) nth: usize,
}

/// What the test's function answers.
pub(super) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    delay: Duration,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.to_string(),
            delay: Duration::ZERO,
        }
    }

    pub(super) const fn late(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

type Respond = Box<dyn Fn(&Asked) -> Answer + Send + Sync>;

pub(super) struct Fake {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    respond: Respond,
    asked: Mutex<Vec<Asked>>,
    counts: Mutex<HashMap<String, usize>>,
    /// Frames for every open socket; an empty one closes it.
    frames: broadcast::Sender<String>,
}

impl Fake {
    pub(super) async fn start(respond: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            respond: Box::new(respond),
            asked: Mutex::default(),
            counts: Mutex::default(),
            frames: broadcast::channel(64).0,
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/socket/{channel}", any(socket))
            .fallback(rest)
            .with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            shared,
            _server: server,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn config(&self) -> GenesysConfig {
        GenesysConfig::for_tests(&self.url())
    }

    pub(super) fn client(&self) -> GenesysClient {
        GenesysClient::new(&self.config(), clock()).unwrap()
    }

    /// The requests so far with this method and path.
    pub(super) fn asked(&self, method: &str, path: &str) -> Vec<Asked> {
        let asked = self.shared.asked.lock().unwrap();
        let is_it = |asked: &&Asked| asked.method == method && asked.path == path;
        asked.iter().filter(is_it).cloned().collect()
    }

    pub(super) fn send_frame(&self, frame: &Value) {
        self.shared.frames.send(frame.to_string()).unwrap();
    }

    pub(super) fn close_sockets(&self) {
        self.shared.frames.send(String::new()).unwrap();
    }
}

pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// A token for an hour.
pub(super) fn token() -> Answer {
    Answer::json(200, &json!({ "access_token": "t-1", "expires_in": 3600 }))
}

/// Waits until the condition holds, for at most ten seconds.
pub(super) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain until {what}");
}

async fn rest(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let authorization = request.headers().get("authorization");
    let authorization = authorization
        .map_or("", |value| value.to_str().unwrap())
        .to_owned();
    let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let nth = {
        let mut counts = shared.counts.lock().unwrap();
        let count = counts.entry(format!("{method} {path}")).or_default();
        *count += 1;
        *count
    };
    let asked = Asked {
        method,
        path,
        query,
        authorization,
        body: String::from_utf8(body.to_vec()).unwrap(),
        nth,
    };
    shared.asked.lock().unwrap().push(asked.clone());
    let answer = (shared.respond)(&asked);
    if !answer.delay.is_zero() {
        tokio::time::sleep(answer.delay).await;
    }
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap()
}

/// Answers pings and passes the test's frames on.
async fn socket(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    let mut frames = shared.frames.subscribe();
    upgrade.on_upgrade(async move |mut socket| {
        let pong = json!({ "topicName": "channel.metadata", "eventBody": { "message": "pong" } });
        loop {
            let reply = tokio::select! {
                frame = frames.recv() => match frame {
                    Ok(frame) if !frame.is_empty() => frame,
                    _ => return,
                },
                came = socket.recv() => match came {
                    Some(Ok(Message::Text(text))) if text.as_str() == r#"{"message":"ping"}"# => pong.to_string(),
                    Some(Ok(_)) => continue,
                    _ => return,
                },
            };
            if socket.send(Message::text(reply)).await.is_err() {
                return;
            }
        }
    })
}
