//! Which agents are, or were, on a conversation: what the agent filters and the scope look up.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_conversation_agent")]
pub struct Model {
    /// The conversation's `COL_ID`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub conversation: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub userid: String,
    /// In it now.
    pub active: bool,
    /// Was ever connected.
    pub handled: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
