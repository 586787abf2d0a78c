//! One row per conversation.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tbl_gen_conversation")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub col_id: i64,
    pub conversationid: String,
    pub initiatedby: String,
    pub initialscreenpoptarget: Option<String>,
    pub conversationstart: Option<DateTimeUtc>,
    pub conversationend: Option<DateTimeUtc>,
    pub direction: Option<String>,
    pub originalmediatype: Option<String>,
    pub calculatedstatus: String,
    pub lastqueueid: Option<String>,
    pub lastqueuename: Option<String>,
    pub errormessage: Option<String>,
    pub errorwork: Option<String>,
    pub errorat: Option<DateTimeUtc>,
    pub registeredat: Option<DateTimeUtc>,
    pub activemediatype: Option<String>,
    pub statussince: DateTimeUtc,
    pub statusnumber: i64,
    pub waitingsince: Option<DateTimeUtc>,
    pub ownerkind: Option<String>,
    pub ownergenesysid: Option<String>,
    pub ownername: Option<String>,
    pub ownersince: Option<DateTimeUtc>,
    /// `conversationstart`, else `createdat`: what lists are ordered by.
    pub startedat: DateTimeUtc,
    pub createdat: DateTimeUtc,
    pub updatedat: DateTimeUtc,
    pub version: i64,
    /// The row's lists, as JSON.
    pub lists: String,
    /// Facts and registration, as JSON.
    pub state: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
