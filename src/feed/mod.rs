//! The live feed: every subscriber gets each matching change of the log once, in order, none left
//! out, whatever he missed and however slowly he reads.
//!
//! ```text
//!           ┌ cursor: resume ──┐
//! subscribe ┤ includeCurrent:  ├─► read the log after the place reached ──► live: the router
//!           │ snapshot         │         ▲                                  hands over what
//!           └ else: the head ──┘         │ the inbox was full               matches
//!                                        └──────────────────────────────────────┘
//! ```
//! [`router`] follows the hub and finds, by the [`index`], whom a change concerns. [`group`] makes the
//! change into a result's text once for all subscribers who asked for the same shape and may see the
//! same. [`following`] is one subscriber's way along the log; reading it is shared through
//! [`replay`]. How a change becomes text is somebody else's ([`Render`]).

mod following;
mod group;
mod inbox;
pub mod index;
mod replay;
mod router;
mod sieve;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::domain::caller::Scope;
use crate::domain::filter::{Filter, Membership, Sighting};
use crate::domain::permission::Permissions;
use crate::domain::update::{ChangeKind, ChangeKinds};
use crate::store::{Committed, Cursor, CursorRefused, Latest, StoreError};

pub use following::Following;
pub use router::{Feeds, Router};

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Live feed")]
pub struct FeedConfig {
    /// How many results may wait for one subscription before it reads the log instead
    #[arg(long, env = "GATEWAY_FEED_INBOX", default_value_t = 32)]
    pub feed_inbox: usize,
    /// How many results made for those who read the log are kept for the next who needs them
    #[arg(long, env = "GATEWAY_FEED_RESULTS", default_value_t = 8_192)]
    pub feed_results: usize,
    /// How many pages of 500 entries of the log are kept for those who come back together
    #[arg(long, env = "GATEWAY_FEED_PAGES", default_value_t = 64)]
    pub feed_pages: usize,
    /// How many conversations one `includeCurrent` may begin with
    #[arg(long, env = "GATEWAY_FEED_SNAPSHOT", default_value_t = 100_000)]
    pub feed_snapshot: usize,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            feed_inbox: 32,
            feed_results: 8_192,
            feed_pages: 64,
            feed_snapshot: 100_000,
        }
    }
}

/// What a subscriber asks for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub filter: Filter,
    pub changes: Changes,
    /// Resume behind this place.
    pub after: Option<Cursor>,
    /// Begin with the present state of everything that matches.
    pub include_current: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Changes {
    /// Status changes, and changes that enter or leave the filter.
    Status,
    /// Entries of these kinds; all without.
    OfKinds(Option<ChangeKinds>),
}

impl Changes {
    /// Whether a matching change is told.
    fn tells(self, entry: &Committed, sighting: Sighting) -> bool {
        let update = entry.update();
        match self {
            Self::Status => update.is_status_change() || sighting.membership != Membership::Stayed,
            // Who may no longer see it is told so, whatever he asked for.
            Self::OfKinds(kinds) => {
                sighting.out_of_scope || kinds.is_none_or(|kinds| update.kinds.intersects(kinds))
            }
        }
    }

    fn latest(self) -> Latest {
        match self {
            Self::Status => Latest::Status,
            Self::OfKinds(kinds) => {
                Latest::Of(kinds.unwrap_or_else(|| ChangeKind::ALL.iter().copied().collect()))
            }
        }
    }
}

/// What a (re)subscribe became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    Resumed,
    Snapshot,
    Live,
}

/// The verdict of a (re)subscribe: how it began, and between which places.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub recovered: Recovered,
    pub from: Cursor,
    pub head: Cursor,
}

/// An entry for a subscriber, with what it means to him.
#[derive(Clone, Debug)]
pub struct Told {
    pub entry: Arc<Committed>,
    pub sighting: Sighting,
}

/// Makes changes into the text of results, for one shape of result and one kind of caller.
pub trait Render: Send {
    /// The text of one result. Ready at once, unless the shape needs the database.
    fn render(&mut self, told: Told) -> BoxFuture<'_, Arc<str>>;
}

/// What subscribers must have in common to get the same text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The document, the operation's name and the variables that shape the result.
    pub document: Arc<str>,
    /// What may be seen: computed from the caller, never declared by him.
    pub scope: Scope,
    pub permissions: Permissions,
}

/// Makes renderers of one shape.
pub type MakeRender = Arc<dyn Fn() -> Box<dyn Render> + Send + Sync>;

/// A result for one subscriber.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Give it back to resume behind this result.
    pub cursor: Cursor,
    pub text: Arc<str>,
    /// How the subscription began; with its first result only.
    pub verdict: Option<Verdict>,
    /// Nothing more is there, and the next result wakes whoever polled for this one: to poll again
    /// until then is in vain.
    pub wakes: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error("the cursor can't be resumed from")]
    Cursor(CursorRefused),
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
    #[error("more than {limit} conversations match: narrow the filter")]
    TooMany { limit: usize },
}
