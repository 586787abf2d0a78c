//! Who comes in, what he may do, and what he sees.

mod door;
mod guarded;
mod keys;
