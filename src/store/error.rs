//! What can go wrong between the gateway and its database.

use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{DbErr, RuntimeErr};

use crate::domain::ids::ConversationId;

use super::cursor::Position;

/// The database, or what is in it, failed us. None of it is the caller's fault but a bad page and a
/// cursor of another log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database failed")]
    Database(#[from] sea_orm::DbErr),
    /// What is stored can't be read back: it was written by another hand or another version.
    #[error("a stored {what} can't be read")]
    Unreadable {
        what: &'static str,
        #[source]
        source: Option<serde_json::Error>,
    },
    /// It did not answer in time. Whether it did what was asked is not known.
    #[error("the database does not answer")]
    Silent,
    #[error(transparent)]
    Page(#[from] BadPage),
    #[error(transparent)]
    Cursor(#[from] CursorRefused),
    #[error("{name} {reason}")]
    Setting {
        name: &'static str,
        reason: &'static str,
    },
    #[error("the data directory {path} can't be used")]
    DataDir {
        path: std::path::PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl StoreError {
    /// Whether the same attempt would fail again, because of what was to be written or read and not of how
    /// the database is doing.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Unreadable { .. } => true,
            Self::Database(DbErr::Exec(cause) | DbErr::Query(cause)) => refuses_values(cause),
            _ => false,
        }
    }

    pub(super) const fn unreadable(what: &'static str) -> Self {
        Self::Unreadable { what, source: None }
    }

    pub(super) const fn unreadable_json(what: &'static str, source: serde_json::Error) -> Self {
        Self::Unreadable {
            what,
            source: Some(source),
        }
    }
}

/// SQLSTATE classes 22 (data), 23 (constraints) and 54 (limits), and SQLite's results for the same:
/// TOOBIG, CONSTRAINT and MISMATCH, the latter two in the low byte of an extended code.
fn refuses_values(cause: &RuntimeErr) -> bool {
    let RuntimeErr::SqlxError(cause) = cause else {
        return false;
    };
    let Some(code) = cause.as_database_error().and_then(DatabaseError::code) else {
        return false;
    };
    let is_postgres = ["22", "23", "54"]
        .iter()
        .any(|class| code.starts_with(class));
    match code.parse::<u32>() {
        Ok(sqlite) if code.len() < 5 => matches!(sqlite & 0xff, 18..=20),
        _ => code.len() == 5 && is_postgres,
    }
}

/// A page was asked for with a cursor that no list of this kind and order gave out, or in both
/// directions at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPage {
    #[error("the cursor in `{argument}` is not one of this list")]
    Cursor { argument: &'static str },
    #[error("`first` and `last` exclude each other")]
    BothDirections,
}

/// The conversation was not at the version that the change began from: another writer was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("conversation {conversation_id} is no longer at version {expected}")]
pub struct Conflict {
    pub conversation_id: ConversationId,
    /// The version the change began from.
    pub expected: u32,
}

/// Why the log can't be followed from a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorRefused {
    /// It names a place in another, a restored or a future log.
    #[error("the cursor is of another log")]
    Unknown { head: Position },
    /// What came after it is no longer kept.
    #[error("the cursor is older than what is kept")]
    Expired { head: Position },
}
