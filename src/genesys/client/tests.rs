use serde_json::json;

use super::*;
use crate::genesys::fake::{Answer, Asked, Fake, token};
use crate::genesys::queues;

const TOKEN: &str = "/oauth/token";
const QUEUES: &str = "/api/v2/routing/queues";

fn no_queues() -> Answer {
    Answer::json(200, &json!({ "entities": [], "pageCount": 0 }))
}

fn error(status: u16, code: &str) -> Answer {
    Answer::json(
        status,
        &json!({ "status": status, "code": code, "message": "no", "contextId": "ctx" }),
    )
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_token() {
    let fake = Fake::start(|asked| match asked.path.as_str() {
        TOKEN => token(),
        _ => no_queues(),
    })
    .await;
    let client = fake.client();
    let (one, two) = tokio::join!(client.queues(1), client.queues(2));
    assert!(one.is_ok() && two.is_ok());
    let [asked] = &fake.asked("POST", TOKEN)[..] else {
        panic!("one request for a token");
    };
    assert_eq!(asked.body, "grant_type=client_credentials");
    // simulator-client:simulator-secret
    assert_eq!(
        asked.authorization,
        "Basic c2ltdWxhdG9yLWNsaWVudDpzaW11bGF0b3Itc2VjcmV0"
    );
    assert_eq!(fake.asked("GET", QUEUES)[0].authorization, "Bearer t-1");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let fake = Fake::start(|asked| match asked.path.as_str() {
        TOKEN => {
            let body = json!({ "access_token": format!("t-{}", asked.nth), "expires_in": 3600 });
            Answer::json(200, &body)
        }
        _ if asked.authorization == "Bearer t-2" => no_queues(),
        _ => error(401, "bad.credentials"),
    })
    .await;
    let client = fake.client();
    client.queues(1).await.unwrap();
    assert_eq!(fake.asked("POST", TOKEN).len(), 2);

    let fake = Fake::start(|asked| match asked.path.as_str() {
        TOKEN => token(),
        _ => error(401, "bad.credentials"),
    })
    .await;
    let failed = fake.client().queues(1).await.unwrap_err();
    assert_eq!(
        (failed.status(), failed.code()),
        (Some(401), Some("bad.credentials"))
    );
    assert_eq!(fake.asked("GET", QUEUES).len(), 2);
}

#[tokio::test]
async fn a_wrong_client_is_a_permanent_error_that_names_the_settings() {
    for status in [400, 401] {
        let body = json!({
            "error": "invalid_client",
            "description": "client not found",
            "error_description": "client not found",
        });
        let fake = Fake::start(move |_| Answer::json(status, &body)).await;
        let refused = fake.client().sign_in().await.unwrap_err();
        assert!(!refused.is_retryable());
        let said = refused.to_string();
        assert!(said.contains("client not found"), "{said}");
        assert!(said.contains("GENESYSCLOUD_OAUTHCLIENT_SECRET"), "{said}");
        assert!(
            !said.contains('\n') && !said.contains("simulator-secret"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_genesys_that_is_down_does_not_stop_the_start() {
    let fake = Fake::start(|_| error(500, "internal.server.error")).await;
    fake.client().sign_in().await.unwrap();
    assert!(
        fake.client()
            .fetch_token()
            .await
            .unwrap_err()
            .is_retryable()
    );

    let nobody = GenesysConfig::for_tests("http://127.0.0.1:1");
    let client = GenesysClient::new(&nobody, crate::genesys::fake::clock()).unwrap();
    client.sign_in().await.unwrap();
    let failed = client.queues(1).await.unwrap_err();
    assert!(matches!(failed, ApiError::NoAnswer { .. }), "{failed}");
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_serves_while_renewal_fails() {
    let fake = Fake::start(|asked| match (asked.path.as_str(), asked.nth) {
        (TOKEN, 1 | 3) => {
            let body = json!({ "access_token": format!("t-{}", asked.nth), "expires_in": 60 });
            Answer::json(200, &body)
        }
        (TOKEN, _) => error(500, "internal.server.error"),
        _ => no_queues(),
    })
    .await;
    // The margin is as long as the token's life: half of it counts, 30 s.
    let config = GenesysConfig {
        token_margin: Duration::from_hours(1),
        ..fake.config()
    };
    let client = GenesysClient::new(&config, crate::genesys::fake::clock()).unwrap();
    client.queues(1).await.unwrap();
    client.queues(1).await.unwrap();
    assert_eq!(fake.asked("POST", TOKEN).len(), 1);
    client.0.tokens.advance(Duration::from_secs(31)).await;
    client.queues(1).await.unwrap();
    client.queues(1).await.unwrap();
    let used = fake
        .asked("GET", QUEUES)
        .into_iter()
        .map(|asked| asked.authorization);
    let used = used.collect::<Vec<_>>();
    assert_eq!(
        used,
        ["Bearer t-1", "Bearer t-1", "Bearer t-1", "Bearer t-3"]
    );
}

#[tokio::test]
async fn errors_tell_status_code_correlation_and_when_to_come_back() {
    let fake = Fake::start(|asked| {
        if asked.path == TOKEN {
            return token();
        }
        let message = "too fast for jane@example.com";
        let body = json!({ "code": "too.many.requests", "message": message });
        Answer::json(429, &body)
            .with("retry-after", "7")
            .with("inin-correlation-id", "c-1")
    })
    .await;
    let config = GenesysConfig {
        request_timeout: Duration::from_millis(500),
        ..fake.config()
    };
    let client = GenesysClient::new(&config, crate::genesys::fake::clock()).unwrap();
    let failed = client.queues(1).await.unwrap_err();
    assert_eq!(failed.status(), Some(429));
    assert_eq!(failed.code(), Some("too.many.requests"));
    assert_eq!(failed.message(), Some("too fast for [removed]"));
    assert_eq!(failed.correlation_id(), Some("c-1"));
    assert_eq!(failed.retry_after(), Some(Duration::from_secs(7)));
    assert!(failed.is_retryable());
    // Until then the gateway does not even ask.
    let held_back = client.queues(1).await.unwrap_err();
    assert!(
        matches!(held_back, ApiError::OverBudget { .. }),
        "{held_back}"
    );
    assert_eq!(fake.asked("GET", QUEUES).len(), 1);
}

#[test]
fn what_may_pass_by_itself_is_retryable_and_only_what_is_said_of_the_thing_is_final() {
    for (status, is_retryable, is_final) in [
        (400, false, true),
        (401, true, false),
        (403, false, false),
        (404, false, true),
        (408, true, false),
        (429, true, false),
        (500, true, false),
        (501, false, true),
        (503, true, false),
    ] {
        let error = ApiError::Answered {
            status,
            code: None,
            message: None,
            retry_after: None,
            correlation_id: None,
        };
        assert_eq!(error.is_retryable(), is_retryable, "{status}");
        assert_eq!(error.is_final(), is_final, "{status}");
    }
    let reason = "the time ran out";
    let wait = Duration::ZERO;
    for error in [
        ApiError::NoAnswer { reason },
        ApiError::OverBudget { wait },
        ApiError::ClientRefused {
            reason: reason.to_owned(),
        },
    ] {
        assert!(!error.is_final(), "{error}");
    }
    assert!(ApiError::Unreadable { call: "GET /" }.is_final());
}

/// A notification that comes during the wait is not mistaken for one that the reading has missed.
#[tokio::test]
async fn a_conversation_counts_as_read_when_the_budget_let_the_question_go() {
    let fake = Fake::start(|asked| match asked.path.as_str() {
        TOKEN => token(),
        QUEUES => error(429, "too.many.requests").with("retry-after", "1"),
        path => {
            let id = path.rsplit('/').next();
            Answer::json(200, &json!({ "id": id, "participants": [] }))
        }
    })
    .await;
    let client = fake.client();
    let held_back = client.queues(1).await.unwrap_err();
    let asked_at = client.clock().now();
    assert_eq!(held_back.status(), Some(429));
    let id = ConversationId::from_uuid(uuid::Uuid::max());
    let answered = client.conversation(id, Priority::Command).await.unwrap();
    let reading = answered.reading().await;
    assert!(reading.read_at.since(asked_at) > 500, "after the pause");
}

#[tokio::test]
async fn a_conversation_that_is_withheld_is_told_from_a_client_that_may_read_none() {
    for (may_read, is_final) in [(true, true), (false, false)] {
        let fake = Fake::start(move |asked| match asked.path.as_str() {
            TOKEN => token(),
            NO_CONVERSATION if may_read => error(404, "not.found"),
            _ => error(403, "missing.permissions"),
        })
        .await;
        let id = ConversationId::from_uuid(uuid::Uuid::max());
        let read = fake.client().conversation(id, Priority::Repair).await;
        let refused = read.unwrap_err();
        assert_eq!(refused.status(), Some(403));
        assert_eq!(refused.code(), Some("missing.permissions"));
        assert_eq!(refused.correlation_id(), Some("ctx"));
        assert_eq!(refused.is_final(), is_final, "{refused}");
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_said_of_a_conversation() {
    for broken in [Answer::json(200, &json!("?")), error(401, "invalid_client")] {
        let broken = std::sync::Mutex::new(Some(broken));
        let fake = Fake::start(move |_| broken.lock().unwrap().take().expect("asked once")).await;
        let id = ConversationId::from_uuid(uuid::Uuid::max());
        let read = fake.client().conversation(id, Priority::Repair).await;
        let refused = read.unwrap_err();
        assert!(!refused.is_final(), "{refused}");
    }
}

#[tokio::test]
async fn all_pages_of_queues_are_listed_and_their_names_known() {
    let fake = Fake::start(|asked| match (asked.path.as_str(), asked.query.as_str()) {
        (TOKEN, _) => token(),
        (_, query) if query.starts_with("pageNumber=1&") => {
            let entities = json!([{ "id": "q1", "name": "One" }, { "id": "q2", "name": null }]);
            Answer::json(200, &json!({ "entities": entities, "pageCount": 2 }))
        }
        (_, query) if query.starts_with("pageNumber=2&") => Answer::json(
            200,
            &json!({ "entities": [{ "id": "q3", "name": "Three" }], "pageCount": 2 }),
        ),
        _ => error(400, "invalid.value"),
    })
    .await;
    let client = fake.client();
    let listed = queues::list(&client).await.unwrap();
    assert_eq!(
        listed
            .into_iter()
            .map(|id| id.to_string())
            .collect::<Vec<_>>(),
        ["q1", "q2", "q3"]
    );
    let name = |id: &str| client.queue_names().name(&id.into());
    assert_eq!(
        (name("q1").as_deref(), name("q2"), name("q3").as_deref()),
        (Some("One"), None, Some("Three"))
    );
}

#[tokio::test]
async fn the_calls_are_those_of_genesys() {
    fn answer(asked: &Asked) -> Answer {
        match (asked.method.as_str(), asked.path.as_str()) {
            (_, TOKEN) => token(),
            ("HEAD", "/api/v2/notifications/channels/here") => Answer::json(200, &json!(null)),
            ("GET", "/api/v2/analytics/conversations/details") => Answer::json(200, &json!({})),
            ("PUT" | "POST", "/api/v2/notifications/channels/here/subscriptions") => {
                let refused = json!({ "id": "b", "state": "Rejected", "rejectionReason": "why", "missingPermissions": ["p"] });
                Answer::json(200, &json!({ "entities": [{ "id": "a" }, refused] }))
            }
            ("PATCH", "/api/v2/conversations/calls/x") => {
                Answer::json(202, &json!({ "done": true })).with("inin-correlation-id", "c-2")
            }
            _ => error(404, "not.found"),
        }
    }
    let fake = Fake::start(answer).await;
    let client = fake.client();
    assert_eq!(client.channel_exists("here").await, Ok(true));
    assert_eq!(client.channel_exists("gone").await, Ok(false));

    let id: ConversationId = "5b1e7c90-2a3d-4c8f-b6e1-7d90a4f2c3e8".parse().unwrap();
    assert_eq!(
        client
            .details(&[id, id], Priority::Enrichment)
            .await
            .unwrap()
            .len(),
        0
    );
    let asked = fake.asked("GET", "/api/v2/analytics/conversations/details");
    assert_eq!(asked[0].query, format!("id={id}%2C{id}"));

    let answered = client.replace_topics("here", &["a", "b"]).await.unwrap();
    assert_eq!(
        answered
            .iter()
            .map(wire::ChannelTopic::is_rejected)
            .collect::<Vec<_>>(),
        [false, true]
    );
    client.add_topics("here", &["a"]).await.unwrap();
    let path = "/api/v2/notifications/channels/here/subscriptions";
    let put = &fake.asked("PUT", path)[0];
    assert_eq!(
        (put.query.as_str(), put.body.as_str()),
        ("ignoreErrors=true", r#"[{"id":"a"},{"id":"b"}]"#)
    );
    assert_eq!(fake.asked("POST", path)[0].body, r#"[{"id":"a"}]"#);

    let body = Some(json!({ "state": "disconnected" }));
    let done = client
        .command(Method::PATCH, "/api/v2/conversations/calls/x", body)
        .await
        .unwrap();
    assert_eq!(
        (done.status, done.body["done"].as_bool()),
        (202, Some(true))
    );
    assert_eq!(done.correlation_id.as_deref(), Some("c-2"));

    let unknown = client
        .conversation(id, Priority::Command)
        .await
        .unwrap_err();
    assert!(unknown.is_not_found());
    assert_eq!(unknown.correlation_id(), Some("ctx"));
}
