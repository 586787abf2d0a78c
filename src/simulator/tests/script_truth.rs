//! What each script makes a gateway show, written down once more as a table.

use serde_json::Value;
use uuid::Uuid;

use super::rules;
use crate::simulator::SimulatorConfig;
use crate::simulator::clock::Stamp;
use crate::simulator::conversation::steps::Scene;
use crate::simulator::conversation::words::{Direction, Media};
use crate::simulator::conversation::{Conversation, Halves};
use crate::simulator::org::{Customer, Org};
use crate::simulator::truth::{Owner, Status};
use crate::simulator::{scripts, snapshot};

use rand::SeedableRng;
use rand::rngs::StdRng;

/// A script played through at once, in made-up time, with every snapshot that it would have sent.
struct Played {
    conversation: Conversation,
    /// Snapshots after each change, and whether the change completed a step.
    snapshots: Vec<(Value, Option<Status>)>,
}

fn play(name: &str, media: Media, direction: Direction, halves: Halves) -> Played {
    let org = Org::new(&SimulatorConfig::for_tests());
    let script = scripts::script(name, media, direction).expect("a script of that name");
    let caller = Customer::random(&mut StdRng::seed_from_u64(1));
    let start = Stamp::from_millis(1_795_428_000_000);
    let mut conversation = Conversation::new(
        script.media,
        script.direction,
        Some(org.queues()[0].id),
        caller,
        start,
    );
    conversation.acw = script.acw;
    conversation.halves = halves;
    let mut snapshots = Vec::new();
    for (wait, step) in script.plan {
        conversation.last = conversation.last.plus_millis(i64::try_from(wait).unwrap());
        for (gap, change) in conversation
            .changes(&org, step)
            .unwrap_or_else(|refused| panic!("{name}: {refused:?}"))
        {
            let at = conversation
                .last
                .plus_millis(i64::try_from(gap).unwrap().max(2));
            let told = conversation
                .change(&Scene { org: &org, at }, &change)
                .unwrap_or_else(|refused| panic!("{name}: {change:?}: {refused:?}"));
            conversation.last = at;
            conversation.settle_end();
            if let Some(told) = told {
                conversation.record(change.name(), told, at);
            }
            let shown = |conversation: &Conversation| {
                serde_json::from_str(&snapshot::live(conversation)).unwrap()
            };
            snapshots.push((shown(&conversation), told.map(|told| told.status)));
            if conversation.terminate() {
                snapshots.push((shown(&conversation), told.map(|told| told.status)));
            }
        }
    }
    Played {
        conversation,
        snapshots,
    }
}

/// Statuses with their owners: `Q1`, `Q2` the queues and `A`, `B`, `C` the users in the order of their coming; neighbours that are
/// alike count once.
fn history(conversation: &Conversation) -> String {
    let mut users: Vec<Uuid> = Vec::new();
    let mut queues: Vec<Uuid> = Vec::new();
    let place = |all: &mut Vec<Uuid>, id: Uuid| {
        let known = all.iter().position(|one| *one == id);
        known.unwrap_or_else(|| {
            all.push(id);
            all.len() - 1
        })
    };
    let mut lines: Vec<String> = Vec::new();
    for step in &conversation.truth {
        let status = serde_json::to_value(step.told.status).unwrap();
        let owner = match step.told.owner {
            None => String::new(),
            Some(Owner::Team(queue)) => format!(":Q{}", place(&mut queues, queue) + 1),
            Some(Owner::User(user)) => {
                format!(":{}", ["A", "B", "C", "D"][place(&mut users, user)])
            }
        };
        let line = format!("{}{owner}", status.as_str().unwrap());
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines.join(" ")
}

fn check(name: &str, media: Media, direction: Direction, expected: &str) {
    for halves in [Halves::Together, Halves::CustomerFirst, Halves::AgentFirst] {
        let played = play(name, media, direction, halves);
        assert_eq!(
            history(&played.conversation),
            format!("CREATED {expected}"),
            "{name}, {halves:?}"
        );
    }
}

const REACHED: &str = "IN_FLOW WAITING_IN_QUEUE:Q1 ALERTING:Q1 CONNECTED:A";
const DONE: &str = "AFTER_CALL_WORK:A ENDED";

fn voice(name: &str, expected: &str) {
    check(name, Media::Voice, Direction::Inbound, expected);
}

#[test]
fn simple_voice_on_every_medium_and_in_both_directions() {
    voice("simple-voice", &format!("{REACHED} {DONE}"));
    check(
        "simple-voice",
        Media::Message,
        Direction::Inbound,
        &format!("{REACHED} {DONE}"),
    );
    for media in [Media::Chat, Media::Email, Media::Callback] {
        check(
            "simple-voice",
            media,
            Direction::Inbound,
            &format!("WAITING_IN_QUEUE:Q1 ALERTING:Q1 CONNECTED:A {DONE}"),
        );
    }
    check(
        "simple-voice",
        Media::Voice,
        Direction::Outbound,
        &format!("DIALING CONNECTED:A {DONE}"),
    );
    check(
        "simple-voice",
        Media::Email,
        Direction::Outbound,
        &format!("CONNECTED:A {DONE}"),
    );
}

#[test]
fn callers_who_give_up() {
    voice("abandoned-in-queue", "IN_FLOW WAITING_IN_QUEUE:Q1 ENDED");
    voice("abandoned-in-ivr", "IN_FLOW ENDED");
}

#[test]
fn transfers() {
    let second = "TRANSFERRING WAITING_IN_QUEUE:Q2 ALERTING:Q2 CONNECTED:B AFTER_CALL_WORK:B ENDED";
    voice("blind-transfer", &format!("{REACHED} {second}"));
    voice(
        "requeue",
        &format!("{REACHED} {}", second.replace("Q2", "Q1")),
    );
    voice(
        "transfer-to-user",
        &format!("{REACHED} TRANSFERRING ALERTING CONNECTED:B AFTER_CALL_WORK:B ENDED"),
    );
    voice(
        "transfer-out",
        &format!("{REACHED} DIALING TRANSFERRED_OUT ENDED"),
    );
    voice(
        "overflow",
        "IN_FLOW WAITING_IN_QUEUE:Q1 WAITING_IN_QUEUE:Q2 ALERTING:Q2 CONNECTED:A AFTER_CALL_WORK:A ENDED",
    );
}

#[test]
fn consults_and_conferences() {
    voice(
        "consult-transfer",
        &format!("{REACHED} CONNECTED:B AFTER_CALL_WORK:B ENDED"),
    );
    voice("consult-cancelled", &format!("{REACHED} {DONE}"));
    voice("conference", &format!("{REACHED} {DONE}"));
    voice(
        "conference-agent-leaves-first",
        &format!("{REACHED} CONNECTED:B AFTER_CALL_WORK:B ENDED"),
    );
    voice("stuck-external-leg", &format!("{REACHED} {DONE}"));
}

#[test]
fn hold_and_unanswered_offers() {
    voice("hold", &format!("{REACHED} ON_HOLD:A CONNECTED:A {DONE}"));
    let offers = "ALERTING:Q1 WAITING_IN_QUEUE:Q1 ALERTING:Q1 WAITING_IN_QUEUE:Q1 ALERTING:Q1";
    voice(
        "rona-twice",
        &format!("IN_FLOW WAITING_IN_QUEUE:Q1 {offers} CONNECTED:A {DONE}"),
    );
    voice("acw-timeout", &format!("{REACHED} {DONE}"));
}

#[test]
fn voicemail_and_callback() {
    let handled = "WAITING_IN_QUEUE:Q1 ALERTING:Q1 CONNECTED:A AFTER_CALL_WORK:A ENDED";
    voice(
        "voicemail",
        &format!("IN_FLOW WAITING_IN_QUEUE:Q1 VOICEMAIL {handled}"),
    );
    voice("callback", &format!("SCHEDULED:Q1 {handled}"));
}

#[test]
fn written_threads() {
    let reached = "WAITING_IN_QUEUE:Q1 ALERTING:Q1 CONNECTED:A";
    let again = "WAITING_IN_QUEUE:Q1 ALERTING:Q1 CONNECTED:B AFTER_CALL_WORK:B";
    voice(
        "email-parked",
        &format!("{reached} PARKED:A CONNECTED:A {DONE}"),
    );
    voice(
        "email-dcm",
        &format!("{reached} PARKED:A CONNECTED:A ENDED"),
    );
    voice("email-reopened", &format!("{reached} {DONE} {again} ENDED"));
    voice(
        "async-message",
        &format!("IN_FLOW {reached} AFTER_CALL_WORK:A IDLE {again} IDLE ENDED"),
    );
    voice(
        "message-reopened",
        &format!("IN_FLOW {reached} AFTER_CALL_WORK:A IDLE ENDED {again} IDLE ENDED"),
    );
    voice("chat-inactivity", &format!("{reached} {DONE}"));
}

#[test]
fn calls_that_begin_inside() {
    voice("outbound-on-behalf", &format!("DIALING CONNECTED:A {DONE}"));
    voice(
        "outbound-dialer",
        &format!("DIALING WAITING_IN_QUEUE:Q1 ALERTING:Q1 CONNECTED:A {DONE}"),
    );
    voice("dialer-no-answer", "DIALING ENDED");
    voice("user-to-user", "DIALING ALERTING CONNECTED:A ENDED");
}

#[test]
fn every_script_agrees_with_the_rules_on_every_medium() {
    for name in scripts::NAMES {
        for media in Media::ALL {
            for direction in [Direction::Inbound, Direction::Outbound] {
                for halves in [Halves::Together, Halves::CustomerFirst, Halves::AgentFirst] {
                    let played = play(name, media, direction, halves);
                    for (number, (shown, told)) in played.snapshots.iter().enumerate() {
                        let Some(told) = told else { continue };
                        let told = serde_json::to_value(told).unwrap();
                        assert_eq!(
                            told,
                            rules::status(shown),
                            "{name} on {media:?} {direction:?} {halves:?}, snapshot {number}: {shown:#}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn no_half_of_a_hang_up_shows_a_status_that_the_truth_does_not_have() {
    for name in scripts::NAMES {
        for halves in [Halves::CustomerFirst, Halves::AgentFirst] {
            let played = play(name, Media::Voice, Direction::Inbound, halves);
            let mut before = Value::from("CREATED");
            for (number, (shown, told)) in played.snapshots.iter().enumerate() {
                let next = played.snapshots[number..]
                    .iter()
                    .find_map(|(_, told)| *told)
                    .map(|told| serde_json::to_value(told).unwrap());
                let by_rules = Value::from(rules::status(shown));
                assert!(
                    by_rules == before || Some(&by_rules) == next.as_ref(),
                    "{name} {halves:?}, snapshot {number}: {by_rules} between {before} and {next:?}"
                );
                if let Some(told) = told {
                    before = serde_json::to_value(told).unwrap();
                }
            }
        }
    }
}

#[test]
fn every_script_takes_less_than_a_minute_and_its_times_increase() {
    for name in scripts::NAMES {
        let played = play(name, Media::Voice, Direction::Inbound, Halves::AgentFirst);
        let times: Vec<i64> = played
            .conversation
            .truth
            .iter()
            .map(|step| step.at.millis())
            .collect();
        assert!(
            times.windows(2).all(|pair| pair[1] - pair[0] >= 2),
            "{name}: {times:?}"
        );
        assert!(
            times.last().unwrap() - times[0] < 60_000,
            "{name} takes {} ms",
            times.last().unwrap() - times[0]
        );
    }
}
