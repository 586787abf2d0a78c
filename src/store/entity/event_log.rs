//! One row per committed change.

use sea_orm::FromQueryResult;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_event_log")]
pub struct Model {
    /// 1, 2, 3 ... without gaps, in commit order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sequence: i64,
    /// The conversation's `COL_ID`.
    pub conversation: i64,
    pub conversationid: String,
    pub version: i64,
    /// The conversation's status number after the change.
    pub number: i64,
    pub status: String,
    pub previousstatus: Option<String>,
    /// The bits of `ChangeKinds`.
    pub kinds: i32,
    pub cause: String,
    pub occurredat: DateTimeUtc,
    pub recordedat: DateTimeUtc,
    /// Random: tells this entry from one of the same number in another history.
    pub checkvalue: i64,
    pub gapbefore: bool,
    pub actor: Option<String>,
    /// The rows after and before, as `record` packs them.
    pub record: String,
}

/// What an entry is read from; the other columns are for conditions, and for those who read the table.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Logged {
    pub sequence: i64,
    pub conversationid: String,
    pub version: i64,
    pub kinds: i32,
    pub cause: String,
    pub occurredat: DateTimeUtc,
    pub recordedat: DateTimeUtc,
    pub checkvalue: i64,
    pub gapbefore: bool,
    pub actor: Option<String>,
    pub record: String,
}

/// The columns of [`Logged`].
pub const LOGGED: [Column; 11] = [
    Column::Sequence,
    Column::Conversationid,
    Column::Version,
    Column::Kinds,
    Column::Cause,
    Column::Occurredat,
    Column::Recordedat,
    Column::Checkvalue,
    Column::Gapbefore,
    Column::Actor,
    Column::Record,
];

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
