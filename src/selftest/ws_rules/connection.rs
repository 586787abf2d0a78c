//! How a connection is initialised and kept alive.

use serde_json::{Value, json};

use super::{GATEWAY, PROTOCOL, fresh, open, subscribe};
use crate::selftest::exchange::QUERY;
use crate::selftest::frames::{Frame, opcode};
use crate::selftest::pattern::ABSENT;
use crate::selftest::rule::{Rule, Takes};
use crate::selftest::script::Step::{Closed, Hear, Introduce, Mute, Pinged, Quiet, Say, Send};
use crate::selftest::script::{Opening, Step};
use crate::selftest::target::As;

fn init() -> Step {
    Introduce(As::Oneself)
}

fn ack() -> Step {
    Hear(json!({ "type": "connection_ack", "id": ABSENT }))
}

fn ping(payload: &Value) -> Step {
    Say(json!({ "type": "ping", "payload": payload }))
}

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = initialisation();
    rules.extend(strangers());
    rules.extend(pings());
    rules.extend(timers());
    rules
}

fn initialisation() -> Vec<Rule> {
    vec![
        fresh(
            "ws-init",
            "`connection_init` is answered by `connection_ack`, and by nothing else",
            PROTOCOL,
            vec![init(), ack(), Quiet],
        ),
        fresh(
            "ws-init-twice",
            "A second `connection_init` closes with 4429",
            PROTOCOL,
            vec![init(), ack(), init(), Closed(&[4429])],
        ),
        fresh(
            "ws-init-twice-at-once",
            "So does one that does not wait for the acknowledgement",
            PROTOCOL,
            vec![init(), init(), Closed(&[4429])],
        ),
        fresh(
            "ws-subscribe-before-init",
            "`subscribe` before `connection_init` closes with 4401",
            PROTOCOL,
            vec![subscribe("1", QUERY), Closed(&[4401])],
        ),
        fresh(
            "ws-init-payload",
            "A `connection_init` whose payload is no object closes with 4400",
            PROTOCOL,
            vec![
                Say(json!({ "type": "connection_init", "payload": [] })),
                Closed(&[4400]),
            ],
        ),
    ]
}

fn strangers() -> Vec<Rule> {
    vec![
        fresh(
            "ws-nobody",
            "Who shows no token in `connection_init` is closed with 4403",
            PROTOCOL,
            vec![Introduce(As::Nobody), Closed(&[4403])],
        )
        .needing_guard(),
        fresh(
            "ws-null-payload",
            "A null payload is none",
            PROTOCOL,
            vec![
                Say(json!({ "type": "connection_init", "payload": null })),
                Closed(&[4403]),
            ],
        )
        .needing_guard(),
        fresh(
            "ws-forger",
            "Who shows a token that nobody issued is closed with 4403",
            PROTOCOL,
            vec![Introduce(As::Forger), Closed(&[4403])],
        )
        .needing_guard(),
    ]
}

fn pings() -> Vec<Rule> {
    let pong = || Hear(json!({ "type": "pong", "payload": ABSENT }));
    vec![
        open(
            "ws-ping",
            "`ping` is answered by `pong`",
            PROTOCOL,
            vec![Say(json!({ "type": "ping" })), pong()],
        ),
        open(
            "ws-ping-payload",
            "The payload of a `ping` comes back",
            GATEWAY,
            vec![
                ping(&json!({ "at": 7 })),
                Hear(json!({ "type": "pong", "payload": { "at": 7 } })),
            ],
        ),
        open(
            "ws-ping-null",
            "A `ping` with a null payload is answered",
            PROTOCOL,
            vec![ping(&Value::Null), Hear(json!({ "type": "pong" }))],
        ),
        fresh(
            "ws-ping-early",
            "`ping` is answered before the connection is acknowledged",
            PROTOCOL,
            vec![Say(json!({ "type": "ping" })), pong(), init(), ack()],
        ),
        open(
            "ws-ping-each",
            "Every `ping` gets its own `pong`, in order",
            PROTOCOL,
            vec![
                ping(&json!({ "n": 1 })),
                ping(&json!({ "n": 2 })),
                Hear(json!({ "type": "pong", "payload": { "n": 1 } })),
                Hear(json!({ "type": "pong", "payload": { "n": 2 } })),
            ],
        ),
        open(
            "ws-pong-unasked",
            "A `pong` that nobody asked for is ignored",
            PROTOCOL,
            vec![
                Say(json!({ "type": "pong" })),
                Say(json!({ "type": "pong", "payload": { "at": 7 } })),
                Quiet,
            ],
        ),
        open(
            "ws-pong-frame-unasked",
            "A pong frame that nobody asked for is ignored (5.5.3)",
            super::RFC,
            vec![Send(Frame::new(opcode::PONG, "unasked")), Quiet],
        ),
    ]
}

fn timers() -> Vec<Rule> {
    vec![
        fresh(
            "ws-init-timeout",
            "Without `connection_init` the socket is closed with 4408",
            PROTOCOL,
            vec![Closed(&[4408])],
        )
        .taking(Takes::Seconds),
        open(
            "ws-server-ping",
            "The server pings, again and again",
            GATEWAY,
            vec![Pinged, Pinged],
        )
        .taking(Takes::Seconds),
        super::played(
            "ws-no-pong",
            "A client that answers no ping is closed with 1013",
            GATEWAY,
            Opening::Acknowledged,
            vec![Mute, Closed(&[1013])],
        )
        .taking(Takes::Minute),
    ]
}
