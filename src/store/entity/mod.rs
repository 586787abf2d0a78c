//! The tables, column by column. Nothing outside the store sees these types.
//!
//! Names are in the lower case in which both databases keep them.
#![expect(
    unreachable_pub,
    reason = "the derive makes public types of which these are the parts; the module is private"
)]

pub(super) mod agent;
pub(super) mod api_key;
pub(super) mod audit;
pub(super) mod context;
pub(super) mod conversation;
pub(super) mod event_log;
pub(super) mod log_head;
pub(super) mod participant;
