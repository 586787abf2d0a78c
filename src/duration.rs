//! Spans of time as settings write them.

use std::time::Duration;

/// Milliseconds of each unit; a bare number means seconds.
const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("", 1_000),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Reads `250ms`, `30s`, `5m`, `24h`, `30d`; a bare number means seconds.
///
/// # Errors
/// One line for what is no such time, or is too long to count in milliseconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wanted = || format!("want a time such as 250ms, 30s, 5m, 24h or 30d, not {text}");
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number = number.parse::<u64>().map_err(|_| wanted())?;
    UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .and_then(|(_, millis)| number.checked_mul(*millis))
        .map(Duration::from_millis)
        .ok_or_else(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("5m"), Ok(Duration::from_mins(5)));
        assert_eq!(duration("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(duration("30d"), Ok(Duration::from_hours(720)));
        for refused in [
            "",
            "s",
            "5 days",
            "soon",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(duration(refused).is_err(), "{refused}");
        }
    }
}
