//! A simulator on a free port, and a client that speaks to it as any outsider would.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::simulator::{Simulator, SimulatorConfig};

pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Running {
    pub(super) base: String,
    http: HttpClient,
    token: String,
    _stop: Option<DropGuard>,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: std::collections::HashMap<String, String>,
    pub(super) body: Value,
}

pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// A few lines of HTTP/1.1, so that nothing of the product is needed to test its counterpart.
struct HttpClient {
    address: String,
}

impl HttpClient {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        );
        for (name, value) in headers {
            request.extend([name, ": ", value, "\r\n"]);
        }
        stream
            .write_all(format!("{request}\r\n{body}").as_bytes())
            .await
            .unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await.unwrap();
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Answer {
            status,
            headers,
            body: serde_json::from_str(body).unwrap_or_else(|_| json!(body)),
        }
    }
}

impl Running {
    /// Serves until the value is dropped.
    pub(super) async fn start(config: SimulatorConfig) -> Self {
        let simulator = Simulator::bind(config).await.unwrap();
        let address = simulator.local_addr();
        let shutdown = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn({
            let shutdown = shutdown.clone();
            async move { simulator.serve(shutdown).await.unwrap() }
        });
        Self {
            _stop: Some(shutdown.drop_guard()),
            ..Self::at(address).await
        }
    }

    /// A client, logged in, of a simulator that somebody else serves.
    pub(super) async fn at(address: SocketAddr) -> Self {
        let base = address.to_string();
        let http = HttpClient {
            address: base.clone(),
        };
        let mut running = Self {
            base,
            http,
            token: String::new(),
            _stop: None,
        };
        running.login().await;
        running
    }

    pub(super) async fn login(&mut self) {
        let answer = self.grant("simulator-client", "simulator-secret").await;
        self.token = answer.body["access_token"].as_str().unwrap().to_owned();
    }

    pub(super) async fn grant(&self, id: &str, secret: &str) -> Answer {
        use base64::Engine as _;
        let basic = format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"))
        );
        let headers = [
            ("authorization", basic.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.http
            .send(
                "POST",
                "/oauth/token",
                &headers,
                "grant_type=client_credentials",
            )
            .await
    }

    /// An API or control request; `Value::Null` sends no body.
    pub(super) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.http
            .send(
                method,
                path,
                &[
                    ("authorization", &bearer),
                    ("content-type", "application/json"),
                ],
                &body,
            )
            .await
    }

    pub(super) async fn anonymous(&self, path: &str) -> Answer {
        self.http.send("GET", path, &[], "").await
    }

    pub(super) async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.call(method, path, body).await;
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {} {}",
            answer.status,
            answer.body
        );
        answer.body
    }

    /// Ids of all queues.
    pub(super) async fn queues(&self) -> Vec<String> {
        let listing = self
            .ok("GET", "/api/v2/routing/queues?pageSize=500", Value::Null)
            .await;
        listing["entities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|queue| queue["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A channel with these topics and its open socket.
    pub(super) async fn listen(&self, topics: &[String]) -> (String, Socket) {
        let channel = self
            .ok("POST", "/api/v2/notifications/channels", json!({}))
            .await;
        let id = channel["id"].as_str().unwrap().to_owned();
        let topics: Vec<Value> = topics.iter().map(|topic| json!({"id": topic})).collect();
        self.ok(
            "PUT",
            &format!("/api/v2/notifications/channels/{id}/subscriptions"),
            json!(topics),
        )
        .await;
        (
            id,
            Socket::open(channel["connectUri"].as_str().unwrap()).await,
        )
    }

    /// Listens to every queue.
    pub(super) async fn listen_to_queues(&self) -> (String, Socket) {
        let topics: Vec<String> = self
            .queues()
            .await
            .iter()
            .map(|queue| format!("v2.routing.queues.{queue}.conversations"))
            .collect();
        self.listen(&topics).await
    }

    pub(super) async fn conversation(&self, order: Value) -> String {
        self.ok("POST", "/sim/conversations", order).await["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(super) async fn step(&self, id: &str, step: Value) -> Answer {
        self.call("POST", &format!("/sim/conversations/{id}/steps"), step)
            .await
    }

    pub(super) async fn truth(&self, id: &str) -> Value {
        self.ok("GET", &format!("/sim/truth?id={id}"), Value::Null)
            .await["conversations"][0]
            .clone()
    }

    pub(super) async fn statuses(&self, id: &str) -> Vec<String> {
        self.truth(id).await["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["status"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits until the truth of a conversation fulfils the condition.
    pub(super) async fn until(&self, id: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let reached = async {
            loop {
                let truth = self.truth(id).await;
                if condition(&truth) {
                    return truth;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached)
            .await
            .expect("the truth never came to that")
    }
}

impl Socket {
    pub(super) async fn open(uri: &str) -> Self {
        Self(connect_async(uri).await.unwrap().0)
    }

    pub(super) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(super) async fn ping(&mut self) {
        self.0.send(Message::Ping("here".into())).await.unwrap();
    }

    /// The next message of any kind; none when the socket has closed.
    pub(super) async fn message(&mut self) -> Option<Message> {
        tokio::time::timeout(PATIENCE, self.0.next())
            .await
            .expect("nothing arrived")
            .and_then(Result::ok)
    }

    /// The next text that is JSON and no heartbeat; none when the socket has closed.
    pub(super) async fn frame(&mut self) -> Option<Value> {
        loop {
            match self.message().await? {
                Message::Close(_) => return None,
                Message::Text(text) if !text.contains("WebSocket Heartbeat") => {
                    return Some(
                        serde_json::from_str(&text).unwrap_or_else(|_| json!(text.as_str())),
                    );
                }
                _ => {}
            }
        }
    }

    /// Frames until one fulfils the condition, that one included.
    pub(super) async fn until(&mut self, condition: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let frame = self
                .frame()
                .await
                .expect("the socket closed before the frame came");
            frames.push(frame);
            if frames.last().is_some_and(&condition) {
                return frames;
            }
        }
    }
}

/// One with the settings for tests.
pub(super) async fn simulator() -> Running {
    Running::start(SimulatorConfig::for_tests()).await
}

pub(super) fn is_snapshot_of(id: &str) -> impl Fn(&Value) -> bool + '_ {
    move |frame| frame["eventBody"]["id"] == id
}
