//! The integration tests: one binary, one file per behaviour. Each boots the real gateway with its
//! own database and a simulated Genesys organisation.
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests end with their process: nothing outlives them"
)]

mod architecture;
mod auth;
mod bad_frames;
mod closing;
mod counts;
mod crowds;
mod event_stream;
mod eventbridge;
mod faults;
mod feed;
mod freshness;
mod front_door;
mod handover;
mod lists;
mod marks;
mod outage;
mod plain_fields;
mod random_faults;
mod recorded;
mod register;
mod registrar;
mod registration;
mod repair;
mod restart;
mod retention;
mod roots;
mod schema;
mod scripts;
mod selftest;
mod settings;
mod settling;
mod store;
mod support;
mod topics;
mod watching;
