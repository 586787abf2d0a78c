//! Registrations and links, around the first sight.

use super::*;

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
