//! A change that is in the log. Only the store makes one, so none is ever told before it is kept.

use std::sync::Arc;

use sea_orm::{FromQueryResult, QueryResult};

use crate::domain::caller::Scope;
use crate::domain::row::{Listed, Row};
use crate::domain::time::Time;
use crate::domain::update::{ChangeCause, ChangeKinds, Update};

use super::cursor::Cursor;
use super::entity::event_log;
use super::error::StoreError;
use super::record;

/// A committed, numbered change.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    sequence: u64,
    check: u64,
    recorded_at: Time,
    update: Update,
    /// In a snapshot of the log: the conversation at its head.
    head: Option<Box<Listed>>,
}

impl Committed {
    pub(super) const fn new(sequence: u64, check: u64, recorded_at: Time, update: Update) -> Self {
        Self {
            sequence,
            check,
            recorded_at,
            update,
            head: None,
        }
    }

    /// For tests of what happens to entries, where there is no database.
    #[cfg(test)]
    pub(crate) const fn invented(sequence: u64, update: Update) -> Self {
        Self::new(sequence, sequence, Time::from_millis(0), update)
    }

    /// Its place in the log: 1, 2, 3 ... without gaps, in commit order.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The random number stored with it.
    pub const fn check(&self) -> u64 {
        self.check
    }

    /// When it was committed, by the database's clock; never decreasing along the log.
    pub const fn recorded_at(&self) -> Time {
        self.recorded_at
    }

    pub const fn update(&self) -> &Update {
        &self.update
    }

    /// The cursor with which one follows the log after this change.
    pub const fn cursor(&self, epoch: u64) -> Cursor {
        Cursor::new(epoch, self.sequence, self.check)
    }

    /// The conversation that is told with it, and its version: as of this change, in a snapshot as of the
    /// snapshot's head.
    pub fn conversation(&self) -> (&Arc<Row>, u32) {
        match &self.head {
            Some(head) => (&head.row, head.version),
            None => (&self.update.after, self.update.version),
        }
    }

    /// The same change in a snapshot with this head. A caller who does not see what it led to is told the
    /// head instead, which he sees.
    pub(super) fn in_snapshot(mut self, head: Listed, scope: &Scope) -> Self {
        if !scope.sees(&self.update.after) {
            self.update.after = Arc::clone(&head.row);
        }
        self.head = Some(Box::new(head));
        self
    }

    pub(super) fn of_row(row: &QueryResult, prefix: &str) -> Result<Self, StoreError> {
        let model = event_log::Logged::from_query_result(row, prefix)?;
        let broken = || StoreError::unreadable("log entry");
        let (before, after) = record::unpack(&model.record)
            .map_err(|source| StoreError::unreadable_json("log entry", source))?
            .ok_or_else(broken)?;
        let update = Update {
            conversation_id: model.conversationid.parse().map_err(|_| broken())?,
            version: u32::try_from(model.version).map_err(|_| broken())?,
            kinds: ChangeKinds::from_bits(u8::try_from(model.kinds).map_err(|_| broken())?),
            before: before.map(Arc::new),
            after: Arc::new(after),
            occurred_at: model.occurredat.into(),
            cause: ChangeCause::from_word(&model.cause).ok_or_else(broken)?,
            gap_before: model.gapbefore,
            actor: model.actor.map(Arc::from),
        };
        Ok(Self::new(
            model.sequence.cast_unsigned(),
            model.checkvalue.cast_unsigned(),
            model.recordedat.into(),
            update,
        ))
    }

    /// The row that this change becomes in the log.
    pub(super) fn to_model(&self, conversation: i64) -> event_log::Model {
        let update = &self.update;
        event_log::Model {
            sequence: self.sequence.cast_signed(),
            conversation,
            conversationid: update.conversation_id.to_string(),
            version: update.version.into(),
            number: update.after.status_number.into(),
            status: update.after.status.as_str().to_owned(),
            previousstatus: update
                .before
                .as_ref()
                .map(|row| row.status.as_str().to_owned()),
            kinds: update.kinds.bits().into(),
            cause: update.cause.as_str().to_owned(),
            occurredat: update.occurred_at.to_utc(),
            recordedat: self.recorded_at.to_utc(),
            checkvalue: self.check.cast_signed(),
            gapbefore: update.gap_before,
            actor: update.actor.as_ref().map(ToString::to_string),
            record: record::pack(update.before.as_deref(), &update.after),
        }
    }
}
