use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::inbox::Next;
use super::*;
use crate::domain::filter::{Filter, sighting};
use crate::domain::permission::{Permission, Permissions};
use crate::domain::update::Update;
use crate::feed::testing::{filter, scope, updates};

/// Room for everything that a test tells.
const ROOM: usize = 100;

#[derive(Clone, Debug)]
struct Someone {
    filter: Filter,
    shape: Shape,
}

fn someone() -> impl Strategy<Value = Someone> {
    let permissions = select(vec![
        Permissions::all(),
        Permissions::all().without(Permission::Admin),
    ]);
    (filter(), scope(), permissions, select(vec!["one", "two"])).prop_map(
        |(filter, scope, permissions, document)| Someone {
            filter,
            shape: Shape {
                document: document.into(),
                scope,
                permissions,
            },
        },
    )
}

/// Writes for whom it was made, as only the first of a group would.
struct Signed(Shape);

impl Render for Signed {
    fn render(&mut self, told: Told) -> BoxFuture<'_, Arc<str>> {
        ready(text(&self.0, told.entry.sequence(), told.sighting)).boxed()
    }
}

fn text(shape: &Shape, sequence: u64, sighting: Sighting) -> Arc<str> {
    format!("{shape:?} {sequence} {sighting:?}").into()
}

fn subscribe(members: &mut Members, groups: &Groups, who: &Someone) -> Arc<Subscriber> {
    let signature = who.shape.clone();
    let make: MakeRender = Arc::new(move || Box::new(Signed(signature.clone())));
    let subscriber = Arc::new(Subscriber {
        sieve: who.filter.clone().into(),
        changes: Changes::OfKinds(None),
        group: groups.join(who.shape.clone(), make(), make),
        inbox: Inbox::behind(0),
    });
    members.add(&subscriber);
    subscriber.inbox.go_live();
    subscriber
}

fn received(subscriber: &Subscriber) -> Vec<Arc<str>> {
    let mut received = Vec::new();
    let cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Next::Take { made, .. }) = subscriber.inbox.poll_next(&cx) {
        received.push(made.text);
    }
    received
}

/// What somebody who is served alone gets.
fn expected(who: &Someone, updates: &[Update]) -> Vec<Arc<str>> {
    (1..)
        .zip(updates)
        .filter_map(|(sequence, update)| {
            let sighting = sighting(&who.filter, &who.shape.scope, update)?;
            Some(text(&who.shape, sequence, sighting))
        })
        .collect()
}

proptest! {
    #[test]
    fn nobody_gets_what_was_made_for_another_scope_or_other_permissions(
        everybody in vec(someone(), 1..25),
        updates in updates(10),
    ) {
        let (mut members, groups) = (Members::default(), Groups::default());
        let subscribers: Vec<_> = everybody
            .iter()
            .map(|who| subscribe(&mut members, &groups, who))
            .collect();
        for (sequence, update) in (1..).zip(&updates) {
            let entry = Arc::new(Committed::invented(sequence, update.clone()));
            let mut concerned = Vec::new();
            members.find(&entry, &mut concerned);
            tell(&entry, &concerned, ROOM);
        }
        for (who, subscriber) in everybody.iter().zip(&subscribers) {
            prop_assert_eq!(received(subscriber), expected(who, &updates));
        }
    }
}
