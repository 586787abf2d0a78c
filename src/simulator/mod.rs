//! A stand-in for a Genesys Cloud organisation: OAuth, notification channels, conversations, directory and analytics, and a
//! control surface under `/sim` that makes conversations happen and things go wrong.
//!
//! It plays an outside company and therefore knows nothing of the gateway: it writes Genesys' JSON from types of its own, and
//! what each conversation ought to show (`truth`) is written down by the steps themselves.
//!
//! ```text
//!  /sim  ─► world ─► conversation (a step changes it, says what is true) ─► snapshot ─► channels ─► sockets
//!  /api/v2 ─┘  └─► snapshot, media, analytics (what REST shows of it)
//! ```

mod analytics;
mod api;
mod broken;
mod channels;
mod clock;
mod config;
mod control;
mod conversation;
mod error;
mod faults;
mod media;
mod oauth;
mod org;
mod permissions;
mod scripts;
mod server;
mod snapshot;
mod socket;
mod stats;
#[cfg(test)]
mod tests;
mod topics;
mod traffic;
mod truth;
mod world;

pub use config::SimulatorConfig;
pub use server::Simulator;
