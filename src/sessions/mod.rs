//! Who is here, and for how long.
//!
//! It knows passes and live connections; it does not know how a pass is come by (`auth`), how a
//! connection speaks (`http`), or what is asked over it (`graphql`).

mod pass;
mod registry;

pub use pass::{Over, Pass, Validity};
pub use registry::{AnotherSubject, Farewell, Present, Session, Sessions, Transport};
