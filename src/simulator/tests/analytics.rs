//! Analytics: shapes, filters, paging, lag.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::Running;
use crate::simulator::SimulatorConfig;
use crate::simulator::clock::Stamp;

const QUERY: &str = "/api/v2/analytics/conversations/details/query";

/// The day before and the hour after, as a recovering client asks.
fn interval() -> String {
    let now = Stamp::now();
    format!(
        "{}/{}",
        now.plus_millis(-86_400_000),
        now.plus_millis(3_600_000)
    )
}

async fn ended(simulator: &Running, script: &str) -> String {
    let order =
        json!({"mediaType": "VOICE", "direction": "INBOUND", "script": script, "speed": 200});
    let id = simulator.conversation(order).await;
    simulator.until(&id, |truth| truth["ended"] == true).await;
    id
}

#[tokio::test]
async fn details_tell_every_segment_and_its_sums() {
    let simulator = Running::start(SimulatorConfig::for_tests()).await;
    let id = ended(&simulator, "hold").await;
    let path = format!("/api/v2/analytics/conversations/{id}/details");
    let details = simulator.ok("GET", &path, Value::Null).await;
    assert_eq!(
        (
            &details["originatingDirection"],
            &details["conversationInitiator"]
        ),
        (&json!("inbound"), &json!("customer"))
    );
    assert!(details["conversationEnd"].is_string());
    let agent = &details["participants"][3];
    let session = &agent["sessions"][0];
    let segments: Vec<_> = session["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|segment| segment["segmentType"].as_str().unwrap())
        .collect();
    assert_eq!(
        segments,
        ["alert", "interact", "hold", "interact", "wrapup"]
    );
    assert!(session["segments"][4]["wrapUpCode"].is_string());
    let metrics: Vec<_> = session["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        metrics,
        ["tAlert", "tTalk", "tHeld", "tTalk", "tAcw", "tHandle"]
    );
    assert_eq!(
        details["participants"][2]["sessions"][0]["segments"][0]["disconnectType"],
        "transfer"
    );

    let several = simulator.ok("GET", &format!("/api/v2/analytics/conversations/details?id={id},00000000-0000-4000-8000-000000000000"), Value::Null).await;
    assert_eq!(several["conversations"], json!([details]));
    assert_eq!(
        simulator
            .call(
                "GET",
                "/api/v2/analytics/conversations/00000000-0000-4000-8000-000000000000/details",
                Value::Null
            )
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_query_filters_orders_and_pages() {
    let simulator = Running::start(SimulatorConfig::for_tests()).await;
    let mut done = Vec::new();
    for script in ["simple-voice", "consult-transfer", "dialer-no-answer"] {
        done.push(ended(&simulator, script).await);
    }
    let queue = simulator.queues().await[0].clone();
    let open = simulator
        .conversation(json!({"mediaType": "EMAIL", "direction": "INBOUND", "queueId": queue}))
        .await;
    simulator.step(&open, json!({"step": "enqueue"})).await;
    let ids = async |body: Value| -> Vec<String> {
        let mut body = body;
        body["interval"] = json!(interval());
        let answer = simulator.ok("POST", QUERY, body).await;
        answer["conversations"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one["conversationId"].as_str().unwrap().to_owned())
            .collect()
    };
    let not_ended = json!([{"type": "and", "predicates": [{"dimension": "conversationEnd", "operator": "notExists"}]}]);
    assert_eq!(
        ids(json!({"conversationFilters": not_ended})).await,
        std::slice::from_ref(&open)
    );
    assert_eq!(
        ids(json!({"order": "desc", "paging": {"pageSize": 2, "pageNumber": 2}})).await,
        [done[1].clone(), done[0].clone()]
    );
    let email_in_queue = json!([{"type": "and", "predicates": [{"dimension": "queueId", "value": queue}, {"dimension": "mediaType", "value": "email"}]}]);
    assert_eq!(
        ids(json!({"segmentFilters": email_in_queue})).await,
        std::slice::from_ref(&open)
    );
    let either = json!([{"type": "or", "clauses": [{"type": "and", "predicates": [{"dimension": "disconnectType", "value": "consultTransfer"}]}], "predicates": [{"dimension": "purpose", "value": "outbound"}]}]);
    assert_eq!(ids(json!({"segmentFilters": either})).await, done[1..]);
}

#[tokio::test]
async fn an_empty_page_has_no_conversations_and_bad_paging_is_refused() {
    let simulator = Running::start(SimulatorConfig::for_tests()).await;
    let empty = simulator
        .ok("POST", QUERY, json!({"interval": interval()}))
        .await;
    assert_eq!(empty, json!({"totalHits": 0}));
    let beyond = simulator
        .call(
            "POST",
            QUERY,
            json!({"interval": interval(), "paging": {"pageSize": 100, "pageNumber": 1_001}}),
        )
        .await;
    assert_eq!(
        (beyond.status, &beyond.body["message"]),
        (400, &json!("Pagination may not exceed 100000 results."))
    );
    for bad in [
        json!({}),
        json!({"interval": "today"}),
        json!({"interval": "2026-01-01T00:00:00Z/2026-03-01T00:00:00Z"}),
        json!({"interval": interval(), "paging": {"pageSize": 101}}),
    ] {
        assert_eq!(simulator.call("POST", QUERY, bad).await.status, 400);
    }
}

#[tokio::test]
async fn analytics_lag_behind_what_rest_shows() {
    let simulator = Running::start(SimulatorConfig {
        analytics_lag: Duration::from_millis(300),
        ..SimulatorConfig::for_tests()
    })
    .await;
    let id = ended(&simulator, "abandoned-in-queue").await;
    let path = format!("/api/v2/analytics/conversations/{id}/details");
    assert!(
        simulator
            .ok("GET", &format!("/api/v2/conversations/{id}"), Value::Null)
            .await["endTime"]
            .is_string()
    );
    let early = simulator.call("GET", &path, Value::Null).await;
    assert!(early.status == 404 || early.body["conversationEnd"].is_null());
    tokio::time::sleep(Duration::from_millis(310)).await;
    assert!(simulator.ok("GET", &path, Value::Null).await["conversationEnd"].is_string());
}

#[tokio::test]
async fn a_job_gives_its_results_by_cursor_with_attributes() {
    let simulator = Running::start(SimulatorConfig::for_tests()).await;
    for _ in 0..3 {
        ended(&simulator, "simple-voice").await;
    }
    let jobs = "/api/v2/analytics/conversations/details/jobs";
    let submitted = simulator
        .call("POST", jobs, json!({"interval": interval()}))
        .await;
    assert_eq!(submitted.status, 202);
    let job = format!("{jobs}/{}", submitted.body["jobId"].as_str().unwrap());
    assert_eq!(
        simulator.ok("GET", &job, Value::Null).await["state"],
        "FULFILLED"
    );
    let first = simulator
        .ok("GET", &format!("{job}/results?pageSize=2"), Value::Null)
        .await;
    assert_eq!(first["conversations"].as_array().unwrap().len(), 2);
    assert!(first["conversations"][0]["participants"][0]["attributes"]["DateOfBirth"].is_string());
    let rest = simulator
        .ok(
            "GET",
            &format!(
                "{job}/results?pageSize=2&cursor={}",
                first["cursor"].as_str().unwrap()
            ),
            Value::Null,
        )
        .await;
    assert_eq!(
        (
            rest["conversations"].as_array().unwrap().len(),
            rest.get("cursor")
        ),
        (1, None)
    );
    assert!(
        simulator
            .ok("GET", &format!("{jobs}/availability"), Value::Null)
            .await["dataAvailabilityDate"]
            .is_string()
    );
    assert_eq!(
        simulator.call("DELETE", &job, Value::Null).await.status,
        204
    );
    assert_eq!(simulator.call("GET", &job, Value::Null).await.status, 404);
}
