//! The paths for senders that know no GraphQL: whatever they are refused for, they are told in flat JSON.

use conversation_gateway::http::{HttpConfig, RateConfig};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{FrontDoor, body, quick_timers, within};

const JSON: &str = "application/json";
const PATHS: [&str; 2] = ["/ingest/registration", "/ingest/eventbridge"];

fn check_flat(told: &Value, code: &str) {
    assert_eq!(told["code"], code, "{told}");
    assert!(told["message"].is_string(), "{told}");
    let fields = told.as_object().unwrap().values();
    let is_flat = |value: &Value| !value.is_object() && !value.is_array();
    assert!(fields.into_iter().all(is_flat), "{told}");
}

/// Expects that refusal, and gives the answer's header.
async fn header_of(request: RequestBuilder, status: u16, code: &str, name: &str) -> Option<String> {
    let response: Response = request.send().await.unwrap();
    assert_eq!(response.status(), status);
    let header = response.headers().get(name).cloned();
    check_flat(&body(response).await, code);
    header.map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn refusals_are_flat() {
    let door = FrontDoor::open().await;
    for path in PATHS {
        let post = |content_type: &str, body: &str| door.post_to(path, content_type, body);
        let stranger = post(JSON, "{}").bearer_auth("wrong");
        let scheme = header_of(stranger, 401, "UNAUTHENTICATED", "www-authenticate").await;
        assert_eq!(scheme.as_deref(), Some("Bearer"), "{path}");
        let doubtful = post(JSON, "{}").bearer_auth("later");
        let again = header_of(doubtful, 503, "UNAVAILABLE", "retry-after").await;
        assert_eq!(again.as_deref(), Some("1"), "{path}");
        let untyped = post("text/plain", "{}");
        header_of(untyped, 415, "BAD_USER_INPUT", "content-type").await;
        let long = post(JSON, &" ".repeat(10_001));
        let kind = header_of(long, 413, "LIMIT_EXCEEDED", "content-type").await;
        assert_eq!(kind.as_deref(), Some(JSON), "{path}");
    }
}

#[tokio::test]
async fn who_sends_too_often_is_told_flatly_when_to_come_again() {
    let door = FrontDoor::open_with(HttpConfig {
        rate: RateConfig {
            rate_per_caller: 1,
            rate_burst: 1,
        },
        ..quick_timers()
    })
    .await;
    for (path, name) in PATHS.into_iter().zip(["ada", "bob"]) {
        let post = || door.post_to(path, JSON, "[]").bearer_auth(name);
        assert_ne!(post().send().await.unwrap().status(), 429);
        let again = header_of(post(), 429, "RATE_LIMITED", "retry-after").await;
        assert_eq!(again.as_deref(), Some("1"), "{path}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_refused_flatly() {
    let door = FrontDoor::open().await;
    for path in PATHS {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: 50\r\nconnection: close\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        let (_, told) = answer.split_once("\r\n\r\n").unwrap();
        check_flat(&serde_json::from_str(told).unwrap(), "BAD_USER_INPUT");
    }
}
