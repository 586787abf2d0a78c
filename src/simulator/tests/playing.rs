//! Scripts, generated load and recordings.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Running, simulator};
use crate::simulator::SimulatorConfig;

#[tokio::test]
async fn recorded_notifications_are_played_back() {
    let simulator = simulator().await;
    let topic = format!(
        "v2.routing.queues.{}.conversations",
        simulator.queues().await[0]
    );
    let (_, mut socket) = simulator.listen(std::slice::from_ref(&topic)).await;
    let id = "bac4b442-9875-4a24-a9a0-336abb0af0d0";
    let recorded = |at: &str, address: &str| json!({"at": at, "topicName": topic, "eventBody": {"id": id, "address": address, "participants": []}});
    let snapshots = [
        recorded("2025-04-10T13:31:49.570Z", "a"),
        recorded("2025-04-10T13:31:51.570Z", "b"),
    ];
    simulator
        .ok(
            "POST",
            "/sim/replay",
            json!({"snapshots": snapshots, "speed": 20}),
        )
        .await;
    let begun = std::time::Instant::now();
    assert_eq!(socket.frame().await.unwrap()["eventBody"]["address"], "a");
    assert_eq!(socket.frame().await.unwrap()["eventBody"]["address"], "b");
    assert!(begun.elapsed() >= Duration::from_millis(90));
    assert_eq!(
        simulator
            .ok("GET", &format!("/api/v2/conversations/{id}"), Value::Null)
            .await["address"],
        "b"
    );
}

#[tokio::test]
async fn every_script_plays_to_its_end_by_itself() {
    let simulator = simulator().await;
    let names = simulator.ok("GET", "/sim/scripts", Value::Null).await["scripts"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(names.len(), 28);
    let mut ids = Vec::new();
    for (script, halves) in names
        .iter()
        .zip(["together", "customer-first", "agent-first"].iter().cycle())
    {
        ids.push((script, simulator.conversation(json!({"mediaType": "VOICE", "direction": "INBOUND", "script": script, "speed": 100, "halves": halves})).await));
    }
    for (script, id) in ids {
        let truth = simulator.until(&id, |truth| truth["ended"] == true).await;
        assert!(truth["steps"].as_array().unwrap().len() > 2, "{script}");
    }
    assert_eq!(
        simulator
            .call("POST", "/sim/conversations", json!({"script": "opera"}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn traffic_keeps_its_rate_and_ends_what_it_began() {
    let simulator = Running::start(SimulatorConfig {
        keep_ended: 50,
        ..SimulatorConfig::for_tests()
    })
    .await;
    let (_, mut socket) = simulator.listen_to_queues().await;
    assert_eq!(
        simulator
            .call(
                "POST",
                "/sim/traffic",
                json!({"eventsPerSecond": 400, "conversations": 40, "seconds": 1})
            )
            .await
            .status,
        202
    );
    let begun = std::time::Instant::now();
    let mut frames = 0;
    while begun.elapsed() < Duration::from_secs(1) {
        socket.frame().await.unwrap();
        frames += 1;
    }
    assert!((200..900).contains(&frames), "{frames} frames in a second");
    let finished = async {
        loop {
            let truth = simulator.ok("GET", "/sim/truth", Value::Null).await;
            let all = truth["conversations"].as_array().unwrap().clone();
            if all.iter().all(|conversation| conversation["ended"] == true) {
                return all.len();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let kept = tokio::time::timeout(Duration::from_secs(10), finished)
        .await
        .expect("the traffic's conversations end");
    assert!(kept <= 50, "{kept} are kept");
    assert!(
        simulator.ok("GET", "/sim/stats", Value::Null).await["frames"]
            .as_u64()
            .unwrap()
            >= frames
    );
}
