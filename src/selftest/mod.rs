//! The protocols' rules as a table, and the command `selftest` that tries them on a running gateway.
//!
//! It is a client of the public API and knows nothing of the inside: what an operator sees with it
//! behind his proxy is what his clients will see. `http_rules`, `event_rules` and `ws_rules` hold
//! the table; `exchange`, `script` and `socket` try a row of it.

mod command;
mod event_rules;
mod exchange;
mod frames;
mod http_rules;
mod pattern;
mod report;
mod rule;
mod script;
mod script_operations;
mod socket;
mod target;
mod ws_rules;

pub use command::{SelftestArgs, run};
pub use report::Sums;
pub use rule::{Finding, Level, Rule, Takes, Verdict};

use target::Target;

/// All rules, in the order of the report.
pub fn rules() -> Vec<Rule> {
    let mut rules = http_rules::rules();
    rules.extend(event_rules::rules());
    rules.extend(ws_rules::rules());
    rules
}

/// Tries rules on the gateway at this address, `at_once` of them at a time.
///
/// # Errors
/// There is no gateway, or it does not let the bearer of the token ask.
pub async fn try_rules<'a>(
    url: &str,
    token: Option<String>,
    rules: &'a [Rule],
    at_once: usize,
) -> anyhow::Result<Vec<Finding<'a>>> {
    let target = Target::reach(url, token).await?;
    Ok(rule::try_all(&target, rules, at_once).await)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let rules = rules();
        let ids: BTreeSet<_> = rules.iter().map(|rule| rule.id.as_str()).collect();
        let mut doubled: Vec<_> = rules.iter().map(|rule| rule.id.as_str()).collect();
        for id in &ids {
            let first = doubled.iter().position(|it| it == id).expect("it is there");
            doubled.remove(first);
        }
        assert!(doubled.is_empty(), "{doubled:?}");
    }

    #[test]
    fn the_table_holds_what_it_is_said_to_hold() {
        let rules = rules();
        let of = |prefix: &str| rules.iter().filter(|it| it.id.starts_with(prefix)).count();
        // The ids of the audits are of four letters.
        let audits = rules
            .iter()
            .filter(|it| it.id.starts_with("http-") && it.id.len() == 9);
        assert_eq!(audits.count(), 61);
        assert!(of("ws-") >= 90, "{}", of("ws-"));
        assert!(of("sse-") >= 8);
    }
}
