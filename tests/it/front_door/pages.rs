//! What is beside `/graphql`.

use serde_json::json;

use super::harness::{FrontDoor, body};

#[tokio::test]
async fn the_schema_is_served_as_text() {
    let door = FrontDoor::open().await;
    let response = door.get("/schema.graphql").send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("type SubscriptionRoot")
    );
}

#[tokio::test]
async fn readiness_names_its_parts_and_ends_with_the_drain() {
    let door = FrontDoor::open().await;
    let response = door.get("/readyz").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let parts = json!({ "database": "ok", "listener": "degraded", "status": "degraded" });
    assert_eq!(body(response).await, parts);

    door.drain.cancel();
    let response = door.get("/readyz").send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(body(response).await["status"], "draining");
    assert_eq!(door.get("/healthz").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_never_by_path() {
    let door = FrontDoor::open().await;
    door.get("/healthz").send().await.unwrap();
    door.get("/secret-path-7").send().await.unwrap();
    let metrics = door
        .get("/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let counted =
        |labels: &str| metrics.contains(&format!("gateway_http_requests_total{{{labels}}}"));
    assert!(
        counted(r#"route="/healthz",method="GET",status="200""#),
        "{metrics}"
    );
    assert!(
        counted(r#"route="other",method="GET",status="404""#),
        "{metrics}"
    );
    assert!(!metrics.contains("secret-path"));
}

#[tokio::test]
async fn there_is_no_web_demo_unless_it_was_asked_for() {
    let door = FrontDoor::open().await;
    for path in ["/", "/index.html", "/cases/7"] {
        let response = door
            .get(path)
            .header("accept", "text/html")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
}
