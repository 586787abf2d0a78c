//! What a web page can make its visitor's browser do, and what the checks of graphql-cop would find.

use conversation_gateway::http::HttpConfig;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::harness::{FrontDoor, body, quick_timers};
use super::websocket::Client;

const JSON: &str = "application/json";

#[tokio::test]
async fn five_ways_of_cross_site_requests_run_nothing() {
    let door = FrontDoor::open().await;
    let mutation = "mutation { add }";
    let json = json!({ "query": mutation }).to_string();
    let form = "query=mutation+%7B+add+%7D";
    let multipart = format!(
        "--x\r\ncontent-disposition: form-data; name=\"operations\"\r\n\r\n{json}\r\n--x--\r\n"
    );
    for (way, request) in [
        ("GET", door.get("/graphql").query(&[("query", mutation)])),
        ("text/plain", door.post_text("text/plain", json.clone())),
        (
            "form",
            door.post_text("application/x-www-form-urlencoded", form),
        ),
        ("no content type", door.post_untyped(json.clone())),
        (
            "multipart",
            door.post_text("multipart/form-data; boundary=x", multipart),
        ),
    ] {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        assert!((400..500).contains(&status), "{way}: {status}");
    }
    assert_eq!(door.mutations(), 0);
}

#[tokio::test]
async fn no_query_is_run_by_get_that_any_page_could_have_caused() {
    let door = FrontDoor::open().await;
    let ask = |headers: &[(&str, &str)]| {
        let mut request = door.get("/graphql?query=%7Bhello%7D");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        async { request.send().await.unwrap().status().as_u16() }
    };
    let (html, foreign) = (
        ("accept", "text/html,*/*;q=0.8"),
        ("origin", "http://evil.example"),
    );
    assert_eq!(ask(&[]).await, 200);
    assert_eq!(ask(&[html]).await, 403);
    assert_eq!(ask(&[("sec-fetch-dest", "image")]).await, 403);
    assert_eq!(ask(&[("accept", JSON), foreign]).await, 403);
    assert_eq!(
        ask(&[("accept", JSON), ("sec-fetch-site", "cross-site")]).await,
        403
    );
    assert_eq!(ask(&[("accept", JSON)]).await, 200);
    assert_eq!(
        ask(&[("accept", JSON), ("origin", "http://good.example")]).await,
        200
    );
}

/// A page whose own name was made to lead here is of the gateway's origin, and could ask anything.
#[tokio::test]
async fn a_door_that_is_open_to_all_answers_under_no_name_that_others_could_have() {
    let (open, guarded) = (FrontDoor::open_to_all().await, FrontDoor::open().await);
    let ask = |door: &FrontDoor, path: &str, host: &'static str| {
        let request = door.get(path).header("host", host);
        let request = request.header("origin", format!("http://{host}"));
        let request = request.header("sec-fetch-site", "same-origin");
        async { request.send().await.unwrap() }
    };
    let (hello, evil) = ("/graphql?query=%7Bhello%7D", "evil.example:8080");
    for path in [hello, "/graphiql", "/schema.graphql", "/nothing"] {
        let refused = ask(&open, path, evil).await;
        assert_eq!(refused.status(), 421, "{path}");
        let told = body(refused).await["errors"][0].clone();
        assert_eq!(told["extensions"]["code"], "FORBIDDEN");
        let message = told["message"].as_str().unwrap();
        assert!(message.contains("GATEWAY_ALLOWED_ORIGINS"), "{message}");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask(&open, path, evil).await.status(), 200, "{path}");
    }
    for host in ["127.0.0.1:8080", "localhost:8080", "good.example"] {
        assert_eq!(ask(&open, hello, host).await.status(), 200, "{host}");
    }
    assert_eq!(ask(&guarded, hello, evil).await.status(), 200);

    let upgrade = [("sec-websocket-protocol", "graphql-transport-ws")];
    assert!(Client::handshake(open.address, &upgrade).await.is_ok());
    let rebound = [upgrade[0], ("origin", "http://evil.example:8080")];
    let refused = Client::handshake_as("evil.example:8080", open.address, &rebound).await;
    assert!(refused.is_err());
    let welcome = Client::handshake_as("evil.example:8080", guarded.address, &rebound).await;
    assert!(welcome.is_ok());
}

#[tokio::test]
async fn only_pages_of_named_origins_may_read_answers() {
    let door = FrontDoor::open().await;
    let url = format!("http://{}/graphql", door.address);
    let client = reqwest::Client::builder().build().unwrap();
    let preflight = |origin: &str| {
        let request = client
            .request(Method::OPTIONS, &url)
            .header("origin", origin);
        let request = request
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "content-type,authorization",
            );
        async { request.send().await.unwrap() }
    };
    let allowed = "access-control-allow-origin";
    let good = preflight("http://good.example").await;
    assert_eq!(good.headers()[allowed], "http://good.example");
    let evil = preflight("http://evil.example").await;
    assert!(!evil.headers().contains_key(allowed));
    let hello = door.ask("{ hello }", JSON);
    let answer = hello
        .header("origin", "http://good.example")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()[allowed], "http://good.example");
    assert!(
        !answer
            .headers()
            .contains_key("access-control-allow-credentials")
    );
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_guessing_framing_and_loading() {
    let door = FrontDoor::open_with(HttpConfig {
        web_demo: true,
        ..quick_timers()
    })
    .await;
    for path in [
        "/",
        "/graphiql",
        "/schema.graphql",
        "/readyz",
        "/metrics",
        "/nothing",
        "/graphql",
    ] {
        let response = door.get(path).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(
            header("cross-origin-resource-policy"),
            "same-origin",
            "{path}"
        );
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        let scripts = policy.split(';').find(|part| part.contains("script-src"));
        assert!(
            scripts.is_none_or(|scripts| scripts.trim() == "script-src 'self'"),
            "{policy}"
        );
    }
}

/// The checks of graphql-cop, as its sources make them, without two: it would find GraphiQL, which
/// is served on purpose, and that programs may ask queries by GET, which an audit of GraphQL over
/// HTTP wants. Browsers may not, for other pages: see above.
#[tokio::test]
async fn the_checks_of_graphql_cop_find_nothing() {
    let door = FrontDoor::open().await;
    let post = |query: String| door.post(&json!({ "query": query })).bearer_auth("narrow");
    let has_data = |answer: &Value| answer["data"].is_object();

    let aliases: Vec<_> = (0..101).map(|n| format!("alias{n}:__typename")).collect();
    let aliases = aliases.join(" ");
    let aliases = told(post(format!("query cop {{ {aliases} }}"))).await;
    assert!(!has_data(&aliases), "alias overloading: {aliases}");

    let one = json!({ "query": "query cop { __typename }", "operationName": "cop" });
    let batch = door.post(&json!(vec![one; 10]));
    assert!(!told(batch).await.is_array(), "array batching");

    let directives = format!("query cop {{ __typename {} }}", "@aa".repeat(10));
    let errors = told(post(directives)).await;
    assert!(
        errors["errors"].as_array().map_or(0, Vec::len) < 10,
        "directive overloading: {errors}"
    );

    let nested = "fields { type { ".repeat(4) + "fields { name }" + &"} }".repeat(4);
    let circular = told(post(format!(
        "query cop {{ __schema {{ types {{ {nested} }} }} }}"
    )))
    .await;
    assert!(!has_data(&circular), "circular introspection: {circular}");

    let duplicated = format!("query cop {{ {} }}", "__typename \n".repeat(500));
    let duplicated = told(post(duplicated)).await;
    assert!(!has_data(&duplicated), "field duplication: {duplicated}");

    let suggested = told(post("query cop { __schema { directive } }".into())).await;
    assert!(
        !suggested.to_string().contains("Did you mean"),
        "suggestions: {suggested}"
    );

    let mutation = door
        .get("/graphql")
        .query(&[("query", "mutation cop { __typename }")]);
    assert!(!has_data(&told(mutation).await), "GET mutation");

    let encoded = "query=query+cop+%7B__typename%7D";
    let form = door.post_text("application/x-www-form-urlencoded", encoded);
    assert!(!has_data(&told(form).await), "url-encoded POST");

    let traced = told(post("query cop { __typename }".into())).await;
    assert!(
        traced["extensions"].get("tracing").is_none(),
        "trace mode: {traced}"
    );
    let unhandled = told(post("qwerty cop { abc }".into())).await;
    let extensions = &unhandled["errors"][0]["extensions"];
    assert!(
        extensions.get("exception").is_none(),
        "unhandled errors: {unhandled}"
    );
}

async fn told(request: RequestBuilder) -> Value {
    body(request.send().await.unwrap()).await
}
