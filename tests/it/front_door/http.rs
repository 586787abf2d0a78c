//! GraphQL over HTTP.

use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{FrontDoor, body, within};

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

fn accepting(request: RequestBuilder) -> RequestBuilder {
    request.header("accept", JSON)
}

#[tokio::test]
async fn status_and_media_type_follow_the_accept_header() {
    let door = FrontDoor::open().await;
    let valid = "{ hello }";
    for (query, accept, status, content_type) in [
        (valid, "*/*", 200, JSON),
        (valid, JSON, 200, JSON),
        (valid, GRAPHQL, 200, GRAPHQL),
        ("{", JSON, 200, JSON),
        ("{", GRAPHQL, 400, GRAPHQL),
        ("{ unknown }", JSON, 200, JSON),
        ("{ unknown }", GRAPHQL, 400, GRAPHQL),
        (
            "query ($n: Int!) { letters(count: $n) }",
            GRAPHQL,
            400,
            GRAPHQL,
        ),
        ("{ hello fail }", JSON, 200, JSON),
        ("{ hello fail }", GRAPHQL, 294, GRAPHQL),
        ("subscription { never }", GRAPHQL, 400, GRAPHQL),
    ] {
        let response = door.ask(query, accept).send().await.unwrap();
        assert_eq!(response.status(), status, "{query} as {accept}");
        let expected = format!("{content_type}; charset=utf-8");
        assert_eq!(
            response.headers()["content-type"],
            expected,
            "{query} as {accept}"
        );
        let body = body(response).await;
        let executed = query.contains("hello");
        assert_eq!(body.get("data").is_some(), executed, "{body}");
        assert_eq!(body.get("errors").is_some(), query != valid, "{body}");
    }
}

#[tokio::test]
async fn requests_that_are_none_are_told_why() {
    let door = FrontDoor::open().await;
    let hello = json!({ "query": "{ hello }" }).to_string();
    for (request, status) in [
        (door.post_text(JSON, "nonsense"), 400),
        (door.post_text(JSON, ""), 400),
        (door.post_text(JSON, "{}"), 400),
        (door.post_text(JSON, format!("[{hello}]")), 400),
        (
            door.post_text(JSON, r#"{"query":"{ hello }","variables":[]}"#),
            400,
        ),
        (door.post_text("text/plain", hello.clone()), 415),
        (
            door.post_text("application/json; charset=latin1", hello.clone()),
            415,
        ),
        (
            door.post_text(JSON, hello.clone())
                .header("content-encoding", "gzip"),
            415,
        ),
        (
            door.post_text(JSON, hello.clone())
                .header("accept", "text/html"),
            406,
        ),
        (door.post_text(JSON, " ".repeat(10_001)), 413),
        (door.post_text(JSON, hello).bearer_auth("wrong"), 401),
        (accepting(door.get("/graphql")), 400),
        (
            accepting(door.get("/graphql?query=%7Bhello%7D&variables=7")),
            400,
        ),
        (
            accepting(door.get("/graphql?query=%7Bhello%7D")).bearer_auth("later"),
            503,
        ),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        let body = body(response).await;
        assert!(
            body["errors"][0]["extensions"]["code"].is_string(),
            "{status}: {body}"
        );
        assert!(body.get("data").is_none(), "{status}: {body}");
    }
}

/// The library looks at given variables alone where directives name one.
#[tokio::test]
async fn a_directive_goes_by_the_default_of_a_variable_that_is_not_given() {
    let door = FrontDoor::open().await;
    let query = "query($v: Boolean! = true) { a: hello @include(if: $v) b: hello @skip(if: $v) }";
    for (variables, told) in [
        (json!({}), "a"),
        (json!({ "v": true }), "a"),
        (json!({ "v": false }), "b"),
    ] {
        let request = json!({ "query": query, "variables": variables });
        let answer = body(door.post(&request).send().await.unwrap()).await;
        assert_eq!(answer, json!({ "data": { told: "hello world" } }));
    }
}

#[tokio::test]
async fn parameters_reach_the_operation() {
    let door = FrontDoor::open().await;
    let query = "query A($n: String) { hello(name: $n) } query B { caller }";
    for (name, variables, data) in [
        ("A", json!({ "n": "Ada" }), json!({ "hello": "hello Ada" })),
        ("A", json!(null), json!({ "hello": "hello world" })),
        ("B", json!({}), json!({ "caller": true })),
    ] {
        let request = json!({ "query": query, "operationName": name, "variables": variables });
        assert_eq!(
            body(door.post(&request).send().await.unwrap()).await,
            json!({ "data": data })
        );
        let texts = [
            ("query", query),
            ("operationName", name),
            ("variables", &variables.to_string()),
        ];
        let by_get = accepting(door.get("/graphql"))
            .query(&texts)
            .send()
            .await
            .unwrap();
        assert_eq!(body(by_get).await, json!({ "data": data }));
    }
}

#[tokio::test]
async fn no_request_a_browser_sends_unasked_runs_a_mutation() {
    let door = FrontDoor::open().await;
    let query = "mutation { add }";
    let by_get = accepting(door.get("/graphql"))
        .query(&[("query", query)])
        .send()
        .await
        .unwrap();
    assert_eq!(
        (by_get.status().as_u16(), &by_get.headers()["allow"]),
        (405, &"POST".parse().unwrap())
    );
    let named = "query Q { hello } mutation M { add }";
    let named = accepting(door.get("/graphql")).query(&[("query", named), ("operationName", "M")]);
    assert_eq!(named.send().await.unwrap().status(), 405);

    let json = json!({ "query": query }).to_string();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let response = door
            .post_text(content_type, json.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 415, "{content_type}");
    }
    assert_eq!(door.mutations(), 0);
    assert_eq!(door.ask(query, JSON).send().await.unwrap().status(), 200);
    assert_eq!(door.mutations(), 1);
}

#[tokio::test]
async fn other_methods_are_told_which_are_allowed() {
    let door = FrontDoor::open().await;
    let url = format!("http://{}/graphql", door.address);
    let client = reqwest::Client::builder().build().unwrap();
    let response = client.delete(url).send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "GET,HEAD,POST");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_with_a_name_and_nothing_else() {
    let door = FrontDoor::open().await;
    for accept in [JSON, GRAPHQL] {
        let response = door
            .ask("{ boom }", accept)
            .header("x-request-id", "r-7")
            .send()
            .await
            .unwrap();
        assert_eq!(response.headers()["x-request-id"], "r-7");
        let body = body(response).await;
        assert_eq!(
            body,
            json!({ "errors": [{
                "message": "Internal error.",
                "extensions": { "code": "INTERNAL", "requestId": "r-7" },
            }] })
        );
    }
    assert_eq!(
        door.ask("{ boom }", GRAPHQL).send().await.unwrap().status(),
        500
    );
    assert_eq!(
        door.ask("{ hello }", GRAPHQL)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

#[tokio::test]
async fn every_answer_has_a_request_id_that_cannot_forge_log_lines() {
    let door = FrontDoor::open().await;
    let id = |sent: &str| {
        let request = door.get("/healthz").header("x-request-id", sent);
        async {
            request.send().await.unwrap().headers()["x-request-id"]
                .to_str()
                .unwrap()
                .to_owned()
        }
    };
    assert_eq!(id("abc-1").await, "abc-1");
    for forged in ["a b", "x\"y", &"z".repeat(65)] {
        assert_ne!(id(forged).await, forged);
    }
    assert_ne!(id("").await, id("").await);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let door = FrontDoor::open().await;
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 50\r\nconnection: close\r\n\r\n{\"query\":";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn long_answers_are_compressed_for_those_who_can_read_them() {
    let door = FrontDoor::open().await;
    let request = door.ask("{ letters(count: 9000) }", JSON);
    let response = request
        .header("accept-encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert!(response.bytes().await.unwrap().len() < 1_000);
    let plain = door
        .ask("{ letters(count: 9000) }", JSON)
        .send()
        .await
        .unwrap();
    assert!(!plain.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn answers_of_the_moment_are_not_kept_by_caches() {
    let door = FrontDoor::open().await;
    for request in [
        accepting(door.get("/graphql?query=%7Bhello%7D")),
        door.get("/readyz"),
        door.get("/healthz"),
    ] {
        let response = within(request.timeout(Duration::from_secs(5)).send())
            .await
            .unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}
