//! One row per leg of a participant.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tbl_gen_participant")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub col_id: i64,
    /// The conversation's `COL_ID`.
    pub conversationid: i64,
    pub participantid: String,
    pub sessionid: String,
    pub purpose: String,
    pub issystem: bool,
    pub userid: Option<String>,
    pub participantname: Option<String>,
    pub externalcontactid: Option<String>,
    pub queueid: Option<String>,
    pub queuename: Option<String>,
    pub mediatype: String,
    pub direction: Option<String>,
    pub state: String,
    pub connectedtime: Option<DateTimeUtc>,
    pub endtime: Option<DateTimeUtc>,
    pub alertseconds: f64,
    pub dialseconds: f64,
    pub talkseconds: f64,
    pub holdseconds: f64,
    pub parkseconds: f64,
    pub acwseconds: f64,
    pub disconnecttype: Option<String>,
    pub wrapupcode: Option<String>,
    pub wrapupname: Option<String>,
    pub isconsult: bool,
    pub timingsfinal: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
