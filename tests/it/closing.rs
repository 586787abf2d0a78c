//! Closing, on every medium and in every state: what Genesys shows afterwards is what is recorded.

use std::time::Duration;

use conversation_gateway::config::Config;
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const CLOSE: &str = "mutation($input: CloseConversationInput!) { closeConversation(input: $input) {
    feedCursor clientMutationId
    conversation { conversationId version calculatedStatus errorMessage
        participants { purpose userId active wrapUpCode wrapUpName } } } }";
const REFRESH: &str =
    "mutation($input: RefreshConversationInput!) { refreshConversation(input: $input) {
    feedCursor conversation { calculatedStatus conversationStart } } }";
const ROW: &str = "query($id: ID!) { conversation(conversationId: $id) { version calculatedStatus errorMessage } }";

struct Field {
    organisation: Organisation,
    gateway: Gateway,
}

impl Field {
    async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    async fn start_with(tune: impl FnOnce(Config) -> Config) -> Self {
        let organisation = Organisation::start().await;
        let gateway = Gateway::start_tuned(&organisation, Database::Sqlite, &[], tune).await;
        Self {
            organisation,
            gateway,
        }
    }

    /// A conversation that took these steps and shows this status here.
    async fn conversation(&self, media: &str, steps: &[&str], status: &str) -> String {
        let id = self.organisation.begin(json!({ "mediaType": media })).await;
        self.organisation.steps(&id, steps).await;
        self.gateway.until_status(&id, status).await;
        id
    }

    async fn close(&self, id: &str, more: Value) -> Value {
        let answer = self.ask(id, more).await;
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"]["closeConversation"]["conversation"].clone()
    }

    async fn ask(&self, id: &str, more: Value) -> Value {
        let mut input = json!({ "conversationId": id });
        for (name, value) in more.as_object().expect("an object") {
            input[name] = value.clone();
        }
        self.gateway.ask(CLOSE, json!({ "input": input })).await
    }

    async fn row(&self, id: &str) -> Value {
        let data = self.gateway.query(ROW, json!({ "id": id })).await;
        data["conversation"].clone()
    }

    /// Genesys' own word on the participants of a purpose, the oldest first.
    async fn participants(&self, id: &str, purpose: &str) -> Vec<Value> {
        let read = self
            .organisation
            .api(&format!("/api/v2/conversations/{id}"))
            .await;
        let all = read["participants"].as_array().expect("a list").clone();
        all.into_iter()
            .filter(|one| one["purpose"] == purpose)
            .collect()
    }

    async fn check_ended(&self, id: &str) {
        assert!(self.organisation.has_ended(id).await, "Genesys goes on");
        assert_eq!(self.row(id).await["calculatedStatus"], "ENDED");
    }
}

const TALK: [&str; 4] = ["ivr", "enqueue", "offer", "answer"];

#[tokio::test]
async fn a_call_with_one_agent_ends_wrapped_up_by_the_name_of_the_code() {
    let field = Field::start().await;
    let id = field.conversation("VOICE", &TALK, "CONNECTED").await;
    let closed = field
        .close(
            &id,
            json!({ "wrapUpCode": "Resolved", "wrapUpNotes": "paid in full" }),
        )
        .await;
    assert_eq!(closed["calculatedStatus"], "ENDED");
    let agent = &field.participants(&id, "agent").await[0];
    assert_eq!(agent["wrapup"]["notes"], "paid in full");
    assert_eq!(agent["calls"][0]["disconnectType"], "client");
    let told = closed["participants"].as_array().unwrap();
    let told = told.iter().find(|one| one["purpose"] == "AGENT").unwrap();
    assert_eq!(told["wrapUpCode"], agent["wrapup"]["code"]);
    field.check_ended(&id).await;

    let history = field.gateway.history(&id).await;
    // Its settled times may come in between, once.
    eventually("closing again changes nothing", || async {
        let before = field.close(&id, json!({})).await;
        let again = field.close(&id, json!({})).await;
        (again["version"] == before["version"]).then_some(())
    })
    .await;
    assert_eq!(field.gateway.history(&id).await, history);
}

#[tokio::test]
async fn without_a_code_the_agent_wraps_up_himself_and_a_second_closing_skips_that() {
    let field = Field::start().await;
    let id = field.conversation("VOICE", &TALK, "CONNECTED").await;
    let closed = field.close(&id, json!({ "force": null })).await;
    assert_eq!(closed["calculatedStatus"], "AFTER_CALL_WORK");
    let closed = field.close(&id, json!({})).await;
    assert_eq!(closed["calculatedStatus"], "ENDED");

    // In after-call work, with a code by its id.
    let codes = field.organisation.api("/api/v2/routing/wrapupcodes").await;
    let code = codes["entities"][1]["id"].clone();
    let id = field.conversation("VOICE", &TALK, "CONNECTED").await;
    field
        .organisation
        .steps(&id, &["customer-disconnect"])
        .await;
    field.gateway.until_status(&id, "AFTER_CALL_WORK").await;
    let closed = field.close(&id, json!({ "wrapUpCode": code })).await;
    assert_eq!(closed["calculatedStatus"], "ENDED");
    assert_eq!(
        field.participants(&id, "agent").await[0]["wrapup"]["code"],
        code
    );
}

#[tokio::test]
async fn of_two_agents_the_newest_leaves_first_and_one_alone_can_be_named() {
    let field = Field::start().await;
    let steps = [&TALK[..], &["consult", "answer", "conference"]].concat();
    let id = field.conversation("VOICE", &steps, "CONNECTED").await;
    let second = field.participants(&id, "agent").await.pop().unwrap();
    let closed = field
        .close(
            &id,
            json!({ "userId": second["userId"], "wrapUpCode": "Sale" }),
        )
        .await;
    assert_eq!(closed["calculatedStatus"], "CONNECTED");
    let left = field.participants(&id, "agent").await;
    assert_eq!(left[1]["calls"][0]["disconnectType"], "client");
    assert_eq!(left[0]["calls"][0]["state"], "connected");

    let unknown = field.ask(&id, json!({ "userId": "nobody" })).await;
    let extensions = &unknown["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "BAD_USER_INPUT");
    assert_eq!(extensions["argument"], "input.userId");

    let both = field.conversation("VOICE", &steps, "CONNECTED").await;
    let closed = field.close(&both, json!({ "wrapUpCode": "Sale" })).await;
    assert_eq!(closed["calculatedStatus"], "ENDED");
    let agents = field.participants(&both, "agent").await;
    let ended = |one: &Value| {
        one["calls"][0]["disconnectedTime"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(ended(&agents[1]) < ended(&agents[0]), "{agents:?}");
    field.check_ended(&both).await;
}

#[tokio::test]
async fn what_no_agent_is_on_is_disconnected_on_its_medium() {
    let field = Field::start().await;
    for (media, steps, status) in [
        ("VOICE", &["enqueue"][..], "WAITING_IN_QUEUE"),
        ("CHAT", &["enqueue"], "WAITING_IN_QUEUE"),
        ("EMAIL", &["enqueue"], "WAITING_IN_QUEUE"),
        ("VOICE", &["enqueue", "offer"], "ALERTING"),
        ("CALLBACK", &["schedule"], "SCHEDULED"),
        ("VOICE", &["enqueue", "voicemail"], "VOICEMAIL"),
    ] {
        let id = field.conversation(media, steps, status).await;
        let closed = field.close(&id, json!({})).await;
        assert_eq!(closed["calculatedStatus"], "ENDED", "{media} {status}");
        field.check_ended(&id).await;
    }
}

#[tokio::test]
async fn a_call_in_an_ivr_is_closed_although_no_topic_shows_it() {
    let field = Field::start().await;
    let id = field
        .organisation
        .begin(json!({ "mediaType": "VOICE" }))
        .await;
    field.organisation.steps(&id, &["ivr"]).await;
    let read = field
        .gateway
        .query(REFRESH, json!({ "input": { "conversationId": id } }))
        .await;
    let read = &read["refreshConversation"]["conversation"];
    assert_eq!(read["calculatedStatus"], "IN_FLOW");
    assert!(read["conversationStart"].is_string());
    let closed = field.close(&id, json!({})).await;
    assert_eq!(closed["calculatedStatus"], "ENDED");

    // Never heard of before.
    let id = field
        .organisation
        .begin(json!({ "mediaType": "VOICE" }))
        .await;
    field.organisation.steps(&id, &["ivr"]).await;
    let closed = field.close(&id, json!({})).await;
    assert_eq!(closed["calculatedStatus"], "ENDED");
    field.check_ended(&id).await;
}

#[tokio::test]
async fn a_parked_mail_is_closed_with_its_agent() {
    let field = Field::start().await;
    let steps = ["enqueue", "offer", "answer", "park"];
    let id = field.conversation("EMAIL", &steps, "PARKED").await;
    let closed = field.close(&id, json!({ "wrapUpCode": "Resolved" })).await;
    assert_eq!(closed["calculatedStatus"], "ENDED");
    field.check_ended(&id).await;
}

#[tokio::test]
async fn a_message_thread_becomes_idle_and_stays_it_until_it_is_torn_down() {
    let field = Field::start().await;
    let steps = ["enqueue", "offer", "answer"];
    let id = field.conversation("MESSAGE", &steps, "CONNECTED").await;
    let closed = field.close(&id, json!({ "wrapUpCode": "Resolved" })).await;
    assert_eq!(closed["calculatedStatus"], "IDLE");
    let closed = field.close(&id, json!({})).await;
    assert_eq!(closed["calculatedStatus"], "IDLE");
    let closed = field.close(&id, json!({ "force": true })).await;
    assert_eq!(closed["calculatedStatus"], "ENDED");
    field.check_ended(&id).await;

    // One that waits in its queue: nobody worked on it, and the thread stays.
    let id = field
        .conversation("MESSAGE", &["enqueue"], "WAITING_IN_QUEUE")
        .await;
    let closed = field.close(&id, json!({})).await;
    assert_eq!(closed["calculatedStatus"], "IDLE");
}

#[tokio::test]
async fn force_tears_down_whoever_is_on_it() {
    let field = Field::start().await;
    let id = field.conversation("VOICE", &TALK, "CONNECTED").await;
    let closed = field
        .close(&id, json!({ "force": true, "wrapUpCode": "Escalated" }))
        .await;
    assert_eq!(closed["calculatedStatus"], "ENDED");
    let codes = field.organisation.api("/api/v2/routing/wrapupcodes").await;
    let codes = codes["entities"].as_array().unwrap();
    let code = codes.iter().find(|it| it["name"] == "Escalated").unwrap();
    let agents = field.participants(&id, "agent").await;
    assert_eq!(agents[0]["wrapup"]["code"], code["id"]);

    let id = field.conversation("VOICE", &TALK, "CONNECTED").await;
    let closed = field.close(&id, json!({ "force": true })).await;
    assert_eq!(closed["calculatedStatus"], "ENDED");
    let agents = field.participants(&id, "agent").await;
    assert_eq!(agents[0]["wrapup"]["code"], "ININ-WRAP-UP-SKIPPED");
    field.check_ended(&id).await;
}

#[tokio::test]
async fn one_refusal_does_not_stop_the_rest_and_is_told_and_kept() {
    let field = Field::start().await;
    let steps = [&TALK[..], &["consult", "answer", "conference"]].concat();
    let id = field.conversation("VOICE", &steps, "CONNECTED").await;
    let agents = field.participants(&id, "agent").await;
    let (first, second) = (&agents[0], &agents[1]);
    let refused = second["id"].as_str().unwrap();
    field
        .organisation
        .fault(json!({ "status": 503, "path": format!("participants/{refused}") }))
        .await;
    let answer = field
        .ask(
            &id,
            json!({ "userId": second["userId"], "wrapUpCode": "Sale" }),
        )
        .await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "GENESYS_ERROR", "{answer}");
    assert_eq!(extensions["genesys"]["status"], 503);
    let correlation = extensions["genesys"]["correlationId"].as_str().unwrap();
    assert_eq!(extensions["steps"][0]["participantId"], refused);
    assert_eq!(extensions["steps"][0]["userId"], second["userId"]);
    assert_eq!(extensions["steps"][0]["state"], "REFUSED");
    let kept = field.row(&id).await["errorMessage"].clone();
    let kept = kept.as_str().expect("it is kept").to_owned();
    assert!(
        kept.contains("REFUSED") && kept.contains(correlation),
        "{kept}"
    );

    // The refused one comes first; the other is asked all the same, and with him the call ends.
    let answer = field.ask(&id, json!({ "wrapUpCode": "Sale" })).await;
    let steps = &answer["errors"][0]["extensions"]["steps"];
    assert_eq!(steps[0]["state"], "REFUSED", "{answer}");
    assert_eq!(steps[1]["participantId"], first["id"]);
    assert_eq!(steps[1]["state"], "DONE");
    assert_eq!(steps.as_array().unwrap().len(), 2);

    field.organisation.heal().await;
    let closed = field.close(&id, json!({ "wrapUpCode": "Sale" })).await;
    assert_eq!(closed["calculatedStatus"], "ENDED");
    assert_eq!(field.row(&id).await["errorMessage"], Value::Null);
}

/// Genesys tells no list of codes: it judges an id by itself, and a name cannot be set.
#[tokio::test]
async fn an_agent_leaves_although_the_list_of_codes_cannot_be_read() {
    let field = Field::start().await;
    let id = field.conversation("VOICE", &TALK, "CONNECTED").await;
    let queue = field.participants(&id, "acd").await[0]["queueId"].clone();
    let path = format!(
        "/api/v2/routing/queues/{}/wrapupcodes",
        queue.as_str().unwrap()
    );
    let codes = field.organisation.api(&path).await;
    let code = &codes["entities"][0];
    field
        .organisation
        .fault(json!({ "status": 503, "path": "wrapupcodes" }))
        .await;
    let answer = field.ask(&id, json!({ "wrapUpCode": code["name"] })).await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["genesys"]["status"], 503, "{answer}");
    assert_eq!(extensions["steps"][0]["state"], "REFUSED", "{answer}");
    let kept = field.row(&id).await;
    assert_eq!(kept["calculatedStatus"], "AFTER_CALL_WORK");
    assert!(
        kept["errorMessage"].as_str().unwrap().contains("REFUSED"),
        "{kept}"
    );

    let closed = field.close(&id, json!({ "wrapUpCode": code["id"] })).await;
    assert_eq!(closed["calculatedStatus"], "ENDED");
    let agent = &field.participants(&id, "agent").await[0];
    assert_eq!(agent["wrapup"]["code"], code["id"]);
    assert_eq!(field.row(&id).await["errorMessage"], Value::Null);
}

/// The cursor of the answer names the change that the mutation itself made.
#[tokio::test]
async fn behind_the_cursor_of_a_reading_nothing_of_it_is_told_again() {
    let field = Field::start().await;
    let id = field.conversation("VOICE", &TALK, "CONNECTED").await;
    field
        .organisation
        .fault(json!({ "silentMs": 60_000 }))
        .await;
    field.organisation.steps(&id, &["hold"]).await;
    let input = json!({ "input": { "conversationId": id } });
    let read = field.gateway.ask(REFRESH, input).await;
    let read = &read["data"]["refreshConversation"];
    assert_eq!(
        read["conversation"]["calculatedStatus"], "ON_HOLD",
        "{read}"
    );
    let history = field
        .gateway
        .query(
            "query($id: ID!) { conversation(conversationId: $id) { statusHistory(last: 1) { edges { cursor } } } }",
            json!({ "id": id }),
        )
        .await;
    let newest = &history["conversation"]["statusHistory"]["edges"][0]["cursor"];
    assert_eq!(&read["feedCursor"], newest);
}

#[tokio::test]
async fn two_closings_at_once_do_the_work_once() {
    let field = Field::start().await;
    let id = field.conversation("VOICE", &TALK, "CONNECTED").await;
    let closings = (0..5).map(|_| field.close(&id, json!({})));
    let answers = futures_util::future::join_all(closings).await;
    for answer in &answers {
        // A second closing would have skipped the after-call work.
        assert_eq!(answer["calculatedStatus"], "AFTER_CALL_WORK");
    }
    let stats = field.organisation.api("/sim/stats").await;
    let calls = stats["calls"].as_object().unwrap();
    let patches = calls.iter().filter(|(call, _)| call.starts_with("PATCH"));
    let patches: u64 = patches.map(|(_, count)| count.as_u64().unwrap()).sum();
    assert_eq!(patches, 1, "{calls:?}");
}

#[tokio::test]
async fn a_conversation_that_does_not_end_is_read_at_once_and_when_the_time_is_over() {
    let field = Field::start_with(|mut config| {
        // Long enough for a busy machine to read once inside it.
        config.genesys.actions.close_wait = Duration::from_secs(2);
        config.genesys.actions.close_poll = Duration::from_mins(1);
        config
    })
    .await;
    let id = field.conversation("VOICE", &TALK, "CONNECTED").await;
    let stuck = json!({ "step": "add-external", "stuck": true });
    field.organisation.step(&id, stuck).await;
    field.organisation.steps(&id, &["connect"]).await;
    let readings = || async {
        let calls = field.organisation.calls().await;
        calls["GET /api/v2/conversations/{id}"]
            .as_u64()
            .unwrap_or(0)
    };
    let before = readings().await;
    let closed = field.close(&id, json!({ "wrapUpCode": "Sale" })).await;
    assert_ne!(closed["calculatedStatus"], "ENDED");
    // One before the steps, two after them.
    assert_eq!(readings().await - before, 3);
}

#[tokio::test]
async fn what_cannot_be_closed_is_said_before_anything_is_done() {
    let field = Field::start().await;
    let id = field.conversation("VOICE", &TALK, "CONNECTED").await;
    let before = field.row(&id).await;
    for (more, argument) in [
        (json!({ "wrapUpCode": "resolved" }), "input.wrapUpCode"),
        (json!({ "wrapUpNotes": "x" }), "input.wrapUpNotes"),
        (json!({ "force": true, "userId": "x" }), "input.force"),
    ] {
        let answer = field.ask(&id, more).await;
        let extensions = &answer["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "BAD_USER_INPUT", "{answer}");
        assert_eq!(extensions["argument"], argument);
    }
    assert_eq!(
        field.row(&id).await["calculatedStatus"],
        before["calculatedStatus"]
    );
    let unknown = "0c0ffee0-0000-4000-8000-00000000dead";
    for query in [CLOSE, REFRESH] {
        let variables = json!({ "input": { "conversationId": unknown } });
        let answer = field.gateway.ask(query, variables).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_reading_that_fails_is_kept_until_the_next_one_succeeds() {
    let field = Field::start().await;
    let id = field
        .conversation("VOICE", &["enqueue"], "WAITING_IN_QUEUE")
        .await;
    field
        .organisation
        .fault(json!({ "status": 500, "path": format!("conversations/{id}") }))
        .await;
    let input = json!({ "input": { "conversationId": id } });
    let answer = field.gateway.ask(REFRESH, input.clone()).await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "GENESYS_ERROR");
    assert_eq!(extensions["genesys"]["status"], 500);
    let kept = field.row(&id).await["errorMessage"].clone();
    assert!(kept.as_str().unwrap().contains("cannot be read"), "{kept}");
    field.organisation.heal().await;
    eventually("it is read again", || async {
        let answer = field.gateway.ask(REFRESH, input.clone()).await;
        answer.get("errors").is_none().then_some(())
    })
    .await;
    assert_eq!(field.row(&id).await["errorMessage"], Value::Null);
}
