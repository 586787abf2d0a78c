//! Requests as the rules of HTTP send them, and what their answers must be.

use reqwest::Method;
use serde_json::{Value, json};

use super::pattern::fits;
use super::target::{Answer, As, Ask};

pub(super) const JSON: &str = "application/json";
pub(super) const GRAPHQL: &str = "application/graphql-response+json";
pub(super) const EVENTS: &str = "text/event-stream";
/// Every schema answers it, and whoever may ask anything may ask it.
pub(super) const QUERY: &str = "{ __typename }";

impl Ask {
    /// A POST with this body and no headers.
    pub(super) fn post(body: &str) -> Self {
        Self {
            method: Method::POST,
            query: Vec::new(),
            headers: Vec::new(),
            body: Some(body.into()),
            from: As::Oneself,
        }
    }

    /// A POST of JSON.
    pub(super) fn json(body: &Value) -> Self {
        Self::post(&body.to_string()).header("content-type", JSON)
    }

    /// A POST of a document alone.
    pub(super) fn document(query: &str) -> Self {
        Self::json(&json!({ "query": query }))
    }

    /// A GET of a document alone.
    pub(super) fn get(query: &str) -> Self {
        Self {
            method: Method::GET,
            query: vec![("query", query.into())],
            headers: Vec::new(),
            body: None,
            from: As::Oneself,
        }
    }

    /// Sets a header; what it was before is gone.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a header line beside those of the same name.
    pub(super) fn line(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(super) fn accept(self, media: &str) -> Self {
        self.header("accept", media)
    }

    pub(super) fn parameter(mut self, name: &'static str, value: &Value) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(super) fn by(self, from: As) -> Self {
        Self { from, ..self }
    }
}

/// What must hold for an answer.
#[derive(Clone, Debug)]
pub(super) enum Expect {
    /// The status is between the two.
    Status(u16, u16),
    /// The header holds this text, upper and lower case alike.
    Holds(&'static str, &'static str),
    /// The header is not there.
    Lacks(&'static str),
    /// The body is JSON like this.
    Body(Value),
    /// The body is UTF-8.
    Utf8,
}

pub(super) fn ok() -> Expect {
    Expect::Status(200, 200)
}

pub(super) fn status(code: u16) -> Expect {
    Expect::Status(code, code)
}

pub(super) fn client_error() -> Expect {
    Expect::Status(400, 499)
}

pub(super) fn content_type(media: &'static str) -> Expect {
    Expect::Holds("content-type", media)
}

/// Whether the answer is as expected.
///
/// # Errors
/// The first thing that is not.
pub(super) fn judge(answer: &Answer, expected: &[Expect]) -> Result<(), String> {
    expected.iter().try_for_each(|expect| meets(answer, expect))
}

fn meets(answer: &Answer, expect: &Expect) -> Result<(), String> {
    let status = answer.status.as_u16();
    let failed = match expect {
        Expect::Status(least, most) if !(*least..=*most).contains(&status) => {
            let wanted = if least == most {
                least.to_string()
            } else {
                format!("{least} to {most}")
            };
            format!("status {status}, not {wanted}")
        }
        Expect::Holds(name, text) if !holds(answer.header(name), text) => {
            format!("{name} is {:?}, without {text}", answer.header(name))
        }
        Expect::Lacks(name) if answer.headers.contains_key(*name) => {
            format!("{name} is {:?}", answer.header(name))
        }
        Expect::Body(pattern) => {
            let body = answer.json()?;
            if fits(pattern, &body) {
                return Ok(());
            }
            format!("the body is {body:.200}, not like {pattern}")
        }
        Expect::Utf8 if std::str::from_utf8(&answer.body).is_err() => {
            "the body is not UTF-8".into()
        }
        _ => return Ok(()),
    };
    Err(failed)
}

fn holds(value: &str, text: &str) -> bool {
    value
        .to_ascii_lowercase()
        .contains(&text.to_ascii_lowercase())
}
