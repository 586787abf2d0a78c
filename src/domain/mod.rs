//! What a conversation is and what its status means.
//!
//! Everything here is a plain value or a pure, total function: no I/O, no clock, no database, no
//! Genesys JSON and no GraphQL. Time arrives inside an event or as an argument.

pub mod api_key;
pub mod audit;
pub mod caller;
pub mod closing;
pub mod conversation;
mod derive;
pub mod event;
pub mod facts;
pub mod feed;
pub mod filter;
pub mod freshness;
pub mod ids;
mod measuring;
mod merge;
mod naming;
pub mod order;
pub mod owner;
pub mod permission;
pub mod phase;
pub mod registration;
pub mod request_id;
pub mod row;
pub mod settling;
pub mod snapshot;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;
pub mod timeline;
mod turns;
pub mod update;
