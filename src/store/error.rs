//! What can go wrong between the gateway and its database.

use sea_orm::sqlx::{self, error::DatabaseError};
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
            Self::Unreadable { .. } | Self::Database(DbErr::Type(_) | DbErr::Json(_)) => true,
            Self::Database(
                DbErr::Exec(RuntimeErr::SqlxError(cause))
                | DbErr::Query(RuntimeErr::SqlxError(cause)),
            ) => is_undecodable(cause) || refuses_values(cause),
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

/// Something is stored that is not of the type that the gateway keeps there.
fn is_undecodable(cause: &sqlx::Error) -> bool {
    use sqlx::Error::{ColumnDecode, ColumnNotFound, Decode};
    matches!(cause, ColumnDecode { .. } | ColumnNotFound(_) | Decode(_))
}

/// SQLSTATE classes 22 (data), 23 (constraints) and 54 (limits), and SQLite's results for the same:
/// TOOBIG, CONSTRAINT and MISMATCH, the latter two in the low byte of an extended code.
fn refuses_values(cause: &sqlx::Error) -> bool {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn failed(cause: sqlx::Error) -> StoreError {
        DbErr::Query(RuntimeErr::SqlxError(Arc::new(cause))).into()
    }

    #[test]
    fn what_is_stored_wrongly_fails_again_and_what_the_database_lacks_does_not() {
        let null = DbErr::Type("A null value was encountered".to_owned());
        for lasting in [
            null.into(),
            failed(sqlx::Error::Decode("no number".into())),
            failed(sqlx::Error::ColumnNotFound("version".to_owned())),
            failed(sqlx::Error::ColumnDecode {
                index: "version".to_owned(),
                source: "no number".into(),
            }),
        ] {
            assert!(lasting.is_lasting(), "{lasting:?}");
        }
        let gone = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for passing in [
            StoreError::Silent,
            failed(sqlx::Error::PoolTimedOut),
            failed(sqlx::Error::WorkerCrashed),
            failed(sqlx::Error::Io(gone)),
        ] {
            assert!(!passing.is_lasting(), "{passing:?}");
        }
    }
}
