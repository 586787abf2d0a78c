//! How a conversation goes on: status, owner, queue, error.

use super::*;

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

#[test]
fn a_reading_clears_the_failure_to_read_whether_it_is_news_or_not() {
    let (mut conversation, _) = play(&inbound_call()[..2]);
    let failed = Fact::Failed {
        work: Work::Reading,
        message: "no answer".into(),
    };
    let event = |fact, second| ConversationEvent {
        fact,
        ..seen(snapshot(vec![]), second)
    };
    let same = |source| {
        let said = Snapshot {
            source,
            ..snapshot(inbound_call()[1].1.clone())
        };
        let read_at = (said.source == Source::Rest).then(|| at(20));
        event(
            Fact::Seen {
                snapshot: said,
                cause: ChangeCause::Reconciled,
                read_at,
                gap_before: false,
            },
            20,
        )
    };
    conversation.apply(&event(failed, 19)).unwrap();
    for no_answer in [Source::Topic("t".into()), Source::Analytics] {
        conversation.apply(&same(no_answer)).unwrap();
        assert!(conversation.row.failure.is_some());
    }
    let read = conversation.apply(&same(Source::Rest)).unwrap();
    assert_eq!(conversation.row.failure, None);
    assert!(read.updates[0].kinds.contains(ChangeKind::Error));
}

/// The customer has hung up, and the agent's leg is still there.
#[test]
fn a_forgotten_leg_is_an_error_as_long_as_it_holds_the_conversation_up() {
    let gone = || customer(vec![call("c1", L::Connected).from(0).until(40, "client")]);
    let stays = || agent("g", "u1", vec![call("g1", L::Connected).from(20)]);
    let (held_up, _) = play(&[(40, vec![gone(), stays()])]);
    let forgotten = Fact::Failed {
        work: Work::Watching,
        message: "a leg".into(),
    };
    let said = ConversationEvent {
        fact: forgotten,
        ..seen(snapshot(vec![]), 700)
    };
    let over = agent(
        "g",
        "u1",
        vec![call("g1", L::Connected).from(20).until(800, "client")],
    );
    for (then, is_error) in [(vec![gone(), stays()], true), (vec![gone(), over], false)] {
        let mut conversation = held_up.clone();
        conversation.apply(&said).unwrap();
        assert!(conversation.row.failure.is_some());
        conversation.apply(&seen(snapshot(then), 800)).unwrap();
        assert_eq!(conversation.row.failure.is_some(), is_error);
    }
}
