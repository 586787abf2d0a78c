//! The rules of graphql-sse in distinct connections mode, and of event streams behind proxies.

use std::time::Duration;

use serde_json::{Value, json};

use super::exchange::{EVENTS, Expect, QUERY, content_type, judge, ok, status};
use super::pattern::{TEXT, fits};
use super::rule::{Check, Level, Rule, Takes};
use super::script_operations::{STILL, TELLING};
use super::target::{Answer, Ask, Target, said};

const PROTOCOL: &str = "graphql-sse PROTOCOL, distinct connections mode";
const EVENT_SOURCE: &str = "HTML Living Standard, 9.2 Server-sent events";
const GATEWAY: &str = "the gateway's own contract";

#[derive(Clone, Debug)]
pub(super) enum EventStep {
    /// The head of the answer is like this.
    Head(Vec<Expect>),
    /// The next event has this name and data like this, while the stream goes on.
    Event(&'static str, Value),
    /// The next event has this name and no data.
    Empty(&'static str),
    /// A comment comes before any event.
    Comment,
    /// The stream ends.
    Ends,
}

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = streams();
    rules.extend(on_the_way());
    rules
}

fn head() -> EventStep {
    EventStep::Head(vec![ok(), content_type(EVENTS)])
}

fn next(data: Value) -> EventStep {
    EventStep::Event("next", data)
}

fn complete() -> EventStep {
    EventStep::Empty("complete")
}

fn stream(query: &str) -> Ask {
    Ask::document(query).accept(EVENTS)
}

/// What a stream holds.
fn streams() -> Vec<Rule> {
    let typename = json!({ "data": { "__typename": "Query" } });
    let told = json!({ "data": { "feedStatusChanged": { "state": TEXT } } });
    vec![
        rule(
            "sse-query",
            "A query's stream holds its result, then `complete`, and ends",
            PROTOCOL,
            stream(QUERY),
            vec![head(), next(typename.clone()), complete(), EventStep::Ends],
        ),
        rule(
            "sse-get",
            "An operation may be asked for by GET, as browsers' EventSource does",
            PROTOCOL,
            Ask::get(QUERY).accept(EVENTS),
            vec![head(), next(typename), complete(), EventStep::Ends],
        ),
        rule(
            "sse-subscription",
            "A subscription's event arrives while its stream is open: nothing on the way collects it",
            PROTOCOL,
            stream(TELLING),
            vec![head(), next(told)],
        ),
        rule(
            "sse-invalid",
            "What is wrong with a document is told in the stream, without data",
            PROTOCOL,
            stream("{ nonesuch }"),
            vec![
                head(),
                next(json!({ "errors": [{ "message": TEXT }], "data": super::pattern::ABSENT })),
                complete(),
                EventStep::Ends,
            ],
        ),
    ]
}

/// What a proxy could change.
fn on_the_way() -> Vec<Rule> {
    vec![
        rule(
            "sse-get-mutation",
            "A mutation is not run by GET, whatever the answer is to be",
            "GraphQL over HTTP, GET",
            Ask::get("mutation { __typename }").accept(EVENTS),
            vec![EventStep::Head(vec![
                status(405),
                Expect::Holds("allow", "POST"),
            ])],
        ),
        rule(
            "sse-not-kept",
            "An event stream is neither kept by caches nor compressed",
            EVENT_SOURCE,
            stream(QUERY).header("accept-encoding", "gzip, br"),
            vec![EventStep::Head(vec![
                ok(),
                Expect::Holds("cache-control", "no-store"),
                Expect::Lacks("content-encoding"),
            ])],
        ),
        rule(
            "sse-last-event-id",
            "`Last-Event-ID` reaches the gateway and outranks `after`",
            EVENT_SOURCE,
            stream("subscription { conversationStatusChanged { cursor } }")
                .header("last-event-id", "selftest"),
            vec![
                head(),
                next(json!({ "errors": [{ "extensions": { "argument": "after" } }] })),
                complete(),
            ],
        ),
        rule(
            "sse-keep-alive",
            "A quiet stream carries a comment now and then",
            GATEWAY,
            stream(STILL),
            vec![head(), EventStep::Comment, EventStep::Comment],
        )
        .taking(Takes::Seconds),
    ]
}

fn rule(
    id: &'static str,
    says: &'static str,
    source: &'static str,
    ask: Ask,
    steps: Vec<EventStep>,
) -> Rule {
    Rule::new(id, Level::Must, says, source, Check::Events(ask, steps))
}

/// Reads the stream as the steps want it.
pub(super) async fn follow(
    target: &Target,
    ask: &Ask,
    steps: &[EventStep],
    patience: Duration,
) -> Result<(), String> {
    let starting = tokio::time::timeout(patience, target.start(ask)).await;
    let response = starting.map_err(|_| format!("no answer within {patience:?}"))??;
    let mut stream = EventStream {
        response,
        text: String::new(),
        patience,
    };
    for step in steps {
        stream.step(step).await?;
    }
    Ok(())
}

struct EventStream {
    response: reqwest::Response,
    /// What came and was not looked at yet.
    text: String,
    patience: Duration,
}

impl EventStream {
    async fn step(&mut self, step: &EventStep) -> Result<(), String> {
        match step {
            EventStep::Head(expected) => {
                let head = Answer {
                    status: self.response.status(),
                    headers: self.response.headers().clone(),
                    body: Vec::new(),
                };
                judge(&head, expected)
            }
            EventStep::Event(name, pattern) => {
                let (came, data) = self.event().await?;
                let value = serde_json::from_str(&data).unwrap_or(Value::Null);
                let is_it = came == *name && fits(pattern, &value);
                is_it.then_some(()).ok_or_else(|| {
                    format!("event {came:?} came with {data:.200}, not {name} with {pattern}")
                })
            }
            EventStep::Empty(name) => {
                let (came, data) = self.event().await?;
                let is_it = came == *name && data.is_empty();
                is_it
                    .then_some(())
                    .ok_or_else(|| format!("event {came:?} came with {data:.200}, not {name}"))
            }
            EventStep::Comment => match self.block().await? {
                Some(block) if block.starts_with(':') => Ok(()),
                other => Err(format!("{other:?} came, not a comment")),
            },
            EventStep::Ends => match self.event_block().await? {
                None => Ok(()),
                Some(block) => Err(format!("{block:.200} came, not the end")),
            },
        }
    }

    /// Name and data of the next event.
    async fn event(&mut self) -> Result<(String, String), String> {
        let block = self.event_block().await?.ok_or("the stream ended")?;
        let field = |name: &str| {
            let mut lines = block.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(|value| value.strip_prefix(' ').unwrap_or(value).to_owned())
        };
        let data = field("data").ok_or("an event has no data: browsers ignore it")?;
        Ok((field("event").unwrap_or_default(), data))
    }

    async fn event_block(&mut self) -> Result<Option<String>, String> {
        loop {
            match self.block().await? {
                Some(block) if block.starts_with(':') => {}
                other => return Ok(other),
            }
        }
    }

    /// The next lines up to an empty one.
    async fn block(&mut self) -> Result<Option<String>, String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Ok(Some(block));
            }
            let chunk = tokio::time::timeout(self.patience, self.response.chunk()).await;
            let chunk = chunk.map_err(|_| format!("nothing came within {:?}", self.patience))?;
            match chunk.map_err(|error| said(&error))? {
                Some(chunk) => self.text.push_str(&String::from_utf8_lossy(&chunk)),
                None => return Ok(None),
            }
        }
    }
}
