//! A conversation whose every customer's text is a marker: after a full life the marker is nowhere,
//! searched as bytes in the database's files or tables, the log at its most talkative, the metrics
//! and every answer.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use conversation_gateway::store::StoreConfig;
use migration::sea_orm::{ConnectionTrait, DbBackend, Statement};
use migration::{Migrator, MigratorTrait};
use serde_json::{Value, json};

use crate::support::client::{self, Subscription};
use crate::support::gateway::Database;
use crate::support::organisation::Organisation;
use crate::support::{eventually, postgres};

const MARKER: &str = "Zyxomarker";
/// Genesys puts addresses into the errors it tells of.
const ADDRESS: &str = "sip:zyxomarker@customer.example";

struct Process {
    child: Child,
    log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(
    organisation: &Organisation,
    data: &Path,
    url: Option<&str>,
    address: SocketAddr,
) -> Process {
    let log = data.join("gateway.log");
    let output = File::create(&log).expect("a file");
    let genesys = organisation.url();
    let mut command = Command::new(env!("CARGO_BIN_EXE_conversation-gateway"));
    command
        .args([
            "serve",
            "--insecure-no-auth",
            "--listen",
            &address.to_string(),
        ])
        .arg("--data-dir")
        .arg(data)
        .args([
            "--genesys-api-url",
            &genesys,
            "--genesys-login-url",
            &genesys,
        ])
        .args(["--genesys-client-id", "simulator-client"])
        .args(["--genesys-client-secret", "simulator-secret"])
        .env("RUST_LOG", "trace")
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a handle"))
        .stderr(output);
    if let Some(url) = url {
        command.env("DATABASE_URL", url);
    }
    let child = command.spawn().expect("the gateway starts");
    Process { child, log }
}

/// A notification whose customer is a marker in every text.
fn notification(id: &str, queue: &str, media: &Value, ended: bool, wrapped: bool) -> Value {
    let mut leg = json!({
        "id": "leg-customer", "state": if ended { "disconnected" } else { "connected" },
        "direction": "inbound", "connectedTime": "2026-03-02T09:00:00.100Z",
        "provider": MARKER, "subject": MARKER, "textBody": MARKER, "addressFrom": ADDRESS,
        "addressTo": ADDRESS, "script": MARKER, "scriptId": MARKER, "uuiData": MARKER,
        "callbackNumbers": ["+49 155 5010 0200"], "callbackUserName": MARKER, "toAddress": ADDRESS,
        "fromAddress": ADDRESS, "journeyContext": { "customer": { "id": MARKER } },
        "self": { "name": MARKER, "nameRaw": MARKER, "addressRaw": ADDRESS, "addressDisplayable": MARKER },
        "other": { "name": MARKER, "addressNormalized": ADDRESS },
        "messages": [{ "messageId": "m-1", "messageStatus": "received", "textBody": MARKER,
            "messageText": MARKER, "media": [{ "url": MARKER, "name": MARKER }] }],
        "draftAttachments": [{ "name": MARKER, "contentUri": MARKER }],
        "errorInfo": { "code": "error.test", "message": format!("no way to {ADDRESS}") },
    });
    let mut customer = json!({
        "id": "p-customer", "purpose": "customer", "name": MARKER, "address": ADDRESS,
        "addressOther": ADDRESS, "ani": ADDRESS, "dnis": MARKER, "locale": MARKER,
        "externalContactId": "0b9fd0a1-0000-4000-8000-000000000001", "participantType": MARKER,
        "attributes": { MARKER: MARKER, "note": MARKER }, "connectedTime": "2026-03-02T09:00:00.100Z",
    });
    let mut agent = json!({
        "id": "p-agent", "purpose": "agent", "name": "Alex Muster", "userId": "user-1", "queueId": queue,
        "attributes": { "note": MARKER }, "address": ADDRESS, "connectedTime": "2026-03-02T09:00:20.000Z",
        "calls": [], "wrapupRequired": true,
    });
    let mut agent_leg = leg.clone();
    agent_leg["id"] = json!("leg-agent");
    agent_leg["connectedTime"] = json!("2026-03-02T09:00:20.000Z");
    if ended {
        for (leg, participant) in [(&mut leg, &mut customer), (&mut agent_leg, &mut agent)] {
            leg["disconnectedTime"] = json!("2026-03-02T09:05:00.000Z");
            leg["disconnectType"] = json!("client");
            participant["endTime"] = json!("2026-03-02T09:05:00.000Z");
        }
        agent_leg["afterCallWorkRequired"] = json!(true);
        let mut after_call_work =
            json!({ "state": "pending", "startTime": "2026-03-02T09:05:00.000Z" });
        if wrapped {
            after_call_work = json!({ "state": "complete", "startTime": "2026-03-02T09:05:00.000Z",
                "endTime": "2026-03-02T09:06:00.000Z" });
            agent["wrapup"] = json!({ "code": "wrap-1", "name": "Done", "notes": MARKER,
                "tags": [MARKER], "durationSeconds": 60, "endTime": "2026-03-02T09:06:00.000Z" });
        }
        agent_leg["afterCallWork"] = after_call_work;
    }
    let media = media.as_str().expect("a name");
    customer[media] = json!([leg]);
    agent[media] = json!([agent_leg]);
    let mut body = json!({
        "id": id, "participants": [customer, agent], "address": ADDRESS, "externalTag": MARKER,
        "name": MARKER, "utilizationLabelId": MARKER, "recordingState": "none", "subject": MARKER,
        "transcripts": [{ "text": MARKER }], "publicIpAddress": MARKER,
    });
    if ended && wrapped {
        body["endTime"] = json!("2026-03-02T09:05:00.000Z");
    }
    body
}

/// Notifications that can't be read, with the marker where something else should be.
fn unreadable(id: &str) -> Vec<Value> {
    vec![
        json!({ "id": id, "participants": MARKER }),
        json!({ "id": MARKER, "participants": [] }),
        json!({ "id": id, "participants": [MARKER] }),
        json!({ "id": id, "participants": [{ "id": "p", "purpose": "customer", "calls": MARKER }] }),
        json!({ "id": id, "participants": [{ "id": "p", "purpose": "customer", "connectedTime": MARKER,
            "calls": [{ "id": "l", "state": MARKER, "held": MARKER, "connectedTime": MARKER }] }] }),
        json!(MARKER),
    ]
}

async fn replay(organisation: &Organisation, queue: &str, bodies: Vec<Value>) {
    let topic = format!("v2.routing.queues.{queue}.conversations");
    let snapshots: Vec<_> = bodies
        .into_iter()
        .map(|body| json!({ "at": 0, "topicName": topic, "eventBody": body }))
        .collect();
    let answer = client::http()
        .post(format!("{}/sim/replay", organisation.url()))
        .json(&json!({ "snapshots": snapshots }))
        .send()
        .await
        .expect("the simulator answers");
    assert!(answer.status().is_success(), "{}", answer.status());
}

const EVERYTHING: &str = "{ conversations(first: 200) { nodes { conversationId calculatedStatus lastQueueId
    lastQueueName owner { name genesysId } errorMessage context { name description createdBy }
    participants(includeSystem: true) { participantId name purposeName externalContactId queueName wrapUpCode
        wrapUpName sessions { sessionId mediaTypeName state disconnectType wrapUpName } }
    statusHistory(first: 200) { nodes { status cause conversation { errorMessage } } } } }
    feedStatus { state refusedTopics { topic reason } } }";

async fn a_full_life(organisation: &Organisation, address: SocketAddr) -> String {
    let first = organisation
        .begin(json!({ "mediaType": "voice", "direction": "inbound" }))
        .await;
    organisation.steps(&first, &["enqueue"]).await;
    let queue = eventually("the queue is known", || async {
        let data = client::query(address, EVERYTHING, json!({})).await;
        let nodes = data["conversations"]["nodes"].as_array().expect("nodes");
        let known = nodes
            .iter()
            .find(|it| it["conversationId"] == first.as_str())?;
        known["lastQueueId"].as_str().map(str::to_owned)
    })
    .await;
    let follow = "subscription { conversationChanged(includeCurrent: true) { conversationId status
        conversation { errorMessage participants { name } } } }";
    let mut feed = Subscription::start(address, follow, json!({})).await;
    let mut said = String::new();
    for (number, media) in ["calls", "callbacks", "emails", "messages", "chats"]
        .iter()
        .enumerate()
    {
        let id = format!("0c0ffee0-0000-4000-8000-00000000b{number:03}");
        let step = |ended, wrapped| notification(&id, &queue, &json!(media), ended, wrapped);
        replay(organisation, &queue, vec![step(false, false)]).await;
        replay(organisation, &queue, unreadable(&id)).await;
        replay(organisation, &queue, vec![step(true, false)]).await;
        replay(organisation, &queue, vec![step(true, true)]).await;
        loop {
            let change = feed.next().await;
            said.push_str(&change.to_string());
            let change = &change["data"]["conversationChanged"];
            if change["conversationId"] == id.as_str() && change["status"] == "ENDED" {
                break;
            }
        }
        // What can't be done, and is asked for with the marker.
        for query in [
            format!("{{ conversation(conversationId: \"{MARKER}\") {{ id }} }}"),
            format!(
                "mutation {{ linkConversation(input: {{ conversationId: \"{id}\", key: CASE, objectId: \"1\", verb: INITIAL, description: \"{MARKER}\" }}) {{ feedCursor }} }}"
            ),
        ] {
            client::ask(address, &query, json!({})).await;
        }
    }
    said.push_str(
        &client::query(address, EVERYTHING, json!({}))
            .await
            .to_string(),
    );
    let metrics = client::http()
        .get(format!("http://{address}/metrics"))
        .send()
        .await;
    said.push_str(&metrics.expect("metrics").text().await.expect("a text"));
    said
}

fn check(place: &str, bytes: &[u8]) {
    assert!(!bytes.is_empty(), "{place} is empty: nothing was searched");
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for marker in ["zyxomarker", "5010 0200"] {
        if let Some(at) = text.find(marker) {
            let around: String = text[..at].chars().rev().take(200).collect();
            let around: String = around.chars().rev().collect();
            panic!("{place} holds {marker} behind: {around}");
        }
    }
}

async fn nothing_of_a_customer_stays(database: Database) {
    let organisation = Organisation::start().await;
    let data = tempfile::tempdir().expect("a directory");
    let url = match database {
        Database::Sqlite => None,
        Database::Postgres => Some(postgres::fresh_database().await),
    };
    let config = StoreConfig {
        database_url: url.clone().map(Into::into),
        data_dir: data.path().to_owned(),
        database_connections: 2,
        database_wait_ms: 30_000,
    };
    let store = conversation_gateway::store::Store::connect(&config);
    let store = store.await.expect("the database");
    Migrator::up(store.database(), None)
        .await
        .expect("migrations");
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let process = start(&organisation, data.path(), url.as_deref(), address);
    eventually("the gateway is live", || async {
        let answer = client::http()
            .get(format!("http://{address}/readyz"))
            .send()
            .await
            .ok()?;
        let text = answer.text().await.ok()?;
        (!text.contains("degraded") && !text.contains("down")).then_some(())
    })
    .await;
    let said = a_full_life(&organisation, address).await;
    assert!(
        said.contains("Alex Muster"),
        "staff's names are kept: {said}"
    );
    check("what was answered", said.as_bytes());
    check("the log", &fs::read(&process.log).expect("the log"));
    if let Database::Postgres = database {
        let all = Statement::from_string(
            DbBackend::Postgres,
            "SELECT schema_to_xml('public', true, false, '')::text AS everything",
        );
        let row = store.database().query_one_raw(all).await;
        let row = row.expect("the database").expect("a row");
        let text: String = row.try_get("", "everything").expect("a text");
        assert!(text.contains("Alex Muster"));
        check("the tables", text.as_bytes());
        return;
    }
    // The backup that SQLite makes itself, beside the files as they lie there.
    let backup = data.path().join("backup.db");
    let sql = format!("VACUUM INTO '{}'", backup.display());
    store
        .database()
        .execute_unprepared(&sql)
        .await
        .expect("a backup");
    for file in ["gateway.db", "gateway.db-wal", "backup.db"] {
        check(file, &fs::read(data.path().join(file)).expect("a file"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_customer_stays_on_sqlite() {
    nothing_of_a_customer_stays(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_customer_stays_on_postgresql() {
    nothing_of_a_customer_stays(Database::Postgres).await;
}
