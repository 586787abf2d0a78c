//! Misbehaviour on request, and what a client can know of it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::support::{Running, Socket, is_snapshot_of, simulator};

#[tokio::test]
async fn revoked_tokens_end_everything_that_hangs_on_them() {
    let mut simulator = simulator().await;
    let (channel, mut socket) = simulator.listen_to_queues().await;
    simulator
        .ok("POST", "/sim/faults", json!({"revokeTokens": true}))
        .await;
    let refused = simulator
        .call("GET", "/api/v2/routing/queues", Value::Null)
        .await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (401, &json!("bad.credentials"))
    );
    let notice = socket.frame().await.expect("it is told");
    assert_eq!(notice["eventBody"]["systemTopicType"], "token_revoked");
    assert_eq!(notice["eventBody"]["channelId"], channel);
    assert_eq!(socket.frame().await, None);
    simulator.login().await;
    assert_eq!(
        simulator
            .call(
                "HEAD",
                &format!("/api/v2/notifications/channels/{channel}"),
                Value::Null
            )
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn ordered_statuses_hold_for_their_time_and_path() {
    let simulator = simulator().await;
    simulator
        .ok(
            "POST",
            "/sim/faults",
            json!({"status": 429, "forMs": 150, "path": "/routing/"}),
        )
        .await;
    let limited = simulator
        .call("GET", "/api/v2/routing/queues", Value::Null)
        .await;
    assert_eq!(
        (limited.status, limited.headers["retry-after"].as_str()),
        (429, "1")
    );
    assert_eq!(
        simulator
            .call("GET", "/api/v2/users", Value::Null)
            .await
            .status,
        200
    );
    tokio::time::sleep(Duration::from_millis(160)).await;
    assert_eq!(
        simulator
            .call("GET", "/api/v2/routing/queues", Value::Null)
            .await
            .status,
        200
    );
    simulator
        .ok("POST", "/sim/faults", json!({"status": 503}))
        .await;
    assert_eq!(
        simulator
            .call("GET", "/api/v2/users", Value::Null)
            .await
            .status,
        503
    );
    simulator.ok("DELETE", "/sim/faults", Value::Null).await;
    assert_eq!(
        simulator
            .call("GET", "/api/v2/users", Value::Null)
            .await
            .status,
        200
    );
    assert_eq!(
        simulator
            .call("POST", "/sim/faults", json!({"status": 404}))
            .await
            .status,
        400
    );
    assert_eq!(
        simulator
            .call("POST", "/sim/faults", json!({"duplicate": 2}))
            .await
            .status,
        400
    );
    assert_eq!(
        simulator
            .call("POST", "/sim/faults", json!({"explode": true}))
            .await
            .status,
        400
    );
}

/// Enqueues a chat while a fault holds and returns its id.
async fn enqueue_chat(simulator: &Running) -> String {
    let id = simulator
        .conversation(json!({"mediaType": "CHAT", "direction": "INBOUND"}))
        .await;
    simulator.step(&id, json!({"step": "enqueue"})).await;
    id
}

#[tokio::test]
async fn frames_are_duplicated_broken_and_late_on_request() {
    let simulator = simulator().await;
    let (_, mut socket) = simulator.listen_to_queues().await;
    simulator
        .ok("POST", "/sim/faults", json!({"duplicate": 1}))
        .await;
    let id = enqueue_chat(&simulator).await;
    let (one, two) = (socket.frame().await.unwrap(), socket.frame().await.unwrap());
    assert_eq!(
        (&one, one["eventBody"]["id"].as_str()),
        (&two, Some(id.as_str()))
    );

    simulator.ok("DELETE", "/sim/faults", Value::Null).await;
    simulator
        .ok(
            "POST",
            "/sim/faults",
            json!({"malformed": 1, "delayMs": 120}),
        )
        .await;
    let before = std::time::Instant::now();
    let id = enqueue_chat(&simulator).await;
    let frames = socket
        .until(|frame| frame["eventBody"]["participants"].is_array())
        .await;
    assert!(before.elapsed() >= Duration::from_millis(120));
    assert_eq!(
        frames.len(),
        2,
        "one unreadable frame goes before the good one"
    );
    assert_eq!(frames[1]["eventBody"]["id"], id.as_str());
}

#[tokio::test]
async fn lifting_the_faults_spares_the_next_frame() {
    let simulator = simulator().await;
    let (_, mut socket) = simulator.listen_to_queues().await;
    let fault = json!({ "breakNext": "garbage" });
    simulator.ok("POST", "/sim/faults", fault).await;
    simulator.ok("DELETE", "/sim/faults", Value::Null).await;
    let id = enqueue_chat(&simulator).await;
    let frame = socket.frame().await.unwrap();
    assert_eq!(frame["eventBody"]["id"], id.as_str());
}

#[tokio::test]
async fn an_overtaken_frame_is_not_heard() {
    let simulator = simulator().await;
    let (_, mut socket) = simulator.listen_to_queues().await;
    simulator
        .ok("POST", "/sim/faults", json!({"reorder": 1}))
        .await;
    let id = enqueue_chat(&simulator).await;
    simulator.step(&id, json!({"step": "offer"})).await;
    let (first, second) = (socket.frame().await.unwrap(), socket.frame().await.unwrap());
    let participants = |frame: &Value| frame["eventBody"]["participants"].as_array().unwrap().len();
    assert_eq!((participants(&first), participants(&second)), (3, 2));
    simulator
        .until(&id, |truth| truth["steps"][2]["heard"] == true)
        .await;
    assert_eq!(simulator.truth(&id).await["steps"][1]["heard"], false);
}

#[tokio::test]
async fn silence_loses_frames_and_even_pongs() {
    let simulator = simulator().await;
    let (_, mut socket) = simulator.listen_to_queues().await;
    simulator
        .ok("POST", "/sim/faults", json!({"silentMs": 300}))
        .await;
    let begun = std::time::Instant::now();
    let lost = enqueue_chat(&simulator).await;
    socket.ping().await;
    assert!(matches!(
        socket.message().await.unwrap(),
        Message::Pong(_) | Message::Text(_)
    ));
    assert!(
        begun.elapsed() >= Duration::from_millis(290),
        "something came after {:?}",
        begun.elapsed()
    );
    assert_eq!(simulator.truth(&lost).await["steps"][1]["heard"], false);
    let told = enqueue_chat(&simulator).await;
    let frames = socket.until(is_snapshot_of(&told)).await;
    assert!(!frames.iter().any(is_snapshot_of(&lost)));
}

#[tokio::test]
async fn dropped_sockets_close_without_a_word_and_the_channel_stays() {
    let simulator = simulator().await;
    let (channel, mut socket) = simulator.listen_to_queues().await;
    simulator
        .ok("POST", "/sim/faults", json!({"dropSockets": true}))
        .await;
    while let Some(message) = socket.message().await {
        assert!(!message.is_close());
    }
    let lost = enqueue_chat(&simulator).await;
    assert_eq!(simulator.truth(&lost).await["steps"][1]["heard"], false);
    assert_eq!(
        simulator
            .call(
                "HEAD",
                &format!("/api/v2/notifications/channels/{channel}"),
                Value::Null
            )
            .await
            .status,
        200
    );
    let mut again = Socket::open(&format!("ws://{}/channels/{channel}", simulator.base)).await;
    let told = enqueue_chat(&simulator).await;
    again.until(is_snapshot_of(&told)).await;
}

#[tokio::test]
async fn a_closing_notice_is_followed_by_the_end_of_the_old_socket_only() {
    let simulator = simulator().await;
    let (channel, mut socket) = simulator.listen_to_queues().await;
    simulator
        .ok("POST", "/sim/faults", json!({"closingNotice": true}))
        .await;
    let notice = socket.frame().await.unwrap();
    assert_eq!(
        (&notice["topicName"], &notice["eventBody"]["channelId"]),
        (&json!("v2.system.socket_closing"), &json!(channel))
    );
    let told = enqueue_chat(&simulator).await;
    socket.until(is_snapshot_of(&told)).await;
    assert_eq!(socket.frame().await, None);
}

#[tokio::test]
async fn expired_channels_are_gone() {
    let simulator = simulator().await;
    let (channel, mut socket) = simulator.listen_to_queues().await;
    simulator
        .ok("POST", "/sim/faults", json!({"expireChannels": true}))
        .await;
    assert_eq!(socket.frame().await, None);
    assert_eq!(
        simulator
            .call(
                "HEAD",
                &format!("/api/v2/notifications/channels/{channel}"),
                Value::Null
            )
            .await
            .status,
        404
    );
    assert!(
        tokio_tungstenite::connect_async(format!("ws://{}/channels/{channel}", simulator.base))
            .await
            .is_err()
    );
}
