//! GraphQL over WebSocket, frame by frame. The rules of the protocol have their table beside the
//! state machine; here is what needs a socket.

use std::net::SocketAddr;
use std::time::Duration;

use conversation_gateway::http::HttpConfig;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use super::harness::{FrontDoor, quick_timers, until, within};

pub(super) struct Client(pub(super) WebSocketStream<tokio::net::TcpStream>);

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let headers = [("sec-websocket-protocol", "graphql-transport-ws")];
        Self::handshake(address, &headers)
            .await
            .expect("a handshake")
    }

    pub(super) async fn handshake(
        address: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, WsError> {
        Self::handshake_as(&address.to_string(), address, headers).await
    }

    /// As if the gateway were the host of this name.
    pub(super) async fn handshake_as(
        host: &str,
        address: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, WsError> {
        let mut request = format!("ws://{host}/graphql").into_client_request()?;
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, value.parse().expect("a header"));
        }
        // Small, so that a client that does not read is noticed soon.
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(16 * 1024)?;
        let stream = socket.connect(address).await?;
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Self(socket))
    }

    /// A client that has been acknowledged.
    pub(super) async fn open(address: SocketAddr) -> Self {
        let mut client = Self::connect(address).await;
        client.send(&json!({ "type": "connection_init" })).await;
        assert_eq!(client.next().await, json!({ "type": "connection_ack" }));
        client
    }

    pub(super) async fn send(&mut self, message: &Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    async fn send_raw(&mut self, message: Message) {
        within(self.0.send(message))
            .await
            .expect("the socket takes it");
    }

    pub(super) async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(&json!({ "id": id, "type": "subscribe", "payload": { "query": query } }))
            .await;
    }

    /// The next text message.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).expect("JSON"),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no message but {other:?}"),
            }
        }
    }

    /// Reads on until the close frame.
    pub(super) async fn closed(&mut self) -> (u16, String) {
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("no close frame but {other:?}"),
            }
        }
    }
}

fn next(id: &str, data: &Value) -> Value {
    json!({ "id": id, "type": "next", "payload": { "data": data } })
}

fn complete(id: &str) -> Value {
    json!({ "id": id, "type": "complete" })
}

#[tokio::test]
async fn queries_mutations_and_subscriptions_run_over_one_socket() {
    let door = FrontDoor::open().await;
    let mut client = Client::open(door.address).await;
    client.subscribe("q", "{ hello caller }").await;
    assert_eq!(
        client.next().await,
        next("q", &json!({ "hello": "hello world", "caller": true }))
    );
    assert_eq!(client.next().await, complete("q"));
    client.subscribe("m", "mutation { add }").await;
    assert_eq!(client.next().await, next("m", &json!({ "add": 1 })));
    assert_eq!(client.next().await, complete("m"));
}

#[tokio::test]
async fn a_ready_subscription_does_not_hold_up_another_operation() {
    let door = FrontDoor::open().await;
    let mut client = Client::open(door.address).await;
    client
        .subscribe("flood", "subscription { flood(letters: 10) { text } }")
        .await;
    client.subscribe("hello", "{ hello }").await;
    within(async { while client.next().await["id"] != "hello" {} }).await;
    client.send(&complete("flood")).await;
    until(|| door.world.subscriptions() == 0).await;
}

#[tokio::test]
async fn the_handshake_is_refused_without_the_subprotocol_or_from_a_foreign_page() {
    let door = FrontDoor::open().await;
    let protocol = "sec-websocket-protocol";
    for (headers, status) in [
        (vec![(protocol, "graphql-transport-ws")], 101),
        (vec![(protocol, "graphql-ws, graphql-transport-ws")], 101),
        (vec![(protocol, "graphql-transport-ws,graphql-ws")], 101),
        (
            vec![(protocol, "graphql-ws"), (protocol, "graphql-transport-ws")],
            101,
        ),
        (
            vec![
                (protocol, "graphql-transport-ws"),
                ("origin", "http://good.example"),
            ],
            101,
        ),
        (
            vec![
                (protocol, "graphql-transport-ws"),
                ("origin", "http://evil.example"),
            ],
            403,
        ),
        (vec![(protocol, "graphql-ws")], 400),
        (vec![(protocol, "graphql-transport-ws2")], 400),
        (vec![], 400),
    ] {
        let mut request = door
            .get("/graphql")
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{headers:?}");
        let spoken = response
            .headers()
            .get(protocol)
            .map(|spoken| spoken.to_str().unwrap());
        assert_eq!(
            spoken,
            (status == 101).then_some("graphql-transport-ws"),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn broken_rules_close_the_socket_with_their_code() {
    let door = FrontDoor::open().await;
    let text = |value: Value| Message::text(value.to_string());
    let init = || text(json!({ "type": "connection_init" }));
    let subscribe = |id: &str| {
        let payload = json!({ "query": "subscription { never }" });
        text(json!({ "id": id, "type": "subscribe", "payload": payload }))
    };
    for (messages, code) in [
        (vec![Message::text("nonsense")], 4400),
        (vec![init(), Message::binary(vec![1])], 4400),
        (vec![init(), text(json!({ "type": "x".repeat(500) }))], 4400),
        (vec![subscribe("a")], 4401),
        (
            vec![text(
                json!({ "type": "connection_init", "payload": { "token": "wrong" } }),
            )],
            4403,
        ),
        (
            vec![text(
                json!({ "type": "connection_init", "payload": { "token": "later" } }),
            )],
            1013,
        ),
        (vec![init(), subscribe("a"), subscribe("a")], 4409),
        (vec![init(), init()], 4429),
        (vec![init(), Message::text(" ".repeat(10_001))], 1009),
    ] {
        let mut client = Client::connect(door.address).await;
        let shown = format!("{messages:.200?}");
        for message in messages {
            if message == subscribe("a") && code == 4409 {
                // A subscribe may not overtake the acknowledgement.
                until_acknowledged(&mut client).await;
            }
            client.send_raw(message).await;
        }
        let (closed, reason) = client.closed().await;
        assert_eq!(closed, code, "{shown}: {reason}");
        assert!(!reason.is_empty() && reason.len() <= 123, "{reason}");
    }
    until(|| door.world.subscriptions() == 0).await;
}

async fn until_acknowledged(client: &mut Client) {
    client.send(&json!({ "type": "ping" })).await;
    within(async { while client.next().await["type"] != "pong" {} }).await;
}

#[tokio::test]
async fn a_client_that_does_not_introduce_itself_is_sent_away() {
    let config = HttpConfig {
        ws_init_timeout: Duration::from_millis(50),
        ..quick_timers()
    };
    let door = FrontDoor::open_with(config).await;
    let mut silent = Client::connect(door.address).await;
    assert_eq!(
        silent.closed().await,
        (4408, "Connection initialisation timeout".into())
    );
    let mut polite = Client::open(door.address).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    polite.subscribe("a", "{ hello }").await;
    assert_eq!(polite.next().await["type"], "next");
}

#[tokio::test]
async fn failures_end_their_operation_and_tell_nothing_of_the_inside() {
    let door = FrontDoor::open().await;
    let mut client = Client::open(door.address).await;
    for (query, code) in [
        ("{", "BAD_USER_INPUT"),
        ("{ unknown }", "BAD_USER_INPUT"),
        ("{ boom }", "INTERNAL"),
        ("subscription { explodes }", "INTERNAL"),
        ("subscription { fails }", "SUBSCRIPTION_ENDED"),
    ] {
        client.subscribe("a", query).await;
        let mut message = client.next().await;
        if query.contains("subscription") {
            assert_eq!(message["type"], "next", "{query}: {message}");
            message = client.next().await;
        }
        assert_eq!(
            (&message["type"], &message["id"]),
            (&"error".into(), &"a".into()),
            "{message}"
        );
        assert_eq!(
            message["payload"][0]["extensions"]["code"], code,
            "{query}: {message}"
        );
        assert_eq!(
            message["payload"][0]["extensions"]["requestId"].is_string(),
            code == "INTERNAL"
        );
        assert!(!message.to_string().contains("swordfish"), "{message}");
    }
    client.subscribe("a", "{ hello fail }").await;
    let partial = client.next().await;
    assert_eq!(
        (&partial["type"], &partial["payload"]["data"]["fail"]),
        (&"next".into(), &Value::Null)
    );
    assert_eq!(client.next().await, complete("a"));
}

#[tokio::test]
async fn closing_the_socket_ends_its_subscriptions() {
    let door = FrontDoor::open().await;
    let mut client = Client::open(door.address).await;
    for id in ["a", "b"] {
        client.subscribe(id, "subscription { never }").await;
    }
    until(|| door.world.subscriptions() == 2).await;
    drop(client);
    until(|| door.world.subscriptions() == 0).await;
    until(|| door.sockets.is_empty()).await;
}

#[tokio::test]
async fn a_drain_closes_every_socket_as_a_restart_and_takes_no_new_ones() {
    let door = FrontDoor::open().await;
    let mut idle = Client::connect(door.address).await;
    let mut busy = Client::open(door.address).await;
    busy.subscribe("a", "subscription { never }").await;
    until(|| door.world.subscriptions() == 1).await;

    door.drain.cancel();
    for client in [&mut idle, &mut busy] {
        assert_eq!(client.closed().await, (1012, "Service restart".into()));
    }
    drop((idle, busy));
    door.sockets.close();
    within(door.sockets.wait()).await;
    let headers = [("sec-websocket-protocol", "graphql-transport-ws")];
    match Client::handshake(door.address, &headers).await {
        Err(WsError::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test]
async fn sockets_are_counted() {
    let door = FrontDoor::open().await;
    let mut client = Client::open(door.address).await;
    client.subscribe("a", "subscription { never }").await;
    until(|| door.world.subscriptions() == 1).await;
    let metrics = || async {
        door.get("/metrics")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let open = metrics().await;
    assert!(
        open.contains("gateway_ws_connections 1") && open.contains("gateway_ws_operations 1"),
        "{open}"
    );
    client.send_raw(Message::text("nonsense")).await;
    assert_eq!(client.closed().await.0, 4400);
    let closed = metrics().await;
    assert!(closed.contains("gateway_ws_connections 0"), "{closed}");
    assert!(closed.contains("gateway_ws_operations 0"), "{closed}");
    assert!(
        closed.contains(r#"gateway_ws_closed_total{code="4400"} 1"#),
        "{closed}"
    );
}
