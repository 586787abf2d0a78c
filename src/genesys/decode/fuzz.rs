//! Random frames and readings. What can be decoded must be applicable, and applied again change nothing.

use super::*;
use crate::domain::conversation::Conversation;
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::update::ChangeCause;
use crate::fuzzing::Fuzz;

const CORPUS: [&str; 5] = [
    include_str!("../../../tests/fixtures/genesys/voice-held.json"),
    include_str!("../../../tests/fixtures/genesys/voice-after-call-work.json"),
    include_str!("../../../tests/fixtures/genesys/email-parked.json"),
    include_str!("../../../tests/fixtures/genesys/rest-ended.json"),
    include_str!("../../../tests/fixtures/genesys/odd-types.json"),
];
const WORDS: [&str; 40] = [
    "agent",
    "customer",
    "acd",
    "ivr",
    "voicemail",
    "external",
    "connected",
    "disconnected",
    "terminated",
    "alerting",
    "dialing",
    "contacting",
    "offering",
    "scheduled",
    "inbound",
    "outbound",
    "calls",
    "callbacks",
    "emails",
    "messages",
    "chats",
    "held",
    "wrapup",
    "startHoldTime",
    "endAcwTime",
    "connectedTime",
    "endTime",
    "afterCallWork",
    "pending",
    "complete",
    "2026-03-02T09:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00Z",
    "-292275055-05-16T16:47:04Z",
    "1e400",
    "\u{0}",
    "null",
    "transfer.conference",
    "participants",
    "WebSocket Heartbeat",
];

/// The first sight of it, and what a repeat then changes.
fn seen_twice(snapshot: Snapshot) -> (String, usize) {
    let received_at = Time::from_millis(1_800_000_000_000);
    let id = snapshot.conversation_id;
    let mut conversation = Conversation::unknown(id, received_at);
    let event = ConversationEvent {
        conversation_id: id,
        received_at,
        actor: None,
        fact: Fact::Seen {
            snapshot,
            cause: ChangeCause::GenesysEvent,
            read_at: None,
            gap_before: false,
        },
    };
    let first = conversation
        .apply(&event)
        .expect("snapshots are never refused");
    let again = conversation
        .apply(&event)
        .expect("snapshots are never refused");
    assert!(
        again.updates.is_empty(),
        "a repeat changes {:?}",
        again.updates
    );
    let status = conversation.row.status;
    (format!("{status:?}"), first.updates.len())
}

#[test]
fn whatever_comes_is_read_or_skipped_and_a_repeat_changes_nothing() {
    let fuzz = Fuzz {
        name: "genesys",
        corpus: &CORPUS,
        words: &WORDS,
    };
    fuzz.run(|text| {
        let terms = Terms {
            queue_name: &|_| None,
            keep: Keep::default(),
        };
        let frame = match decode_frame(text, terms) {
            Ok(Decoded::Snapshot(snapshot)) => format!("{:?}", seen_twice(snapshot)),
            Ok(Decoded::Signal(_)) => "signal".to_owned(),
            Err(skip) => skip.reason().to_owned(),
        };
        let reading = match rest_conversation(text, terms) {
            Ok(snapshot) => format!("{:?}", seen_twice(snapshot)),
            Err(skip) => skip.reason().to_owned(),
        };
        (frame, reading)
    });
}
