//! What a run came to, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::rule::{Finding, Level, Rule, Verdict};

/// The sums of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Sums {
    pub(super) fn of(findings: &[Finding<'_>]) -> Self {
        let mut sums = Self::default();
        for finding in findings {
            match finding.verdict {
                Verdict::Pass => sums.passed += 1,
                Verdict::Fail(_) => sums.failed += 1,
                Verdict::Skip(_) => sums.skipped += 1,
            }
        }
        sums
    }
}

/// One line per rule, and the sums.
pub(super) fn text(findings: &[Finding<'_>]) -> String {
    let mut text = String::new();
    for finding in findings {
        let (word, reason) = match &finding.verdict {
            Verdict::Pass => ("ok", None),
            Verdict::Fail(reason) => ("FAIL", Some(reason)),
            Verdict::Skip(reason) => ("skip", Some(reason)),
        };
        let _ = write!(text, "{word:<5}{}", line(finding.rule));
        if let Some(reason) = reason {
            let _ = write!(text, ": {reason}");
        }
        text.push('\n');
    }
    let sums = Sums::of(findings);
    let _ = writeln!(
        text,
        "\n{} rules: {} kept, {} broken, {} not tried",
        findings.len(),
        sums.passed,
        sums.failed,
        sums.skipped
    );
    text
}

/// The table itself, without having tried anything.
pub(super) fn table(rules: &[Rule]) -> String {
    let lines = rules
        .iter()
        .map(|rule| format!("{} [{}]\n", line(rule), rule.source));
    lines.collect()
}

fn line(rule: &Rule) -> String {
    let level = match rule.level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
        Level::May => "MAY",
    };
    format!("{:<26} {level:<7}{}", rule.id, rule.says)
}

pub(super) fn json(url: &str, findings: &[Finding<'_>]) -> Value {
    let rules: Vec<_> = findings
        .iter()
        .map(|finding| {
            let rule = finding.rule;
            let mut row = json!(finding.verdict);
            row["id"] = json!(rule.id);
            row["level"] = json!(rule.level);
            row["says"] = json!(rule.says);
            row["source"] = json!(rule.source);
            row
        })
        .collect();
    let sums = Sums::of(findings);
    json!({
        "url": url,
        "passed": sums.passed,
        "failed": sums.failed,
        "skipped": sums.skipped,
        "rules": rules,
    })
}
