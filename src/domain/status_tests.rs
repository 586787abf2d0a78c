use super::*;
use crate::domain::row::ConversationStatus as S;
use crate::domain::snapshot::{AcwState, LegState as L};
use crate::domain::testing::{agent, at, call, customer, leg, participant, queue};

fn check(name: &str, participants: &[Participant], expected: S) {
    assert_eq!(status_of(participants, None).status, expected, "{name}");
}

fn on() -> Participant {
    customer(vec![call("c1", L::Connected).from(0)])
}

fn gone() -> Participant {
    customer(vec![call("c1", L::Connected).from(0).until(50, "endpoint")])
}

fn waiting() -> Participant {
    queue("acd", "q1", vec![call("a1", L::Connected).from(5)])
}

fn served() -> Participant {
    queue(
        "acd",
        "q1",
        vec![call("a1", L::Connected).from(5).until(20, "transfer")],
    )
}

fn talking() -> Participant {
    agent("agent", "u1", vec![call("g1", L::Connected).from(20)])
}

fn left(how: &str) -> Participant {
    agent(
        "agent",
        "u1",
        vec![call("g1", L::Connected).from(20).until(50, how)],
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of all rules")]
fn every_rule_gives_its_status() {
    let table = [
        ("0 nobody", vec![], S::Created),
        (
            "2 the customer is still being dialled",
            vec![customer(vec![call("c1", L::Dialing).outbound()]), talking()],
            S::Dialing,
        ),
        (
            "3 every active agent leg holds",
            vec![
                on(),
                agent(
                    "agent",
                    "u1",
                    vec![call("g1", L::Connected).from(20).held_since(30)],
                ),
            ],
            S::OnHold,
        ),
        (
            "4 one of two agents holds",
            vec![
                on(),
                agent(
                    "agent",
                    "u1",
                    vec![call("g1", L::Connected).from(20).held_since(30)],
                ),
                agent("second", "u2", vec![call("g2", L::Connected).from(31)]),
            ],
            S::Connected,
        ),
        (
            "4 the queue's leg overlaps",
            vec![on(), waiting(), talking()],
            S::Connected,
        ),
        (
            "5 offered",
            vec![
                on(),
                waiting(),
                agent("agent", "u1", vec![call("g1", L::Alerting)]),
            ],
            S::Alerting,
        ),
        (
            "6 the agent's own station rings",
            vec![agent(
                "agent",
                "u1",
                vec![call("g1", L::Contacting).outbound()],
            )],
            S::Dialing,
        ),
        (
            "6 the dialer calls the customer",
            vec![
                participant(
                    "dialer",
                    "dialer.system",
                    vec![call("d1", L::Connected).from(0)],
                ),
                customer(vec![call("c1", L::Dialing).outbound()]),
            ],
            S::Dialing,
        ),
        (
            "6 call analysis: only the dialer is on it",
            vec![
                participant(
                    "dialer",
                    "dialer.system",
                    vec![call("d1", L::Connected).from(0)],
                ),
                customer(vec![call("c1", L::Connected).from(3)]),
            ],
            S::Dialing,
        ),
        (
            "7 parked",
            vec![
                customer(vec![leg("c1", Medium::Email, L::Connected).from(0)]),
                agent(
                    "agent",
                    "u1",
                    vec![leg("g1", Medium::Email, L::Parked).from(20)],
                ),
            ],
            S::Parked,
        ),
        (
            "8 the mailbox",
            vec![
                on(),
                participant("vm", "voicemail", vec![call("v1", L::Connected).from(9)]),
                queue(
                    "acd",
                    "q1",
                    vec![leg("a2", Medium::Callback, L::Uploading).from(9)],
                ),
            ],
            S::Voicemail,
        ),
        ("9 waiting", vec![on(), waiting()], S::WaitingInQueue),
        (
            "9 waits again while the first agent wraps up",
            vec![
                on(),
                agent(
                    "agent",
                    "u1",
                    vec![call("g1", L::Connected).from(1).until(4, "transfer").acw(
                        AcwState::Pending,
                        4,
                        None,
                    )],
                ),
                waiting(),
            ],
            S::WaitingInQueue,
        ),
        (
            "10 a callback before its time",
            vec![
                customer(vec![leg("c1", Medium::Callback, L::Scheduled)]),
                queue("acd", "q1", vec![leg("a1", Medium::Callback, L::Scheduled)]),
            ],
            S::Scheduled,
        ),
        (
            "11 in the IVR",
            vec![
                on(),
                participant("ivr", "ivr", vec![call("i1", L::Connected).from(0)]),
            ],
            S::InFlow,
        ),
        (
            "12 the customer talks to an outside party",
            vec![
                on(),
                left("transfer"),
                participant(
                    "out",
                    "external",
                    vec![call("x1", L::Connected).from(40).outbound()],
                ),
            ],
            S::TransferredOut,
        ),
        (
            "13 between two legs",
            vec![on(), left("transfer")],
            S::Transferring,
        ),
        (
            "14 wrapping up",
            vec![
                gone(),
                agent(
                    "agent",
                    "u1",
                    vec![call("g1", L::Connected).from(20).until(50, "peer").acw(
                        AcwState::Pending,
                        50,
                        None,
                    )],
                ),
            ],
            S::AfterCallWork,
        ),
        (
            "15 an open thread",
            vec![
                customer(vec![leg("c1", Medium::Message, L::Connected).from(0)]),
                agent(
                    "agent",
                    "u1",
                    vec![
                        leg("g1", Medium::Message, L::Connected)
                            .from(20)
                            .until(50, "client"),
                    ],
                ),
            ],
            S::Idle,
        ),
        (
            "15 a later mail of an answered thread",
            vec![
                customer(vec![leg("c1", Medium::Email, L::Connected).from(60)]),
                agent(
                    "agent",
                    "u1",
                    vec![
                        leg("g1", Medium::Email, L::Connected)
                            .from(20)
                            .until(50, "client"),
                    ],
                ),
            ],
            S::Idle,
        ),
        ("17 hung up", vec![gone(), served(), left("peer")], S::Ended),
        (
            "17 the customer's leg lingers",
            vec![on(), served(), left("client")],
            S::Ended,
        ),
        (
            "17 abandoned: the queue's half is still to come",
            vec![gone(), waiting()],
            S::Ended,
        ),
        (
            "18 a flow ended otherwise",
            vec![
                on(),
                participant(
                    "ivr",
                    "ivr",
                    vec![call("i1", L::Connected).from(0).until(5, "system")],
                ),
            ],
            S::Transferring,
        ),
        (
            "19 nothing active",
            vec![customer(vec![call("c1", L::None)])],
            S::Created,
        ),
    ];
    for (name, participants, expected) in table {
        check(name, &participants, expected);
    }
}

#[test]
fn the_end_by_rest_leaves_only_after_call_work() {
    assert_eq!(status_of(&[on(), talking()], Some(at(90))).status, S::Ended);
    let wraps_up = agent(
        "agent",
        "u1",
        vec![
            call("g1", L::Connected)
                .from(20)
                .until(50, "peer")
                .acw(AcwState::Pending, 50, None),
        ],
    );
    assert_eq!(
        status_of(&[gone(), wraps_up], Some(at(90))).status,
        S::AfterCallWork
    );
}

#[test]
fn an_error_at_the_end_is_told() {
    let mut failed = left("error");
    failed.legs[0].error = Some("the edge lost it".into());
    let verdict = status_of(&[gone(), failed], None);
    assert_eq!(verdict.status, S::Ended);
    assert_eq!(verdict.error.as_deref(), Some("the edge lost it"));
}

#[test]
fn supervisors_decide_nothing() {
    let mut monitor = agent("monitor", "u9", vec![call("m1", L::Connected).from(8)]);
    monitor.supervising = true;
    check(
        "a monitor listens to a waiting call",
        &[on(), waiting(), monitor],
        S::WaitingInQueue,
    );
}

#[test]
fn screens_decide_nothing() {
    let shares = agent(
        "agent",
        "u1",
        vec![leg("s1", Medium::ScreenShare, L::Connected).from(8)],
    );
    check(
        "a shared screen",
        &[on(), waiting(), shares],
        S::WaitingInQueue,
    );
}

#[test]
fn after_call_work_may_be_told_by_the_participant_alone() {
    let mut wraps_up = left("peer");
    wraps_up.start_acw_time = Some(at(50));
    check("started", &[gone(), wraps_up.clone()], S::AfterCallWork);
    wraps_up.end_acw_time = Some(at(70));
    check("ended", &[gone(), wraps_up.clone()], S::Ended);
    wraps_up.end_acw_time = None;
    wraps_up.legs[0] = wraps_up.legs[0]
        .clone()
        .acw(AcwState::Skipped, 50, Some(50));
    check("skipped", &[gone(), wraps_up], S::Ended);
}

#[test]
fn unknown_words_fall_where_their_facts_put_them() {
    let mut unknown = participant("x", "hologram", vec![call("x1", L::Connected).from(3)]);
    assert_eq!(role_of(&unknown), Role::Flow);
    unknown.external_contact_id = Some("contact".into());
    assert_eq!(role_of(&unknown), Role::External);
    unknown.user_id = Some("u1".into());
    assert_eq!(role_of(&unknown), Role::Agent);
    let odd = call("x1", LegState::from_word("levitating"));
    assert_eq!(phase_of(&odd, &on()), Phase::Silent);
    assert_eq!(phase_of(&odd.until(9, "client"), &on()), Phase::Ended);
}

#[test]
fn the_medium_is_that_of_the_leg_that_makes_the_status() {
    let mut dialled = agent(
        "agent",
        "u1",
        vec![
            leg("g1", Medium::Callback, L::Connected).from(20),
            call("g2", L::Connected).from(25),
        ],
    );
    assert_eq!(
        status_of(&[on(), dialled.clone()], None).medium,
        Some(Medium::Voice)
    );
    dialled.legs.pop();
    assert_eq!(
        status_of(&[on(), dialled], None).medium,
        Some(Medium::Callback)
    );
}
