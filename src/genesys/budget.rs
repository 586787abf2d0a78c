//! One budget of REST calls for the whole process, kept below the rate Genesys announces.
//!
//! Each priority may fill the budget only up to its own mark, and the marks rise with the
//! priority: what a lower one leaves free it can never take, so nobody waits behind a lower one.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Genesys counts calls by the minute.
const WINDOW: Duration = Duration::from_mins(1);

/// What a call is for, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// A person waits for it.
    Command,
    /// Keeps notifications coming: channels, subscriptions, queues.
    Feed,
    /// One conversation is in doubt.
    Stuck,
    /// What was missed is read.
    Repair,
    /// Times and directions are settled after the end.
    Enrichment,
}

impl Priority {
    /// Up to which part of the budget, in hundredths, calls of this priority may go.
    const fn mark(self) -> usize {
        match self {
            Self::Command => 100,
            Self::Feed => 90,
            Self::Stuck => 80,
            Self::Repair => 70,
            Self::Enrichment => 40,
        }
    }
}

/// What Genesys' `inin-ratelimit-*` headers said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    pub count: Option<usize>,
    pub allowed: usize,
    pub reset: Option<Duration>,
}

#[derive(Debug)]
pub struct Budget {
    configured: usize,
    longest_pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// The calls of the last minute, oldest first.
    calls: VecDeque<Instant>,
    /// Calls that others made with the same OAuth client, and until when Genesys counts them.
    others: Option<(usize, Instant)>,
    paused_until: Option<Instant>,
}

impl Budget {
    /// `per_minute` is never exceeded, whatever Genesys announces; `longest_pause` bounds how long one
    /// `Retry-After` is obeyed.
    pub fn new(per_minute: usize, longest_pause: Duration) -> Self {
        let configured = per_minute.max(1);
        Self {
            configured,
            longest_pause,
            state: Mutex::new(State {
                limit: configured,
                calls: VecDeque::new(),
                others: None,
                paused_until: None,
            }),
        }
    }

    /// Waits for room, at most for `longest`. Returns how long is still to wait when that is more.
    pub async fn take(&self, priority: Priority, longest: Duration) -> Result<(), Duration> {
        let give_up_at = Instant::now() + longest;
        loop {
            let now = Instant::now();
            let Err(wait) = self.try_take(now, priority) else {
                return Ok(());
            };
            if now + wait > give_up_at {
                return Err(wait);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes one call now, or says how long at least to wait.
    pub fn try_take(&self, now: Instant, priority: Priority) -> Result<(), Duration> {
        let mut state = self.lock();
        state.forget_before(now);
        if let Some(until) = state.paused_until {
            return Err(until - now);
        }
        let others = state.others.map_or(0, |(count, _)| count);
        let room = (state.limit * priority.mark() / 100).max(1);
        if state.calls.len() + others < room {
            state.calls.push_back(now);
            return Ok(());
        }
        let own_leaves = state.calls.front().map(|oldest| *oldest + WINDOW - now);
        let others_leave = state.others.map(|(_, until)| until - now);
        let wait = own_leaves.into_iter().chain(others_leave).min();
        Err(wait.unwrap_or(WINDOW).max(Duration::from_millis(1)))
    }

    /// Takes note of an answer's rate limit headers: stays a tenth below what is allowed, and counts
    /// what others used. An allowance of nothing is no limit that a client could keep: it says nothing.
    pub fn learn(&self, now: Instant, announced: Announced) {
        if announced.allowed == 0 {
            return;
        }
        let mut state = self.lock();
        state.forget_before(now);
        let below = announced.allowed - announced.allowed.div_ceil(10);
        state.limit = self.configured.min(below.max(1));
        if let (Some(count), Some(reset)) = (announced.count, announced.reset) {
            let others = count.saturating_sub(state.calls.len());
            state.others = (others > 0).then(|| (others, now + reset.min(WINDOW)));
        }
    }

    /// Nobody calls until Genesys' `Retry-After` is over.
    pub fn pause(&self, now: Instant, retry_after: Duration) {
        let until = now + retry_after.min(self.longest_pause);
        let mut state = self.lock();
        state.paused_until = state.paused_until.max(Some(until));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget_before(&mut self, now: Instant) {
        while self.calls.front().is_some_and(|call| *call + WINDOW <= now) {
            self.calls.pop_front();
        }
        self.others = self.others.filter(|(_, until)| *until > now);
        self.paused_until = self.paused_until.filter(|until| *until > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn taken(budget: &Budget, now: Instant, priority: Priority) -> usize {
        (0..10_000)
            .take_while(|_| budget.try_take(now, priority).is_ok())
            .count()
    }

    #[test]
    fn no_command_waits_behind_twenty_new_conversations_a_second() {
        let budget = Budget::new(300, SECOND * 180);
        let start = Instant::now();
        for second in 0..300 {
            let now = start + SECOND * second;
            for _ in 0..20 {
                let _ = budget.try_take(now, Priority::Enrichment);
                let _ = budget.try_take(now, Priority::Repair);
                let _ = budget.try_take(now, Priority::Stuck);
            }
            assert_eq!(
                budget.try_take(now, Priority::Command),
                Ok(()),
                "second {second}"
            );
        }
    }

    #[test]
    fn each_priority_leaves_room_for_the_more_urgent_ones() {
        let budget = Budget::new(100, SECOND * 180);
        let now = Instant::now();
        assert_eq!(taken(&budget, now, Priority::Enrichment), 40);
        assert_eq!(taken(&budget, now, Priority::Repair), 30);
        assert_eq!(taken(&budget, now, Priority::Stuck), 10);
        assert_eq!(taken(&budget, now, Priority::Feed), 10);
        assert_eq!(taken(&budget, now, Priority::Command), 10);
        assert_eq!(budget.try_take(now, Priority::Command), Err(WINDOW));
        assert_eq!(taken(&budget, now + WINDOW, Priority::Command), 100);
    }

    #[test]
    fn the_limit_stays_below_what_genesys_allows() {
        let budget = Budget::new(300, SECOND * 180);
        let now = Instant::now();
        let announced = |allowed| Announced {
            count: None,
            allowed,
            reset: None,
        };
        budget.learn(now, announced(180));
        assert_eq!(taken(&budget, now, Priority::Command), 162);
        budget.learn(now, announced(3_000));
        assert_eq!(taken(&budget, now, Priority::Command), 138);
        budget.learn(now + WINDOW, announced(1));
        assert_eq!(taken(&budget, now + WINDOW, Priority::Command), 1);
        budget.learn(now + WINDOW * 2, announced(0));
        budget.learn(now + WINDOW * 2, announced(10));
        budget.learn(now + WINDOW * 2, announced(0));
        assert_eq!(taken(&budget, now + WINDOW * 2, Priority::Command), 9);
    }

    #[test]
    fn calls_of_others_with_the_same_client_count_until_the_reset() {
        let budget = Budget::new(300, SECOND * 180);
        let now = Instant::now();
        budget
            .try_take(now, Priority::Command)
            .expect("the first call has room");
        let reset = Some(SECOND * 20);
        budget.learn(
            now,
            Announced {
                count: Some(201),
                allowed: 300,
                reset,
            },
        );
        assert_eq!(taken(&budget, now, Priority::Command), 269 - 200);
        assert_eq!(budget.try_take(now, Priority::Command), Err(SECOND * 20));
        assert_eq!(taken(&budget, now + SECOND * 20, Priority::Command), 200);
    }

    #[test]
    fn retry_after_holds_everybody_back_and_only_so_long() {
        let budget = Budget::new(300, SECOND * 180);
        let now = Instant::now();
        budget.pause(now, SECOND * 3);
        budget.pause(now, SECOND);
        assert_eq!(budget.try_take(now, Priority::Command), Err(SECOND * 3));
        assert_eq!(budget.try_take(now + SECOND * 3, Priority::Command), Ok(()));
        budget.pause(now, SECOND * 100_000);
        assert_eq!(budget.try_take(now, Priority::Command), Err(SECOND * 180));
    }
}
