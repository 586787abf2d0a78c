//! Hold and park, which come and go.

use super::*;

#[test]
fn hold_and_park_apply_as_they_arrive_whatever_times_they_carry() {
    let on = |held: bool, since: i64| {
        let mut leg = call("g1", L::Connected).from(20);
        if held {
            leg = leg.held_since(since);
        }
        vec![
            customer(vec![call("c1", L::Connected).from(0)]),
            agent("agent", "u1", vec![leg]),
        ]
    };
    // The second hold carries an older time than the first: times are no evidence of order.
    let life = [
        (21, on(false, 0)),
        (30, on(true, 30)),
        (40, on(false, 0)),
        (50, on(true, 25)),
        (60, on(false, 0)),
    ];
    let (_, updates) = play(&life);
    assert_eq!(
        statuses(&updates),
        [
            S::Connected,
            S::OnHold,
            S::Connected,
            S::OnHold,
            S::Connected
        ]
    );

    let mail = |state: L| {
        vec![
            customer(vec![leg("c1", Medium::Email, L::Connected).from(0)]),
            agent(
                "agent",
                "u1",
                vec![leg("g1", Medium::Email, state).from(20)],
            ),
        ]
    };
    let life = [
        (21, mail(L::Connected)),
        (30, mail(L::Parked)),
        (40, mail(L::Connected)),
    ];
    let (_, updates) = play(&life);
    assert_eq!(statuses(&updates), [S::Connected, S::Parked, S::Connected]);
}

#[test]
fn a_mark_taken_back_at_once_is_doubtful() {
    let on = |held: bool| {
        let mut leg = call("g1", L::Connected).from(1);
        leg.held = held;
        snapshot(vec![
            customer(vec![call("c1", L::Connected).from(0)]),
            agent("agent", "u1", vec![leg]),
        ])
    };
    let mut conversation = unknown();
    let mut doubts = Vec::new();
    for (second, held) in [(1, false), (10, true), (12, false), (60, true)] {
        doubts.push(
            conversation
                .apply(&seen(on(held), second))
                .unwrap()
                .doubtful,
        );
    }
    assert_eq!(doubts, [false, false, true, false]);
}
