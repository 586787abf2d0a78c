//! The front door over real sockets, in front of a small schema of its own: what holds here holds
//! for any schema.

mod events;
mod harness;
mod http;
mod pages;
mod slow_clients;
mod websocket;
