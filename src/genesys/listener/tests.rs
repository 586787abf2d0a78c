use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::feed::FeedState;
use crate::domain::ids::{ConversationId, QueueId, UserId};
use crate::domain::row::{Direction, Work};
use crate::domain::time::Time;
use crate::domain::update::ChangeCause;
use crate::genesys::fake::{Answer, Asked, Fake, clock, eventually, token};
use crate::genesys::topics::TopicShape;

const CONVERSATION: &str = "5b1e7c90-2a3d-4c8f-b6e1-7d90a4f2c3e8";
const CHANNELS: &str = "/api/v2/notifications/channels";
const ENDED: &str = "/api/v2/analytics/conversations/details/query";
const FIRST: &str = "/api/v2/notifications/channels/c1/subscriptions";

/// An organisation whose queues and channels a test can change.
struct Organisation {
    fake: Fake,
    state: Arc<Mutex<Facts>>,
}

struct Facts {
    queues: Vec<&'static str>,
    refused: Option<&'static str>,
    channel_is_gone: bool,
    /// Topics are not to be had now.
    is_refusing: bool,
    /// When the conversation ended, as analytics know it.
    ended: Option<Time>,
    address: String,
}

/// A listener at work on it.
struct Running {
    status: watch::Receiver<FeedStatus>,
    shown: watch::Receiver<ShownQueues>,
    events: mpsc::Receiver<ConversationEvent>,
    needs: mpsc::Sender<Need>,
    _task: JoinSet<anyhow::Result<()>>,
}

impl Organisation {
    async fn start(queues: &[&'static str]) -> Self {
        let state = Arc::new(Mutex::new(Facts {
            queues: queues.to_vec(),
            refused: None,
            channel_is_gone: false,
            is_refusing: false,
            ended: None,
            address: String::new(),
        }));
        let answers = Arc::clone(&state);
        let fake = Fake::start(move |asked| answer(asked, &answers.lock().unwrap())).await;
        state.lock().unwrap().address = fake.address.to_string();
        Self { fake, state }
    }

    fn change(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.state.lock().unwrap());
    }

    fn listen(&self) -> Running {
        Running::start(self.fake.config())
    }
}

impl Running {
    fn start(config: GenesysConfig) -> Self {
        let (events_tx, events) = mpsc::channel(64);
        let (needs, needs_rx) = mpsc::channel(64);
        let client = GenesysClient::new(&config, clock()).unwrap();
        let (listener, status) = Listener::new(config, client, events_tx, needs_rx, clock());
        let shown = listener.shown_queues();
        let mut task = JoinSet::new();
        task.spawn(listener.with_jitter(|| 0.5).run(CancellationToken::new()));
        Self {
            status,
            shown,
            events,
            needs,
            _task: task,
        }
    }

    async fn until(&mut self, state: FeedState) -> FeedStatus {
        let wait = self.status.wait_for(|status| status.state == state);
        let reached = timeout(Duration::from_secs(10), wait).await;
        reached
            .expect("in time")
            .expect("the listener runs")
            .clone()
    }

    async fn next(&mut self) -> ConversationEvent {
        let next = timeout(Duration::from_secs(10), self.events.recv()).await;
        next.expect("in time").expect("the listener runs")
    }
}

fn answer(asked: &Asked, facts: &Facts) -> Answer {
    match (asked.method.as_str(), asked.path.as_str()) {
        (_, "/oauth/token") => token(),
        ("GET", "/api/v2/routing/queues") => {
            let queues = facts
                .queues
                .iter()
                .map(|id| json!({ "id": id, "name": id }));
            let queues = queues.collect::<Vec<_>>();
            Answer::json(200, &json!({ "entities": queues, "pageCount": 1 }))
        }
        ("POST", CHANNELS) => {
            let id = format!("c{}", asked.nth);
            let uri = format!("ws://{}/socket/{id}", facts.address);
            Answer::json(200, &json!({ "id": id, "connectUri": uri }))
        }
        ("HEAD", _) if facts.channel_is_gone => Answer::json(404, &json!(null)),
        ("HEAD", _) => Answer::json(200, &json!(null)),
        // Late enough for the socket to have answered a ping.
        ("PUT", _) if facts.is_refusing => {
            Answer::json(500, &json!(null)).late(Duration::from_millis(200))
        }
        ("PUT" | "POST", path) if path.ends_with("/subscriptions") => {
            let topics: Vec<Value> = serde_json::from_str(&asked.body).unwrap();
            let settled = topics.into_iter().map(|mut topic| {
                let id = topic["id"].as_str().unwrap();
                let is_refused = facts.refused.is_some_and(|refused| id.contains(refused));
                topic["state"] = json!(if is_refused { "Rejected" } else { "Permitted" });
                topic["missingPermissions"] = json!(if is_refused { vec!["p"] } else { vec![] });
                topic
            });
            Answer::json(200, &json!({ "entities": settled.collect::<Vec<_>>() }))
        }
        ("GET", path) if path.ends_with(CONVERSATION) => Answer::json(200, &conversation()),
        ("GET", "/api/v2/analytics/conversations/details") if asked.nth > 1 => {
            let settled = json!({
                "conversationId": CONVERSATION,
                "conversationStart": "2026-03-02T09:00:00.000Z",
                "conversationEnd": "2026-03-02T09:05:00.000Z",
                "originatingDirection": "outbound",
            });
            Answer::json(200, &json!({ "conversations": [settled] }))
        }
        ("POST", ENDED) if asked.body.contains(r#""exists""#) && facts.ended.is_some() => {
            let segment = json!({ "queueId": "q1" });
            let sessions = json!([{ "sessionId": "s", "segments": [segment] }]);
            let ended = json!({
                "conversationId": CONVERSATION,
                "conversationEnd": facts.ended.map(|end| end.to_string()),
                "participants": [{ "participantId": "p", "sessions": sessions }],
            });
            Answer::json(200, &json!({ "totalHits": 1, "conversations": [ended] }))
        }
        ("GET", "/api/v2/analytics/conversations/details")
        | ("POST", "/api/v2/analytics/conversations/details/query") => {
            Answer::json(200, &json!({}))
        }
        _ => Answer::json(404, &json!({ "code": "not.found" })),
    }
}

fn conversation() -> Value {
    json!({ "id": CONVERSATION, "participants": [{ "id": "p", "purpose": "acd", "queueId": "q1" }] })
}

fn notification(queue: &str) -> Value {
    let topic = format!("v2.routing.queues.{queue}.conversations");
    json!({ "topicName": topic, "eventBody": conversation() })
}

fn id() -> ConversationId {
    CONVERSATION.parse().unwrap()
}

#[tokio::test]
async fn a_notification_becomes_an_event() {
    let organisation = Organisation::start(&["q1", "q2"]).await;
    let mut running = organisation.listen();
    let live = running.until(FeedState::Live).await;
    assert_eq!((live.topics_wanted, live.topics_subscribed), (2, 2));
    assert_eq!((live.stale_since, live.last_event_at), (None, None));

    organisation
        .fake
        .send_frame(&json!({ "topicName": "garbage" }));
    organisation.fake.send_frame(&notification("q1"));
    let event = running.next().await;
    assert_eq!((event.conversation_id, event.actor), (id(), None));
    let Fact::Seen {
        snapshot,
        cause,
        read_at,
        ..
    } = event.fact
    else {
        panic!("a snapshot");
    };
    assert_eq!((cause, read_at), (ChangeCause::GenesysEvent, None));
    assert_eq!(snapshot.participants[0].queue_name.as_deref(), Some("q1"));
    assert_eq!(
        running.status.borrow().last_event_at,
        Some(event.received_at)
    );
}

#[tokio::test]
async fn a_new_queue_is_added_and_a_lost_one_is_dropped_while_running() {
    let organisation = Organisation::start(&["q1", "q2"]).await;
    let mut running = organisation.listen();
    running.until(FeedState::Live).await;
    organisation.change(|facts| facts.queues.push("q3"));
    eventually("the new queue is subscribed", || {
        running.status.borrow().topics_subscribed == 3
    })
    .await;
    let added = organisation.fake.asked("POST", FIRST);
    assert_eq!(
        added[0].body,
        r#"[{"id":"v2.routing.queues.q3.conversations"}]"#
    );

    organisation.change(|facts| facts.queues.retain(|queue| *queue != "q1"));
    eventually("the lost queue is dropped", || {
        let replaced = organisation.fake.asked("PUT", FIRST).pop();
        replaced.is_some_and(|it| !it.body.contains("q1") && it.body.contains("q3"))
    })
    .await;
    running.until(FeedState::Live).await;
}

#[tokio::test]
async fn a_refused_topic_is_named_and_does_not_make_the_feed_stale() {
    let organisation = Organisation::start(&["q1", "q2"]).await;
    organisation.change(|facts| facts.refused = Some("q2"));
    let live = organisation.listen().until(FeedState::Live).await;
    assert_eq!((live.topics_wanted, live.topics_subscribed), (2, 1));
    assert_eq!(
        live.refused_topics[0].topic,
        "v2.routing.queues.q2.conversations"
    );
    assert_eq!(live.refused_topics[0].missing_permissions, ["p"]);
}

#[tokio::test]
async fn a_closed_socket_is_opened_again_on_the_same_channel() {
    let organisation = Organisation::start(&["q1"]).await;
    let mut running = organisation.listen();
    running.until(FeedState::Live).await;
    organisation.fake.close_sockets();
    let lost = running.until(FeedState::Disconnected).await;
    assert!(lost.stale_since.is_some());
    running.until(FeedState::Live).await;
    assert_eq!(organisation.fake.asked("POST", CHANNELS).len(), 1);
    organisation.fake.send_frame(&notification("q1"));
    running.next().await;
}

/// A socket that answers but gets no topics makes up for nothing.
#[tokio::test]
async fn what_was_missed_is_read_though_topics_cannot_be_had_at_first() {
    let organisation = Organisation::start(&["q1"]).await;
    let mut running = Running::start(GenesysConfig {
        repair_margin: Duration::ZERO,
        ..organisation.fake.config()
    });
    running.until(FeedState::Live).await;
    organisation.change(|facts| facts.is_refusing = true);
    organisation.fake.close_sockets();
    let lost = running.until(FeedState::Disconnected).await;
    let subscribed = organisation.fake.asked("PUT", FIRST).len();
    eventually("sockets answer in vain", || {
        organisation.fake.asked("PUT", FIRST).len() > subscribed + 2
    })
    .await;
    organisation.change(|facts| {
        facts.ended = lost.stale_since.map(|at| at.plus_millis(1));
        facts.is_refusing = false;
    });
    let Fact::Seen { cause, .. } = running.next().await.fact else {
        panic!("a snapshot");
    };
    assert_eq!(cause, ChangeCause::Reconciled);
}

#[tokio::test]
async fn a_channel_that_is_gone_is_replaced_with_all_its_topics() {
    let organisation = Organisation::start(&["q1", "q2"]).await;
    let mut running = organisation.listen();
    running.until(FeedState::Live).await;
    organisation.change(|facts| facts.channel_is_gone = true);
    organisation.fake.close_sockets();
    running.until(FeedState::Disconnected).await;
    running.until(FeedState::Live).await;
    let second = FIRST.replace("c1", "c2");
    let put = &organisation.fake.asked("PUT", &second)[0].body;
    assert!(put.contains("q1") && put.contains("q2"));
}

#[tokio::test]
async fn a_needed_reading_comes_as_a_reconciled_snapshot() {
    let organisation = Organisation::start(&["q1"]).await;
    let mut running = organisation.listen();
    running.needs.send(Need::Read(id())).await.unwrap();
    let event = running.next().await;
    let Fact::Seen { cause, read_at, .. } = event.fact else {
        panic!("a snapshot");
    };
    assert_eq!(cause, ChangeCause::Reconciled);
    assert!(read_at.is_some_and(|read_at| read_at <= event.received_at));
}

#[tokio::test]
async fn what_genesys_sent_before_it_answered_comes_before_the_answer() {
    let organisation = Organisation::start(&["q1"]).await;
    let mut running = Running::start(GenesysConfig {
        answer_wait: Duration::from_secs(2),
        ..organisation.fake.config()
    });
    running.until(FeedState::Live).await;
    running.needs.send(Need::ReadNow(id())).await.unwrap();
    let path = format!("/api/v2/conversations/{CONVERSATION}");
    eventually("it is read", || {
        !organisation.fake.asked("GET", &path).is_empty()
    })
    .await;
    organisation.fake.send_frame(&notification("q1"));
    let mut causes = Vec::new();
    for _ in 0..2 {
        let Fact::Seen { cause, .. } = running.next().await.fact else {
            panic!("a snapshot");
        };
        causes.push(cause);
    }
    assert_eq!(causes, [ChangeCause::GenesysEvent, ChangeCause::Reconciled]);
}

#[tokio::test]
async fn a_conversation_that_cannot_be_read_is_said_so() {
    let organisation = Organisation::start(&["q1"]).await;
    let mut running = organisation.listen();
    let unknown = ConversationId::from_uuid(uuid::Uuid::nil());
    running.needs.send(Need::Read(unknown)).await.unwrap();
    let event = running.next().await;
    assert_eq!(event.conversation_id, unknown);
    assert!(
        matches!(
            event.fact,
            Fact::Failed {
                work: Work::Reading,
                ..
            }
        ),
        "{event:?}"
    );
}

#[tokio::test]
async fn an_ended_conversation_is_settled_when_analytics_knows_its_end() {
    let organisation = Organisation::start(&["q1"]).await;
    let mut running = organisation.listen();
    running.needs.send(Need::Settle(id())).await.unwrap();
    let event = running.next().await;
    let Fact::Enriched {
        start,
        end,
        direction,
        ..
    } = event.fact
    else {
        panic!("enriched");
    };
    assert_eq!(start.unwrap().to_string(), "2026-03-02T09:00:00.000Z");
    assert_eq!(end.unwrap().to_string(), "2026-03-02T09:05:00.000Z");
    assert_eq!(direction, Some(Direction::Outbound));
}

#[tokio::test]
async fn without_the_permission_to_list_queues_the_start_is_refused_in_one_line() {
    let fake = Fake::start(|asked| match asked.path.as_str() {
        "/oauth/token" => token(),
        "/api/v2/routing/queues" => Answer::json(403, &json!({ "code": "missing.permissions" })),
        _ => Answer::json(500, &json!(null)),
    })
    .await;
    let (events_tx, _events) = mpsc::channel(1);
    let (_needs, needs_rx) = mpsc::channel(1);
    let (listener, _status) =
        Listener::new(fake.config(), fake.client(), events_tx, needs_rx, clock());
    let run = listener.run(CancellationToken::new());
    let failed = timeout(Duration::from_secs(10), run)
        .await
        .expect("in time");
    let said = format!("{:#}", failed.expect_err("it is refused"));
    assert!(
        said.contains("routing:queue:view") && said.contains("403"),
        "{said}"
    );
}

#[tokio::test]
async fn users_that_are_all_wanted_and_cannot_be_listed_are_named_as_what_is_lacking() {
    let organisation = Organisation::start(&["q1"]).await;
    let config = GenesysConfig {
        queues: vec![QueueId::from("q1")],
        user_topics: vec![UserId::from("all")],
        ..organisation.fake.config()
    };
    let (events_tx, _events) = mpsc::channel(1);
    let (_needs, needs_rx) = mpsc::channel(1);
    let client = organisation.fake.client();
    let (listener, _status) = Listener::new(config, client, events_tx, needs_rx, clock());
    let run = listener.run(CancellationToken::new());
    let failed = timeout(Duration::from_secs(10), run).await;
    let failed = failed.expect("in time").expect_err("it is refused");
    let said = format!("{failed:#}");
    for part in ["GATEWAY_USER_TOPICS=all", "directory:user:view", "404"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("GATEWAY_QUEUES"), "{said}");
}

#[tokio::test]
async fn a_refused_queue_is_not_among_those_that_are_shown() {
    let organisation = Organisation::start(&["q1", "q2"]).await;
    organisation.change(|facts| facts.refused = Some("q2"));
    let mut running = organisation.listen();
    running.until(FeedState::Live).await;
    let shown = running.shown.borrow().clone();
    assert_eq!(*shown.expect("known"), [QueueId::from("q1")].into());
}

#[tokio::test]
async fn queues_configured_by_id_need_no_list() {
    let organisation = Organisation::start(&["q1", "q2"]).await;
    let config = GenesysConfig {
        queues: vec![QueueId::from("q2")],
        ..organisation.fake.config()
    };
    let (events_tx, _events) = mpsc::channel(1);
    let (_needs, needs_rx) = mpsc::channel(1);
    let client = organisation.fake.client();
    let (listener, mut status) = Listener::new(config, client, events_tx, needs_rx, clock());
    let token = CancellationToken::new();
    let stop = token.clone();
    let watching = async move {
        let live = status
            .wait_for(|status| status.state == FeedState::Live)
            .await;
        assert_eq!(live.expect("the listener runs").topics_wanted, 1);
        stop.cancel();
    };
    let both = async { tokio::join!(listener.run(token), watching) };
    let (ran, ()) = timeout(Duration::from_secs(10), both)
        .await
        .expect("in time");
    ran.expect("a cancelled listener ends well");
}

#[tokio::test]
async fn more_topics_than_genesys_allows_are_refused_at_the_start_in_one_line() {
    let organisation = Organisation::start(&["q1"]).await;
    for (queues, shape) in [
        (4_001, TopicShape::Media),
        (20_001, TopicShape::Conversations),
    ] {
        let config = GenesysConfig {
            queues: (0..queues)
                .map(|n| QueueId::from(format!("q{n}")))
                .collect(),
            topics: shape,
            ..organisation.fake.config()
        };
        let (events_tx, _events) = mpsc::channel(64);
        let (_needs, needs_rx) = mpsc::channel(64);
        let client = organisation.fake.client();
        let (listener, _) = Listener::new(config, client, events_tx, needs_rx, clock());
        let ended = timeout(
            Duration::from_secs(10),
            listener.run(CancellationToken::new()),
        )
        .await;
        let said = ended.expect("at once").expect_err("too many").to_string();
        assert!(said.contains("20000") && !said.contains('\n'), "{said}");
    }
}
