//! A rule, how it is tried, and what came of it.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;

use super::event_rules::{EventStep, follow};
use super::exchange::{Expect, judge};
use super::script::{Opening, Step, play};
use super::socket::shake;
use super::target::{Ask, PATIENCE, Target};

/// How binding a rule is, in the words of RFC 2119.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    Must,
    Should,
    May,
}

/// How long a rule is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Takes {
    /// The answer is due at once.
    Moment,
    /// A timer of the gateway has to run off first.
    Seconds,
    /// Several have to.
    Minute,
}

impl Takes {
    fn patience(self) -> Duration {
        match self {
            Self::Moment => PATIENCE,
            Self::Seconds => Duration::from_secs(30),
            Self::Minute => Duration::from_mins(2),
        }
    }
}

/// One thing that a gateway must do, and how to see whether it does.
pub struct Rule {
    /// Names it in reports and for `--only`.
    pub id: String,
    pub level: Level,
    /// The rule as a sentence.
    pub says: &'static str,
    /// Where it stands written.
    pub source: &'static str,
    pub takes: Takes,
    /// A gateway that lets everybody do all can't show it.
    pub needs_guard: bool,
    pub(super) check: Check,
}

/// How a rule is tried.
pub(super) enum Check {
    /// A request and its answer.
    Exchange(Ask, Vec<Expect>),
    /// An upgrade request and the head of its answer.
    Handshake(Ask, Vec<Expect>),
    /// A play on a WebSocket.
    Socket(Opening, Vec<Step>),
    /// An event stream.
    Events(Ask, Vec<EventStep>),
}

impl Rule {
    pub(super) fn new(
        id: impl Into<String>,
        level: Level,
        says: &'static str,
        source: &'static str,
        check: Check,
    ) -> Self {
        Self {
            id: id.into(),
            level,
            says,
            source,
            takes: Takes::Moment,
            needs_guard: false,
            check,
        }
    }

    pub(super) fn taking(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }

    pub(super) fn needing_guard(self) -> Self {
        Self {
            needs_guard: true,
            ..self
        }
    }

    async fn verdict(&self, target: &Target) -> Verdict {
        if self.needs_guard && target.is_open {
            return Verdict::Skip("the gateway lets everybody do all".into());
        }
        let outcome = match &self.check {
            Check::Exchange(ask, expected) => target
                .send(ask)
                .await
                .and_then(|answer| judge(&answer, expected)),
            Check::Handshake(ask, expected) => shake(target, ask)
                .await
                .and_then(|answer| judge(&answer, expected)),
            Check::Socket(opening, steps) => {
                play(target, *opening, steps, self.takes.patience()).await
            }
            Check::Events(ask, steps) => follow(target, ask, steps, self.takes.patience()).await,
        };
        outcome.map_or_else(Verdict::Fail, |()| Verdict::Pass)
    }
}

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "lowercase")]
pub enum Verdict {
    Pass,
    /// The gateway, or what stands before it, does something else.
    Fail(String),
    /// It could not be tried.
    Skip(String),
}

/// A rule and what came of it.
pub struct Finding<'a> {
    pub rule: &'a Rule,
    pub verdict: Verdict,
}

/// Tries all rules, a few at a time, those that take longest first; in the order given.
pub(super) async fn try_all<'a>(
    target: &Target,
    rules: &'a [Rule],
    at_once: usize,
) -> Vec<Finding<'a>> {
    let mut order: Vec<usize> = (0..rules.len()).collect();
    order.sort_by_key(|number| std::cmp::Reverse(rules[*number].takes));
    let tried = order.into_iter().map(|number| async move {
        let rule = &rules[number];
        let verdict = rule.verdict(target).await;
        (number, Finding { rule, verdict })
    });
    let mut findings: Vec<_> = stream::iter(tried)
        .buffer_unordered(at_once)
        .collect()
        .await;
    findings.sort_by_key(|(number, _)| *number);
    findings.into_iter().map(|(_, finding)| finding).collect()
}
