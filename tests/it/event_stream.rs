//! The change feeds as server-sent events, byte by byte: what a client that reconnects with
//! `Last-Event-ID` gets is all that it missed, each change once.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::PATIENCE;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const FOLLOW: &str =
    "subscription($after: String) { conversationChanged(after: $after) { conversationId cursor } }";

/// An event stream on a connection of its own.
struct Events {
    stream: TcpStream,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Events {
    /// In HTTP/1.0 a stream is its bytes and nothing else.
    async fn open(address: SocketAddr, after: &Value, last_event_id: Option<&str>) -> Self {
        Self::open_with(address, FOLLOW, after, last_event_id).await
    }

    async fn open_with(
        address: SocketAddr,
        query: &str,
        after: &Value,
        last_event_id: Option<&str>,
    ) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let body = json!({ "query": query, "variables": { "after": after } }).to_string();
        let resume =
            last_event_id.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        let request = format!(
            "POST /graphql HTTP/1.0\r\nhost: localhost\r\naccept: text/event-stream\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n{resume}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut events = Self {
            stream,
            bytes: Vec::new(),
        };
        let head = events.until(b"\r\n\r\n").await.expect("a head");
        assert!(head.contains(" 200 OK\r\n"), "{head}");
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        events
    }

    /// What comes up to these bytes; none when the stream ends before.
    async fn until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            let found = self.bytes.windows(end.len()).position(|part| part == end);
            if let Some(at) = found {
                let rest = self.bytes.split_off(at + end.len());
                let part = std::mem::replace(&mut self.bytes, rest);
                return Some(String::from_utf8(part).expect("UTF-8"));
            }
            let reading = self.stream.read_buf(&mut self.bytes);
            let read = tokio::time::timeout(PATIENCE, reading).await;
            if read.expect("in time").expect("readable") == 0 {
                return None;
            }
        }
    }

    /// The next event, over comments.
    async fn next(&mut self) -> Event {
        loop {
            let block = self.until(b"\n\n").await.expect("the stream goes on");
            if block.starts_with(':') {
                continue;
            }
            let field = |name: &str| {
                let mut lines = block.lines();
                lines.find_map(|line| Some(line.strip_prefix(name)?.to_owned()))
            };
            let data = field("data:").expect("events have data");
            return Event {
                name: field("event: ").expect("events have names"),
                id: field("id: "),
                data: serde_json::from_str(&data).unwrap_or_default(),
            };
        }
    }

    /// The conversation that the next change is of, and its cursor, which is the event's id.
    async fn change(&mut self) -> (String, String) {
        let event = self.next().await;
        assert_eq!(event.name, "next", "{event:?}");
        let change = &event.data["data"]["conversationChanged"];
        assert_eq!(change["cursor"], json!(event.id), "{event:?}");
        assert_eq!(
            event.data["extensions"]["cursor"],
            json!(event.id),
            "{event:?}"
        );
        let text = |field: &str| change[field].as_str().expect("a text").to_owned();
        (text("conversationId"), text("cursor"))
    }
}

fn id(number: usize) -> String {
    format!("0c0ffee0-0000-4000-8000-{number:012}")
}

async fn register(gateway: &Gateway, numbers: std::ops::Range<usize>) {
    let query = "mutation($id: ID!) { registerConversation(input: { conversationId: $id,
        initiatedBy: DCM }) { created } }";
    for number in numbers {
        gateway.query(query, json!({ "id": id(number) })).await;
    }
}

async fn an_interrupted_stream_resumes(database: Database) {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, database).await;
    let data = gateway.query("{ feedCursor }", json!({})).await;
    let beginning = &data["feedCursor"];
    let mut stream = Events::open(gateway.address, beginning, None).await;
    register(&gateway, 0..5).await;
    let mut told = Vec::new();
    let mut last = String::new();
    for _ in 0..3 {
        let (conversation, cursor) = stream.change().await;
        told.push(conversation);
        last = cursor;
    }
    // Two more were on their way, or were not: nobody knows. More happens meanwhile.
    drop(stream);
    register(&gateway, 5..8).await;
    // What the operation was written with is outranked by what the client has seen.
    let mut resumed = Events::open(gateway.address, beginning, Some(&last)).await;
    for _ in 3..8 {
        told.push(resumed.change().await.0);
    }
    register(&gateway, 8..9).await;
    told.push(resumed.change().await.0);
    let expected: Vec<_> = (0..9).map(id).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn an_interrupted_stream_resumes_on_sqlite() {
    an_interrupted_stream_resumes(Database::Sqlite).await;
}

#[tokio::test]
async fn an_interrupted_stream_resumes_on_postgresql() {
    an_interrupted_stream_resumes(Database::Postgres).await;
}

#[tokio::test]
async fn a_root_of_fragments_resumes_like_any_other() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let nested = "subscription { ...Outer }
        fragment Outer on Subscription { ...Inner conversationChanged { cursor } }
        fragment Inner on Subscription { ... { conversationChanged { conversationId } } }";
    let nothing = Value::Null;
    let mut stream = Events::open_with(gateway.address, nested, &nothing, None).await;
    register(&gateway, 0..2).await;
    let (_, cursor) = stream.change().await;
    drop(stream);
    let resumed = Events::open_with(gateway.address, nested, &nothing, Some(&cursor));
    assert_eq!(resumed.await.change().await.0, id(1));
}

#[tokio::test]
async fn a_last_event_that_can_not_be_resumed_from_is_told_and_ends_the_stream() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let another = Gateway::start(&organisation, Database::Sqlite).await;
    let data = another.query("{ feedCursor }", json!({})).await;
    let of_another_log = data["feedCursor"].as_str().expect("a cursor");
    for (last, expected) in [
        ("nonsense", "BAD_USER_INPUT"),
        (of_another_log, "CURSOR_UNKNOWN"),
    ] {
        let mut stream = Events::open(gateway.address, &Value::Null, Some(last)).await;
        let event = stream.next().await;
        let code = &event.data["errors"][0]["extensions"]["code"];
        assert_eq!((event.name.as_str(), code), ("next", &json!(expected)));
        let event = stream.next().await;
        assert_eq!((event.name.as_str(), event.data), ("complete", Value::Null));
        assert_eq!(stream.until(b"\n\n").await, None);
    }
}
