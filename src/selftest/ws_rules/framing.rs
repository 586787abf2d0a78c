//! Frames, control frames and the closing handshake: RFC 6455, sections 5 to 8.

use super::{GATEWAY, RFC, hear_complete, hear_typename, open, subscribe};
use crate::selftest::exchange::QUERY;
use crate::selftest::frames::{Frame, LONGEST_CONTROL, opcode};
use crate::selftest::rule::Rule;
use crate::selftest::script::Step::{
    AnswersClose, Closed, Ends, Hear, Ponged, Quiet, Send, TooMuch,
};
use crate::selftest::script_operations::STILL;
use serde_json::json;

const PING: &str = r#"{"type":"ping"}"#;
static LONGEST: [u8; LONGEST_CONTROL] = [b'x'; LONGEST_CONTROL];

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = control_frames();
    rules.extend(fragments());
    rules.extend(failing());
    rules.extend(sizes());
    rules.extend(closing());
    rules
}

fn ping(payload: &[u8]) -> Frame {
    Frame::new(opcode::PING, payload)
}

fn more(text: &str) -> Frame {
    Frame::new(opcode::CONTINUATION, text)
}

fn control_frames() -> Vec<Rule> {
    vec![
        open(
            "ws-frame-ping",
            "A ping frame is answered by a pong frame with its payload (5.5.3)",
            RFC,
            vec![Send(ping(b"selftest")), Ponged(b"selftest")],
        ),
        open(
            "ws-frame-ping-empty",
            "So is an empty one",
            RFC,
            vec![Send(ping(b"")), Ponged(b"")],
        ),
        open(
            "ws-frame-ping-long",
            "So is one of 125 bytes",
            RFC,
            vec![Send(ping(&LONGEST)), Ponged(&LONGEST)],
        ),
        open(
            "ws-frame-ping-inside",
            "So is one between the fragments of a message, which stays whole (5.4)",
            RFC,
            vec![
                Send(Frame::text(&PING[..5]).unfinished()),
                Send(ping(b"inside")),
                Ponged(b"inside"),
                Send(more(&PING[5..])),
                Hear(json!({ "type": "pong" })),
            ],
        ),
    ]
}

fn fragments() -> Vec<Rule> {
    let pong = || Hear(json!({ "type": "pong" }));
    let mut letters: Vec<_> = PING
        .char_indices()
        .map(|(at, letter)| match at {
            0 => Frame::text(&letter.to_string()),
            _ => more(&letter.to_string()),
        })
        .map(|frame| Send(frame.unfinished()))
        .collect();
    letters.extend([Send(more("")), pong(), Quiet]);
    vec![
        open(
            "ws-fragments",
            "The fragments of a message are put together (5.4)",
            RFC,
            vec![
                Send(Frame::text(&PING[..3]).unfinished()),
                Send(more(&PING[3..])),
                pong(),
            ],
        ),
        open(
            "ws-fragments-letters",
            "A fragment may be one byte, or none",
            RFC,
            letters,
        ),
    ]
}

/// What makes the server fail the connection with 1002.
fn failing() -> Vec<Rule> {
    let begun = || Send(Frame::text("{").unfinished());
    let rows = [
        (
            "unmasked",
            "A frame that is not masked closes with 1002 (5.1)",
            vec![Send(Frame::text(PING).unmasked())],
        ),
        (
            "rsv1",
            "The first reserved bit closes with 1002 (5.2)",
            vec![Send(Frame::text(PING).reserved(4))],
        ),
        (
            "rsv2",
            "The second reserved bit closes with 1002 (5.2)",
            vec![Send(Frame::text(PING).reserved(2))],
        ),
        (
            "rsv3",
            "The third reserved bit closes with 1002 (5.2)",
            vec![Send(Frame::text(PING).reserved(1))],
        ),
        (
            "opcode-data",
            "A reserved opcode of data closes with 1002 (5.2)",
            vec![Send(Frame::new(0x3, PING))],
        ),
        (
            "opcode-control",
            "A reserved opcode of control closes with 1002 (5.2)",
            vec![Send(Frame::new(0xB, ""))],
        ),
        (
            "ping-fragmented",
            "A fragmented control frame closes with 1002 (5.5)",
            vec![Send(ping(b"x").unfinished())],
        ),
        (
            "ping-too-long",
            "A control frame above 125 bytes closes with 1002 (5.5)",
            vec![Send(ping(&[LONGEST.as_slice(), b"x"].concat()))],
        ),
        (
            "continuation",
            "A continuation of nothing closes with 1002 (5.4)",
            vec![Send(more(PING))],
        ),
        (
            "interrupted",
            "A message inside another one's fragments closes with 1002 (5.4)",
            vec![begun(), Send(Frame::text(PING))],
        ),
        (
            "close-one-byte",
            "A close frame of one byte closes with 1002 (5.5.1)",
            vec![Send(Frame::new(opcode::CLOSE, [3_u8]))],
        ),
    ];
    let failing = rows.map(|(id, says, mut steps)| {
        steps.push(Closed(&[1002]));
        open(format!("ws-1002-{id}"), says, RFC, steps)
    });
    failing.into_iter().chain(not_utf8()).collect()
}

fn not_utf8() -> Vec<Rule> {
    let broken = || [b'"', 0xce, 0xba, 0xe1, b'"'];
    vec![
        open(
            "ws-1007",
            "A text that is not UTF-8 closes with 1007 (8.1)",
            RFC,
            vec![Send(Frame::new(opcode::TEXT, broken())), Closed(&[1007])],
        ),
        open(
            "ws-1007-fragments",
            "So does one whose fragments together are not UTF-8",
            RFC,
            vec![
                Send(Frame::new(opcode::TEXT, [b'"', 0xce]).unfinished()),
                Send(Frame::new(opcode::CONTINUATION, [b'"'])),
                Closed(&[1007]),
            ],
        ),
        open(
            "ws-utf8-split",
            "A letter may be split between two fragments (5.6)",
            RFC,
            vec![
                Send(Frame::new(opcode::TEXT, [&b"{\"x\":\""[..], &[0xc3]].concat()).unfinished()),
                Send(Frame::new(
                    opcode::CONTINUATION,
                    [&[0xa9][..], b"\",\"type\":\"ping\"}"].concat(),
                )),
                Hear(json!({ "type": "pong" })),
            ],
        ),
    ]
}

fn sizes() -> Vec<Rule> {
    let claiming = |length| Send(Frame::text("").claiming(length));
    vec![
        open(
            "ws-1009",
            "A frame that claims a terabyte is closed with 1009, without waiting for it",
            GATEWAY,
            vec![claiming(1 << 40), Closed(&[1009])],
        ),
        open(
            "ws-length-negative",
            "A length with its highest bit set is refused (5.2)",
            RFC,
            vec![claiming(1 << 63), Closed(&[1002, 1009])],
        ),
        open(
            "ws-1009-fragments",
            "A message is closed with 1009 when its fragments are too long together",
            GATEWAY,
            vec![TooMuch(1009)],
        ),
        open(
            "ws-long-message",
            "A message of 100 kB is read: long documents are no attack",
            GATEWAY,
            vec![
                subscribe("1", &format!("{QUERY} {}", " ".repeat(100_000))),
                hear_typename("1"),
                hear_complete("1"),
            ],
        ),
    ]
}

fn closing() -> Vec<Rule> {
    let end = || Ends;
    vec![
        open(
            "ws-close",
            "A close frame is answered with its code, and the server ends the connection (7.1.1)",
            RFC,
            vec![Send(Frame::close(1000, b"")), AnswersClose(&[1000]), end()],
        ),
        open(
            "ws-close-reason",
            "So is one with a reason and a code of the client's own",
            RFC,
            vec![
                Send(Frame::close(4999, "à bientôt".as_bytes())),
                AnswersClose(&[4999]),
                end(),
            ],
        ),
        open(
            "ws-close-empty",
            "So is one without a code",
            RFC,
            vec![
                Send(Frame::new(opcode::CLOSE, "")),
                AnswersClose(&[]),
                end(),
            ],
        ),
        open(
            "ws-close-running",
            "After the closing handshake nothing more of a running operation is sent",
            RFC,
            vec![
                subscribe("1", STILL),
                Send(Frame::close(1000, b"")),
                AnswersClose(&[1000]),
                end(),
            ],
        ),
        open(
            "ws-close-code",
            "A close code that may not be sent is answered as a protocol error (7.4.1)",
            RFC,
            vec![Send(Frame::close(1005, b"")), AnswersClose(&[1002]), end()],
        ),
        open(
            "ws-close-not-utf8",
            "A reason that is not UTF-8 closes with 1007 or 1002 (5.5.1)",
            RFC,
            vec![
                Send(Frame::close(1000, &[0xff, 0xfe])),
                Closed(&[1002, 1007]),
            ],
        ),
        open(
            "ws-close-by-server",
            "When the server has closed, it says nothing more and ends the connection (5.5.1)",
            RFC,
            vec![
                Send(Frame::text("nonsense")),
                Closed(&[4400]),
                Send(Frame::close(4400, b"")),
                end(),
            ],
        ),
    ]
}
