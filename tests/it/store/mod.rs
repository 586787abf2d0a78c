//! The store, on both databases.

mod commits;
mod contexts;
mod counts;
mod crashes;
pub(crate) mod database;
mod lists;
mod log;
pub(crate) mod random;
mod read_model;
mod tables;
