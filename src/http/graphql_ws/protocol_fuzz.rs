//! Random conversations with the machine. A line of an input is a message of the client, or with `!`
//! in front something that happens on our side. A plain model of the protocol's text watches.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{PathSegment, Response, value};
use serde_json::Value;

use super::*;
use crate::fuzzing::Fuzz;
use crate::http::response::error;
use crate::http::{HttpConfig, SharedResult};

const LIMITS: Limits = Limits {
    operations: 3,
    result: 200,
};
const CLOSES: [u16; 8] = [4400, 4401, 4403, 4408, 4409, 4429, 1012, 1013];
const CORPUS: [&str; 5] = [
    "{\"type\":\"connection_init\"}\n!accept\n{\"id\":\"a\",\"type\":\"subscribe\",\"payload\":{\"query\":\"subscription { n }\"}}\n!item 0\n!shared 0\n!end 0",
    "{\"type\":\"connection_init\",\"payload\":{\"token\":\"x\"}}\n!accept\n{\"id\":\"a\",\"type\":\"subscribe\",\"payload\":{\"query\":\"{ n }\",\"variables\":{\"x\":1},\"operationName\":null,\"extensions\":{}}}\n!partial 0\n!end 0\n{\"id\":\"a\",\"type\":\"subscribe\",\"payload\":{\"query\":\"{ n }\"}}\n!failed 0\n!item 0",
    "{\"type\":\"ping\",\"payload\":{\"a\":1}}\n{\"type\":\"pong\"}\n{\"type\":\"connection_init\"}\n{\"type\":\"ping\"}\n!accept\n{\"id\":\"a\",\"type\":\"subscribe\",\"payload\":{\"query\":\"subscription { n }\"}}\n{\"id\":\"b\",\"type\":\"subscribe\",\"payload\":{\"query\":\"{ n \"}}\n{\"id\":\"a\",\"type\":\"complete\"}\n!item 0\n!end 0\n{\"id\":\"c\",\"type\":\"complete\"}",
    "{\"type\":\"connection_init\"}\n!accept\n{\"id\":\"a\",\"type\":\"subscribe\",\"payload\":{\"query\":\"subscription { n }\"}}\n{\"id\":\"b\",\"type\":\"subscribe\",\"payload\":{\"query\":\"subscription { n }\"}}\n{\"id\":\"c\",\"type\":\"subscribe\",\"payload\":{\"query\":\"subscription { n }\"}}\n{\"id\":\"d\",\"type\":\"subscribe\",\"payload\":{\"query\":\"subscription { n }\"}}\n!long 1\n!failed 0\n!invalid 2\n!item 2",
    "{\"type\":\"connection_init\"}\n!refuse\n!timeout\n!binary\n!unavailable",
];
const WORDS: [&str; 30] = [
    "{\"type\":\"connection_init\"}\n",
    "{\"type\":\"ping\"}\n",
    "{\"id\":\"a\",\"type\":\"complete\"}\n",
    "{\"id\":\"a\",\"type\":\"subscribe\",\"payload\":{\"query\":\"subscription { n }\"}}\n",
    "{\"id\":\"b\",\"type\":\"subscribe\",\"payload\":{\"query\":\"{ n }\"}}\n",
    "\n!accept\n",
    "\n!refuse\n",
    "\n!unavailable\n",
    "\n!timeout\n",
    "\n!binary\n",
    "\n!item 0\n",
    "\n!item 1\n",
    "\n!shared 0\n",
    "\n!partial 0\n",
    "\n!failed 0\n",
    "\n!failed 1\n",
    "\n!invalid 0\n",
    "\n!end 0\n",
    "\n!end 1\n",
    "\n!long 0\n",
    "next",
    "error",
    "connection_ack",
    "documentId",
    "query",
    "id",
    "type",
    "\u{1f600}",
    "subscribe",
    "complete",
];

/// What the protocol's text allows now.
#[derive(Default)]
struct Model {
    acknowledged: bool,
    asked: bool,
    /// The ids of the running operations.
    running: HashMap<Serial, String>,
    last: Serial,
    /// The id of the `subscribe` that is being answered.
    subscribing: Option<String>,
    trace: BTreeSet<String>,
}

impl Model {
    /// Checks what the machine does; false: the socket is closed.
    fn follow(&mut self, action: Option<Action>) -> bool {
        match action {
            None => self.note("nothing"),
            Some(Action::Send(text) | Action::Refuse(text)) => self.sent(&text, None),
            Some(Action::SendAndStop(text, serial)) => self.sent(&text, Some(serial)),
            Some(Action::Stop(serial)) => {
                assert!(
                    self.running.remove(&serial).is_some(),
                    "{serial} does not run"
                );
                self.note("stop");
            }
            Some(Action::Start(serial, _)) => self.started(serial),
            Some(Action::Authenticate(_)) => {
                assert!(!self.asked, "nobody is asked twice");
                self.asked = true;
                self.note("authenticate");
            }
            Some(Action::Close(Close { code, reason })) => {
                assert!(CLOSES.contains(&code), "{code} is none of the protocol's");
                assert!(reason.len() <= LONGEST_REASON, "{reason}");
                self.note(&code.to_string());
                return false;
            }
        }
        true
    }

    fn started(&mut self, serial: Serial) {
        assert!(self.acknowledged, "nothing runs before the acknowledgement");
        assert!(serial > self.last, "serials rise");
        self.last = serial;
        let id = self.subscribing.take().expect("somebody has subscribed");
        assert!(
            !self.running.values().any(|running| *running == id),
            "{id} runs already"
        );
        self.running.insert(serial, id);
        assert!(self.running.len() <= LIMITS.operations);
        self.note("start");
    }

    fn sent(&mut self, text: &str, stops: Option<Serial>) {
        let message: Value = serde_json::from_str(text).expect("messages are JSON");
        let kind = message["type"]
            .as_str()
            .expect("messages have a type")
            .to_owned();
        self.note(&kind);
        match kind.as_str() {
            "connection_ack" => {
                assert!(
                    self.asked && !self.acknowledged,
                    "acknowledged once, when asked"
                );
                self.acknowledged = true;
            }
            "pong" => {}
            "next" | "error" | "complete" => {
                let id = message["id"].as_str().expect("results have an id");
                self.answered(id, &kind, stops);
            }
            other => panic!("{other} is no message of a server"),
        }
    }

    fn answered(&mut self, id: &str, kind: &str, stops: Option<Serial>) {
        assert!(self.acknowledged, "{kind} before the acknowledgement");
        let serial = self.running.iter().find(|(_, running)| *running == id);
        let Some(serial) = serial.map(|(serial, _)| *serial) else {
            // Only a `subscribe` that was not taken has an answer without having run.
            assert_eq!(kind, "error", "{id} does not run");
            assert_eq!(
                self.subscribing.take().as_deref(),
                Some(id),
                "answered twice"
            );
            return;
        };
        assert_eq!(
            stops.is_some(),
            kind == "error",
            "an error stops its operation"
        );
        assert!(
            stops.is_none_or(|stops| stops == serial),
            "another one is stopped"
        );
        if kind != "next" {
            self.running.remove(&serial);
        }
    }

    fn note(&mut self, what: &str) {
        let running = self.running.len();
        self.trace.insert(format!("{what} of {running}"));
    }

    /// The operation that an input's number means: most often one that runs.
    fn serial(&self, number: Option<&str>) -> Serial {
        let number = number
            .and_then(|text| text.parse::<u32>().ok())
            .unwrap_or(0);
        let mut running: Vec<_> = self.running.keys().copied().collect();
        running.sort_unstable();
        running
            .get(number as usize)
            .copied()
            .unwrap_or(number.into())
    }
}

fn failed(path: &[&str]) -> Response {
    let path = path.iter().map(|name| PathSegment::Field((*name).into()));
    Response::from_errors(vec![error("NO", "no").with_path(path.collect())])
}

/// Does what a line says, if that can happen now.
fn step(protocol: &mut Protocol, model: &mut Model, line: &str) -> Option<Action> {
    let Some(ours) = line.strip_prefix('!') else {
        let sent = serde_json::from_str::<Value>(line).unwrap_or_default();
        let subscribes = sent["type"] == "subscribe";
        model.subscribing = subscribes.then(|| sent["id"].as_str().unwrap_or("").to_owned());
        return protocol.text(line);
    };
    model.subscribing = None;
    let mut words = ours.split(' ');
    let what = words.next().unwrap_or_default();
    let serial = model.serial(words.next());
    let awaits_verdict = model.asked && !model.acknowledged;
    match what {
        "accept" if awaits_verdict => Some(protocol.verdict(None)),
        "refuse" if awaits_verdict => {
            Some(protocol.verdict(Some(&Refused::Unauthenticated("no".into()))))
        }
        "unavailable" if awaits_verdict => Some(protocol.verdict(Some(&Refused::Unavailable))),
        "timeout" => protocol.init_timeout(),
        "binary" => Some(protocol.binary()),
        "item" => protocol.item(serial, &Outcome::Own(Response::new(value!({ "n": 1 })))),
        "long" => protocol.item(serial, &Outcome::Own(Response::new("x".repeat(300)))),
        "shared" => {
            let text = "{\"data\":{\"n\":1}}";
            protocol.item(
                serial,
                &Outcome::Shared(SharedResult::new(text.into(), 0..0, false)),
            )
        }
        "partial" => {
            let mut response = failed(&["n", "m"]);
            response.data = value!({ "n": { "m": null } });
            protocol.item(serial, &Outcome::Own(response))
        }
        "failed" => protocol.item(serial, &Outcome::Own(failed(&["n"]))),
        "invalid" => protocol.item(serial, &Outcome::Own(failed(&[]))),
        "end" => protocol.end(serial),
        _ => None,
    }
}

#[test]
fn whatever_happens_the_machine_keeps_to_the_protocol() {
    let admission = Arc::new(Admission::new(&HttpConfig::default()));
    let fuzz = Fuzz {
        name: "protocol",
        corpus: &CORPUS,
        words: &WORDS,
    };
    fuzz.run(|input| {
        let mut protocol = Protocol::new(LIMITS, admission.clone());
        let mut model = Model::default();
        for line in input.lines().filter(|line| !line.is_empty()) {
            let action = step(&mut protocol, &mut model, line);
            if !model.follow(action) {
                break;
            }
        }
        model.trace
    });
}
