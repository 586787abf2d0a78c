use proptest::prelude::*;

use super::*;
use crate::domain::caller::Scope;
use crate::domain::filter::{Filter, Membership, sighting};
use crate::domain::ids::UserId;
use crate::domain::row::{
    ContextKey, ContextRef, ContextVerb, ConversationStatus as S, Direction, InitiatedBy,
    MediaType, OwnerKind,
};
use crate::domain::snapshot::{
    Activity, AcwState, Leg, LegState as L, Medium, Participant, Segment, Shape, Snapshot, Source,
};
use crate::domain::testing::{
    agent, at, call, conversation_id, customer, inbound_call, leg, participant, queue, seen,
    snapshot,
};

fn unknown() -> Conversation {
    Conversation::unknown(conversation_id(), at(0))
}

fn play(life: &[(i64, Vec<Participant>)]) -> (Conversation, Vec<Update>) {
    let mut conversation = unknown();
    let mut updates = Vec::new();
    for (second, participants) in life {
        let event = seen(snapshot(participants.clone()), *second);
        updates.extend(conversation.apply(&event).unwrap().updates);
    }
    (conversation, updates)
}

fn statuses(updates: &[Update]) -> Vec<S> {
    updates
        .iter()
        .filter(|update| update.is_status_change())
        .map(|update| update.after.status)
        .collect()
}

fn owners(updates: &[Update]) -> Vec<Option<String>> {
    let mut owners: Vec<Option<String>> = updates
        .iter()
        .map(|update| {
            update
                .after
                .owner
                .as_ref()
                .map(|owner| owner.genesys_id.clone())
        })
        .collect();
    owners.dedup();
    owners
}

fn registration() -> Registration {
    Registration {
        initiated_by: InitiatedBy::Dcm,
        initial_screen_pop_target: None,
        direction: Some(Direction::Outbound),
        original_media_type: Some(MediaType::Email),
        conversation_start: None,
        queue_id: Some("q9".into()),
        queue_name: Some("Nine".into()),
        context: Some(ContextRef {
            key: ContextKey::Case,
            custom_key: String::new(),
            object_id: "case-1".into(),
        }),
        context_name: None,
    }
}

fn registered(said: Registration, second: i64) -> ConversationEvent {
    ConversationEvent {
        conversation_id: conversation_id(),
        received_at: at(second),
        actor: Some("dcm".into()),
        fact: Fact::Registered(said),
    }
}

#[test]
fn a_call_lives_from_the_queue_to_the_end_of_after_call_work() {
    let (conversation, updates) = play(&inbound_call());
    assert_eq!(
        statuses(&updates),
        [
            S::InFlow,
            S::WaitingInQueue,
            S::Alerting,
            S::Connected,
            S::OnHold,
            S::Connected,
            S::AfterCallWork,
            S::Ended
        ]
    );
    assert_eq!(
        owners(&updates),
        [None, Some("q1".into()), Some("u1".into()), None]
    );
    let row = &conversation.row;
    assert_eq!(row.conversation_start, Some(at(0)));
    assert_eq!(row.conversation_end, Some(at(60)));
    assert_eq!(row.direction, Some(Direction::Inbound));
    assert_eq!(row.original_media_type, Some(MediaType::Voice));
    assert_eq!(row.handled_by, [UserId::from("u1")]);
    assert!(row.agents.is_empty());
    assert_eq!(row.status_number, 8);
    let measured = &conversation.facts.participants[3].legs[0].timings;
    assert_eq!(
        (measured.talk_ms, measured.hold_ms, measured.acw_ms),
        (30_000, 10_000, 15_000)
    );
}

#[test]
fn updates_chain_by_version_number_and_status() {
    let (conversation, updates) = play(&inbound_call());
    for (place, update) in updates.iter().enumerate() {
        assert_eq!(update.version as usize, place + 1);
        assert_eq!(update.before.is_none(), place == 0);
    }
    for pair in updates.windows(2) {
        assert_eq!(Some(&pair[0].after), pair[1].before.as_ref());
        assert!(pair[0].occurred_at <= pair[1].occurred_at);
    }
    assert_eq!(
        updates.last().map(|update| update.version),
        Some(conversation.version)
    );
}

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

#[test]
fn a_consult_transfer_changes_the_owner_and_not_the_status() {
    let caller = || customer(vec![call("c1", L::Connected).from(0)]);
    let first = |leg: Leg| agent("first", "u1", vec![leg]);
    let second = |leg: Leg| Participant {
        consult_participant_id: Some("first".into()),
        ..agent("second", "u2", vec![leg])
    };
    let talk = || call("g1", L::Connected).from(10);
    let life = [
        (10, vec![caller(), first(talk())]),
        (
            20,
            vec![caller(), first(talk()), second(call("g2", L::Alerting))],
        ),
        (
            25,
            vec![
                caller(),
                first(talk()),
                second(call("g2", L::Connected).from(25)),
            ],
        ),
        (
            40,
            vec![
                caller(),
                first(talk().until(40, "transfer.consult")),
                second(call("g2", L::Connected).from(25)),
            ],
        ),
    ];
    let (_, updates) = play(&life);
    assert_eq!(statuses(&updates), [S::Connected]);
    assert_eq!(owners(&updates), [Some("u1".into()), Some("u2".into())]);
    let handed_over = updates.last().unwrap();
    assert!(handed_over.kinds.contains(ChangeKind::Owner));
    assert!(!handed_over.kinds.contains(ChangeKind::Status));
    let before = handed_over.before.as_ref().unwrap().owner.as_ref().unwrap();
    assert_eq!(
        (before.kind, before.genesys_id.as_str()),
        (OwnerKind::User, "u1")
    );
}

#[test]
fn an_overflow_changes_queue_and_owner_and_not_the_status() {
    let caller = || customer(vec![call("c1", L::Connected).from(0)]);
    let life = [
        (
            5,
            vec![
                caller(),
                queue("a", "q1", vec![call("a1", L::Connected).from(5)]),
            ],
        ),
        (
            30,
            vec![
                caller(),
                queue(
                    "a",
                    "q1",
                    vec![call("a1", L::Connected).from(5).until(30, "transfer")],
                ),
                queue("b", "q2", vec![call("b1", L::Connected).from(30)]),
            ],
        ),
    ];
    let (conversation, updates) = play(&life);
    assert_eq!(statuses(&updates), [S::WaitingInQueue]);
    let last = updates.last().unwrap();
    assert!(last.kinds.contains(ChangeKind::Queue) && last.kinds.contains(ChangeKind::Owner));
    assert_eq!(conversation.row.waiting_since, Some(at(30)));
}

#[test]
fn unanswered_offers_do_not_break_the_wait() {
    let caller = || customer(vec![call("c1", L::Connected).from(0)]);
    let waits = || queue("a", "q1", vec![call("a1", L::Connected).from(5)]);
    let life = [
        (5, vec![caller(), waits()]),
        (
            15,
            vec![
                caller(),
                waits(),
                agent("g", "u1", vec![call("g1", L::Alerting)]),
            ],
        ),
        (
            30,
            vec![
                caller(),
                waits(),
                agent("g", "u1", vec![call("g1", L::Alerting).until(30, "system")]),
            ],
        ),
    ];
    let (conversation, updates) = play(&life);
    assert_eq!(
        statuses(&updates),
        [S::WaitingInQueue, S::Alerting, S::WaitingInQueue]
    );
    assert_eq!(conversation.row.waiting_since, Some(at(5)));
    assert!(conversation.row.handled_by.is_empty());
}

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

#[test]
fn registrations_come_before_together_with_and_after_the_first_sight() {
    let first_sight = || seen(snapshot(inbound_call()[0].1.clone()), 5);
    let orders = [
        vec![registered(registration(), 1), first_sight()],
        vec![first_sight(), registered(registration(), 6)],
        vec![
            registered(registration(), 1),
            first_sight(),
            registered(registration(), 9),
        ],
    ];
    for order in orders {
        let mut conversation = unknown();
        for event in &order {
            conversation.apply(event).unwrap();
        }
        let row = &conversation.row;
        assert_eq!(row.initiated_by, InitiatedBy::Dcm);
        assert_eq!(row.status, S::WaitingInQueue);
        assert_eq!(
            row.last_queue_id.as_ref().map(ToString::to_string),
            Some("q1".to_owned()),
            "Genesys' own wins"
        );
        assert_eq!(row.direction, Some(Direction::Inbound));
        assert_eq!(row.original_media_type, Some(MediaType::Voice));
        assert_eq!(conversation.links.len(), 1);
        assert_eq!(row.contexts.len(), 1);
    }
}

#[test]
fn a_registration_alone_gives_what_it_says() {
    let mut conversation = unknown();
    let applied = conversation.apply(&registered(registration(), 1)).unwrap();
    assert_eq!(applied.updates.len(), 1);
    assert_eq!(applied.updates[0].cause, ChangeCause::Registered);
    let row = &conversation.row;
    assert_eq!((row.status, row.status_number), (S::Created, 1));
    assert_eq!(row.last_queue_name.as_deref(), Some("Nine"));
    assert_eq!(row.original_media_type, Some(MediaType::Email));
    assert!(
        conversation
            .apply(&registered(registration(), 2))
            .unwrap()
            .updates
            .is_empty()
    );
}

#[test]
fn a_contradicting_registration_changes_nothing() {
    let mut conversation = unknown();
    conversation.apply(&registered(registration(), 1)).unwrap();
    let before = conversation.clone();
    let mut other = registration();
    other.initiated_by = InitiatedBy::Genesys;
    other.queue_id = Some("q8".into());
    let refused = conversation.apply(&registered(other, 2)).unwrap_err();
    assert_eq!(
        refused,
        Refused::Conflict {
            fields: vec!["initiatedBy", "queueId"]
        }
    );
    assert_eq!(conversation, before);
}

#[test]
fn a_failure_is_cleared_by_success_of_the_same_work_only() {
    let (mut conversation, _) = play(&inbound_call()[..2]);
    let event = |fact: Fact| ConversationEvent {
        fact,
        ..seen(snapshot(vec![]), 20)
    };
    let failed = Fact::Failed {
        work: Work::Closing,
        message: "no permission".into(),
    };
    let applied = conversation.apply(&event(failed)).unwrap();
    assert!(applied.updates[0].kinds.contains(ChangeKind::Error));
    assert!(
        conversation
            .apply(&event(Fact::Succeeded {
                work: Work::Reading
            }))
            .unwrap()
            .updates
            .is_empty()
    );
    assert!(conversation.row.failure.is_some());
    let cleared = conversation
        .apply(&event(Fact::Succeeded {
            work: Work::Closing,
        }))
        .unwrap();
    assert!(cleared.updates[0].kinds.contains(ChangeKind::Error));
    assert_eq!(conversation.row.failure, None);
}

#[test]
fn a_change_enters_stays_in_and_leaves_a_filter() {
    let (_, updates) = play(&inbound_call());
    let waiting = Filter {
        statuses: Some([S::WaitingInQueue, S::Alerting].into_iter().collect()),
        ..Filter::default()
    };
    let seen: Vec<_> = updates
        .iter()
        .filter_map(|update| sighting(&waiting, &Scope::Everything, update))
        .map(|sighting| sighting.membership)
        .collect();
    assert_eq!(
        seen,
        [Membership::Entered, Membership::Stayed, Membership::Left]
    );
}

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

#[test]
fn a_conversation_has_so_many_links_and_no_more() {
    let linked = |number: usize| {
        let mut event = seen(snapshot(Vec::new()), 1);
        event.fact = Fact::Linked(ContextLink {
            context: ContextRef {
                key: ContextKey::Case,
                custom_key: String::new(),
                object_id: number.to_string(),
            },
            name: None,
            verb: ContextVerb::Updated,
            description: None,
            created_by: None,
            created_at: at(1),
            last_at: at(1),
        });
        event
    };
    let mut conversation = unknown();
    let sight = seen(snapshot(inbound_call()[0].1.clone()), 0);
    conversation.apply(&sight).unwrap();
    for number in 0..200 {
        conversation.apply(&linked(number)).unwrap();
    }
    let refused = conversation.apply(&linked(200)).unwrap_err();
    assert_eq!(refused, Refused::TooManyLinks { limit: 200 });
    conversation.apply(&linked(199)).unwrap();
}
