//! Clients that connect and ask nothing: they are not waited for, and nobody else is cut off for them.

use std::time::Duration;

use conversation_gateway::http::HttpConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{FrontDoor, quick_timers, within};
use super::websocket::Client;

const HELLO: &str = "GET /graphql?query=%7Bhello%7D HTTP/1.1\r\nhost: x\r\n\r\n";
const STUCK: &str = "GET /graphql?query=%7Bstuck%7D HTTP/1.1\r\nhost: x\r\n\r\n";

fn impatient() -> HttpConfig {
    HttpConfig {
        header_timeout: Duration::from_millis(100),
        ..quick_timers()
    }
}

async fn sending(door: &FrontDoor, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// All that comes until the connection ends.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    within(stream.read_to_string(&mut text)).await.unwrap();
    text
}

#[tokio::test]
async fn who_asks_nothing_is_closed() {
    let door = FrontDoor::open_with(impatient()).await;
    assert_eq!(rest(sending(&door, "").await).await, "");
    assert_eq!(rest(sending(&door, "G").await).await, "");
    assert_eq!(rest(sending(&door, &HELLO[..40]).await).await, "");
    // As HTTP/2 begins.
    let preface = sending(&door, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!rest(preface).await.starts_with("HTTP/1.1 200"));
    let answered = rest(sending(&door, HELLO).await).await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
}

#[tokio::test]
async fn a_head_that_comes_in_drops_is_not_waited_for() {
    let door = FrontDoor::open_with(impatient()).await;
    let mut stream = sending(&door, "GET /graphql HTTP/1.1\r\n").await;
    within(async {
        while stream.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_has_asked_may_be_silent() {
    let door = FrontDoor::open_with(HttpConfig {
        execution_timeout: Duration::from_millis(600),
        ..impatient()
    })
    .await;
    let mut socket = Client::open(door.address).await;
    let waiting = sending(&door, STUCK).await;
    let stream = door
        .ask("subscription { never }", "text/event-stream")
        .send();
    let mut stream = stream.await.unwrap();
    for _ in 0..10 {
        let comment = within(stream.chunk()).await.unwrap();
        assert!(comment.is_some_and(|comment| comment.starts_with(b":")));
    }
    let answer = rest(waiting).await;
    assert!(answer.contains("TIMEOUT"), "{answer}");
    socket.subscribe("q", "{ hello }").await;
    assert_eq!(socket.next().await["type"], "next");
}

#[tokio::test]
async fn a_shutdown_ends_idle_connections_and_waits_for_running_answers() {
    let mut door = FrontDoor::open().await;
    let silent = sending(&door, "").await;
    let mut idle = sending(&door, HELLO).await;
    let mut head = [0; 12];
    within(idle.read_exact(&mut head)).await.unwrap();
    let stream = door
        .ask("subscription { never }", "text/event-stream")
        .send();
    let mut stream = stream.await.unwrap();
    door.shutdown.cancel();
    assert_eq!(rest(silent).await, "");
    assert!(rest(idle).await.contains("hello world"));
    for _ in 0..3 {
        let comment = within(stream.chunk()).await.unwrap();
        assert!(comment.is_some_and(|comment| comment.starts_with(b":")));
    }
    assert!(door.server.try_join_next().is_none());
    door.drain.cancel();
    let ended = within(door.server.join_next()).await;
    assert!(ended.is_some_and(|ended| ended.is_ok()));
    assert!(TcpStream::connect(door.address).await.is_err());
}
