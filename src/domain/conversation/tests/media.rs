//! Snapshots of one medium, which are not the whole.

use super::*;

#[test]
fn one_medium_leaves_the_others_alone() {
    let whole = snapshot(vec![
        customer(vec![
            call("c1", L::Connected).from(0),
            leg("c2", Medium::Callback, L::Scheduled),
        ]),
        queue("acd", "q1", vec![call("a1", L::Connected).from(5)]),
    ]);
    let mut conversation = unknown();
    conversation.apply(&seen(whole, 5)).unwrap();
    let mut calls_only = snapshot(vec![
        customer(vec![call("", L::Connected).from(0)]),
        queue("acd", "q1", vec![call("", L::Connected).from(5)]),
        agent("agent", "u1", vec![call("", L::Alerting)]),
    ]);
    calls_only.shape = Shape::Medium(Medium::Voice);
    conversation.apply(&seen(calls_only, 10)).unwrap();
    assert_eq!(conversation.row.status, S::Alerting);
    let known = &conversation.facts.participants;
    assert_eq!(known[0].legs.len(), 2, "the callback leg is still there");
    assert_eq!(known[1].legs[0].id.as_str(), "a1", "the leg keeps its id");
}

#[test]
fn a_leg_seen_without_an_id_gets_its_own_when_the_conversation_is_read() {
    let customer_on = || customer(vec![call("c1", L::Connected).from(0)]);
    let waits = |leg: &str| queue("acd", "q1", vec![call(leg, L::Connected).from(5)]);
    let mut conversation = unknown();
    let whole = snapshot(vec![customer_on(), waits("a1")]);
    conversation.apply(&seen(whole, 5)).unwrap();
    let mut offered = snapshot(vec![
        customer(vec![call("", L::Connected).from(0)]),
        waits(""),
        agent("agent", "u1", vec![call("", L::Alerting)]),
    ]);
    offered.shape = Shape::Medium(Medium::Voice);
    conversation.apply(&seen(offered, 8)).unwrap();
    assert_eq!(conversation.row.status, S::Alerting);
    let made_up = conversation.facts.participants[2].legs[0].id.clone();
    assert_eq!(made_up.as_str(), "agent/voice/0");

    let read = snapshot(vec![
        customer_on(),
        queue(
            "acd",
            "q1",
            vec![call("a1", L::Connected).from(5).until(10, "transfer")],
        ),
        agent("agent", "u1", vec![call("g1", L::Connected).from(10)]),
    ]);
    conversation.apply(&seen(read, 11)).unwrap();
    assert_eq!(conversation.row.status, S::Connected);
    let legs = &conversation.facts.participants[2].legs;
    assert_eq!(legs.len(), 1);
    assert_eq!(legs[0].id.as_str(), "g1");
}

#[test]
fn one_medium_waits_while_another_that_it_names_is_not_known() {
    let mut conversation = unknown();
    let whole = snapshot(vec![customer(vec![call("c1", L::Connected).from(0)])]);
    conversation.apply(&seen(whole, 5)).unwrap();
    let mut over = snapshot(vec![customer(vec![
        call("", L::Connected).from(0).until(20, "endpoint"),
    ])]);
    over.shape = Shape::Medium(Medium::Voice);
    assert!(!conversation.doubts(&over, at(20), false));
    over.other_media = vec![Medium::Callback];
    assert!(conversation.doubts(&over, at(20), false));
    over.other_media = vec![Medium::Cobrowse];
    assert!(!conversation.doubts(&over, at(20), false));
}

/// A callback was answered, dialled and over while the record was blind. The first notification shows the
/// call alone: what the reading tells of the callback belongs to the same moments.
#[test]
fn a_notification_of_one_medium_is_told_with_the_others_as_they_stood_then() {
    let back = |id: &str, state: L| leg(id, Medium::Callback, state);
    let waits = |since: Leg| queue("acd", "q1", vec![since]);
    let mut conversation = unknown();
    let waiting = snapshot(vec![
        customer(vec![back("c1", L::Connected).from(0)]),
        waits(back("a1", L::Connected).from(2)),
    ]);
    conversation.apply(&seen(waiting, 2)).unwrap();
    assert_eq!(conversation.row.status, S::WaitingInQueue);

    let call_over = call("g2", L::Connected).from(20).until(30, "client");
    let mut heard = snapshot(vec![agent("agent", "u1", vec![call_over.clone()])]);
    heard.shape = Shape::Medium(Medium::Voice);
    heard.other_media = vec![Medium::Callback];
    let mut answered =
        back("g1", L::Connected)
            .from(10)
            .until(30, "client")
            .acw(AcwState::Pending, 30, None);
    answered.start_alerting_time = Some(at(8));
    let reading = snapshot(vec![
        customer(vec![back("c1", L::Connected).from(0)]),
        waits(back("a1", L::Connected).from(2).until(10, "transfer")),
        agent("agent", "u1", vec![answered, call_over]),
    ]);
    let waiting = [seen(heard, 30)];
    let applied = conversation.apply_through(&waiting, &seen(reading, 31));
    let updates = applied.unwrap().updates;
    let told: Vec<S> = updates.iter().map(|update| update.after.status).collect();
    assert!(!told.contains(&S::Dialing), "{told:?}");
    assert!(!told.contains(&S::WaitingInQueue), "{told:?}");
    assert_eq!(told.first(), Some(&S::Alerting), "{told:?}");
    assert!(told.contains(&S::Connected), "{told:?}");
    assert_eq!(told.last(), Some(&S::AfterCallWork), "{told:?}");
}
