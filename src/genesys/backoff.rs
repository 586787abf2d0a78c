//! How long to wait before the next attempt.

use std::time::Duration;

/// A number from 0 to 1 by which a wait is spread, so that many gateways don't return at once.
pub type Jitter = fn() -> f64;

/// The jitter outside tests.
pub fn random_jitter() -> f64 {
    rand::Rng::random::<f64>(&mut rand::rng())
}

/// Exponential waits between `min` and `max`, each cut by up to half.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    longest_asked: Duration,
    jitter: Jitter,
    attempts: u32,
}

impl Backoff {
    /// `longest_asked` bounds the waits the other side asks for.
    pub const fn new(
        min: Duration,
        max: Duration,
        longest_asked: Duration,
        jitter: Jitter,
    ) -> Self {
        Self {
            min,
            max,
            longest_asked,
            jitter,
            attempts: 0,
        }
    }

    /// The next wait; not shorter than what the other side asked for.
    pub fn next_wait(&mut self, asked: Option<Duration>) -> Duration {
        let full = self
            .min
            .saturating_mul(2_u32.saturating_pow(self.attempts))
            .min(self.max);
        self.attempts = self.attempts.saturating_add(1);
        let spread = full.mul_f64(0.5 + 0.5 * (self.jitter)().clamp(0.0, 1.0));
        asked.map_or(spread, |asked| spread.max(asked.min(self.longest_asked)))
    }

    pub const fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_success() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(1_000), ms(9_000), || 1.0);
        let waits = (0..6).map(|_| backoff.next_wait(None)).collect::<Vec<_>>();
        assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000].map(ms));
        assert_eq!(backoff.next_wait(Some(ms(7_000))), ms(7_000));
        assert_eq!(backoff.next_wait(Some(ms(60_000))), ms(9_000));
        backoff.reset();
        assert_eq!(backoff.next_wait(None), ms(100));
    }

    #[test]
    fn jitter_takes_up_to_half_away() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(second, second, second, || 0.0);
        assert_eq!(backoff.next_wait(None), Duration::from_millis(500));
        for _ in 0..1_000 {
            assert!((0.0..=1.0).contains(&random_jitter()));
        }
    }
}
