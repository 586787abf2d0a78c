//! A moment, cut to milliseconds, as every table and every answer carries it.

use std::fmt;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with a `T` and any offset; digits beyond milliseconds are cut. A year that has
    /// not four digits in UTC could not be written again.
    pub fn parse(text: &str) -> Option<Self> {
        if !matches!(text.as_bytes().get(10), Some(b'T')) {
            return None;
        }
        let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
        (0..=9_999).contains(&time.year()).then(|| time.into())
    }

    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// Milliseconds from `earlier` to this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Time) -> i64 {
        (self.0 - earlier.0).max(0)
    }

    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

impl fmt::Display for Time {
    /// The 24-character form `2026-11-23T10:00:00.123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_can_be_written_in_24_characters() {
        for (text, written) in [
            ("2026-11-23T12:00:00.1239+02:00", "2026-11-23T10:00:00.123Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("9999-12-31T23:59:59.999+05:00", "9999-12-31T18:59:59.999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
        ] {
            let time = Time::parse(text).unwrap_or_else(|| panic!("{text} is a time"));
            assert_eq!(time.to_string(), written);
        }
        for text in [
            "9999-12-31T23:59:59.999-05:00",
            "0000-01-01T00:00:00+00:01",
            "2026-11-23 10:00:00Z",
            "2026-11-23",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
