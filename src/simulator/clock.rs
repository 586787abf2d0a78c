//! Time as the simulated organisation writes it: milliseconds, UTC, always `2026-11-23T10:00:00.123Z`.

use std::fmt;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A moment in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stamp(i64);

impl Stamp {
    /// The wall clock; the only place of the simulator that reads it.
    pub(crate) fn now() -> Self {
        Self(DateTime::<Utc>::from(SystemTime::now()).timestamp_millis())
    }

    #[cfg(test)]
    pub(crate) const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub(crate) const fn millis(self) -> i64 {
        self.0
    }

    pub(crate) const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0 + millis)
    }

    pub(crate) fn plus(self, time: Duration) -> Self {
        Self(self.0 + i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4))
    }

    /// Time from here to `later`, zero when it has passed.
    pub(crate) fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0 - self.0).unwrap_or(0))
    }

    /// RFC 3339, or the zone-less form that Genesys accepts in intervals, read as UTC.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        DateTime::parse_from_rfc3339(text)
            .map(|time| time.timestamp_millis())
            .or_else(|_| {
                NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
                    .map(|time| time.and_utc().timestamp_millis())
            })
            .or_else(|_| {
                DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z")
                    .map(|time| time.timestamp_millis())
            })
            .or_else(|_| {
                NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%dT%H:%M")
                    .map(|time| time.and_utc().timestamp_millis())
            })
            .ok()
            .map(Self)
    }

    fn digits(self) -> [u8; 24] {
        let time = DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut write = |from: usize, to: usize, mut value: u32| {
            for place in (from..to).rev() {
                text[place] = b'0' + u8::try_from(value % 10).expect("a digit");
                value /= 10;
            }
        };
        write(0, 4, u32::try_from(time.year()).unwrap_or(0));
        write(5, 7, time.month());
        write(8, 10, time.day());
        write(11, 13, time.hour());
        write(14, 16, time.minute());
        write(17, 19, time.second());
        write(20, 23, time.timestamp_subsec_millis());
        text
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).expect("digits are ASCII"))
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.digits()).expect("digits are ASCII"))
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("not a date and time: {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;

    #[test]
    fn a_stamp_reads_what_it_writes_and_what_genesys_accepts() {
        let stamp = Stamp::from_millis(1_795_428_000_007);
        assert_eq!(stamp.to_string(), "2026-11-23T10:00:00.007Z");
        for text in [
            "2026-11-23T10:00:00.007Z",
            "2026-11-23T11:00:00.007+01:00",
            "2026-11-23T10:00:00.007",
        ] {
            assert_eq!(Stamp::parse(text), Some(stamp), "{text}");
        }
        assert_eq!(
            Stamp::parse("2026-11-23T10:00Z"),
            Some(stamp.plus_millis(-7))
        );
        assert_eq!(Stamp::parse("yesterday"), None);
    }
}
