//! A GraphQL client over HTTP and over `graphql-transport-ws`.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::PATIENCE;

/// One client for all: making one costs more than asking with it. It keeps no connection, because a
/// connection belongs to the runtime of the test that opened it.
pub fn http() -> reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let made = CLIENT.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(0)
            .build()
            .expect("a client")
    });
    made.clone()
}

/// Asks and expects data without errors.
pub async fn query(address: SocketAddr, query: &str, variables: Value) -> Value {
    let answer = ask(address, query, variables).await;
    assert!(answer.get("errors").is_none(), "{query}: {answer}");
    answer["data"].clone()
}

/// Asks and takes whatever comes.
pub async fn ask(address: SocketAddr, query: &str, variables: Value) -> Value {
    http()
        .post(format!("http://{address}/graphql"))
        .json(&json!({ "query": query, "variables": variables }))
        .send()
        .await
        .expect("the gateway answers")
        .json()
        .await
        .expect("JSON")
}

/// Sends JSON to a path, and gives status and answer.
pub async fn post(address: SocketAddr, path: &str, body: &Value) -> (u16, Value) {
    let request = http().post(format!("http://{address}{path}")).json(body);
    let response = request.send().await.expect("the gateway answers");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

/// One subscription on one socket.
pub struct Subscription {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Subscription {
    pub async fn start(address: SocketAddr, query: &str, variables: Value) -> Self {
        Self::try_start(address, query, variables)
            .await
            .expect("the gateway takes the socket")
    }

    pub async fn try_start(
        address: SocketAddr,
        query: &str,
        variables: Value,
    ) -> anyhow::Result<Self> {
        let mut request = format!("ws://{address}/graphql").into_client_request()?;
        request
            .headers_mut()
            .insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
        let (socket, _) = connect_async(request).await?;
        let mut subscription = Self { socket };
        subscription
            .send(&json!({ "type": "connection_init" }))
            .await?;
        let ack = subscription.message().await?;
        anyhow::ensure!(ack["type"] == "connection_ack", "no ack but {ack}");
        let payload = json!({ "query": query, "variables": variables });
        subscription
            .send(&json!({ "type": "subscribe", "id": "1", "payload": payload }))
            .await?;
        Ok(subscription)
    }

    /// The payload of the next result.
    pub async fn next(&mut self) -> Value {
        self.try_next().await.expect("the subscription goes on")
    }

    pub async fn try_next(&mut self) -> anyhow::Result<Value> {
        let message = self.message().await?;
        anyhow::ensure!(message["type"] == "next", "no result but {message}");
        Ok(message["payload"].clone())
    }

    /// Whatever the server says next, but for its pings.
    pub async fn message(&mut self) -> anyhow::Result<Value> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.socket.next()).await?;
            match frame.ok_or_else(|| anyhow::anyhow!("the socket ended"))?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(frame) => anyhow::bail!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    async fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::text(message.to_string())).await?)
    }
}
