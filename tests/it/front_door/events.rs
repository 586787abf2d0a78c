//! GraphQL over server-sent events.

use serde_json::{Value, json};

use super::harness::{FrontDoor, within};

const EVENTS: &str = "text/event-stream";

/// Lines of `event`, `id` and `data`, joined with `|` per event.
fn events(text: &str) -> Vec<String> {
    let events = text
        .split("\n\n")
        .filter(|event| !event.is_empty() && !event.starts_with(':'));
    events
        .map(|event| event.lines().collect::<Vec<_>>().join("|"))
        .collect()
}

#[tokio::test]
async fn results_and_completion_are_events() {
    let door = FrontDoor::open().await;
    let response = door
        .ask("subscription { count(to: 2) }", EVENTS)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], EVENTS);
    assert_eq!(
        events(&response.text().await.unwrap()),
        [
            r#"event: next|id: c1|data: {"data":{"count":1},"extensions":{"cursor":"c1"}}"#,
            r#"event: next|id: c2|data: {"data":{"count":2},"extensions":{"cursor":"c2"}}"#,
            "event: complete|data:",
        ]
    );
}

#[tokio::test]
async fn an_interrupted_stream_continues_behind_the_last_event() {
    let door = FrontDoor::open().await;
    for query in [
        "subscription { count(to: 4) }",
        "subscription { count(to: 4, after: \"c1\") }",
    ] {
        let request = door.get("/graphql").query(&[("query", query)]);
        let request = request
            .header("accept", EVENTS)
            .header("last-event-id", "c3");
        let text = request.send().await.unwrap().text().await.unwrap();
        assert_eq!(text.matches("event: next").count(), 1, "{text}");
        assert!(text.contains("id: c4"), "{text}");
    }
}

#[tokio::test]
async fn queries_and_errors_travel_in_the_stream_too() {
    let door = FrontDoor::open().await;
    let text = |query: &str| {
        let request = door.ask(query, EVENTS);
        async { request.send().await.unwrap().text().await.unwrap() }
    };
    let hello = text("{ hello }").await;
    assert_eq!(
        events(&hello),
        [
            r#"event: next|data: {"data":{"hello":"hello world"}}"#,
            "event: complete|data:"
        ]
    );
    for query in ["{", "subscription { unknown }", "subscription { explodes }"] {
        let events = events(&text(query).await);
        let failed = &events[events.len() - 2];
        let (_, data) = failed.split_once("data: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert!(data["errors"][0]["message"].is_string(), "{query}: {data}");
        assert!(!data.to_string().contains("swordfish"));
        assert_eq!(data.get("data"), None, "{query}: {data}");
    }
    let get = door.get("/graphql").query(&[("query", "mutation { add }")]);
    assert_eq!(
        get.header("accept", EVENTS).send().await.unwrap().status(),
        405
    );
    assert_eq!(door.mutations(), 0);
}

#[tokio::test]
async fn a_quiet_stream_is_kept_open_by_comments() {
    let door = FrontDoor::open().await;
    let mut response = door
        .ask("subscription { never }", EVENTS)
        .send()
        .await
        .unwrap();
    for _ in 0..3 {
        let chunk = within(response.chunk()).await.unwrap().unwrap();
        assert!(chunk.starts_with(b":"), "{chunk:?}");
    }
}

#[tokio::test]
async fn a_drain_ends_streams_without_completing_them() {
    let door = FrontDoor::open().await;
    let response = door
        .ask("subscription { never }", EVENTS)
        .send()
        .await
        .unwrap();
    door.drain.cancel();
    let text = within(response.text()).await.unwrap();
    assert!(!text.contains("complete"), "{text}");
}

#[tokio::test]
async fn strangers_are_refused_with_a_status() {
    let door = FrontDoor::open().await;
    let request = door
        .post(&json!({ "query": "{ hello }" }))
        .header("accept", EVENTS);
    assert_eq!(
        request.bearer_auth("wrong").send().await.unwrap().status(),
        401
    );
}
