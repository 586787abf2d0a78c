//! API keys of machines, by their hash.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_api_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub keyid: String,
    pub hash: String,
    pub name: String,
    /// Words, separated by spaces.
    pub permissions: String,
    /// JSON; null: not narrowed.
    pub narrowing: Option<String>,
    pub createdat: DateTimeUtc,
    pub createdby: String,
    pub expiresat: Option<DateTimeUtc>,
    pub revokedat: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
