//! The protocol's edges over real sockets.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::support::{Running, Socket, is_snapshot_of, simulator};
use crate::simulator::{Simulator, SimulatorConfig};

#[tokio::test]
async fn oauth_refuses_as_genesys_does() {
    let simulator = simulator().await;
    let unknown = simulator.grant("nobody", "secret").await;
    assert_eq!(
        (unknown.status, &unknown.body),
        (
            400,
            &json!({"error": "invalid_client", "description": "client not found", "error_description": "client not found"})
        )
    );
    let wrong = simulator.grant("simulator-client", "secret").await;
    assert_eq!(
        (wrong.status, &wrong.body["description"]),
        (401, &json!("authentication failed"))
    );
    let granted = simulator
        .grant("simulator-client", "simulator-secret")
        .await;
    assert_eq!(
        (
            granted.status,
            &granted.body["token_type"],
            &granted.body["expires_in"]
        ),
        (200, &json!("bearer"), &json!(86_400))
    );
    let without = simulator.anonymous("/api/v2/routing/queues").await;
    assert_eq!(
        (without.status, &without.body["code"]),
        (401, &json!("authentication.required"))
    );
    assert_eq!(
        without.body["contextId"],
        without.headers["inin-correlation-id"].as_str()
    );
}

#[tokio::test]
async fn an_expired_token_is_told_so() {
    let simulator = Running::start(SimulatorConfig {
        token_lifetime: Duration::from_millis(1),
        ..SimulatorConfig::for_tests()
    })
    .await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let refused = simulator
        .call("GET", "/api/v2/routing/queues", Value::Null)
        .await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (401, &json!("credentials.expired"))
    );
}

#[tokio::test]
async fn the_rate_limit_is_announced_and_enforced() {
    let simulator = Running::start(SimulatorConfig {
        rate_limit: 2,
        ..SimulatorConfig::for_tests()
    })
    .await;
    let first = simulator
        .call("GET", "/api/v2/routing/queues", Value::Null)
        .await;
    assert_eq!(
        (
            first.headers["inin-ratelimit-count"].as_str(),
            first.headers["inin-ratelimit-allowed"].as_str()
        ),
        ("1", "2")
    );
    assert!(first.headers.contains_key("inin-correlation-id"));
    simulator
        .call("GET", "/api/v2/routing/queues", Value::Null)
        .await;
    let third = simulator
        .call("GET", "/api/v2/routing/queues", Value::Null)
        .await;
    assert_eq!(
        (third.status, &third.body["code"]),
        (429, &json!("too.many.requests"))
    );
    assert!(third.headers["retry-after"].parse::<u64>().unwrap() >= 1);
}

#[tokio::test]
async fn subscribing_is_all_or_nothing_unless_errors_are_ignored() {
    let simulator = Running::start(SimulatorConfig {
        refused_queues: 1,
        ..SimulatorConfig::for_tests()
    })
    .await;
    let queues = simulator.queues().await;
    let topic = |queue: &str| json!({"id": format!("v2.routing.queues.{queue}.conversations")});
    let channel = simulator
        .ok("POST", "/api/v2/notifications/channels", Value::Null)
        .await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v2/notifications/channels/{channel}/subscriptions");
    let (good, refused, bad) = (
        topic(&queues[0]),
        topic(&queues[5]),
        json!({"id": "v2.nonsense"}),
    );

    let forbidden = simulator.call("POST", &path, json!([good, refused])).await;
    assert_eq!(
        (forbidden.status, &forbidden.body["code"]),
        (403, &json!("missing.permissions"))
    );
    assert_eq!(
        simulator
            .call("POST", &path, json!([good, bad]))
            .await
            .status,
        400
    );
    assert_eq!(
        simulator.ok("GET", &path, Value::Null).await["entities"],
        json!([])
    );

    let answer = simulator
        .ok(
            "POST",
            &format!("{path}?ignoreErrors=true"),
            json!([good, refused, bad]),
        )
        .await;
    let states: Vec<_> = answer["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["Permitted", "Rejected", "Rejected"]);
    assert_eq!(
        answer["entities"][1]["missingPermissions"],
        json!(["conversation:communication:view"])
    );
    assert_eq!(
        simulator.ok("GET", &path, Value::Null).await["entities"],
        json!([good])
    );

    let many: Vec<Value> = (0..1_001).map(|n| json!({"id": format!("v2.detail.events.conversation.00000000-0000-4000-8000-{n:012}.acd.start")})).collect();
    assert_eq!(simulator.call("PUT", &path, json!(many)).await.status, 400);
    assert_eq!(
        simulator.call("DELETE", &path, Value::Null).await.status,
        204
    );
    assert_eq!(
        simulator.ok("GET", &path, Value::Null).await["entities"],
        json!([])
    );
    assert_eq!(
        simulator
            .call(
                "GET",
                "/api/v2/notifications/channels/streaming-0-none/subscriptions",
                Value::Null
            )
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_socket_gets_heartbeats_pongs_and_in_band_subscriptions() {
    let simulator = Running::start(SimulatorConfig {
        heartbeat: Duration::from_millis(20),
        ..SimulatorConfig::for_tests()
    })
    .await;
    let queue = simulator.queues().await[0].clone();
    let (_, mut socket) = simulator.listen(&[]).await;
    let heartbeat = socket.message().await.unwrap();
    assert_eq!(
        heartbeat.into_text().unwrap().as_str(),
        r#"{"topicName":"channel.metadata","eventBody":{"message":"WebSocket Heartbeat"}}"#
    );
    socket.say(r#"{"message":"ping"}"#).await;
    assert_eq!(
        socket.frame().await.unwrap()["eventBody"]["message"],
        "pong"
    );
    socket.ping().await;
    while !matches!(socket.message().await.unwrap(), Message::Pong(_)) {}
    let topic = format!("v2.routing.queues.{queue}.conversations");
    socket.say(&json!({"message": "subscribe", "topics": [topic], "correlationId": "0123456789abcdef"}).to_string()).await;
    let answer = socket.frame().await.unwrap();
    assert_eq!(
        (
            &answer["result"],
            &answer["status"],
            &answer["correlationId"]
        ),
        (
            &json!("200"),
            &json!("subscribed"),
            &json!("0123456789abcdef")
        )
    );
    let id = simulator
        .conversation(json!({"mediaType": "CHAT", "direction": "INBOUND", "queueId": queue}))
        .await;
    simulator.step(&id, json!({"step": "enqueue"})).await;
    let frame = socket.frame().await.unwrap();
    assert_eq!(
        (frame["topicName"].as_str(), frame["version"].as_str()),
        (Some(topic.as_str()), Some("2"))
    );
    assert!(frame["metadata"]["CorrelationId"].is_string());
}

#[tokio::test]
async fn a_second_socket_kicks_the_first_and_hears_from_then_on() {
    let simulator = simulator().await;
    let (channel, mut first) = simulator.listen_to_queues().await;
    let mut second = Socket::open(&format!("ws://{}/channels/{channel}", simulator.base)).await;
    assert_eq!(first.frame().await, None);
    let id = simulator.conversation(json!({"mediaType": "voice", "direction": "inbound", "script": "simple-voice", "speed": 100})).await;
    second.until(is_snapshot_of(&id)).await;
}

#[tokio::test]
async fn snapshots_begin_with_the_queue_and_are_live_shaped() {
    let simulator = simulator().await;
    let (_, mut socket) = simulator.listen_to_queues().await;
    let id = simulator.conversation(json!({"mediaType": "VOICE", "direction": "INBOUND", "script": "simple-voice", "speed": 50})).await;
    let truth = simulator.until(&id, |truth| truth["ended"] == true).await;
    let frames = socket
        .until(|frame| frame["eventBody"]["participants"][3]["endAcwTime"].is_string())
        .await;
    let first = &frames[0]["eventBody"];
    assert_eq!(first["participants"][1]["purpose"], "ivr");
    assert_eq!(first["participants"][2]["purpose"], "acd");
    for absent in ["startTime", "endTime", "state", "direction"] {
        assert!(first.get(absent).is_none(), "{absent}");
    }
    let customer = &first["participants"][0];
    for absent in ["startTime", "queueName", "emails", "chats"] {
        assert!(customer.get(absent).is_none(), "{absent}");
    }
    assert!(
        customer["name"].is_string()
            && customer["attributes"]["DateOfBirth"].is_string()
            && customer["calls"][0]["uuiData"].is_string()
    );
    let states: Vec<_> = frames
        .iter()
        .map(|frame| frame["eventBody"]["participants"][3]["calls"][0]["state"].clone())
        .collect();
    assert!(
        states
            .windows(2)
            .any(|pair| pair[0] == "disconnected" && pair[1] == "terminated"),
        "{states:?}"
    );
    let heard: Vec<_> = truth["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["status"].as_str().unwrap(),
                step["heard"] == true,
                step["tellable"] == true,
            )
        })
        .collect();
    assert_eq!(
        heard[..3],
        [
            ("CREATED", false, false),
            ("IN_FLOW", false, true),
            ("WAITING_IN_QUEUE", true, true)
        ]
    );
    assert!(heard[2..].iter().all(|(_, heard, _)| *heard), "{heard:?}");

    let rest = simulator
        .ok("GET", &format!("/api/v2/conversations/{id}"), Value::Null)
        .await;
    assert!(rest["startTime"].is_string() && rest["endTime"].is_string());
    let agent = &rest["participants"][3];
    assert!(
        agent["startTime"].is_string()
            && agent["queueName"].is_string()
            && agent["calls"][0]["startAlertingTime"].is_string()
    );
    assert_eq!(
        (&agent["emails"], &agent["videos"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(agent["calls"][0]["segments"][0]["type"], "Alert");
    assert_eq!(agent["wrapup"]["name"], "Resolved");
}

#[tokio::test]
async fn user_and_media_topics_tell_what_concerns_them() {
    let simulator = simulator().await;
    let queue = simulator.queues().await[0].clone();
    let user = simulator.ok("GET", "/api/v2/users", Value::Null).await["entities"][3]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let topics = [
        format!("v2.users.{user}?conversations&conversations.calls"),
        format!("v2.routing.queues.{queue}.conversations.callbacks"),
    ];
    let (_, mut socket) = simulator.listen(&topics).await;
    let id = simulator
        .conversation(json!({"mediaType": "CALLBACK", "direction": "OUTBOUND", "queueId": queue}))
        .await;
    for step in [
        json!({"step": "schedule"}),
        json!({"step": "due"}),
        json!({"step": "offer", "userId": user}),
        json!({"step": "answer"}),
        json!({"step": "dial"}),
    ] {
        assert_eq!(simulator.step(&id, step).await.status, 200);
    }
    let frames = socket
        .until(|frame| frame["topicName"] == format!("v2.users.{user}.conversations.calls"))
        .await;
    let told: Vec<_> = frames
        .iter()
        .map(|frame| {
            frame["topicName"]
                .as_str()
                .unwrap()
                .rsplit('.')
                .next()
                .unwrap()
        })
        .collect();
    assert_eq!(
        told,
        [
            "callbacks",
            "callbacks",
            "conversations",
            "callbacks",
            "conversations",
            "callbacks",
            "conversations",
            "calls"
        ]
    );
    let call = frames.last().unwrap();
    assert_eq!(call["eventBody"]["participants"][0]["state"], "dialing");
    assert_eq!(call["eventBody"]["participants"][1]["user"]["id"], user);
}

#[tokio::test]
async fn it_stops_at_once_and_says_so_on_open_sockets() {
    let simulator = Simulator::bind(SimulatorConfig::for_tests()).await.unwrap();
    let address = simulator.local_addr();
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    let served = tasks.spawn(simulator.serve(shutdown.clone()));
    let client = Running::at(address).await;
    let (_, mut socket) = client.listen_to_queues().await;
    client
        .ok("POST", "/sim/traffic", json!({"eventsPerSecond": 50}))
        .await;
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(2), served)
        .await
        .expect("it stops")
        .unwrap()
        .unwrap();
    while socket.frame().await.is_some() {}
}

#[tokio::test]
async fn what_the_client_may_not_do_is_refused_with_the_permission_it_lacks() {
    let lacking = ["conversation:communication:view", "directory:user:view"];
    let simulator = Running::start(SimulatorConfig {
        lacking: lacking.map(str::to_owned).to_vec(),
        ..SimulatorConfig::for_tests()
    })
    .await;
    let users = simulator.call("GET", "/api/v2/users", Value::Null).await;
    assert_eq!(
        (users.status, &users.body["code"]),
        (403, &json!("missing.permissions"))
    );
    let said = users.body["message"].as_str().unwrap();
    assert!(said.contains("directory:user:view"), "{said}");
    let queue = simulator.queues().await[0].clone();
    let channel = simulator
        .ok("POST", "/api/v2/notifications/channels", json!({}))
        .await;
    let path = format!(
        "/api/v2/notifications/channels/{}/subscriptions?ignoreErrors=true",
        channel["id"].as_str().unwrap()
    );
    let topic = format!("v2.routing.queues.{queue}.conversations");
    let answered = simulator.ok("PUT", &path, json!([{ "id": topic }])).await;
    assert_eq!(answered["entities"][0]["state"], "Rejected");
    assert_eq!(
        answered["entities"][0]["missingPermissions"],
        json!(["conversation:communication:view"])
    );
}

#[tokio::test]
async fn a_queue_that_is_added_can_be_followed_from_then_on() {
    let simulator = simulator().await;
    let before = simulator.queues().await;
    let added = simulator.ok("POST", "/sim/queues", json!({})).await;
    let queue = added["id"].as_str().unwrap().to_owned();
    assert!(!before.contains(&queue));
    assert!(simulator.queues().await.contains(&queue));
    let topic = format!("v2.routing.queues.{queue}.conversations");
    let (_channel, _socket) = simulator.listen(&[topic]).await;
}

#[tokio::test]
async fn a_request_over_the_size_limit_is_refused() {
    let simulator = simulator().await;
    let large = json!([{ "id": "x".repeat(600_000) }]);
    let channel = simulator
        .ok("POST", "/api/v2/notifications/channels", json!({}))
        .await;
    let path = format!(
        "/api/v2/notifications/channels/{}/subscriptions",
        channel["id"].as_str().unwrap()
    );
    let refused = simulator.call("PUT", &path, large).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (413, &json!("request.entity.too.large"))
    );
}
