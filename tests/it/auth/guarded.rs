//! A gateway that asks who comes, and clients of every kind.

use std::time::Duration;

use conversation_gateway::auth::{AuthConfig, issue};
use conversation_gateway::clock::{Clock, SystemClock};
use conversation_gateway::domain::api_key::{Grant, Narrowing};
use conversation_gateway::domain::permission::Permissions;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;
use crate::support::{PATIENCE, client, eventually};

pub(super) const SECRET: &str = "correct horse battery staple, long enough";
const AUDIENCE: &str = "gateway";
pub(super) const ALL: &str =
    "conversations:read conversations:write conversations:close conversations:personal admin";

pub(super) struct Guarded {
    pub(super) gateway: Gateway,
    http: reqwest::Client,
}

impl Guarded {
    pub(super) async fn start(organisation: &Organisation, database: Database) -> Self {
        Self::start_with(organisation, database, &[]).await
    }

    pub(super) async fn start_with(
        organisation: &Organisation,
        database: Database,
        more: &[&str],
    ) -> Self {
        let flags = [
            "--jwt-secret",
            SECRET,
            "--jwt-audience",
            AUDIENCE,
            "--jwt-clock-skew",
            "0s",
            "--api-key-refresh",
            "50ms",
        ];
        let flags = [&flags[..], more].concat();
        let gateway = Gateway::start_unready(organisation, database, &flags).await;
        let guarded = Self {
            gateway,
            http: client::http(),
        };
        let admin = token("admin", ALL);
        eventually("the feed is live", || async {
            let data = guarded
                .ask(&admin, "{ feedStatus { state } }", json!({}))
                .await;
            (data["data"]["feedStatus"]["state"] == "LIVE").then_some(())
        })
        .await;
        guarded
    }

    /// Asks as the bearer of a token and takes whatever comes.
    pub(super) async fn ask(&self, token: &str, query: &str, variables: Value) -> Value {
        let headers = [("authorization", format!("Bearer {token}"))];
        self.ask_with(&headers, query, variables).await.1
    }

    /// Asks as the bearer of a token and expects data without errors.
    pub(super) async fn data(&self, token: &str, query: &str, variables: Value) -> Value {
        let answer = self.ask(token, query, variables).await;
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        answer["data"].clone()
    }

    /// Asks with these headers; gives the status, too.
    pub(super) async fn ask_with(
        &self,
        headers: &[(&str, String)],
        query: &str,
        variables: Value,
    ) -> (u16, Value) {
        let mut request = self
            .http
            .post(format!("http://{}/graphql", self.gateway.address))
            .header("accept", "application/graphql-response+json")
            .json(&json!({ "query": query, "variables": variables }));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.expect("the gateway answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("JSON"))
    }

    /// The first event of an event stream, or the answer that stands for it.
    pub(super) async fn first_event(&self, token: Option<&str>, query: &str) -> (u16, String) {
        let mut request = self
            .http
            .post(format!("http://{}/graphql", self.gateway.address))
            .header("accept", "text/event-stream")
            .json(&json!({ "query": query }));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let mut answer = request.send().await.expect("the gateway answers");
        let status = answer.status().as_u16();
        let mut text = String::new();
        while !text.contains("\n\n") {
            match answer.chunk().await.expect("a part of the answer") {
                Some(part) => text.push_str(&String::from_utf8_lossy(&part)),
                None => break,
            }
        }
        (status, text)
    }

    /// An event stream from its beginning to its end.
    pub(super) async fn whole_stream(&self, token: &str, query: &str) -> String {
        let request = self
            .http
            .post(format!("http://{}/graphql", self.gateway.address))
            .header("accept", "text/event-stream")
            .bearer_auth(token)
            .json(&json!({ "query": query }));
        let answer = request.send().await.expect("the gateway answers");
        answer.text().await.expect("a text")
    }

    pub(super) async fn socket(&self, init: Value, headers: &[(&'static str, String)]) -> Socket {
        let url = format!("ws://{}/graphql", self.gateway.address);
        let mut request = url.into_client_request().expect("an address");
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        for (name, value) in headers {
            let value = value.parse().expect("a header");
            request.headers_mut().insert(*name, value);
        }
        let (socket, _) = connect_async(request).await.expect("a socket");
        let mut socket = Socket(socket);
        let message = match init {
            Value::Null => json!({ "type": "connection_init" }),
            payload => json!({ "type": "connection_init", "payload": payload }),
        };
        socket.send(&message).await;
        socket
    }

    /// A socket on which the bearer of the token was let in.
    pub(super) async fn open_socket(&self, token: &str) -> Socket {
        let mut socket = self.socket(json!({ "token": token }), &[]).await;
        assert_eq!(
            socket.next().await,
            Heard::Message(json!({ "type": "connection_ack" }))
        );
        socket
    }
}

pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What a socket says.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Message(Value),
    Closed(u16, String),
}

impl Socket {
    pub(super) async fn send(&mut self, message: &Value) {
        let sent = self.0.send(Message::text(message.to_string())).await;
        sent.expect("the socket takes it");
    }

    pub(super) async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.send(&json!({ "type": "subscribe", "id": id, "payload": payload }))
            .await;
    }

    /// The next message but pings, or the end.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.0.next()).await;
            match frame.expect("in time") {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Message(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Heard::Closed(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no message but {other:?}"),
            }
        }
    }

    /// The next message, if there is one soon.
    pub(super) async fn heard_soon(&mut self) -> Option<Heard> {
        let patience = Duration::from_secs(2);
        tokio::time::timeout(patience, self.next()).await.ok()
    }

    /// The next message.
    pub(super) async fn message(&mut self) -> Value {
        match self.next().await {
            Heard::Message(message) => message,
            closed @ Heard::Closed(..) => panic!("{closed:?}"),
        }
    }
}

pub(super) fn config(audience: &str) -> AuthConfig {
    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        config: AuthConfig,
    }
    let flags = ["x", "--jwt-secret", SECRET, "--jwt-audience", audience];
    <Alone as clap::Parser>::parse_from(flags).config
}

pub(super) fn grant(permissions: &str) -> Grant {
    Grant {
        permissions: Permissions::from_words(permissions),
        narrowing: None,
    }
}

/// A token that holds for an hour.
pub(super) fn token(subject: &str, permissions: &str) -> String {
    signed(
        subject,
        &grant(permissions),
        Duration::from_hours(1),
        AUDIENCE,
    )
}

/// A token of someone who sees only these queues, teams, and what the user is active in.
pub(super) fn narrowed(
    subject: &str,
    permissions: &str,
    queues: &[&str],
    teams: &[&str],
    user: Option<&str>,
) -> String {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let grant = Grant {
        narrowing: Some(Narrowing {
            queues: texts(queues),
            teams: texts(teams),
            user: user.map(Into::into),
        }),
        ..grant(permissions)
    };
    signed(subject, &grant, Duration::from_hours(1), AUDIENCE)
}

/// A token that holds for so long.
pub(super) fn short_token(subject: &str, permissions: &str, lifetime: Duration) -> String {
    signed(subject, &grant(permissions), lifetime, AUDIENCE)
}

pub(super) fn for_another_audience() -> String {
    signed("anna", &grant(ALL), Duration::from_hours(1), "elsewhere")
}

pub(super) fn expired_token() -> String {
    let now = SystemClock.now().plus_millis(-7_200_000);
    let lifetime = Duration::from_hours(1);
    issue(&config(AUDIENCE), "anna", &grant(ALL), lifetime, now).expect("a token")
}

fn signed(subject: &str, grant: &Grant, lifetime: Duration, audience: &str) -> String {
    let now = SystemClock.now();
    issue(&config(audience), subject, grant, lifetime, now).expect("a token")
}
