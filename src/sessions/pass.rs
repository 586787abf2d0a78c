//! The right to be here, and its end.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::caller::Caller;
use crate::domain::time::Time;

/// The right to be here: who it is, and how long that holds.
#[derive(Clone, Debug)]
pub struct Pass {
    pub caller: Caller,
    pub validity: Validity,
}

/// How long a pass holds. The default holds for ever.
#[derive(Clone, Debug, Default)]
pub struct Validity {
    expires_at: Option<Time>,
    /// When that is, by a clock that nobody sets.
    deadline: Option<Instant>,
    revoked: Option<CancellationToken>,
}

/// Why a pass no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Expired,
    Revoked,
}

impl From<Caller> for Pass {
    /// A pass that holds for ever.
    fn from(caller: Caller) -> Self {
        Self {
            caller,
            validity: Validity::default(),
        }
    }
}

impl Validity {
    /// Holds until `end`, and `tolerance` longer.
    pub fn until(end: Time, tolerance: Duration, now: Time) -> Self {
        let left = Duration::from_millis(end.since(now).unsigned_abs());
        Self {
            expires_at: Some(end),
            // An end beyond the clock's range never comes.
            deadline: Instant::now().checked_add(left.saturating_add(tolerance)),
            revoked: None,
        }
    }

    /// Holds no longer than until the token is cancelled.
    #[must_use]
    pub fn unless(mut self, revoked: CancellationToken) -> Self {
        self.revoked = Some(revoked);
        self
    }

    /// When it ends by itself.
    pub fn expires_at(&self) -> Option<Time> {
        self.expires_at
    }

    /// Returns when it no longer holds.
    pub async fn over(self) -> Over {
        let expired = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        let revoked = async {
            match self.revoked {
                Some(revoked) => revoked.cancelled_owned().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = expired => Over::Expired,
            () = revoked => Over::Revoked,
        }
    }
}

impl Over {
    /// What the one who is sent away is told.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Expired => "Token expired",
            Self::Revoked => "API key revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pass_ends_with_its_time_and_the_tolerance() {
        let now = Time::from_millis(1_000_000);
        let tolerance = Duration::from_millis(200);
        let validity = Validity::until(now.plus_millis(100), tolerance, now);
        let early = tokio::time::timeout(Duration::from_millis(100), validity.clone().over());
        assert!(early.await.is_err());
        assert_eq!(validity.over().await, Over::Expired);
    }

    #[tokio::test]
    async fn a_revoked_pass_ends_at_once() {
        let revoked = CancellationToken::new();
        let over = Validity::default().unless(revoked.clone()).over();
        revoked.cancel();
        assert_eq!(over.await, Over::Revoked);
    }

    #[test]
    fn an_end_beyond_all_time_is_no_end() {
        let end = Time::from_millis(i64::MAX);
        let validity = Validity::until(end, Duration::MAX, Time::from_millis(0));
        assert_eq!(validity.expires_at(), Some(end));
    }
}
