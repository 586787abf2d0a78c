//! The one home of the wall clock, so that tests can bring their own.

use chrono::Utc;

use crate::domain::time::Time;

pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Time;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is its one home")]
    fn now(&self) -> Time {
        Time::from(Utc::now())
    }
}
