//! Names one request, so that an answer, a log line and a user's report can be brought together.

use std::fmt;
use std::sync::Arc;

/// Longest identifier taken from a client or a proxy, in bytes.
const LONGEST: usize = 64;

#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Takes 1 to 64 bytes of letters, digits, `-`, `_` and `.`: whatever else a client sends could
    /// forge log lines.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=LONGEST).contains(&text.len());
        let clean = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        (fits && clean).then(|| Self(Arc::from(text)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<uuid::Uuid> for RequestId {
    fn from(uuid: uuid::Uuid) -> Self {
        Self(Arc::from(uuid.as_hyphenated().to_string()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_identifiers_are_taken_from_outside() {
        assert_eq!(RequestId::parse("a-B_9.c").unwrap().as_str(), "a-B_9.c");
        for refused in ["", "two words", "line\nbreak", "quote\"", &"x".repeat(65)] {
            assert_eq!(RequestId::parse(refused), None, "{refused:?}");
        }
    }
}
