//! Follows the hub and hands every change to the live subscribers whom it concerns.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::group::{Group, Groups, Results};
use super::inbox::{Inbox, Made};
use super::index::{Index, Keys, Place};
use super::replay::Replay;
use super::sieve::Sieve;
use super::{Changes, FeedConfig, FeedError, Following, MakeRender, Render, Shape, Told, Wanted};
use crate::domain::caller::Caller;
use crate::domain::filter::Sighting;
use crate::hub::Hub;
use crate::store::{Committed, Store};

/// After the log could not be read.
const RETRY: Duration = Duration::from_millis(500);

/// A handle on the live feed.
#[derive(Clone)]
pub struct Feeds {
    shared: Arc<Shared>,
}

/// The loop behind the handle.
pub struct Router {
    hub: Hub,
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) replay: Replay,
    pub(super) results: Results,
    groups: Groups,
    /// Held for as long as it takes to find whom a change concerns, never over an await.
    members: Mutex<Members>,
    inbox: usize,
}

/// One who follows the feed.
pub(super) struct Subscriber {
    pub(super) sieve: Sieve,
    pub(super) changes: Changes,
    pub(super) group: Arc<Group>,
    pub(super) inbox: Inbox,
}

impl Subscriber {
    /// Under what the index keeps him.
    fn keys(&self) -> Keys<'_> {
        self.sieve.keys(&self.group.scope)
    }

    /// What an entry means to him, if it is told to him.
    pub(super) fn sighting(&self, entry: &Committed) -> Option<Sighting> {
        self.sieve
            .sighting(&self.group.scope, entry.update())
            .filter(|sighting| self.changes.tells(entry, *sighting))
    }
}

#[derive(Default)]
struct Members {
    index: Index,
    places: Vec<Option<Member>>,
    free: Vec<Place>,
    /// Every entry up to this one has been routed.
    routed: u64,
}

struct Member {
    subscriber: Arc<Subscriber>,
    /// Entries up to this one have been looked at for this subscriber.
    seen: u64,
}

/// Results of one change, made so far.
struct MadeFor<'a> {
    group: &'a Arc<Group>,
    sighting: Sighting,
    text: Option<Arc<str>>,
}

impl Feeds {
    /// The feed over a hub, from the hub's present place on.
    pub fn new(config: &FeedConfig, store: Store, hub: Hub) -> (Self, Router) {
        let shared = Arc::new(Shared {
            replay: Replay::new(store, hub.clone(), config),
            results: Results::new(config.feed_results),
            groups: Groups::default(),
            members: Mutex::new(Members {
                routed: hub.head().sequence,
                ..Members::default()
            }),
            inbox: config.feed_inbox.max(1),
        });
        let router = Router {
            hub,
            shared: Arc::clone(&shared),
        };
        (Self { shared }, router)
    }

    /// Begins a subscription. `first` renders this shape already; `make` makes more like it.
    ///
    /// # Errors
    /// A cursor that can't be resumed from, unless a snapshot may stand in for it; a database that
    /// can't be read.
    pub async fn subscribe(
        &self,
        caller: &Caller,
        wanted: Wanted,
        document: Arc<str>,
        first: Box<dyn Render>,
        make: MakeRender,
    ) -> Result<Following, FeedError> {
        let shape = Shape {
            document,
            scope: caller.scope.clone(),
            permissions: caller.permissions,
        };
        let group = self.shared.groups.join(shape, first, make);
        Following::begin(Arc::clone(&self.shared), caller, wanted, group).await
    }
}

impl Router {
    /// Routes until cancelled.
    ///
    /// # Errors
    /// Never: while the log can't be read, it is tried again.
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        loop {
            let routed = self.shared.members().routed;
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                () = self.hub.reached(routed + 1) => {}
            }
            match self.shared.replay.after(routed).await {
                Ok(entries) => self.shared.route(&entries),
                Err(error) => {
                    tracing::warn!(error = %error, "cannot read the event log");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

impl Shared {
    /// Adds a subscriber who has yet to read the log.
    pub(super) fn add(&self, subscriber: &Arc<Subscriber>) -> Place {
        self.members().add(subscriber)
    }

    pub(super) fn remove(&self, place: Place) {
        self.members().remove(place);
    }

    /// Hands over to the router one who has read the log up to `seen`; false when the router is
    /// ahead already.
    pub(super) fn go_live(&self, place: Place, seen: u64) -> bool {
        let mut members = self.members();
        if members.routed > seen {
            return false;
        }
        if let Some(Some(member)) = members.places.get_mut(place as usize) {
            member.seen = seen;
            member.subscriber.inbox.go_live();
        }
        true
    }

    fn route(&self, entries: &[Arc<Committed>]) {
        let mut concerned = Vec::new();
        for entry in entries {
            self.members().find(entry, &mut concerned);
            tell(entry, &concerned, self.inbox);
            concerned.clear();
        }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members
            .lock()
            .expect("no code that holds the lock panics")
    }
}

/// Makes an entry's results, each once for all who get the same, and hands them out.
fn tell(entry: &Arc<Committed>, concerned: &[(Arc<Subscriber>, Sighting)], room: usize) {
    let mut made: Vec<MadeFor<'_>> = Vec::new();
    for (subscriber, sighting) in concerned {
        let place = made
            .iter()
            .position(|made| {
                made.sighting == *sighting && Arc::ptr_eq(made.group, &subscriber.group)
            })
            .unwrap_or_else(|| {
                made.push(MadeFor::new(entry, &subscriber.group, *sighting));
                made.len() - 1
            });
        match &made[place].text {
            Some(text) => {
                let result = Made {
                    sequence: entry.sequence(),
                    check: entry.check(),
                    text: Arc::clone(text),
                };
                subscriber.inbox.put(&result, room);
            }
            None => subscriber.inbox.fall_behind(entry.sequence() - 1),
        }
    }
}

impl<'a> MadeFor<'a> {
    fn new(entry: &Arc<Committed>, group: &'a Arc<Group>, sighting: Sighting) -> Self {
        let told = Told {
            entry: Arc::clone(entry),
            sighting,
        };
        Self {
            group,
            sighting,
            text: group.render_now(told),
        }
    }
}

impl Members {
    fn add(&mut self, subscriber: &Arc<Subscriber>) -> Place {
        let member = Member {
            subscriber: Arc::clone(subscriber),
            seen: 0,
        };
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            Place::try_from(self.places.len() - 1).expect("fewer than 2^32 subscribers")
        });
        self.places[place as usize] = Some(member);
        self.index.insert(place, subscriber.keys());
        place
    }

    fn remove(&mut self, place: Place) {
        let member = self.places.get_mut(place as usize).and_then(Option::take);
        if let Some(Member { subscriber, .. }) = member {
            self.index.remove(place, subscriber.keys());
            self.free.push(place);
        }
    }

    /// Finds the live subscribers to whom an entry is told.
    fn find(&mut self, entry: &Committed, concerned: &mut Vec<(Arc<Subscriber>, Sighting)>) {
        let Self { index, places, .. } = self;
        let sequence = entry.sequence();
        self.routed = sequence;
        index.candidates(entry.update(), |place| {
            let Some(Some(member)) = places.get_mut(place as usize) else {
                return;
            };
            if member.seen >= sequence || !member.subscriber.inbox.is_live() {
                return;
            }
            member.seen = sequence;
            if let Some(sighting) = member.subscriber.sighting(entry) {
                concerned.push((Arc::clone(&member.subscriber), sighting));
            }
        });
    }
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;
