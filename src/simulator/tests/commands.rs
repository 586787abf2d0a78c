//! What the API and steps by hand change.

use serde_json::{Value, json};

use super::support::{Running, simulator};

#[tokio::test]
async fn steps_by_hand_take_what_is_free_and_refuse_the_impossible() {
    let simulator = simulator().await;
    let id = simulator
        .conversation(json!({"mediaType": "VOICE", "direction": "INBOUND"}))
        .await;
    let early = simulator.step(&id, json!({"step": "answer"})).await;
    assert_eq!(
        (early.status, &early.body["error"]),
        (409, &json!("nobody is being offered it"))
    );
    assert_eq!(
        simulator.step(&id, json!({"step": "dance"})).await.status,
        400
    );
    for step in [
        "ivr", "enqueue", "offer", "decline", "offer", "answer", "hold", "unhold", "transfer",
    ] {
        assert_eq!(
            simulator.step(&id, json!({"step": step})).await.status,
            200,
            "{step}"
        );
    }
    let made = simulator.step(&id, json!({"step": "end"})).await;
    assert_eq!(made.body["steps"][0]["status"], "ENDED");
    let expected = [
        "CREATED",
        "IN_FLOW",
        "WAITING_IN_QUEUE",
        "ALERTING",
        "WAITING_IN_QUEUE",
        "ALERTING",
        "CONNECTED",
        "ON_HOLD",
        "CONNECTED",
        "TRANSFERRING",
        "WAITING_IN_QUEUE",
        "ENDED",
    ];
    assert_eq!(simulator.statuses(&id).await, expected);
    assert_eq!(
        simulator.step(&id, json!({"step": "offer"})).await.status,
        409
    );
}

/// Commands of an agent's desktop, on a conversation that an agent is talking in.
async fn talking(simulator: &Running, media: &str) -> (String, String, String) {
    let id = simulator
        .conversation(json!({"mediaType": media, "direction": "INBOUND"}))
        .await;
    for step in ["enqueue", "offer", "answer"] {
        assert_eq!(
            simulator.step(&id, json!({"step": step})).await.status,
            200,
            "{step}"
        );
    }
    let rest = simulator
        .ok("GET", &format!("/api/v2/conversations/{id}"), Value::Null)
        .await;
    let participant = |purpose: &str| {
        let found = rest["participants"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["purpose"] == purpose);
        found.unwrap()["id"].as_str().unwrap().to_owned()
    };
    (id, participant("agent"), participant("customer"))
}

#[tokio::test]
async fn the_agents_commands_change_the_conversation_as_his_desktop_would() {
    let simulator = simulator().await;
    let (id, agent, _) = talking(&simulator, "EMAIL").await;
    let path = format!("/api/v2/conversations/emails/{id}/participants/{agent}");
    for change in [
        json!({"state": "parked"}),
        json!({"state": "connected"}),
        json!({"held": true}),
        json!({"held": false}),
        json!({"state": "disconnected"}),
    ] {
        assert_eq!(simulator.call("PATCH", &path, change).await.status, 202);
    }
    assert_eq!(
        simulator
            .call("PATCH", &path, json!({"wrapup": {"code": "none"}}))
            .await
            .body["code"],
        "invalid.value"
    );
    let code = simulator
        .ok("GET", "/api/v2/routing/wrapupcodes", Value::Null)
        .await["entities"][2]
        .clone();
    assert_eq!(
        simulator
            .call(
                "PATCH",
                &path,
                json!({"wrapup": {"code": code["id"], "notes": "bought"}})
            )
            .await
            .status,
        202
    );
    assert_eq!(
        simulator
            .ok("GET", &format!("{path}/wrapup"), Value::Null)
            .await["name"],
        code["name"]
    );
    let expected = [
        "CREATED",
        "WAITING_IN_QUEUE",
        "ALERTING",
        "CONNECTED",
        "PARKED",
        "CONNECTED",
        "ON_HOLD",
        "CONNECTED",
        "AFTER_CALL_WORK",
        "ENDED",
    ];
    assert_eq!(simulator.statuses(&id).await, expected);
    assert_eq!(
        simulator
            .call("PATCH", &path, json!({"state": "disconnected"}))
            .await
            .status,
        400
    );
    assert_eq!(
        simulator
            .call(
                "PATCH",
                &path.replace("emails", "calls"),
                json!({"held": true})
            )
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_wrap_up_given_beforehand_spares_the_after_call_work() {
    let simulator = simulator().await;
    let (id, agent, _) = talking(&simulator, "VOICE").await;
    let code = simulator
        .ok("GET", "/api/v2/routing/wrapupcodes", Value::Null)
        .await["entities"][0]["id"]
        .clone();
    let path = format!("/api/v2/conversations/calls/{id}/participants/{agent}");
    assert_eq!(
        simulator
            .call("PATCH", &path, json!({"wrapup": {"code": code}}))
            .await
            .status,
        202
    );
    assert_eq!(
        simulator
            .call("PATCH", &path, json!({"state": "disconnected"}))
            .await
            .status,
        202
    );
    assert_eq!(simulator.statuses(&id).await.last().unwrap(), "ENDED");
    let rest = simulator
        .ok("GET", &format!("/api/v2/conversations/{id}"), Value::Null)
        .await;
    assert_eq!(
        rest["participants"][2]["calls"][0]["afterCallWork"]["state"],
        "complete"
    );
}

#[tokio::test]
async fn transfers_and_teardown_by_api() {
    let simulator = simulator().await;
    let queues = simulator.queues().await;
    let (id, agent, customer) = talking(&simulator, "VOICE").await;
    let path = format!("/api/v2/conversations/calls/{id}/participants");
    assert_eq!(
        simulator
            .call(
                "POST",
                &format!("{path}/{customer}/replace"),
                json!({"queueId": queues[5]})
            )
            .await
            .status,
        404
    );
    assert_eq!(
        simulator
            .call(
                "POST",
                &format!("{path}/{agent}/replace"),
                json!({"queueId": queues[5]})
            )
            .await
            .status,
        202
    );
    assert_eq!(
        simulator.truth(&id).await["steps"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()["owner"],
        json!({"kind": "TEAM", "id": queues[5]})
    );
    let answer = simulator
        .call(
            "PATCH",
            &format!("/api/v2/conversations/calls/{id}"),
            json!({"state": "disconnected"}),
        )
        .await;
    assert_eq!(
        (answer.status, answer.body["endTime"].is_string()),
        (200, true)
    );
    assert_eq!(
        simulator.statuses(&id).await.last().unwrap(),
        "AFTER_CALL_WORK"
    );
    assert_eq!(
        simulator
            .call(
                "POST",
                &format!("/api/v2/conversations/{id}/disconnect"),
                Value::Null
            )
            .await
            .status,
        202
    );
    assert_eq!(simulator.statuses(&id).await.last().unwrap(), "ENDED");
    let rest = simulator
        .ok("GET", &format!("/api/v2/conversations/{id}"), Value::Null)
        .await;
    assert_eq!(
        rest["participants"][2]["wrapup"]["code"],
        "ININ-WRAP-UP-SKIPPED"
    );
    assert_eq!(
        simulator
            .call(
                "POST",
                "/api/v2/conversations/00000000-0000-4000-8000-000000000000/disconnect",
                Value::Null
            )
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn conversations_can_be_created_by_api() {
    let simulator = simulator().await;
    let queue = simulator.queues().await[0].clone();
    let bad = simulator
        .call(
            "POST",
            "/api/v2/conversations/emails",
            json!({"queueId": queue, "direction": "INBOUND", "provider": "PureCloud Email"}),
        )
        .await;
    assert_eq!(bad.status, 400);
    let email = simulator.call("POST", "/api/v2/conversations/emails", json!({"queueId": queue, "direction": "INBOUND", "provider": "DCM", "subject": "Case 7", "attributes": {"case": "7"}})).await;
    assert_eq!(
        (
            email.status,
            &email.body["participants"][0]["provider"],
            &email.body["participants"][0]["attributes"]
        ),
        (202, &json!("DCM"), &json!({"case": "7"}))
    );
    assert_eq!(
        simulator.statuses(email.body["id"].as_str().unwrap()).await,
        ["CREATED", "WAITING_IN_QUEUE"]
    );

    let call = simulator
        .ok(
            "POST",
            "/api/v2/conversations/calls",
            json!({"phoneNumber": "+15550100099", "callFromQueueId": queue}),
        )
        .await;
    simulator
        .until(call["id"].as_str().unwrap(), |truth| {
            truth["steps"][1]["status"] == "DIALING"
        })
        .await;

    let soon = crate::simulator::clock::Stamp::now()
        .plus_millis(150)
        .to_string();
    let callback = simulator.ok("POST", "/api/v2/conversations/callbacks", json!({"queueId": queue, "callbackNumbers": ["+15550100099"], "callbackScheduledTime": soon})).await;
    let id = callback["conversation"]["id"].as_str().unwrap();
    let truth = simulator
        .until(id, |truth| truth["steps"].as_array().unwrap().len() == 3)
        .await;
    assert_eq!(
        (&truth["steps"][1]["status"], &truth["steps"][2]["status"]),
        (&json!("SCHEDULED"), &json!("WAITING_IN_QUEUE"))
    );
}

#[tokio::test]
async fn listings_are_paged() {
    let simulator = simulator().await;
    let page = simulator
        .ok("GET", "/api/v2/users?pageSize=8&pageNumber=3", Value::Null)
        .await;
    assert_eq!(
        (
            page["entities"].as_array().unwrap().len(),
            &page["total"],
            &page["pageCount"]
        ),
        (4, &json!(20), &json!(3))
    );
    assert!(page.get("nextUri").is_none() && page["previousUri"].is_string());
    let support = simulator
        .ok("GET", "/api/v2/routing/queues?name=supp*", Value::Null)
        .await;
    assert_eq!(support["entities"][0]["name"], "Support");
    let by_id = simulator
        .ok(
            "GET",
            &format!(
                "/api/v2/routing/queues/{}",
                support["entities"][0]["id"].as_str().unwrap()
            ),
            Value::Null,
        )
        .await;
    assert_eq!(by_id["name"], "Support");
    assert_eq!(
        simulator
            .call("GET", "/api/v2/routing/queues?pageSize=501", Value::Null)
            .await
            .status,
        400
    );
    assert_eq!(
        simulator
            .call("GET", "/api/v2/routing/queues/nonsense", Value::Null)
            .await
            .body["code"],
        "not.found"
    );
}
