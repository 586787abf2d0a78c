//! The write path: load, ask the domain, commit, publish.
//!
//! One loop is the only writer of conversation state in this process, for what Genesys says and for
//! what users ask alike. Events that wait together are committed together in one transaction. A
//! database that can't be reached delays events, it never loses them: the queue is bounded, and
//! whoever fills it is told so. The same event twice is harmless, so whatever is uncertain is done
//! again.

mod config;
mod gate;
mod handle;
mod known;
mod work;
mod writer;

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::domain::audit::AuditEntry;
use crate::domain::caller::Scope;
use crate::domain::conversation::Conversation;
use crate::domain::event::{ConversationEvent, Refused};
use crate::domain::ids::ConversationId;
use crate::store::{Committed, Cursor, Position};

pub use crate::store::Open;
pub use config::{IngestConfig, Track};
pub use gate::{Shown, Sight, shown_by_both};
pub use handle::Ingest;
pub use writer::IngestLoop;

/// What the write path wants Genesys to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// What was applied is doubtful (a mark that went back and forth, an end that was not seen): read it
    /// once, when what is still on its way has come.
    Read(ConversationId),
    /// Notifications wait until it was read: read it at once.
    ReadNow(ConversationId),
    /// It ended, or its thread is idle: ask later for exact times and durations.
    Settle(ConversationId),
    /// It was registered or linked, and nothing was seen of it: read it at once, and watch it.
    Unshown(ConversationId),
    /// A leg holds it up whose customer has left: look whether that stays.
    HeldUp(ConversationId),
}

/// What became of a submitted event.
#[derive(Clone, Debug)]
pub struct Written {
    pub conversation: Arc<Conversation>,
    /// The entries it made, oldest first; empty when nothing changed.
    pub committed: Vec<Arc<Committed>>,
    /// The conversation was not known before.
    pub created: bool,
    /// Where the log stood when the event was handed over; `None` when none was.
    pub as_of: Option<Position>,
}

impl Written {
    /// The newest place in the log that the conversation is sure to reflect.
    pub fn place(&self, epoch: u64) -> Option<Cursor> {
        let made = self.committed.last();
        match (made, self.as_of) {
            (Some(made), Some(as_of)) if made.sequence() < as_of.sequence => Some(as_of.cursor()),
            (Some(made), _) => Some(made.cursor(epoch)),
            (None, as_of) => as_of.map(Position::cursor),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The process is stopping.
    #[error("the write path is closed")]
    Closed,
}

/// Why an event was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefused {
    #[error("too many events wait to be written")]
    Full,
    #[error("the write path is closed")]
    Closed,
}

/// Somebody who asks for a change himself.
#[derive(Clone, Debug)]
pub struct Asker {
    /// A known conversation that he does not see counts as not found. That is judged here, because
    /// only here nothing can come between the judgement and the change.
    pub scope: Scope,
    /// What the audit trail is told if anything changes.
    pub deed: AuditEntry,
}

/// What is handed over to the loop, in order.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are requests: a box each would cost more than the room"
)]
enum Handed {
    Request(Request),
    Sight(Sight),
}

struct Request {
    job: Job,
    asker: Option<Asker>,
    reply: Option<oneshot::Sender<Result<Written, Refused>>>,
}

enum Job {
    Event(ConversationEvent),
    /// What waits for a reading has waited long enough.
    Release(ConversationId),
}

impl Request {
    /// One for which nobody waits.
    const fn of(job: Job) -> Self {
        Self {
            job,
            asker: None,
            reply: None,
        }
    }
}

impl Job {
    const fn conversation(&self) -> ConversationId {
        match self {
            Self::Event(event) => event.conversation_id,
            Self::Release(id) => *id,
        }
    }
}

#[cfg(test)]
mod tests;
