//! What one request, one caller and one address may ask for.

use std::fmt::Write;
use std::time::Duration;

use conversation_gateway::http::{Documents, DocumentsConfig, HttpConfig, RateConfig, SeatsConfig};
use reqwest::Response;
use serde_json::{Value, json};

use super::harness::{FrontDoor, body, quick_timers, until, within};
use super::websocket::Client;

const GRAPHQL: &str = "application/graphql-response+json";
const EVENTS: &str = "text/event-stream";

/// Fragments that spread each other twice: two to the power of `levels` fields.
fn bomb(levels: usize) -> String {
    let mut text = String::from("{ ...F0 }");
    for level in 0..levels {
        let next = level + 1;
        let _ = write!(
            text,
            " fragment F{level} on QueryRoot {{ ...F{next} ...F{next} }}"
        );
    }
    let _ = write!(text, " fragment F{levels} on QueryRoot {{ hello }}");
    text
}

#[tokio::test]
async fn documents_that_ask_for_too_much_are_refused_by_name_on_every_way_in() {
    let door = FrontDoor::open_with(HttpConfig {
        max_body: 200_000,
        ws_max_message: 200_000,
        ..quick_timers()
    })
    .await;
    let mut client = Client::open(door.address).await;
    for (query, what, limit) in [
        (bomb(30), "root fields", 30),
        (
            format!("{{ hello {} }}", "@skip(if: false) ".repeat(101)),
            "directives",
            100,
        ),
        (
            format!("{{ {} }}", "a: hello ".repeat(31)),
            "root fields",
            30,
        ),
        (format!("{{ hello {} }}", "{hello".repeat(20)), "", 0),
        (
            format!("{}hello{}", "{hello".repeat(20), "}".repeat(20)),
            "levels",
            15,
        ),
        ("{hello".repeat(10_000), "nested brackets", 64),
        (format!("{{ {} }}", "hello ".repeat(5_000)), "tokens", 5_000),
        (
            format!("{{ hello(name: {}", "[".repeat(4_000)),
            "nested brackets",
            64,
        ),
    ] {
        let response = door.ask(&query, GRAPHQL).send().await.unwrap();
        assert_eq!(response.status(), 400, "{query:.100}");
        let by_http = body(response).await;
        client.subscribe("a", &query).await;
        let by_socket = client.next().await;
        assert_eq!(by_socket["type"], "error", "{by_socket}");
        assert_eq!(by_socket["payload"], by_http["errors"], "{query:.100}");
        let stream = door.ask(&query, EVENTS).send().await.unwrap();
        let stream = stream.text().await.unwrap();
        let event = stream.lines().find_map(|line| line.strip_prefix("data: "));
        let by_stream: Value = serde_json::from_str(event.unwrap()).unwrap();
        assert_eq!(by_stream, by_http, "{query:.100}");
        if !what.is_empty() {
            let expected = json!({ "code": "LIMIT_EXCEEDED", "what": what, "limit": limit });
            assert_eq!(by_http["errors"][0]["extensions"], expected, "{query:.100}");
        }
    }
    let cycle = "{ ...A } fragment A on QueryRoot { ...A }";
    let refused = body(door.ask(cycle, GRAPHQL).send().await.unwrap()).await;
    assert_eq!(
        refused["errors"][0]["message"],
        "Fragment A spreads itself."
    );
}

#[tokio::test]
async fn too_long_a_body_is_refused_by_its_limit() {
    let door = FrontDoor::open().await;
    let long = " ".repeat(10_001);
    let refusal = async |path: &str| {
        let request = door.post_to(path, "application/json", long.clone());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 413, "{path}");
        body(response).await
    };
    let limit = json!({ "code": "LIMIT_EXCEEDED", "what": "body bytes", "limit": 10_000 });
    let told = refusal("/graphql").await;
    assert_eq!(told["errors"][0]["extensions"], limit, "{told}");
    for path in ["/ingest/registration", "/ingest/eventbridge"] {
        let told = refusal(path).await;
        for name in ["code", "what", "limit"] {
            assert_eq!(told[name], limit[name], "{told}");
        }
    }
}

#[tokio::test]
async fn too_long_a_result_is_an_error_on_every_way_out() {
    let door = FrontDoor::open_with(HttpConfig {
        max_result: 1_000,
        ..quick_timers()
    })
    .await;
    let letters = |count: usize| format!("{{ letters(count: {count}) }}");
    let fits = door.ask(&letters(900), GRAPHQL).send().await.unwrap();
    assert_eq!(fits.status(), 200);
    let answer = door.ask(&letters(1_000), GRAPHQL).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let told = body(answer).await;
    let expected = json!({ "code": "LIMIT_EXCEEDED", "what": "result bytes", "limit": 1_000 });
    assert_eq!(told["errors"][0]["extensions"], expected, "{told}");
    assert!(told.get("data").is_none(), "{told}");

    let flood = "subscription { flood(letters: 1000) { text } }";
    let stream = door.ask(flood, EVENTS).send().await.unwrap();
    let text = within(stream.text()).await.unwrap();
    assert!(text.contains("LIMIT_EXCEEDED"), "{text}");
    assert!(text.ends_with("event: complete\ndata:\n\n"), "{text}");
    until(|| door.world.subscriptions() == 0).await;
}

#[tokio::test]
async fn errors_stay_small_however_much_is_wrong() {
    let door = FrontDoor::open_with(HttpConfig {
        max_body: 200_000,
        ..quick_timers()
    })
    .await;
    let unknown: Vec<_> = (0..29).map(|number| format!("wrong{number}")).collect();
    let unknown = unknown.join(" ");
    for query in [
        format!("{{ {unknown} }}"),
        format!("{{ {} }}", "x".repeat(100_000)),
        format!("{{ hello {} }}", "@aa ".repeat(90)),
        format!("{{ hello(name: \"{}) }}", "x".repeat(100_000)),
        format!("query ({}) {{ hello }}", "$a: Int ".repeat(1_000)),
    ] {
        let response = door.ask(&query, GRAPHQL).send().await.unwrap();
        assert_eq!(response.status(), 400, "{query:.60}");
        let text = response.text().await.unwrap();
        let told: Value = serde_json::from_str(&text).unwrap();
        let errors = told["errors"].as_array().unwrap();
        assert!((1..=10).contains(&errors.len()), "{text:.1000}");
        for error in errors {
            assert!(
                error["message"].as_str().unwrap().len() <= 500,
                "{text:.1000}"
            );
        }
        assert!(text.len() < 8_000, "{} bytes for {query:.60}", text.len());
    }
}

#[tokio::test]
async fn what_takes_too_long_ends_with_timeout_and_subscriptions_go_on() {
    let door = FrontDoor::open_with(HttpConfig {
        execution_timeout: Duration::from_millis(50),
        ..quick_timers()
    })
    .await;
    let response = door.ask("{ stuck }", GRAPHQL).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(
        body(response).await["errors"][0]["extensions"]["code"],
        "TIMEOUT"
    );
    let mut client = Client::open(door.address).await;
    client.subscribe("never", "subscription { never }").await;
    client.subscribe("stuck", "{ stuck }").await;
    let ended = client.next().await;
    assert_eq!(
        (&ended["id"], &ended["type"]),
        (&"stuck".into(), &"error".into())
    );
    assert_eq!(ended["payload"][0]["extensions"]["code"], "TIMEOUT");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(door.world.subscriptions(), 1);
}

#[tokio::test]
async fn a_caller_who_asks_too_often_is_told_when_to_come_again() {
    let door = FrontDoor::open_with(HttpConfig {
        rate: RateConfig {
            rate_per_caller: 1,
            rate_burst: 3,
        },
        ..quick_timers()
    })
    .await;
    let ask = |token: &'static str| {
        let request = door.ask("{ hello }", GRAPHQL).bearer_auth(token);
        async { request.send().await.unwrap() }
    };
    for _ in 0..3 {
        assert_eq!(ask("ada").await.status(), 200);
    }
    let refused = ask("ada").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(
        body(refused).await["errors"][0]["extensions"]["code"],
        "RATE_LIMITED"
    );
    assert_eq!(ask("bob").await.status(), 200);
    let mut client = Client::connect(door.address).await;
    let payload = json!({ "token": "ada" });
    client
        .send(&json!({ "type": "connection_init", "payload": payload }))
        .await;
    assert_eq!(client.next().await["type"], "connection_ack");
    client.subscribe("a", "{ hello }").await;
    let refused = client.next().await;
    assert_eq!(
        refused["payload"][0]["extensions"]["code"], "RATE_LIMITED",
        "{refused}"
    );
    let again = refused["payload"][0]["extensions"]["retryAfter"]
        .as_f64()
        .unwrap();
    assert!(again > 0.0 && again <= 1.0);
}

#[tokio::test]
async fn connections_are_limited_by_address_and_by_caller_and_free_again() {
    let door = FrontDoor::open_with(HttpConfig {
        seats: SeatsConfig {
            connections_per_address: 3,
            connections_per_caller: 1,
        },
        ..quick_timers()
    })
    .await;
    let stream = async |token: &str| -> Response {
        let request = door
            .ask("subscription { never }", EVENTS)
            .bearer_auth(token);
        request.send().await.unwrap()
    };
    let adas = stream("ada").await;
    assert_eq!(adas.status(), 200);
    assert_eq!(stream("ada").await.status(), 429);
    let mut second = Client::connect(door.address).await;
    let payload = json!({ "token": "ada" });
    second
        .send(&json!({ "type": "connection_init", "payload": payload }))
        .await;
    assert_eq!(
        second.closed().await,
        (1013, "Too many open connections".into())
    );
    drop(second);
    until(|| door.sockets.is_empty()).await;

    let open = [
        Client::open(door.address).await,
        Client::open(door.address).await,
    ];
    let headers = [("sec-websocket-protocol", "graphql-transport-ws")];
    assert!(Client::handshake(door.address, &headers).await.is_err());
    assert_eq!(stream("bob").await.status(), 429);
    drop((open, adas));
    within(async {
        while stream("ada").await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn trusted_documents_are_run_by_their_hash_and_nothing_else_if_so_wished() {
    let id = "sha256:40a8dec5e5ca3ba2c2b3d3aa9f0fd54d82a9bd8bc0ca3ce9d26a4be7a9e2b8a5";
    let query = "{ hello }";
    let file = tempfile::NamedTempFile::new().unwrap();
    let wrong = json!({ id: query }).to_string();
    std::fs::write(file.path(), wrong).unwrap();
    let path = file.path().to_str().unwrap();
    assert!(Documents::read(path).is_err(), "the hash is another text's");

    let id = sha256_of_hello();
    std::fs::write(file.path(), json!({ &id: query }).to_string()).unwrap();
    let open = |documents_only| HttpConfig {
        documents: DocumentsConfig {
            documents: Some(Documents::read(path).unwrap()),
            documents_only,
        },
        ..quick_timers()
    };
    for documents_only in [false, true] {
        let door = FrontDoor::open_with(open(documents_only)).await;
        let ask = async |request: Value| {
            let request = door.post(&request).header("accept", GRAPHQL);
            let response = request.send().await.unwrap();
            (response.status().as_u16(), body(response).await)
        };
        let hello = json!({ "data": { "hello": "hello world" } });
        assert_eq!(ask(json!({ "documentId": id })).await, (200, hello.clone()));
        let by_get = door.get("/graphql").query(&[("documentId", &id)]);
        let by_get = by_get.header("accept", GRAPHQL).send().await.unwrap();
        assert_eq!(body(by_get).await, hello);
        assert_eq!(ask(json!({ "documentId": "sha256:00" })).await.0, 400);
        assert_eq!(
            ask(json!({ "documentId": id, "query": query })).await.0,
            400
        );
        let (status, told) = ask(json!({ "query": query })).await;
        assert_eq!(status, if documents_only { 403 } else { 200 }, "{told}");
        let mut client = Client::open(door.address).await;
        let payload = json!({ "documentId": id });
        client
            .send(&json!({ "id": "a", "type": "subscribe", "payload": payload }))
            .await;
        assert_eq!(client.next().await["payload"], hello);
    }
}

/// `printf '{ hello }' | sha256sum`
fn sha256_of_hello() -> String {
    "sha256:001c3174e099bd72b729d0c0a529ba9f5a740c446e2a6e1d71b283cb84ec3065".to_owned()
}
