//! The questions that the repair asks of analytics.
//!
//! A query finds conversations by the day on which they began, so each day that may matter is asked
//! for by itself: that also keeps below the most results that one query tells.

use serde_json::{Value, json};

use crate::domain::time::Time;

/// Conversations of one page; Genesys gives no more.
pub const PAGE: usize = 100;
/// Genesys refuses to page beyond 100,000 results.
pub const MOST_PAGES: usize = 1_000;

const DAY_MS: i64 = 86_400_000;

/// A query without its page.
#[derive(Clone, Debug, PartialEq)]
pub struct Question(Value);

impl Question {
    /// The body of the query for a page; pages count from 1.
    pub fn page(&self, number: usize) -> Value {
        let mut body = self.0.clone();
        body["paging"] = json!({ "pageSize": PAGE, "pageNumber": number });
        body
    }
}

/// The intervals of the last days up to `until`, the newest first.
pub fn days(until: Time, days: u32) -> Vec<String> {
    let today = until.as_millis().div_euclid(DAY_MS) * DAY_MS;
    (0..i64::from(days.max(1)))
        .map(|back| {
            let from = Time::from_millis(today - back * DAY_MS);
            format!("{from}/{}", from.plus_millis(DAY_MS))
        })
        .collect()
}

/// Those that go on.
pub fn open(interval: &str) -> Question {
    question(interval, "conversationStart", "notExists")
}

/// Those that are over, the one that ended last first.
pub fn ended(interval: &str) -> Question {
    question(interval, "conversationEnd", "exists")
}

fn question(interval: &str, order: &str, end: &str) -> Question {
    let predicate = json!({ "type": "dimension", "dimension": "conversationEnd", "operator": end });
    Question(json!({
        "interval": interval,
        "order": "desc",
        "orderBy": order,
        "conversationFilters": [{ "type": "and", "predicates": [predicate] }],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_is_asked_for_by_itself_the_newest_first() {
        let until = Time::parse("2026-11-25T00:30:00Z").unwrap();
        assert_eq!(
            days(until, 2),
            [
                "2026-11-25T00:00:00.000Z/2026-11-26T00:00:00.000Z",
                "2026-11-24T00:00:00.000Z/2026-11-25T00:00:00.000Z",
            ]
        );
    }

    #[test]
    fn a_page_is_asked_for_by_number() {
        let body = ended("a/b").page(3);
        assert_eq!(body["paging"], json!({ "pageSize": 100, "pageNumber": 3 }));
        assert_eq!(body["orderBy"], "conversationEnd");
        assert_eq!(
            body["conversationFilters"][0]["predicates"][0]["operator"],
            "exists"
        );
    }
}
