//! The Conversation Gateway: every Genesys Cloud conversation with one universal status, as a live
//! GraphQL feed.
//!
//! A fact travels one way: Genesys → decode → decide → write → tell.
//!
//! | module | what it owns |
//! | --- | --- |
//! | [`domain`] | what a conversation is and what its status means; pure |
//! | [`genesys`] | all of Genesys' words: OAuth, notification channels, REST, decoding, the listener |
//! | [`ingest`] | the write path: load, apply, commit, publish |
//! | [`store`] | the database: rows and the event log, written in one transaction |
//! | [`hub`] | fan-out of committed updates in memory |
//! | [`feed`] | one subscriber's way through the log |
//! | [`read_model`] | the open and the recently read conversations in memory |
//! | [`counts`] | how many there are, group by group |
//! | [`commands`] | what users ask for |
//! | [`graphql`] | the schema over all that |
//! | [`judge`] | what a GraphQL document asks for, before anything else reads it; pure |
//! | [`http`] | routes, sockets, pages |
//! | [`auth`] | who comes in |
//! | [`sessions`] | who is here, and for how long |
//! | [`eventbridge`] | events of Genesys that come another way than by topics |
//! | [`settling`] | which ended conversations still lack their settled times |
//! | [`retention`] | from how long ago the log can be followed |
//! | [`simulator`] | a stand-in for Genesys that knows nothing of the rest |
//! | [`registrar`] | the demo's stand-in for an Architect flow: a client of the public API |
//! | [`selftest`] | the protocols' rules, tried on a running gateway: another client |
//! | [`http_client`], [`clock`], [`duration`] | asking others over HTTP; the time; lengths of time in settings |
//! | [`telemetry`], [`lifecycle`] | logs; how all parts end together |
//! | [`app`], [`cli`], [`config`] | putting it together |

pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod counts;
pub mod domain;
pub mod duration;
pub mod eventbridge;
pub mod feed;
#[cfg(test)]
mod fuzzing;
pub mod genesys;
pub mod graphql;
pub mod http;
pub mod http_client;
pub mod hub;
pub mod ingest;
pub mod judge;
pub mod lifecycle;
pub mod read_model;
pub mod registrar;
pub mod retention;
pub mod selftest;
pub mod sessions;
pub mod settling;
pub mod simulator;
pub mod store;
pub mod telemetry;
