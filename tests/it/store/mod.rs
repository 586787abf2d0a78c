//! The store, on both databases.

mod commits;
mod contexts;
mod counts;
mod crashes;
mod database;
mod lists;
mod log;
mod random;
mod read_model;
mod tables;
