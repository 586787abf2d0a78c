use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::ids::ConversationId;

const QUEUE: &str = "3f0c8a52-1d44-4b7e-9a60-52c1d7e80a11";
const CONVERSATION: &str = "5b1e7c90-2a3d-4c8f-b6e1-7d90a4f2c3e8";

const HELD: &str = include_str!("../../../tests/fixtures/genesys/voice-held.json");
const AFTER_CALL_WORK: &str =
    include_str!("../../../tests/fixtures/genesys/voice-after-call-work.json");
const PARKED: &str = include_str!("../../../tests/fixtures/genesys/email-parked.json");
const REST: &str = include_str!("../../../tests/fixtures/genesys/rest-ended.json");
const CALL_MEDIA: &str = include_str!("../../../tests/fixtures/genesys/call-media-topic.json");
const ODD: &str = include_str!("../../../tests/fixtures/genesys/odd-types.json");

fn name_of(queue: &QueueId) -> Option<String> {
    (queue.as_str() == QUEUE).then(|| "Hotline".to_owned())
}

const NOTHING_KEPT: Terms = Terms {
    queue_name: &name_of,
    keep: Keep {
        names: false,
        addresses: false,
    },
};

fn snapshot_of(text: &str) -> Snapshot {
    match decode_frame(text, NOTHING_KEPT) {
        Ok(Decoded::Snapshot(snapshot)) => snapshot,
        other => panic!("no snapshot: {other:?}"),
    }
}

fn at(text: &str) -> Option<Time> {
    let time = Time::parse(text);
    assert!(time.is_some(), "{text}");
    time
}

#[test]
fn a_frame_of_one_medium_has_a_leg_without_an_id_for_each_participant() {
    let snapshot = snapshot_of(CALL_MEDIA);
    assert_eq!(snapshot.shape, Shape::Medium(Medium::Voice));
    assert_eq!(snapshot.other_media, [Medium::Callback]);
    let [customer, agent] = &snapshot.participants[..] else {
        panic!("two participants");
    };
    assert_eq!(customer.external_contact_id.as_deref(), Some("ext-1"));
    assert_eq!(customer.name, None, "customers' names go no further");
    assert_eq!(customer.connected_time, None, "it is the leg's");
    assert_eq!(
        customer.legs[0].disconnected_time,
        at("2026-03-02T09:05:00.000Z")
    );
    assert_eq!(agent.user_id, Some(UserId::from("u-1")));
    assert_eq!(agent.queue_id, Some(QueueId::from(QUEUE)));
    assert_eq!(agent.queue_name.as_deref(), Some("Hotline"));
    let [leg] = &agent.legs[..] else {
        panic!("one leg");
    };
    assert_eq!(leg.id.as_str(), "");
    assert_eq!(
        (leg.medium, leg.state),
        (Medium::Voice, LegState::Disconnected)
    );
    assert_eq!(leg.initial, Some(LegState::Alerting));
    assert_eq!(leg.connected_time, at("2026-03-02T09:00:20.000Z"));
    assert_eq!(leg.disconnect_type.as_deref(), Some("peer"));
    let work = leg.acw.as_ref().expect("after-call work");
    assert_eq!(work.state, AcwState::Pending);
    assert_eq!(work.start_time, at("2026-03-02T09:05:00.100Z"));
}

#[test]
fn a_frame_shows_the_whole_conversation() {
    let snapshot = snapshot_of(HELD);
    assert_eq!(
        snapshot.conversation_id,
        CONVERSATION.parse::<ConversationId>().unwrap()
    );
    assert_eq!(snapshot.shape, Shape::Whole);
    let topic = format!("v2.routing.queues.{QUEUE}.conversations");
    assert_eq!(snapshot.source, Source::Topic(topic));
    assert_eq!((snapshot.start, snapshot.end), (None, None));
    let [customer, acd, agent] = &snapshot.participants[..] else {
        panic!("three participants");
    };
    assert_eq!(customer.external_contact_id.as_deref(), Some("ext-1"));
    assert_eq!(
        acd.queue_id,
        Some(QueueId::from(QUEUE)),
        "from routing data"
    );
    assert_eq!(acd.end_time, at("2026-03-02T09:00:20.000Z"));
    assert_eq!(acd.legs[0].disconnect_type.as_deref(), Some("transfer"));
    assert_eq!(acd.legs[0].state, LegState::Terminated);
    let leg = &agent.legs[0];
    assert_eq!(leg.id, SessionId::from("l-agent"));
    assert_eq!(
        (leg.medium, leg.state),
        (Medium::Voice, LegState::Connected)
    );
    assert_eq!(leg.direction, Some(LegDirection::Inbound));
    assert!(leg.held);
    assert_eq!(leg.start_hold_time, at("2026-03-02T09:01:00.000Z"));
}

#[test]
fn customers_names_and_addresses_are_kept_where_that_is_wanted() {
    let of = |keep| {
        let terms = Terms {
            keep,
            ..NOTHING_KEPT
        };
        let frames = [HELD, PARKED, CALL_MEDIA].map(|text| decode_frame(text, terms));
        let rest = rest_conversation(REST, terms).map(Decoded::Snapshot);
        let decoded = frames.into_iter().chain([rest]);
        let customers = decoded.map(|decoded| match decoded {
            Ok(Decoded::Snapshot(snapshot)) => {
                let others = &snapshot.participants[1..];
                assert!(others.iter().all(|other| other.address.is_none()));
                let customer = &snapshot.participants[0];
                (customer.name.is_some(), customer.address.is_some())
            }
            other => panic!("no snapshot: {other:?}"),
        });
        customers.collect::<Vec<_>>()
    };
    for (names, addresses) in [(false, false), (true, false), (false, true), (true, true)] {
        let keep = Keep { names, addresses };
        assert_eq!(of(keep), [(names, addresses); 4], "{keep:?}");
    }
}

#[test]
fn a_participant_that_comes_twice_is_one() {
    let mut frame: Value = serde_json::from_str(HELD).unwrap();
    let participants = frame["eventBody"]["participants"].as_array_mut().unwrap();
    participants.push(participants[0].clone());
    assert_eq!(snapshot_of(&frame.to_string()), snapshot_of(HELD));
}

#[test]
fn queue_names_come_from_the_list_or_from_rest() {
    let names = |snapshot: &Snapshot| {
        snapshot
            .participants
            .iter()
            .map(|participant| participant.queue_name.clone())
            .collect::<Vec<_>>()
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(
        names(&snapshot_of(HELD)),
        [None, some("Hotline"), some("Hotline")]
    );
    let renamed = Terms {
        queue_name: &|_| some("renamed since"),
        ..NOTHING_KEPT
    };
    let rest = rest_conversation(REST, renamed).unwrap();
    assert_eq!(
        names(&rest),
        [some("Hotline"), some("Hotline (then)"), some("Hotline")]
    );
}

#[test]
fn after_call_work_wrap_up_and_error_are_kept_without_addresses() {
    let agent = snapshot_of(AFTER_CALL_WORK).participants.remove(2);
    assert_eq!(agent.start_acw_time, at("2026-03-02T09:05:00.000Z"));
    let wrapup = agent.wrapup.expect("a wrap-up");
    assert_eq!((wrapup.code.as_str(), wrapup.name), ("wc-1", None));
    let leg = &agent.legs[0];
    let acw = leg.acw.as_ref().expect("after-call work");
    assert_eq!((acw.state, acw.end_time), (AcwState::Pending, None));
    let error = "leg to [removed] ([removed]) failed";
    assert_eq!(leg.error.as_deref(), Some(error));
}

#[test]
fn a_user_topic_and_an_id_in_capitals_are_read_too() {
    let snapshot = snapshot_of(PARKED);
    assert_eq!(
        snapshot.conversation_id,
        CONVERSATION.parse::<ConversationId>().unwrap()
    );
    let leg = &snapshot.participants[1].legs[0];
    assert_eq!((leg.medium, leg.state), (Medium::Email, LegState::Parked));
    assert_eq!(leg.park_time, at("2026-03-02T10:00:00Z"));
}

#[test]
fn rest_adds_start_end_and_alerting() {
    let snapshot = rest_conversation(REST, NOTHING_KEPT).unwrap();
    assert_eq!(snapshot.source, Source::Rest);
    assert_eq!(snapshot.start, at("2026-03-02T08:59:59.900Z"));
    assert_eq!(snapshot.end, at("2026-03-02T09:05:00.000Z"));
    let agent = &snapshot.participants[2];
    assert_eq!(agent.start_time, at("2026-03-02T09:00:10.000Z"));
    assert_eq!(agent.legs[0].start_alerting_time, agent.start_time);
    assert_eq!(agent.legs[0].acw, None, "an empty object says nothing");
    let name = agent
        .wrapup
        .as_ref()
        .and_then(|wrapup| wrapup.name.as_deref());
    assert_eq!(name, Some("Solved"));
}

#[test]
fn unexpected_types_cost_only_their_own_field() {
    let snapshot = snapshot_of(ODD);
    let [customer, hologram] = &snapshot.participants[..] else {
        panic!("two participants");
    };
    assert_eq!(customer.connected_time, None);
    let [leg] = &customer.legs[..] else {
        panic!("one leg")
    };
    assert_eq!(leg.id, SessionId::from("p-customer/voice/0"));
    assert_eq!((leg.state, leg.held), (LegState::Unrecognised, false));
    assert_eq!((&leg.acw, &leg.wrapup, &leg.error), (&None, &None, &None));
    assert!(hologram.supervising);
    assert_eq!(hologram.name.as_deref(), Some("Alex Muster"));
}

#[test]
fn nothing_of_a_customer_is_kept() {
    for text in [HELD, AFTER_CALL_WORK, PARKED] {
        let kept = format!("{:?}", snapshot_of(text));
        for private in ["Erika", "beispiel", "+49", "Vertraulich", "private"] {
            assert!(!kept.contains(private), "{private} in {kept}");
        }
    }
    let kept = format!("{:?}", rest_conversation(REST, NOTHING_KEPT));
    assert!(!kept.contains("Erika") && !kept.contains("+49"), "{kept}");
    assert!(kept.contains("Alex Muster"));
}

#[test]
fn frames_about_the_socket_are_signals() {
    let system = |topic: &str, kind: &str| json!({ "topicName": topic, "eventBody": { "systemTopicType": kind, "reason": "x" } });
    for (frame, expected) in [
        (
            json!({ "topicName": "channel.metadata", "eventBody": { "message": "WebSocket Heartbeat" } }),
            Signal::Heartbeat,
        ),
        (
            json!({ "topicName": "channel.metadata", "eventBody": { "message": "pong" } }),
            Signal::Pong,
        ),
        (
            json!({ "topicName": "v2.system.socket_closing", "eventBody": { "message": "soon" } }),
            Signal::SocketClosing,
        ),
        (
            system("v2.system.token_revoked.12", "token_revoked"),
            Signal::TokenRevoked,
        ),
        (
            system("v2.system.org.client", "no_longer_subscribed"),
            Signal::NoLongerSubscribed,
        ),
        (
            system("v2.system.org.client", "subscription_changed"),
            Signal::SubscriptionChanged,
        ),
        (system("v2.system.org.client", "tomorrow"), Signal::Other),
        (
            json!({ "result": "404", "message": "gone" }),
            Signal::ChannelGone,
        ),
        (
            json!({ "result": "200", "status": "subscribed" }),
            Signal::Other,
        ),
    ] {
        let decoded = decode_frame(&frame.to_string(), NOTHING_KEPT);
        assert_eq!(decoded, Ok(Decoded::Signal(expected)), "{frame}");
    }
}

#[test]
fn what_cannot_be_used_is_skipped_for_a_named_reason() {
    let conversation = |body: Value| {
        json!({ "topicName": format!("v2.routing.queues.{QUEUE}.conversations"), "eventBody": body })
            .to_string()
    };
    let check = |text: &str, expected: Skip| {
        assert_eq!(decode_frame(text, NOTHING_KEPT), Err(expected), "{text}");
    };
    check("", Skip::Unreadable);
    check("[1]", Skip::Nameless);
    check("{\"topicName\":", Skip::Unreadable);
    check("{}", Skip::Nameless);
    check("{\"topicName\":\"v2.users.1.presence\"}", Skip::OtherTopic);
    check(&conversation(json!(null)), Skip::NoBody);
    check(&conversation(json!("text")), Skip::NoBody);
    check(&conversation(json!({})), Skip::NotAConversationId);
    check(
        &conversation(json!({ "id": "ffff-ffff", "participants": [] })),
        Skip::NotAConversationId,
    );
    check(
        &conversation(json!({ "id": CONVERSATION })),
        Skip::NoParticipants,
    );
    check(
        &conversation(json!({ "id": CONVERSATION, "participants": "none" })),
        Skip::NoParticipants,
    );
    for participant in [json!({ "purpose": "acd" }), json!({ "id": "" }), json!(3)] {
        check(
            &conversation(json!({ "id": CONVERSATION, "participants": [participant] })),
            Skip::ParticipantWithoutId,
        );
    }
}

/// Another value in place of the one that `seed` picks among all values of the JSON.
fn mutate(value: &mut Value, seed: &mut usize, other: &Value) {
    if *seed == 0 {
        *value = other.clone();
        *seed = usize::MAX;
        return;
    }
    *seed = seed.saturating_sub(usize::from(*seed != usize::MAX));
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mutate(item, seed, other)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| mutate(field, seed, other)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_value_of_another_type_anywhere_never_panics_and_rarely_costs_the_frame(
        fixture in prop::sample::select(vec![HELD, AFTER_CALL_WORK, PARKED, ODD]),
        seed in 0_usize..160,
        other in prop::sample::select(vec![json!(null), json!(7), json!("text"), json!([[]]), json!({"id": {}}), json!(false), json!(-1.5)]),
    ) {
        let mut frame: Value = serde_json::from_str(fixture).unwrap();
        let mut left = seed;
        mutate(&mut frame, &mut left, &other);
        let text = frame.to_string();
        match decode_frame(&text, NOTHING_KEPT) {
            Ok(_) => {}
            Err(skip) => {
                // The frame itself, its topic, its body, its id, its participants or one of their ids.
                prop_assert!(!matches!(skip, Skip::Unreadable) || seed == 0, "{text}");
            }
        }
        let _ = rest_conversation(&frame["eventBody"].to_string(), NOTHING_KEPT);
    }

    #[test]
    fn a_frame_cut_or_garbled_never_panics(cut in 0_usize..3_000, byte in any::<u8>(), at in 0_usize..3_000) {
        let mut bytes = AFTER_CALL_WORK.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut % bytes.len());
        let _ = decode_frame(&String::from_utf8_lossy(&bytes), NOTHING_KEPT);
    }

    #[test]
    fn any_text_is_taken(text in ".*") {
        let _ = decode_frame(&text, NOTHING_KEPT);
        let _ = rest_conversation(&text, NOTHING_KEPT);
    }
}
