//! A thousand sockets that never introduce themselves, and a thousand that stop reading: the
//! gateway's memory comes back, and who reads meanwhile gets everything.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::client::{self, Subscription};
use crate::support::eventually;
use crate::support::organisation::Organisation;

const CROWD: usize = 1_000;
/// Connections that are made at the same time.
const AT_ONCE: usize = 50;
/// Files that the test's and the gateway's process may have open.
const FILES: &str = "4096";
/// What may be left over once a crowd is gone: allocators keep some of what was given back.
const LEFT_OVER: u64 = 16 * 1024;

/// A gateway in a process of its own, with timers that soon lose patience.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(organisation: &Organisation, data: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("a bound address");
        drop(free);
        let genesys = organisation.url();
        let child = Command::new("prlimit")
            .arg(format!("--nofile={FILES}"))
            .arg(env!("CARGO_BIN_EXE_conversation-gateway"))
            .args(["serve", "--insecure-no-auth"])
            .args(["--listen", &address.to_string()])
            .arg("--data-dir")
            .arg(data)
            .args(["--genesys-api-url", &genesys])
            .args(["--genesys-login-url", &genesys])
            .args(["--genesys-client-id", "simulator-client"])
            .args(["--genesys-client-secret", "simulator-secret"])
            .args(["--ws-init-timeout", "2s", "--stall-timeout", "3s"])
            .args(["--ws-close-timeout", "500ms", "--send-buffer", "8192"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the gateway starts");
        Self { child, address }
    }

    /// Memory that it occupies, in kB.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        kilobytes.expect("a number").parse().expect("a number")
    }

    async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.address);
        let answer = client::http().get(url).send().await;
        answer.expect("it answers").text().await.expect("a text")
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = self.metrics().await;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |number| number.trim().parse().expect("a number"))
    }

    async fn until_metric(&self, name: &str, value: u64) {
        eventually(&format!("{name} is {value}"), || async {
            (self.metric(name).await == value).then_some(())
        })
        .await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This process keeps a crowd's other ends.
fn allow_many_files() {
    let ours = std::process::id().to_string();
    let limit = format!("--nofile={FILES}");
    let status = Command::new("prlimit")
        .args(["--pid", &ours, &limit])
        .status();
    assert!(status.expect("prlimit").success(), "{FILES} open files");
}

type Client = WebSocketStream<TcpStream>;

async fn connect(address: SocketAddr) -> Client {
    let mut request = format!("ws://{address}/graphql")
        .into_client_request()
        .expect("an address");
    let protocol = "graphql-transport-ws".parse().expect("a header");
    request
        .headers_mut()
        .insert("sec-websocket-protocol", protocol);
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 * 1024).expect("an option");
    let stream = socket.connect(address).await.expect("a connection");
    let connecting = tokio_tungstenite::client_async(request, stream);
    connecting.await.expect("a handshake").0
}

async fn crowd<F: Future<Output = Client>>(one: impl Fn() -> F) -> Vec<Client> {
    let mut crowd = Vec::with_capacity(CROWD);
    while crowd.len() < CROWD {
        crowd.extend(join_all((0..AT_ONCE).map(|_| one())).await);
    }
    crowd
}

/// Follows everything, takes the acknowledgement, and then nothing more.
async fn stuck(address: SocketAddr) -> Client {
    let mut client = connect(address).await;
    // The same long name many times, so that few changes fill the buffers between the two.
    let names = (0..20).map(|number| format!("n{number}: name "));
    let names = names.collect::<Vec<_>>().concat();
    let follow = format!(
        "subscription {{ conversationChanged {{ conversation {{ context {{ {names} }} }} }} }}"
    );
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": follow } });
    for message in [json!({ "type": "connection_init" }), subscribe] {
        let sent = client.send(Message::text(message.to_string())).await;
        sent.expect("the gateway takes it");
        if message["type"] == "connection_init" {
            let ack = client.next().await.expect("an answer");
            assert!(
                ack.expect("an answer")
                    .to_string()
                    .contains("connection_ack")
            );
        }
    }
    client
}

fn conversation(number: usize) -> String {
    format!("0c0ffee0-0000-4000-8000-{number:012}")
}

async fn register(address: SocketAddr, number: usize) {
    let query = "mutation($input: RegisterConversationInput!) {
        registerConversation(input: $input) { created } }";
    let context = json!({ "key": "CASE", "objectId": number.to_string(), "name": "n".repeat(200) });
    let input = json!({
        "conversationId": conversation(number), "initiatedBy": "DCM", "context": context
    });
    let data = client::query(address, query, json!({ "input": input })).await;
    assert_eq!(data["registerConversation"]["created"], true);
}

/// Registers conversations one after the other; the reader hears of each of them, in order.
async fn told_to(reader: &mut Subscription, address: SocketAddr, numbers: std::ops::Range<usize>) {
    for number in numbers {
        register(address, number).await;
        let change = reader.next().await;
        let id = &change["data"]["conversationChanged"]["conversationId"];
        assert_eq!(id, &Value::from(conversation(number)), "{change}");
    }
}

async fn reader(address: SocketAddr) -> Subscription {
    let follow =
        "subscription($after: String) { conversationChanged(after: $after) { conversationId } }";
    let data = client::query(address, "{ feedCursor }", json!({})).await;
    Subscription::start(address, follow, json!({ "after": data["feedCursor"] })).await
}

async fn running(organisation: &Organisation, data: &Path) -> Process {
    client::http();
    allow_many_files();
    let gateway = Process::start(organisation, data);
    let ready = format!("http://{}/readyz", gateway.address);
    eventually("the gateway is ready", || async {
        let answer = client::http().get(&ready).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    gateway
}

/// Runs a crowd twice: what the first leaves behind may be a cache, what the second adds is a leak.
async fn memory_comes_back<F: AsyncFn(usize)>(gateway: &Process, crowd_comes_and_goes: F) {
    crowd_comes_and_goes(0).await;
    let after_first = gateway.memory();
    crowd_comes_and_goes(1).await;
    let after_second = gateway.memory();
    println!("memory after the crowds: {after_first} kB, {after_second} kB");
    assert!(
        after_second <= after_first + LEFT_OVER,
        "{after_first} kB, then {after_second} kB"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_sockets_that_never_introduce_themselves_are_sent_away() {
    let organisation = Organisation::start().await;
    let data = tempfile::tempdir().expect("a directory");
    let gateway = running(&organisation, data.path()).await;
    let address = gateway.address;
    let before = gateway.memory();
    println!("memory before: {before} kB");
    let late = r#"gateway_ws_closed_total{code="4408"} "#;
    memory_comes_back(&gateway, async |round| {
        let mut reader = reader(address).await;
        let silent = crowd(|| connect(address)).await;
        told_to(&mut reader, address, round * 20..round * 20 + 20).await;
        println!(
            "memory with {CROWD} silent sockets: {} kB",
            gateway.memory()
        );
        gateway
            .until_metric(late, ((round + 1) * CROWD) as u64)
            .await;
        drop(silent);
        drop(reader);
        gateway.until_metric("gateway_ws_connections ", 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_sockets_that_stop_reading_are_given_up() {
    let organisation = Organisation::start().await;
    let data = tempfile::tempdir().expect("a directory");
    let gateway = running(&organisation, data.path()).await;
    let address = gateway.address;
    let before = gateway.memory();
    println!("memory before: {before} kB");
    memory_comes_back(&gateway, async |round| {
        let mut reader = reader(address).await;
        let stopped = crowd(|| stuck(address)).await;
        let first = round * 1_000;
        told_to(&mut reader, address, first..first + 10).await;
        println!("memory with {CROWD} stuck sockets: {} kB", gateway.memory());
        // Some sockets have more room than others: it goes on until the last has had enough. The
        // reader is told everything all the time.
        let mut told = first + 10;
        while gateway.metric("gateway_ws_connections ").await > 1 {
            assert!(told < first + 900, "{}", gateway.metrics().await);
            told_to(&mut reader, address, told..told + 1).await;
            told += 1;
        }
        println!("{} conversations told", told - first);
        drop(stopped);
        drop(reader);
        gateway.until_metric("gateway_ws_connections ", 0).await;
    })
    .await;
    // On a busy machine a write may fail before the loop that watches it has its turn.
    let given_up = gateway
        .metric(r#"gateway_ws_closed_total{code="1013"} "#)
        .await;
    assert!(given_up > CROWD as u64, "{}", gateway.metrics().await);
}
