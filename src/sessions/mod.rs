//! Who is here, and for how long.
//!
//! It knows passes and live connections; it does not know how a pass is come by (`auth`), how a
//! connection speaks (`http`), or what is asked over it (`graphql`).

mod pass;

pub use pass::{Over, Pass, Validity};
