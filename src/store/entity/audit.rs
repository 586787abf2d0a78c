//! Who did what, when, from where.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_audit")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub col_id: i64,
    pub at: DateTimeUtc,
    pub subject: String,
    pub action: String,
    pub conversationid: Option<String>,
    pub object: Option<String>,
    pub address: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
