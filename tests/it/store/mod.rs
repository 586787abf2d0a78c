//! The store, on both databases.

mod commits;
mod contexts;
mod crashes;
mod database;
mod lists;
mod log;
mod random;
mod tables;
