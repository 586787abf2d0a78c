//! The front door over real sockets, in front of a small schema of its own: what holds here holds
//! for any schema.

mod browsers;
mod events;
mod harness;
mod http;
mod ingest;
mod limits;
mod pages;
mod silent_clients;
mod slow_clients;
mod websocket;
