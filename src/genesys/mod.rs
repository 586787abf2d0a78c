//! Everything that knows Genesys Cloud: its JSON, hosts, tokens, limits, topics and sockets.
//!
//! A frame comes in through `channel`, is read by `decode` and leaves through `listener` as an
//! event of the domain. What an event does to a conversation, how it is stored and who is told,
//! is not known here.

pub mod actions;
pub mod backoff;
pub mod budget;
pub mod channel;
pub mod check;
pub mod client;
pub mod config;
pub mod decode;
pub mod directory;
pub mod enrichment;
pub mod error;
pub mod eventbridge;
pub mod feed_board;
pub mod link;
pub mod listener;
pub mod permissions;
pub mod privacy;
pub mod queues;
pub mod readback;
pub mod region;
pub mod repair;
pub mod sink;
pub mod spans;
pub mod token;
pub mod topics;
pub mod wanted;
pub mod watching;
pub mod wire;

#[cfg(test)]
mod fake;

pub use check::{Step, check};
pub use client::GenesysClient;
pub use config::GenesysConfig;
pub use error::ApiError;
pub use listener::Listener;
