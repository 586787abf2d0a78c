//! Judges GraphQL documents before anything else reads them: how long, how deep, how costly.
//!
//! ```text
//!  text ──► lexer ──► sketch ──► weight ──► verdict
//!           tokens    shape      sums, each fragment once
//! ```
//! One pass over the text, one over the shape: the time grows with the text alone, whatever the
//! fragments multiply. The judge is stricter than the parser behind it, never more lenient: a text
//! whose shape it can't tell is a syntax error here already. It knows no schema; what it must know
//! of lists it reads off the arguments and names that Relay's conventions fix.

mod lexer;
mod limits;
mod sketch;
mod weight;

pub use limits::Limits;
pub use sketch::{Kind, Sketch, read};
pub use weight::{Given, Weight};

/// Why a document is not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It asks for more than one may.
    #[error("The document has more {what} than the limit of {limit}.")]
    TooMuch { what: &'static str, limit: u64 },
    /// A fragment contains itself.
    #[error("Fragment {0} spreads itself.")]
    Cycle(String),
    /// It is not GraphQL at this byte.
    #[error("Syntax error.")]
    Syntax { at: usize },
}

/// Line and column of a byte of the text, both from 1.
pub fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

/// Counts the judge's work in tests: that it grows with the text alone is a promise.
#[cfg(test)]
mod work {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    pub(super) fn step() {
        STEPS.set(STEPS.get() + 1);
    }

    /// What the work gives, and how many steps it took.
    pub(super) fn counted<T>(work: impl FnOnce() -> T) -> (T, u64) {
        STEPS.set(0);
        let result = work();
        (result, STEPS.get())
    }
}
#[cfg(not(test))]
mod work {
    pub(super) const fn step() {}
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
