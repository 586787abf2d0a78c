//! Judges whether the other end still lives, by what it answers and what it takes. Pure: times and
//! counts come as arguments.

use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Between two pings.
    pub(super) ping_interval: Duration,
    /// For the answer to a ping, while nothing waits to be sent.
    pub(super) pong: Duration,
    /// For the next byte to be taken, while something waits to be sent.
    pub(super) stall: Duration,
}

#[derive(Debug)]
pub(super) struct Liveness {
    patience: Patience,
    next_ping: Instant,
    /// Since when a ping has gone unanswered, not counting times in which something waited.
    unanswered_since: Option<Instant>,
    stall: Option<Stall>,
}

/// Something waits to be sent.
#[derive(Debug)]
struct Stall {
    /// When the last byte was taken.
    since: Instant,
    /// Bytes taken in all.
    taken: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// Time to send a ping.
    Ping,
    /// Give it up, for this reason.
    Dead(&'static str),
}

impl Liveness {
    pub(super) fn new(patience: Patience, now: Instant) -> Self {
        Self {
            patience,
            next_ping: now + patience.ping_interval,
            unanswered_since: None,
            stall: None,
        }
    }

    /// A pong came.
    pub(super) fn pong(&mut self) {
        self.unanswered_since = None;
    }

    /// Everything has been taken.
    pub(super) fn flushed(&mut self, now: Instant) {
        if self.stall.take().is_some() && self.unanswered_since.is_some() {
            self.unanswered_since = Some(now);
        }
    }

    /// Something still waits after a write; `taken` bytes have been taken in all.
    pub(super) fn waits(&mut self, now: Instant, taken: u64) {
        match &mut self.stall {
            Some(stall) if stall.taken == taken => {}
            stall => *stall = Some(Stall { since: now, taken }),
        }
    }

    pub(super) fn check(&mut self, now: Instant) -> Verdict {
        if let Some(stall) = &self.stall {
            let stalled = now >= stall.since + self.patience.stall;
            return if stalled {
                Verdict::Dead("Too slow: took nothing")
            } else {
                Verdict::Fine
            };
        }
        if let Some(since) = self.unanswered_since {
            let silent = now >= since + self.patience.pong;
            return if silent {
                Verdict::Dead("No answer to pings")
            } else {
                Verdict::Fine
            };
        }
        if now < self.next_ping {
            return Verdict::Fine;
        }
        self.next_ping = now + self.patience.ping_interval;
        self.unanswered_since = Some(now);
        Verdict::Ping
    }

    /// When to check next.
    pub(super) fn deadline(&self) -> Instant {
        match (&self.stall, self.unanswered_since) {
            (Some(stall), _) => stall.since + self.patience.stall,
            (None, Some(since)) => since + self.patience.pong,
            (None, None) => self.next_ping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        ping_interval: Duration::from_secs(12),
        pong: Duration::from_secs(30),
        stall: Duration::from_secs(20),
    };

    struct Scene {
        liveness: Liveness,
        start: Instant,
    }

    impl Scene {
        fn new() -> Self {
            let start = Instant::now();
            Self {
                liveness: Liveness::new(PATIENCE, start),
                start,
            }
        }

        fn at(&self, second: u64) -> Instant {
            self.start + Duration::from_secs(second)
        }

        fn check(&mut self, second: u64, expected: Verdict) {
            let now = self.at(second);
            assert_eq!(self.liveness.check(now), expected, "at {second} s");
        }

        fn deadline(&self) -> u64 {
            (self.liveness.deadline() - self.start).as_secs()
        }

        fn waits(&mut self, second: u64, taken: u64) {
            let now = self.at(second);
            self.liveness.waits(now, taken);
        }

        fn flushed(&mut self, second: u64) {
            let now = self.at(second);
            self.liveness.flushed(now);
        }
    }

    #[test]
    fn a_client_that_answers_is_pinged_again_and_again() {
        let mut scene = Scene::new();
        for second in [12, 24, 36] {
            assert_eq!(scene.deadline(), second);
            scene.check(second - 1, Verdict::Fine);
            scene.check(second, Verdict::Ping);
            scene.liveness.pong();
        }
    }

    #[test]
    fn a_silent_client_is_dead_after_the_pong_time() {
        let mut scene = Scene::new();
        scene.check(12, Verdict::Ping);
        assert_eq!(scene.deadline(), 42);
        scene.check(41, Verdict::Fine);
        scene.check(42, Verdict::Dead("No answer to pings"));
    }

    #[test]
    fn a_slow_client_lives_while_it_takes_bytes() {
        let mut scene = Scene::new();
        for second in (0..200).step_by(19) {
            scene.waits(second, second);
            scene.check(second + 18, Verdict::Fine);
        }
        assert_eq!(scene.deadline(), 190 + 20);
        scene.waits(205, 190);
        scene.check(209, Verdict::Fine);
        scene.check(210, Verdict::Dead("Too slow: took nothing"));
    }

    #[test]
    fn waiting_output_stops_the_clock_of_an_unanswered_ping() {
        let mut scene = Scene::new();
        scene.check(12, Verdict::Ping);
        scene.waits(30, 1);
        scene.waits(45, 2);
        scene.check(50, Verdict::Fine);
        scene.flushed(60);
        scene.check(89, Verdict::Fine);
        scene.check(90, Verdict::Dead("No answer to pings"));
    }
}
