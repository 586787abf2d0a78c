//! Who comes in, what he may do, and what he sees.

mod audit;
mod door;
mod guarded;
mod handing_in;
mod keys;
mod narrowed;
mod personal;
mod privacy;
mod sessions;
