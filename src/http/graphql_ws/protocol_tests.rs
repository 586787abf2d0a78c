use async_graphql::{PathSegment, Response};
use serde_json::json;

use super::*;
use crate::http::SharedResult;
use crate::http::response::error;

const LIMITS: Limits = Limits {
    operations: 3,
    result: 1_000,
};
const INIT: Step = Text(r#"{"type":"connection_init"}"#);
const ACK: &str = r#"send {"type":"connection_ack"}"#;
const AUTHENTICATE: &str = "authenticate null";
const SUBSCRIBE_A: Step =
    Text(r#"{"id":"a","type":"subscribe","payload":{"query":"subscription { n }"}}"#);
const SUBSCRIBE_B: Step = Text(r#"{"id":"b","type":"subscribe","payload":{"query":"{ n }"}}"#);

/// One input of the machine.
#[derive(Clone, Copy, Debug)]
enum Step {
    Text(&'static str),
    Binary,
    Accepted,
    Refused,
    Unavailable,
    /// A response with data.
    Item(Serial),
    /// The same as text that others share.
    SharedItem(Serial),
    /// A response with data and an error below the root field.
    Partial(Serial),
    /// A response without data, because the root field failed.
    RootFailed(Serial),
    /// A response without data, because the request did not validate.
    Invalid(Serial),
    End(Serial),
    InitTimeout,
}
use Outcome::Own;
use Step::*;

fn admission() -> Arc<Admission> {
    Arc::new(Admission::new(&crate::http::HttpConfig::default()))
}

fn failed(path: &[&str]) -> Response {
    let path = path.iter().map(|name| PathSegment::Field((*name).into()));
    Response::from_errors(vec![error("NO", "no").with_path(path.collect())])
}

fn shared(text: &'static str) -> Outcome {
    Outcome::Shared(SharedResult::new(text.into(), 0..0, false))
}

fn apply(protocol: &mut Protocol, step: Step) -> Option<Action> {
    match step {
        Text(text) => protocol.text(text),
        Binary => Some(protocol.binary()),
        Accepted => Some(protocol.verdict(None)),
        Refused => Some(protocol.verdict(Some(&super::Refused::Unauthenticated("who?".into())))),
        Unavailable => Some(protocol.verdict(Some(&super::Refused::Unavailable))),
        Item(serial) => protocol.item(serial, &Own(Response::new(async_graphql::Value::from(1)))),
        SharedItem(serial) => protocol.item(serial, &shared("{\"data\":1}")),
        Partial(serial) => {
            let mut response = failed(&["n", "m"]);
            response.data = async_graphql::value!({ "n": { "m": null } });
            protocol.item(serial, &Own(response))
        }
        RootFailed(serial) => protocol.item(serial, &Own(failed(&["n"]))),
        Invalid(serial) => protocol.item(serial, &Own(failed(&[]))),
        End(serial) => protocol.end(serial),
        InitTimeout => protocol.init_timeout(),
    }
}

fn shown(action: Option<Action>) -> String {
    match action {
        None => String::new(),
        Some(Action::Send(text) | Action::Refuse(text)) => format!("send {text}"),
        Some(Action::SendAndStop(text, serial)) => format!("send {text}, stop {serial}"),
        Some(Action::Authenticate(payload)) => format!("authenticate {}", json!(payload)),
        Some(Action::Start(serial, request)) => format!("start {serial} {}", request.query),
        Some(Action::Stop(serial)) => format!("stop {serial}"),
        Some(Action::Close(Close { code, reason })) => format!("close {code} {reason}"),
    }
}

/// Feeds the steps and compares what each gives; an expectation ending in `*` is a beginning.
fn check(rule: &str, steps: &[(Step, &str)]) {
    let mut protocol = Protocol::new(LIMITS, admission());
    for (number, (step, expected)) in steps.iter().enumerate() {
        let action = shown(apply(&mut protocol, *step));
        match expected.strip_suffix('*') {
            Some(start) => assert!(
                action.starts_with(start),
                "{rule}, step {number}: {action}, not {expected}"
            ),
            None => assert_eq!(&action, expected, "{rule}, step {number}"),
        }
    }
}

/// Like `check`, on a connection that has been acknowledged.
fn check_open(rule: &str, steps: &[(Step, &str)]) {
    let opening = [(INIT, AUTHENTICATE), (Accepted, ACK)];
    check(rule, &[&opening, steps].concat());
}

#[test]
fn connections_are_initialised_once_and_in_time() {
    check(
        "init is answered by ack",
        &[(INIT, AUTHENTICATE), (Accepted, ACK)],
    );
    check(
        "the init payload is what is judged",
        &[(
            Text(r#"{"type":"connection_init","payload":{"token":"t"}}"#),
            r#"authenticate {"token":"t"}"#,
        )],
    );
    check(
        "a null payload is none",
        &[(
            Text(r#"{"type":"connection_init","payload":null}"#),
            AUTHENTICATE,
        )],
    );
    check(
        "refused",
        &[(INIT, AUTHENTICATE), (Refused, "close 4403 Forbidden")],
    );
    check(
        "not to be judged now",
        &[
            (INIT, AUTHENTICATE),
            (Unavailable, "close 1013 Try again later"),
        ],
    );
    let too_many = "close 4429 Too many initialisation requests";
    check(
        "second init before the verdict",
        &[(INIT, AUTHENTICATE), (INIT, too_many)],
    );
    check_open("second init after the ack", &[(INIT, too_many)]);
    check(
        "no init in time",
        &[(InitTimeout, "close 4408 Connection initialisation timeout")],
    );
    check(
        "an init under judgement came in time",
        &[(INIT, AUTHENTICATE), (InitTimeout, ""), (Accepted, ACK)],
    );
    check_open("an acknowledged init came in time", &[(InitTimeout, "")]);
    check(
        "subscribe before init",
        &[(SUBSCRIBE_A, "close 4401 Unauthorized")],
    );
    check(
        "subscribe before the ack",
        &[
            (INIT, AUTHENTICATE),
            (SUBSCRIBE_A, "close 4401 Unauthorized"),
        ],
    );
    check(
        "complete before init",
        &[(Text(r#"{"id":"a","type":"complete"}"#), "")],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of rules")]
fn messages_that_are_none_close_the_socket() {
    for (text, reason) in [
        ("", "Message is not JSON"),
        ("nonsense", "Message is not JSON"),
        (r#"{"type":"ping""#, "Message is not JSON"),
        ("7", "Message is not an object"),
        ("null", "Message is not an object"),
        (r#"[{"type":"ping"}]"#, "Message is not an object"),
        ("{}", "Message has no type"),
        (r#"{"type":7}"#, "Message has no type"),
        (r#"{"type":""}"#, "Unknown message type "),
        (r#"{"type":"Ping"}"#, "Unknown message type Ping"),
        (
            r#"{"type":"next","id":"a","payload":{}}"#,
            "Message type next is the server's",
        ),
        (
            r#"{"type":"error","id":"a","payload":[]}"#,
            "Message type error is the server's",
        ),
        (
            r#"{"type":"connection_ack"}"#,
            "Message type connection_ack is the server's",
        ),
        (
            r#"{"type":"start","id":"a","payload":{"query":"{n}"}}"#,
            "Unknown message type start",
        ),
        (r#"{"type":"stop","id":"a"}"#, "Unknown message type stop"),
        (
            r#"{"type":"connection_terminate"}"#,
            "Unknown message type connection_terminate",
        ),
        (r#"{"type":"ka"}"#, "Unknown message type ka"),
        (
            r#"{"type":"subscribe","payload":{"query":"{n}"}}"#,
            "Message has no id",
        ),
        (
            r#"{"type":"subscribe","id":"","payload":{"query":"{n}"}}"#,
            "Message id is empty",
        ),
        (
            r#"{"type":"subscribe","id":7,"payload":{"query":"{n}"}}"#,
            "Message id is not a string",
        ),
        (
            r#"{"type":"subscribe","id":null,"payload":{"query":"{n}"}}"#,
            "Message id is not a string",
        ),
        (r#"{"type":"subscribe","id":"a"}"#, "Message has no payload"),
        (
            r#"{"type":"subscribe","id":"a","payload":null}"#,
            "Message has no payload",
        ),
        (
            r#"{"type":"subscribe","id":"a","payload":"{n}"}"#,
            "Message payload is not an object",
        ),
        (
            r#"{"type":"subscribe","id":"a","payload":{}}"#,
            "Invalid payload: `query` is missing.",
        ),
        (
            r#"{"type":"subscribe","id":"a","payload":{"query":7}}"#,
            "Invalid payload: `query` is not a string.",
        ),
        (
            r#"{"type":"subscribe","id":"a","payload":{"query":"{n}","operationName":7}}"#,
            "Invalid payload: `operationName` is not a string.",
        ),
        (
            r#"{"type":"subscribe","id":"a","payload":{"query":"{n}","variables":[]}}"#,
            "Invalid payload: `variables` is not an object.",
        ),
        (
            r#"{"type":"subscribe","id":"a","payload":{"query":"{n}","extensions":1}}"#,
            "Invalid payload: `extensions` is not an object.",
        ),
        (r#"{"type":"complete"}"#, "Message has no id"),
        (r#"{"type":"complete","id":""}"#, "Message id is empty"),
        (
            r#"{"type":"ping","payload":7}"#,
            "Message payload is not an object",
        ),
        (
            r#"{"type":"pong","payload":"x"}"#,
            "Message payload is not an object",
        ),
    ] {
        let close = format!("close 4400 {reason}");
        check_open(text, &[(Text(text), &close)]);
        check(text, &[(Text(text), &close)]);
    }
    check(
        "an init payload that is no object",
        &[(
            Text(r#"{"type":"connection_init","payload":[]}"#),
            "close 4400 Message payload is not an object",
        )],
    );
    check("binary", &[(Binary, "close 4400 Messages must be text")]);
    check_open(
        "binary after ack",
        &[(Binary, "close 4400 Messages must be text")],
    );
}

#[test]
fn pings_are_answered_at_any_time() {
    let ping = Text(r#"{"type":"ping"}"#);
    let answer = r#"send {"type":"pong"}"#;
    check("before init", &[(ping, answer)]);
    check(
        "before the verdict",
        &[(INIT, AUTHENTICATE), (ping, answer), (Accepted, ACK)],
    );
    check_open("after ack", &[(ping, answer)]);
    check_open(
        "the payload comes back",
        &[(
            Text(r#"{"type":"ping","payload":{"at":7}}"#),
            r#"send {"type":"pong","payload":{"at":7}}"#,
        )],
    );
    check_open(
        "an unasked pong is ignored",
        &[(Text(r#"{"type":"pong"}"#), "")],
    );
    check_open(
        "unknown keys are ignored",
        &[(Text(r#"{"type":"ping","x":1}"#), answer)],
    );
}

#[test]
fn operations_yield_until_one_side_ends_them() {
    let next = r#"send {"id":"a","type":"next","payload":{"data":1}}"#;
    let start = (SUBSCRIBE_A, "start 1 subscription { n }");
    let complete = Text(r#"{"id":"a","type":"complete"}"#);
    check_open(
        "results, then complete",
        &[
            start,
            (Item(1), next),
            (SharedItem(1), next),
            (End(1), r#"send {"id":"a","type":"complete"}"#),
        ],
    );
    check_open(
        "the client's complete is final and not echoed",
        &[
            start,
            (complete, "stop 1"),
            (Item(1), ""),
            (End(1), ""),
            (complete, ""),
        ],
    );
    check_open("complete of an unknown id", &[(complete, "")]);
    check_open(
        "an id may be used again once it is free",
        &[
            start,
            (complete, "stop 1"),
            (SUBSCRIBE_A, "start 2 subscription { n }"),
            (Item(1), ""),
            (Item(2), next),
            (End(2), r#"send {"id":"a","type":"complete"}"#),
            (SUBSCRIBE_A, "start 3 subscription { n }"),
        ],
    );
    check_open(
        "a live id",
        &[
            start,
            (SUBSCRIBE_A, "close 4409 Subscriber for a already exists"),
        ],
    );
    check_open(
        "two operations do not mix",
        &[
            start,
            (SUBSCRIBE_B, "start 2 { n }"),
            (
                Item(2),
                r#"send {"id":"b","type":"next","payload":{"data":1}}"#,
            ),
            (Item(1), next),
            (End(2), r#"send {"id":"b","type":"complete"}"#),
            (Item(1), next),
        ],
    );
    check_open(
        "null parameters",
        &[(
            Text(
                r#"{"id":"a","type":"subscribe","payload":{"query":"{n}","operationName":null,"variables":null,"extensions":null}}"#,
            ),
            "start 1 {n}",
        )],
    );
}

#[test]
fn failed_requests_end_with_an_error_and_failed_fields_do_not() {
    let error = r#"send {"id":"a","type":"error","payload":[{"message":"no",*"#;
    let start = (SUBSCRIBE_A, "start 1 subscription { n }");
    check_open(
        "a request error",
        &[start, (Invalid(1), error), (End(1), ""), (Item(1), "")],
    );
    check_open(
        "its id is free again",
        &[
            start,
            (Invalid(1), error),
            (SUBSCRIBE_A, "start 2 subscription { n }"),
        ],
    );
    check_open(
        "a document that the judge refuses is not started",
        &[(
            Text(r#"{"id":"a","type":"subscribe","payload":{"query":"{"}}"#),
            r#"send {"id":"a","type":"error","payload":[{"message":"Syntax error."*"#,
        )],
    );
    check_open(
        "a failed root field ends a subscription",
        &[start, (RootFailed(1), error), (End(1), "")],
    );
    check_open(
        "a failed root field is a query's result",
        &[
            (SUBSCRIBE_B, "start 1 { n }"),
            (
                RootFailed(1),
                r#"send {"id":"b","type":"next","payload":{"errors":[*"#,
            ),
            (End(1), r#"send {"id":"b","type":"complete"}"#),
        ],
    );
    check_open(
        "a failed field of an event is a result",
        &[
            start,
            (
                Partial(1),
                r#"send {"id":"a","type":"next","payload":{"errors":[*"#,
            ),
            (
                Item(1),
                r#"send {"id":"a","type":"next","payload":{"data":1}}"#,
            ),
        ],
    );
}

#[test]
fn limits_end_operations_and_not_the_socket() {
    let mut protocol = Protocol::new(LIMITS, admission());
    protocol.verdict(None);
    let subscribe = |protocol: &mut Protocol, id: &str| {
        let payload = json!({ "query": "subscription { n }" });
        let message = json!({ "id": id, "type": "subscribe", "payload": payload });
        shown(protocol.text(&message.to_string()))
    };
    for id in ["a", "b", "c"] {
        assert!(subscribe(&mut protocol, id).starts_with("start"));
    }
    let refused = subscribe(&mut protocol, "d");
    assert!(
        refused.starts_with(r#"send {"id":"d","type":"error""#),
        "{refused}"
    );
    let told = r#"{"code":"LIMIT_EXCEEDED","limit":3,"what":"operations"}"#;
    assert!(refused.contains(told), "{refused}");
    assert_eq!(
        shown(protocol.text(r#"{"id":"a","type":"complete"}"#)),
        "stop 1"
    );
    assert!(subscribe(&mut protocol, "d").starts_with("start 4"));

    let long = Response::new(async_graphql::Value::from("x".repeat(LIMITS.result)));
    let ended = shown(protocol.item(4, &Own(long)));
    assert!(
        ended.starts_with(r#"send {"id":"d","type":"error""#),
        "{ended}"
    );
    let limit = LIMITS.result;
    let told = format!(r#"{{"code":"LIMIT_EXCEEDED","limit":{limit},"what":"result bytes"}}"#);
    assert!(
        ended.ends_with("stop 4") && ended.contains(&told),
        "{ended}"
    );
    assert_eq!(shown(protocol.end(4)), "");
}

#[test]
fn reasons_fit_their_frame_and_stay_text() {
    for id in ["é".repeat(200), "x".repeat(200)] {
        let mut protocol = Protocol::new(LIMITS, admission());
        protocol.verdict(None);
        let payload = json!({ "query": "subscription { n }" });
        let subscribe = json!({ "id": id, "type": "subscribe", "payload": payload }).to_string();
        protocol.text(&subscribe);
        let Some(Action::Close(close)) = protocol.text(&subscribe) else {
            panic!("a live id was taken again");
        };
        assert_eq!(close.code, 4409);
        assert!(close.reason.len() <= LONGEST_REASON && close.reason.ends_with("already exists"));
        let Some(Action::Close(close)) = protocol.text(&json!({ "type": id }).to_string()) else {
            panic!("an unknown type was taken");
        };
        assert!(close.reason.len() <= LONGEST_REASON);
    }
}
