//! The conversations of the benchmarks, and the words in which Genesys tells of them.

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

/// The query of every subscriber: a badge with what it shows.
pub(crate) const SUBSCRIPTION: &str = "subscription Badges($filter: ConversationFilter, $after: String) { \
     conversationStatusChanged(filter: $filter, after: $after) { \
     number conversationId previousStatus status membership occurredAt recordedAt cause \
     conversation { version lastQueueName } } }";

/// The nine fields of a conversation that reads ask for.
pub(crate) const NINE_FIELDS: &str = "conversationId calculatedStatus statusSince direction \
     originalMediaType lastQueueId lastQueueName conversationStart version";

pub(crate) fn conversation_id(index: u32) -> String {
    format!("00000000-0000-4000-8000-{index:012}")
}

/// The index of the conversation whose id begins here.
pub(crate) fn index_of(id: &[u8]) -> Option<u32> {
    std::str::from_utf8(id.get(24..36)?).ok()?.parse().ok()
}

/// A voice conversation with an agent on it, as a queue's topic shows it.
pub(crate) fn snapshot(index: u32, queue: &str, held: bool) -> Value {
    let id = conversation_id(index);
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let begun = "2026-11-01T09:00:00.100Z";
    let mut leg = json!({
        "id": format!("agent-leg-{index}"), "initialState": "alerting", "recording": false,
        "provider": "Edge", "state": "connected", "direction": "inbound", "held": held,
        "connectedTime": "2026-11-01T09:00:19.900Z", "segments": [],
    });
    if held {
        leg["startHoldTime"] = json!(now);
    }
    json!({
        "id": id,
        "recordingState": "none",
        "address": "tel:+4921155501000",
        "participants": [
            {
                "id": format!("customer-{index}"), "purpose": "customer", "queueId": queue,
                "wrapupRequired": false, "connectedTime": begun,
                "calls": [{
                    "id": format!("customer-leg-{index}"), "initialState": "alerting",
                    "recording": false, "provider": "Edge", "state": "connected",
                    "direction": "inbound", "held": false, "connectedTime": begun,
                }],
            },
            {
                "id": format!("acd-{index}"), "purpose": "acd",
                "connectedTime": "2026-11-01T09:00:05.000Z", "endTime": "2026-11-01T09:00:20.000Z",
                "conversationRoutingData": { "queue": { "id": queue }, "language": {}, "skills": [] },
                "calls": [{
                    "id": format!("acd-leg-{index}"), "initialState": "alerting", "recording": false,
                    "provider": "Edge", "state": "terminated", "direction": "inbound",
                    "disconnectType": "transfer", "connectedTime": "2026-11-01T09:00:05.000Z",
                    "disconnectedTime": "2026-11-01T09:00:20.000Z",
                    "peerId": format!("customer-leg-{index}"),
                }],
            },
            {
                "id": format!("agent-{index}"), "purpose": "agent", "name": "Alex Muster",
                "userId": "c7a1e2d4-90b3-4f58-8e21-0b6d5f3a9c77", "queueId": queue,
                "wrapupRequired": true, "conversationRoutingData": { "queue": {} },
                "connectedTime": "2026-11-01T09:00:19.900Z",
                "calls": [leg],
            },
        ],
    })
}
