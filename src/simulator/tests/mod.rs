//! The simulator held against its promises: each script's truth, and the protocol over real sockets.

mod analytics;
mod commands;
mod faults;
mod playing;
mod protocol;
mod rules;
mod script_truth;
mod support;
