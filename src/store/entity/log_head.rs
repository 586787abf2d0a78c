//! The one row that numbers the log.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_log_head")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    /// The sequence of the newest entry; 0 in an empty log.
    pub head: i64,
    /// The newest entry's check; 0 in an empty log.
    pub headcheck: i64,
    /// The oldest place that the log can be followed from.
    pub floor: i64,
    /// Random, made with the log.
    pub epoch: i64,
    pub lastrecordedat: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
