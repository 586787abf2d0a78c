//! One row per link of a conversation to a DCM object.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tbl_gen_context")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub col_id: i64,
    /// The conversation's `COL_ID`.
    pub conversationid: i64,
    pub keycode: String,
    pub customkey: String,
    pub keyname: Option<String>,
    pub objectid: String,
    pub description: Option<String>,
    pub contexttype: String,
    pub createdby: Option<String>,
    pub createddate: DateTimeUtc,
    pub lastdate: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
