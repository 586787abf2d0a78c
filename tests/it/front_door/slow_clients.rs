//! Clients that take little or nothing: they cost bounded memory and hold nobody else up.

use std::time::{Duration, Instant};

use conversation_gateway::http::HttpConfig;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;

use super::harness::{FrontDoor, quick_timers, until, within};
use super::websocket::Client;

const FLOOD: &str = "subscription { flood(letters: 10000) { text } }";

fn impatient() -> HttpConfig {
    HttpConfig {
        stall_timeout: Duration::from_millis(400),
        ws_ping_interval: Duration::from_millis(50),
        ws_pong_timeout: Duration::from_millis(300),
        ws_close_timeout: Duration::from_millis(200),
        ..quick_timers()
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up_and_no_other_one_waits_for_it() {
    let door = FrontDoor::open_with(impatient()).await;
    let mut stalled = Client::open(door.address).await;
    stalled.subscribe("flood", FLOOD).await;
    until(|| door.world.subscriptions() == 1).await;

    let mut other = Client::open(door.address).await;
    other.subscribe("q", "{ hello }").await;
    assert_eq!(other.next().await["type"], "next");
    assert_eq!(other.next().await["type"], "complete");
    assert_eq!(door.world.subscriptions(), 1);

    // The other one has to answer pings meanwhile.
    within(async {
        while door.world.subscriptions() > 0 {
            let _ = tokio::time::timeout(Duration::from_millis(10), other.0.next()).await;
        }
    })
    .await;
    other.subscribe("q", "{ hello }").await;
    assert_eq!(other.next().await["type"], "next");
    let metrics = door
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        metrics.contains(r#"gateway_ws_closed_total{code="1013"} 1"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_client_that_takes_a_little_is_never_given_up() {
    let door = FrontDoor::open_with(HttpConfig {
        stall_timeout: Duration::from_millis(400),
        ..quick_timers()
    })
    .await;
    let mut slow = Client::open(door.address).await;
    // One answer whose sending takes longer than a stalled client would be waited for.
    slow.subscribe("q", "{ letters(count: 4000000) }").await;
    let stream = slow.0.get_mut();
    let began = Instant::now();
    let mut taken = 0;
    let mut buffer = vec![0; 4 * 1024];
    while began.elapsed() < Duration::from_millis(1_500) {
        taken += within(stream.read(&mut buffer))
            .await
            .expect("still connected");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(taken < 3_000_000, "too fast to show anything");
    while taken < 3_000_000 {
        let read = within(stream.read(&mut buffer))
            .await
            .expect("still connected");
        assert!(read > 0, "closed after {taken} bytes");
        taken += read;
    }
}

#[tokio::test]
async fn a_blocked_client_is_still_listened_to() {
    let door = FrontDoor::open().await;
    let mut blocked = Client::open(door.address).await;
    blocked.subscribe("flood", FLOOD).await;
    until(|| door.world.subscriptions() == 1).await;
    // Long enough for all buffers between the two to fill.
    tokio::time::sleep(Duration::from_millis(200)).await;
    blocked
        .send(&json!({ "id": "flood", "type": "complete" }))
        .await;
    until(|| door.world.subscriptions() == 0).await;
}

#[tokio::test]
async fn a_client_that_sends_without_reading_is_listened_to_no_longer() {
    let door = FrontDoor::open().await;
    let mut greedy = Client::open(door.address).await;
    let ping = json!({ "type": "ping", "payload": { "x": "x".repeat(9_000) } }).to_string();
    let mut sent = 0;
    loop {
        let send = greedy.0.send(Message::text(ping.clone()));
        if tokio::time::timeout(Duration::from_millis(500), send)
            .await
            .is_err()
        {
            break;
        }
        sent += ping.len();
        assert!(sent < 100_000_000, "nothing stops it");
    }
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let door = FrontDoor::open_with(impatient()).await;
    let mut silent = Client::open(door.address).await;
    // It reads nothing, so it answers nothing.
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!(silent.closed().await, (1013, "No answer to pings".into()));

    let mut living = Client::open(door.address).await;
    let pings = async {
        let mut pings = 0;
        while pings < 12 {
            pings += usize::from(matches!(living.0.next().await, Some(Ok(Message::Ping(_)))));
        }
    };
    within(pings).await;
    living.subscribe("q", "{ hello }").await;
    assert_eq!(living.next().await["type"], "next");
}

#[tokio::test]
async fn a_stalled_event_stream_is_given_up() {
    let door = FrontDoor::open_with(impatient()).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(door.address).await.unwrap();
    let query = "/graphql?query=subscription%7Bflood(letters:10000)%7Btext%7D%7D";
    let head = format!("GET {query} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    until(|| door.world.subscriptions() == 1).await;
    until(|| door.world.subscriptions() == 0).await;
}
