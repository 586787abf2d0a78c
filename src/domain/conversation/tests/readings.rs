//! What a reading tells beside what notifications told.

use super::*;

#[test]
fn what_was_before_the_first_sight_is_reconciled_oldest_first() {
    let (_, updates) = play(&inbound_call()[..1]);
    let told: Vec<_> = updates
        .iter()
        .map(|update| (update.cause, update.after.status, update.occurred_at))
        .collect();
    assert_eq!(
        told,
        [
            (ChangeCause::Reconciled, S::InFlow, at(0)),
            (ChangeCause::GenesysEvent, S::WaitingInQueue, at(5)),
        ]
    );
}

#[test]
fn a_hold_that_came_and_went_unseen_is_told_by_a_reading_that_looks_the_same() {
    let on = |segments: Vec<Segment>| {
        let mut leg = call("g1", L::Connected).from(20);
        leg.segments = segments;
        snapshot(vec![
            customer(vec![call("c1", L::Connected).from(0)]),
            agent("agent", "u1", vec![leg]),
        ])
    };
    let mut conversation = unknown();
    conversation.apply(&seen(on(Vec::new()), 21)).unwrap();
    let segments = [(20, 30, Activity::Other), (30, 40, Activity::Hold)];
    let segments = segments.map(|(start, end, activity)| Segment {
        activity,
        start: at(start),
        end: Some(at(end)),
    });
    let mut reading = seen(on(segments.to_vec()), 50);
    if let Fact::Seen {
        snapshot,
        cause,
        read_at,
        ..
    } = &mut reading.fact
    {
        snapshot.source = Source::Rest;
        (*cause, *read_at) = (ChangeCause::Reconciled, Some(at(50)));
    }
    let told = conversation.apply(&reading).unwrap().updates;
    let told: Vec<_> = told
        .iter()
        .map(|update| (update.after.status, update.occurred_at))
        .collect();
    assert_eq!(told, [(S::OnHold, at(30)), (S::Connected, at(40))]);
    assert_eq!(conversation.apply(&reading).unwrap().updates, []);
}

#[test]
fn a_reading_overtaken_by_a_notification_changes_no_mark() {
    let on = |held: bool| {
        let mut leg = call("g1", L::Connected).from(1);
        leg.held = held;
        snapshot(vec![
            customer(vec![call("c1", L::Connected).from(0)]),
            agent("agent", "u1", vec![leg]),
        ])
    };
    let mut conversation = unknown();
    conversation.apply(&seen(on(false), 1)).unwrap();
    conversation.apply(&seen(on(true), 10)).unwrap();
    let reading = ConversationEvent {
        fact: Fact::Seen {
            snapshot: Snapshot {
                source: Source::Rest,
                ..on(false)
            },
            cause: ChangeCause::Reconciled,
            read_at: Some(at(9)),
            gap_before: false,
        },
        ..seen(on(false), 11)
    };
    assert_eq!(conversation.apply(&reading).unwrap(), Applied::default());
    assert_eq!(conversation.row.status, S::OnHold);
}

#[test]
fn an_overtaken_reading_still_tells_new_facts() {
    let on = |held: bool, start: Option<Time>| {
        let mut leg = call("g1", L::Connected).from(1);
        leg.held = held;
        let talking = Participant {
            start_time: start,
            ..agent("agent", "u1", vec![leg])
        };
        snapshot(vec![
            customer(vec![call("c1", L::Connected).from(0)]),
            talking,
        ])
    };
    let mut conversation = unknown();
    conversation.apply(&seen(on(false, None), 1)).unwrap();
    conversation.apply(&seen(on(true, None), 10)).unwrap();
    let reading = ConversationEvent {
        fact: Fact::Seen {
            snapshot: Snapshot {
                source: Source::Rest,
                ..on(false, Some(at(1)))
            },
            cause: ChangeCause::Reconciled,
            read_at: Some(at(9)),
            gap_before: false,
        },
        ..seen(on(false, None), 11)
    };
    conversation.apply(&reading).unwrap();
    assert_eq!(conversation.row.status, S::OnHold);
    assert_eq!(conversation.facts.participants[1].start_time, Some(at(1)));
}

/// A call of the customer with that leg of an agent.
fn talks(agent_leg: Leg) -> Snapshot {
    snapshot(vec![
        customer(vec![call("c1", L::Connected).from(0)]),
        agent("agent", "u1", vec![agent_leg]),
    ])
}

/// A reading that was asked for at one second and told at another.
fn read(said: Snapshot, read_at: i64, told_at: i64) -> ConversationEvent {
    let fact = Fact::Seen {
        snapshot: Snapshot {
            source: Source::Rest,
            ..said.clone()
        },
        cause: ChangeCause::Reconciled,
        read_at: Some(at(read_at)),
        gap_before: false,
    };
    ConversationEvent {
        fact,
        ..seen(said, told_at)
    }
}

/// Two readings were under way at once. The second is newer than what the first showed, whenever the
/// first was told.
#[test]
fn a_reading_shows_what_stood_when_it_was_asked_for_not_when_it_was_told() {
    let connected = || call("g1", L::Connected).from(5);
    let mut conversation = unknown();
    conversation
        .apply(&read(talks(connected()), 10, 15))
        .unwrap();
    conversation
        .apply(&read(talks(connected().held_since(11)), 12, 16))
        .unwrap();
    assert_eq!(conversation.row.status, S::OnHold);
    // One that was asked for before takes nothing back.
    conversation
        .apply(&read(talks(connected()), 11, 17))
        .unwrap();
    assert_eq!(conversation.row.status, S::OnHold);
}

/// The reading tells nothing that the notifications before it did not.
#[test]
fn a_reading_that_is_no_news_still_makes_an_earlier_one_old() {
    let connected = || call("g1", L::Connected).from(5);
    let on_hold = || talks(connected().held_since(11));
    let mut conversation = unknown();
    conversation
        .apply(&read(talks(connected()), 8, 20))
        .unwrap();
    let waiting = [seen(on_hold(), 11)];
    conversation
        .apply_through(&waiting, &read(on_hold(), 12, 20))
        .unwrap();
    assert_eq!(conversation.row.status, S::OnHold);
    let late = conversation
        .apply(&read(talks(connected()), 10, 20))
        .unwrap();
    assert_eq!(late.updates, []);
}

#[test]
fn analytics_do_not_take_back_who_was_consulted() {
    let consulted = || Participant {
        consult_participant_id: Some("g".into()),
        ..agent("other", "u2", vec![call("o1", L::Connected).from(30)])
    };
    let with = |other: Participant| {
        let talks = agent("g", "u1", vec![call("g1", L::Connected).from(20)]);
        vec![
            customer(vec![call("c1", L::Connected).from(0)]),
            talks,
            other,
        ]
    };
    let (mut conversation, _) = play(&[(30, with(consulted()))]);
    let silent = Participant {
        consult_participant_id: None,
        ..consulted()
    };
    let said = Snapshot {
        source: Source::Analytics,
        end: Some(at(60)),
        ..snapshot(with(silent))
    };
    conversation.apply(&seen(said, 90)).unwrap();
    let other = &conversation.facts.participants[2];
    assert_eq!(
        other.consult_participant_id,
        consulted().consult_participant_id
    );
}
