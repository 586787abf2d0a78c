//! How many operations a caller may start in a while: a token bucket for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::domain::caller::Caller;

/// Buckets kept; beyond, full ones are thrown away, which forgets nothing.
const MOST_BUCKETS: usize = 10_000;

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Limits per caller")]
pub struct RateConfig {
    /// Operations that a caller may start per second in the long run; 0: as many as he likes.
    #[arg(
        long,
        env = "GATEWAY_RATE_PER_CALLER",
        value_name = "N",
        default_value_t = 100
    )]
    pub rate_per_caller: u32,

    /// Operations that a caller may start at once; 0: as many as he likes.
    #[arg(
        long,
        env = "GATEWAY_RATE_BURST",
        value_name = "N",
        default_value_t = 1_000
    )]
    pub rate_burst: u32,
}

/// The buckets of all callers. Who did not have to tell his name has none: it would be one for all.
pub(super) struct Rate {
    per_second: f64,
    burst: f64,
    // Held for a look-up; never over a wait.
    buckets: Mutex<HashMap<Arc<str>, Bucket>>,
}

struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Rate {
    pub(super) fn new(config: &RateConfig) -> Self {
        Self {
            per_second: f64::from(config.rate_per_caller),
            burst: f64::from(config.rate_burst),
            buckets: Mutex::default(),
        }
    }

    /// Takes one operation off the caller's account.
    ///
    /// # Errors
    /// He has none left; after this time he has.
    pub(super) fn take(&self, caller: &Caller, now: Instant) -> Result<(), Duration> {
        if self.per_second == 0.0 || self.burst == 0.0 || caller.is_anonymous() {
            return Ok(());
        }
        let mut buckets = self
            .buckets
            .lock()
            .expect("no code panics while it holds this lock");
        if buckets.len() >= MOST_BUCKETS && !buckets.contains_key(&caller.subject) {
            buckets.retain(|_, bucket| self.level(bucket, now) < self.burst);
        }
        let bucket = buckets.entry(caller.subject.clone()).or_insert(Bucket {
            tokens: self.burst,
            filled_at: now,
        });
        bucket.tokens = self.level(bucket, now);
        bucket.filled_at = now;
        if bucket.tokens < 1.0 {
            let missing = (1.0 - bucket.tokens) / self.per_second;
            return Err(Duration::from_secs_f64(missing));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    fn level(&self, bucket: &Bucket, now: Instant) -> f64 {
        let since = now.saturating_duration_since(bucket.filled_at);
        (bucket.tokens + since.as_secs_f64() * self.per_second).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(subject: &str) -> Caller {
        Caller {
            subject: subject.into(),
            ..Caller::everything()
        }
    }

    fn rate(rate_per_caller: u32, rate_burst: u32) -> Rate {
        Rate::new(&RateConfig {
            rate_per_caller,
            rate_burst,
        })
    }

    #[test]
    fn a_burst_is_allowed_and_then_so_many_a_second() {
        let (rate, ada, start) = (rate(10, 3), caller("ada"), Instant::now());
        for _ in 0..3 {
            assert_eq!(rate.take(&ada, start), Ok(()));
        }
        let wait = rate.take(&ada, start).unwrap_err();
        assert_eq!(wait.as_millis(), 100);
        assert_eq!(rate.take(&caller("bob"), start), Ok(()));
        assert!(rate.take(&ada, start + Duration::from_millis(99)).is_err());
        assert!(rate.take(&ada, start + Duration::from_millis(101)).is_ok());
        assert!(rate.take(&ada, start + Duration::from_millis(102)).is_err());
        let later = start + Duration::from_mins(1);
        assert_eq!((0..9).filter(|_| rate.take(&ada, later).is_ok()).count(), 3);
    }

    #[test]
    fn nobody_is_limited_where_a_limit_is_nought_or_nobody_has_a_name() {
        let now = Instant::now();
        for (rate, caller) in [
            (rate(0, 3), caller("ada")),
            (rate(10, 0), caller("ada")),
            (rate(10, 3), Caller::everything()),
        ] {
            assert!((0..100).all(|_| rate.take(&caller, now).is_ok()));
        }
    }
}
