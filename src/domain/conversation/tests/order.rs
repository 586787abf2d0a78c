//! Whatever order snapshots come in, and whatever is in them.

use proptest::prelude::*;

use super::*;

/// What two orders of arrival must agree in: all but the record's own numbering and clock.
fn outcome(conversation: &Conversation) -> Row {
    Row {
        status_number: 0,
        status_since: at(0),
        created_at: at(0),
        updated_at: at(0),
        waiting_since: None,
        owner: conversation
            .row
            .owner
            .clone()
            .map(|owner| crate::domain::row::Owner {
                since: at(0),
                ..owner
            }),
        ..conversation.row.clone()
    }
}

/// Snapshots of the call without its reversible marks: each neighbour's later one ends a leg, adds
/// one, or sets a fact that can't be undone.
fn unmarked_call() -> Vec<(i64, Vec<Participant>)> {
    inbound_call()
        .into_iter()
        .filter(|(second, _)| !matches!(second, 30 | 40))
        .collect()
}

proptest! {
    #[test]
    fn a_repeat_and_an_older_snapshot_change_nothing(upto in 0usize..7, older in 0usize..7) {
        let life = inbound_call();
        let (known, _) = play(&life[..=upto]);
        let mut again = known.clone();
        let applied = again.apply(&seen(snapshot(life[upto].1.clone()), 99)).unwrap();
        prop_assert!(applied.updates.is_empty());
        prop_assert_eq!(&again, &known);
        let marks_only = (2..=4).contains(&older) && (2..=4).contains(&upto);
        if older < upto && !marks_only {
            let applied = again.apply(&seen(snapshot(life[older].1.clone()), 99)).unwrap();
            prop_assert!(applied.updates.is_empty(), "{} after {}", older, upto);
            prop_assert_eq!(&again, &known);
        }
    }

    #[test]
    fn two_neighbours_swapped_end_in_the_same_row(place in 0usize..4) {
        let life = unmarked_call();
        let (straight, _) = play(&life);
        let mut swapped = life.clone();
        swapped.swap(place, place + 1);
        let (other, _) = play(&swapped);
        prop_assert_eq!(outcome(&straight), outcome(&other));
    }

    #[test]
    fn each_snapshot_twice_is_the_same_as_once(second in 1i64..1000) {
        let life = inbound_call();
        let mut doubled = Vec::new();
        for (at, participants) in &life {
            doubled.push((*at, participants.clone()));
            doubled.push((*at + second, participants.clone()));
        }
        let (straight, once) = play(&life);
        let (other, twice) = play(&doubled);
        prop_assert_eq!(statuses(&once), statuses(&twice));
        prop_assert_eq!(outcome(&straight), outcome(&other));
    }

    #[test]
    fn unknown_purposes_states_and_media_never_panic(
        lives in prop::collection::vec(prop::collection::vec(any_participant(), 0..6), 1..6)
    ) {
        let mut conversation = unknown();
        for (second, participants) in (0i64..).zip(lives) {
            let applied = conversation.apply(&seen(snapshot(participants), second)).unwrap();
            for pair in applied.updates.windows(2) {
                prop_assert_eq!(pair[0].version + 1, pair[1].version);
            }
        }
    }
}

fn any_participant() -> impl Strategy<Value = Participant> {
    let purpose = prop::sample::select(vec![
        "customer",
        "acd",
        "agent",
        "ivr",
        "voicemail",
        "dialer.system",
        "",
        "Ünknown",
    ]);
    let time = || prop::option::of((-5i64..100).prop_map(at));
    (
        0u8..4,
        purpose,
        prop::collection::vec(any_leg(), 0..4),
        time(),
        time(),
        any::<bool>(),
    )
        .prop_map(
            |(id, purpose, legs, connected, ended, supervising)| Participant {
                connected_time: connected,
                end_time: ended,
                supervising,
                user_id: (id % 2 == 0).then(|| "u1".into()),
                queue_id: (id % 2 == 1).then(|| "q1".into()),
                consult_participant_id: supervising.then(|| "p0".into()),
                ..participant(&format!("p{id}"), purpose, legs)
            },
        )
}

fn any_leg() -> impl Strategy<Value = Leg> {
    let media = prop::sample::select(vec![
        Medium::Voice,
        Medium::Callback,
        Medium::Email,
        Medium::Message,
        Medium::Video,
        Medium::Cobrowse,
    ]);
    let words = prop::sample::select(vec![
        "alerting",
        "connected",
        "terminated",
        "parked",
        "scheduled",
        "dialing",
        "none",
        "tomorrow's",
    ]);
    let time = || prop::option::of((-5i64..100).prop_map(at));
    (0u8..4, media, words, time(), time(), any::<bool>()).prop_map(
        |(id, medium, word, connected, ended, held)| Leg {
            connected_time: connected,
            disconnected_time: ended,
            held,
            acw: held.then_some(crate::domain::snapshot::AfterCallWork {
                state: AcwState::Pending,
                start_time: connected,
                end_time: ended,
            }),
            ..leg(&format!("l{id}"), medium, L::from_word(word))
        },
    )
}
