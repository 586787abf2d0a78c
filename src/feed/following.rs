//! One subscriber's way along the log.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tokio::task::JoinSet;

use super::group::Group;
use super::inbox::{Inbox, Made, Next};
use super::index::Place;
use super::replay::Snapshot;
use super::router::{Shared, Subscriber};
use super::{Delivery, FeedError, Recovered, Told, Verdict, Wanted};
use crate::domain::caller::Caller;
use crate::domain::filter::{Membership, Sighting};
use crate::store::{Committed, Cursor, StoreError};

/// A subscriber's results, in the order of the log. Ends only by a failure of the database.
pub struct Following {
    shared: Arc<Shared>,
    subscriber: Arc<Subscriber>,
    place: Place,
    /// The place reached: an entry and its check.
    reached: (u64, u64),
    /// How it began, until the first result has told it.
    begun: Option<Begun>,
    /// While the log is read; gone while live.
    reading: Option<BoxStream<'static, Result<Made, Arc<StoreError>>>>,
    failed: bool,
}

/// What of the verdict is not the place reached.
#[derive(Clone, Copy)]
struct Begun {
    recovered: Recovered,
    head: (u64, u64),
}

/// Where a subscription begins.
struct Beginning {
    verdict: Verdict,
    snapshot: Option<Snapshot>,
}

impl Following {
    pub(super) async fn begin(
        shared: Arc<Shared>,
        caller: &Caller,
        wanted: Wanted,
        group: Arc<Group>,
    ) -> Result<Self, FeedError> {
        let Beginning { verdict, snapshot } = Beginning::find(&shared, caller, &wanted).await?;
        let subscriber = Arc::new(Subscriber {
            sieve: wanted.filter.into(),
            changes: wanted.changes,
            group,
            inbox: Inbox::behind(verdict.from.sequence),
        });
        let place = shared.add(&subscriber);
        let mut following = Self {
            shared,
            subscriber,
            place,
            reached: (verdict.from.sequence, verdict.from.check),
            begun: Some(Begun {
                recovered: verdict.recovered,
                head: (verdict.head.sequence, verdict.head.check),
            }),
            reading: None,
            failed: false,
        };
        following.reading = snapshot.map(|snapshot| following.read_snapshot(snapshot));
        Ok(following)
    }

    /// How it began, as long as no result has told it.
    pub fn verdict(&self) -> Option<Verdict> {
        let Begun { recovered, head } = self.begun?;
        Some(Verdict {
            recovered,
            from: self.reached(),
            head: self.cursor(head),
        })
    }

    /// Behind which place it goes on.
    pub fn reached(&self) -> Cursor {
        self.cursor(self.reached)
    }

    fn cursor(&self, (sequence, check): (u64, u64)) -> Cursor {
        Cursor::new(self.shared.replay.epoch(), sequence, check)
    }

    fn read_snapshot(
        &self,
        snapshot: Snapshot,
    ) -> BoxStream<'static, Result<Made, Arc<StoreError>>> {
        let entered = Sighting {
            membership: Membership::Entered,
            out_of_scope: false,
        };
        let shared = Arc::clone(&self.shared);
        let subscriber = Arc::clone(&self.subscriber);
        let head = snapshot.head;
        snapshot
            .into_entries()
            .then(move |entry| {
                let (shared, subscriber) = (Arc::clone(&shared), Arc::clone(&subscriber));
                async move { make(&shared, &subscriber.group, entry, entered, head.sequence).await }
            })
            .map(Ok)
            .boxed()
    }

    /// The matching entries after a place, up to where the router takes over.
    fn read_log(&self, after: u64) -> BoxStream<'static, Result<Made, Arc<StoreError>>> {
        let shared = Arc::clone(&self.shared);
        let place = self.place;
        let reader = Arc::clone(&self.subscriber);
        // The next page is read while this one is told; it ends with the reading.
        let begin = (after, JoinSet::new());
        let pages = stream::try_unfold(begin, move |(mut seen, mut ahead)| {
            let (shared, reader) = (Arc::clone(&shared), Arc::clone(&reader));
            async move {
                loop {
                    let (told, last) = shared
                        .replay
                        .sift(reader.sieve.conversations(), seen, |entry| {
                            let sighting = reader.sighting(entry)?;
                            Some((Arc::clone(entry), sighting))
                        })
                        .await?;
                    let is_all = last == seen;
                    seen = last;
                    while ahead.try_join_next().is_some() {}
                    if !told.is_empty() {
                        if !shared.replay.is_in_memory(seen) {
                            let shared = Arc::clone(&shared);
                            ahead.spawn(async move { shared.replay.read_ahead(seen).await });
                        }
                        return Ok(Some((told, (seen, ahead))));
                    }
                    if is_all && shared.go_live(place, seen) {
                        return Ok(None);
                    }
                    // Others have their turn; or the router is ahead of what could be read just now.
                    tokio::task::yield_now().await;
                }
            }
        });
        let (shared, subscriber) = (Arc::clone(&self.shared), Arc::clone(&self.subscriber));
        pages
            .flat_map(move |page: Result<Vec<(Arc<Committed>, Sighting)>, _>| {
                let (told, failure) = match page {
                    Ok(told) => (told, None),
                    Err(failure) => (Vec::new(), Some(Err(failure))),
                };
                let (shared, subscriber) = (Arc::clone(&shared), Arc::clone(&subscriber));
                stream::iter(told)
                    .then(move |(entry, sighting)| {
                        let (shared, subscriber) = (Arc::clone(&shared), Arc::clone(&subscriber));
                        async move { Ok(make(&shared, &subscriber.group, entry, sighting, 0).await) }
                    })
                    .chain(stream::iter(failure))
            })
            .boxed()
    }

    fn deliver(&mut self, made: Made, wakes: bool) -> Delivery {
        let verdict = self.verdict();
        self.begun = None;
        self.reached = (made.sequence, made.check);
        Delivery {
            cursor: self.reached(),
            text: made.text,
            verdict,
            wakes,
        }
    }
}

impl Stream for Following {
    type Item = Result<Delivery, FeedError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.failed {
                return Poll::Ready(None);
            }
            if let Some(reading) = &mut this.reading {
                match ready!(reading.poll_next_unpin(cx)) {
                    Some(Ok(made)) => return Poll::Ready(Some(Ok(this.deliver(made, false)))),
                    Some(Err(failure)) => {
                        this.failed = true;
                        return Poll::Ready(Some(Err(failure.into())));
                    }
                    None => this.reading = None,
                }
            }
            match ready!(this.subscriber.inbox.poll_next(cx)) {
                Next::Take { made, wakes } => {
                    return Poll::Ready(Some(Ok(this.deliver(made, wakes))));
                }
                Next::ReadAfter(sequence) => this.reading = Some(this.read_log(sequence)),
            }
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.shared.remove(self.place);
    }
}

impl Beginning {
    async fn find(shared: &Shared, caller: &Caller, wanted: &Wanted) -> Result<Self, FeedError> {
        if let Some(cursor) = wanted.after {
            match shared.replay.check(&cursor).await? {
                Ok(()) => {
                    let verdict = Verdict {
                        recovered: Recovered::Resumed,
                        from: cursor,
                        head: shared.replay.head().cursor(),
                    };
                    return Ok(Self {
                        verdict,
                        snapshot: None,
                    });
                }
                Err(_) if wanted.include_current => {}
                Err(refused) => return Err(FeedError::Cursor(refused)),
            }
        }
        if !wanted.include_current {
            let head = shared.replay.head().cursor();
            return Ok(Self {
                verdict: Verdict {
                    recovered: Recovered::Live,
                    from: head,
                    head,
                },
                snapshot: None,
            });
        }
        let latest = wanted.changes.latest();
        let snapshot = shared
            .replay
            .snapshot(caller, &wanted.filter, latest)
            .await?;
        let head = snapshot.head.cursor();
        Ok(Self {
            verdict: Verdict {
                recovered: Recovered::Snapshot,
                from: head,
                head,
            },
            snapshot: Some(snapshot),
        })
    }
}

async fn make(
    shared: &Shared,
    group: &Group,
    entry: Arc<Committed>,
    sighting: Sighting,
    as_of: u64,
) -> Made {
    let (sequence, check) = (entry.sequence(), entry.check());
    let told = Told { entry, sighting };
    let text = group.render(&shared.results, told, as_of).await;
    Made {
        sequence,
        check,
        text,
    }
}
