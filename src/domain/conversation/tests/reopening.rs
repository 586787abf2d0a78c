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
