//! What brings back a conversation that has ended.

use super::*;

#[test]
fn only_an_internal_leg_or_a_new_mail_reopens_what_has_ended() {
    let (ended, _) = play(&inbound_call());
    let last = inbound_call().pop().unwrap().1;
    let with = |more: Participant| {
        let mut participants = last.clone();
        participants.push(more);
        snapshot(participants)
    };
    let mut stray = ended.clone();
    let outsider = participant("x", "external", vec![call("x1", L::Connected).from(80)]);
    let applied = stray.apply(&seen(with(outsider), 80)).unwrap();
    assert_eq!(stray.row.status, S::Ended);
    assert!(
        applied
            .updates
            .iter()
            .all(|update| !update.is_status_change())
    );

    let mut again = ended.clone();
    let back = agent("back", "u2", vec![call("b1", L::Connected).from(90)]);
    let applied = again.apply(&seen(with(back), 90)).unwrap();
    assert_eq!(again.row.status, S::Connected);
    assert_eq!(applied.updates[0].cause, ChangeCause::Reopened);
    assert_eq!(again.row.conversation_end, None);
}

#[test]
fn the_customers_next_mail_reopens_a_thread() {
    let first = |leg: Leg| Participant {
        id: "first".into(),
        ..customer(vec![leg])
    };
    let mail = |id: &str| leg(id, Medium::Email, L::Connected);
    let answered = || agent("agent", "u1", vec![mail("g1").from(20).until(50, "client")]);
    let life = [
        (
            50,
            vec![first(mail("c1").from(0).until(50, "peer")), answered()],
        ),
        (
            90,
            vec![
                first(mail("c1").from(0).until(50, "peer")),
                answered(),
                Participant {
                    id: "next".into(),
                    ..customer(vec![mail("c2").from(90)])
                },
            ],
        ),
    ];
    let (conversation, updates) = play(&life);
    assert_eq!(conversation.row.status, S::Idle);
    assert_eq!(
        updates.last().map(|update| update.cause),
        Some(ChangeCause::Reopened)
    );
}

/// Genesys tells an end while the agent still wraps up. The customer's next mail takes it back.
#[test]
fn a_mail_during_after_call_work_takes_the_end_back() {
    let mail = |id: &str| leg(id, Medium::Email, L::Connected);
    let first = || customer(vec![mail("c1").from(0).until(50, "peer")]);
    let wraps_up = |state, to| {
        let left = mail("g1").from(20).until(50, "client").acw(state, 50, to);
        agent("g", "u1", vec![left])
    };
    let (mut conversation, _) = play(&[(50, vec![first(), wraps_up(AcwState::Pending, None)])]);
    let ended = Snapshot {
        source: Source::Rest,
        end: Some(at(50)),
        ..snapshot(vec![first(), wraps_up(AcwState::Pending, None)])
    };
    conversation.apply(&seen(ended, 52)).unwrap();
    assert_eq!(conversation.row.status, S::AfterCallWork);

    let next = || participant("next", "customer", vec![mail("c2").from(60)]);
    let waits = || queue("acd", "q1", vec![mail("a1").from(60)]);
    let pending = wraps_up(AcwState::Pending, None);
    let said = vec![first(), pending, next(), waits()];
    conversation.apply(&seen(snapshot(said), 60)).unwrap();
    assert_eq!(conversation.row.status, S::WaitingInQueue);

    let complete = wraps_up(AcwState::Complete, Some(70));
    let said = vec![first(), complete, next(), waits()];
    conversation.apply(&seen(snapshot(said), 70)).unwrap();
    assert_eq!(conversation.row.status, S::WaitingInQueue);
    assert_eq!(conversation.row.conversation_end, None);
}
