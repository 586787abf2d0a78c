//! The objects, enums and inputs of the schema. Their doc comments are the reference that GraphiQL
//! shows, so they are written for API users.

pub mod audit;
pub mod change;
pub mod context;
pub mod conversation;
pub mod count;
pub mod directory;
pub mod enums;
pub mod feed;
pub mod input;
pub mod owner;
pub mod participant;
mod plain;
pub mod quick;
pub mod session;
