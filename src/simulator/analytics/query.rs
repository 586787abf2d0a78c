//! `ConversationQuery`: interval, filters, order and paging over analytics details.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::super::clock::Stamp;
use super::super::error::ApiError;

const DAY_MS: i64 = 86_400_000;
const MAX_PAGE: usize = 100;
const MAX_RESULTS: usize = 100_000;
const MAX_DAYS: i64 = 31;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConversationQuery {
    interval: Option<String>,
    #[serde(default)]
    order: Order,
    order_by: Option<String>,
    #[serde(default)]
    paging: Paging,
    #[serde(default)]
    conversation_filters: Vec<Filter>,
    #[serde(default)]
    segment_filters: Vec<Filter>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    #[default]
    Asc,
    Desc,
    Unordered,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Paging {
    page_size: usize,
    page_number: usize,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            page_size: 25,
            page_number: 1,
        }
    }
}

/// Predicates and nested clauses, all or any of which must hold.
#[derive(Deserialize)]
struct Filter {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    predicates: Vec<Predicate>,
    #[serde(default)]
    clauses: Vec<Filter>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    And,
    Or,
}

#[derive(Deserialize)]
struct Predicate {
    dimension: String,
    #[serde(default)]
    operator: Operator,
    value: Option<Value>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Operator {
    #[default]
    Matches,
    Exists,
    NotExists,
}

pub(super) struct Found {
    pub(super) page: Vec<Value>,
    pub(super) total: usize,
}

impl ConversationQuery {
    pub(super) fn page(&self, known: Vec<Arc<Value>>) -> Result<Found, ApiError> {
        let Paging {
            page_size,
            page_number,
        } = self.paging;
        if !(1..=MAX_PAGE).contains(&page_size) || page_number == 0 {
            let message =
                format!("paging needs a pageSize of 1 to {MAX_PAGE} and a pageNumber from 1 on.");
            return Err(ApiError::bad_request(message));
        }
        if page_size.saturating_mul(page_number) > MAX_RESULTS {
            return Err(ApiError::bad_request(
                "Pagination may not exceed 100000 results.",
            ));
        }
        let all = self.all(known)?;
        let page = all
            .iter()
            .skip(page_size * (page_number - 1))
            .take(page_size)
            .map(|it| Value::clone(it))
            .collect();
        Ok(Found {
            page,
            total: all.len(),
        })
    }

    /// What matches, in order.
    pub(super) fn all(&self, known: Vec<Arc<Value>>) -> Result<Vec<Arc<Value>>, ApiError> {
        let (from, to) = self.days()?;
        let started = |conversation: &Value| {
            let start = time(&conversation["conversationStart"]);
            start.is_some_and(|start| (from..to).contains(&start.millis()))
        };
        let mut found: Vec<Arc<Value>> = known
            .into_iter()
            .filter(|conversation| started(conversation) && self.matches(conversation))
            .collect();
        let field = match self.order_by.as_deref() {
            Some("conversationEnd" | "segmentEnd") => "conversationEnd",
            _ => "conversationStart",
        };
        found.sort_by_cached_key(|conversation| {
            conversation[field].as_str().unwrap_or("9999").to_owned()
        });
        if self.order == Order::Desc {
            found.reverse();
        }
        Ok(found)
    }

    /// Conversations count that started on a day which the interval touches.
    fn days(&self) -> Result<(i64, i64), ApiError> {
        let bounds = self
            .interval
            .as_deref()
            .and_then(|interval| interval.split_once('/'));
        let bounds = bounds.and_then(|(from, to)| Some((Stamp::parse(from)?, Stamp::parse(to)?)));
        let Some((from, to)) = bounds.filter(|(from, to)| from < to) else {
            return Err(ApiError::bad_request(
                "interval must be start/end in ISO 8601.",
            ));
        };
        if to.millis() - from.millis() > MAX_DAYS * DAY_MS {
            return Err(ApiError::bad_request(format!(
                "interval must not exceed {MAX_DAYS} days."
            )));
        }
        let day = |millis: i64| millis.div_euclid(DAY_MS);
        Ok((
            day(from.millis()) * DAY_MS,
            (day(to.millis() - 1) + 1) * DAY_MS,
        ))
    }

    /// All conversation filters, and for the segment filters one segment that fulfils them all.
    fn matches(&self, conversation: &Value) -> bool {
        let by_conversation = |filter: &Filter| filter.holds(&|name| vec![&conversation[name]]);
        if !self.conversation_filters.iter().all(by_conversation) {
            return false;
        }
        self.segment_filters.is_empty()
            || segments(conversation).iter().any(|levels| {
                let value = |name: &str| levels.iter().map(|level| &level[name]).collect();
                self.segment_filters
                    .iter()
                    .all(|filter| filter.holds(&value))
            })
    }
}

/// Each segment with the session and the participant it belongs to: a dimension may lie on any of them.
fn segments(conversation: &Value) -> Vec<[&Value; 3]> {
    let mut all = Vec::new();
    for participant in array(conversation, "participants") {
        for session in array(participant, "sessions") {
            all.extend(
                array(session, "segments")
                    .iter()
                    .map(|segment| [segment, session, participant]),
            );
        }
    }
    all
}

fn array<'a>(json: &'a Value, key: &str) -> &'a [Value] {
    json[key].as_array().map_or(&[], Vec::as_slice)
}

impl Filter {
    /// `values` looks a dimension up.
    fn holds<'a>(&self, values: &dyn Fn(&str) -> Vec<&'a Value>) -> bool {
        let mut parts = self
            .predicates
            .iter()
            .map(|predicate| predicate.holds(&values(&predicate.dimension)))
            .chain(self.clauses.iter().map(|clause| clause.holds(values)));
        match self.kind {
            Kind::And => parts.all(|holds| holds),
            Kind::Or => parts.any(|holds| holds),
        }
    }
}

impl Predicate {
    /// `divisionId` and the like are lists under a plural name; a list matches by any of its elements.
    fn holds(&self, found: &[&Value]) -> bool {
        let there: Vec<&Value> = found
            .iter()
            .copied()
            .filter(|value| !value.is_null())
            .collect();
        match self.operator {
            Operator::Exists => !there.is_empty(),
            Operator::NotExists => there.is_empty(),
            Operator::Matches => there.iter().any(|value| match (value, &self.value) {
                (Value::Array(list), Some(wanted)) => list.contains(wanted),
                (value, Some(wanted)) => text(value).eq_ignore_ascii_case(&text(wanted)),
                (_, None) => false,
            }),
        }
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn time(value: &Value) -> Option<Stamp> {
    value.as_str().and_then(Stamp::parse)
}
