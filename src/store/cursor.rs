//! Places in the log.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The layout that [`Cursor::encode`] writes.
const VERSION: u8 = 1;
/// Layouts that may come; any other first byte is no cursor's.
const LATER_VERSIONS: std::ops::RangeInclusive<u8> = 2..=15;

/// A place in the log, as clients hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub version: u8,
    pub epoch: u64,
    pub sequence: u64,
    /// The random check stored with the entry; 0 before the first.
    pub check: u64,
}

/// The end of the log at some moment: a cursor to follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    pub epoch: u64,
    pub sequence: u64,
    pub check: u64,
}

/// The text was not made by [`Cursor::encode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct NotACursor;

impl Cursor {
    /// Bytes of the text that [`Self::encode`] gives: 25 bytes in base64.
    pub const TEXT: usize = 34;

    pub const fn new(epoch: u64, sequence: u64, check: u64) -> Self {
        Self {
            version: VERSION,
            epoch,
            sequence,
            check,
        }
    }

    /// Whether this gateway knows the cursor's layout. One of another version names no place here.
    pub const fn is_current_version(&self) -> bool {
        self.version == VERSION
    }

    /// Opaque, safe in URLs.
    pub fn encode(&self) -> String {
        let mut bytes = [0; 25];
        bytes[0] = self.version;
        bytes[1..9].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[17..].copy_from_slice(&self.check.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`Self::encode`] wrote. A cursor of a later layout is read as its version alone.
    ///
    /// # Errors
    /// When the text is no cursor at all.
    pub fn decode(text: &str) -> Result<Self, NotACursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        let (version, rest) = bytes.split_first().ok_or(NotACursor)?;
        if LATER_VERSIONS.contains(version) {
            return Ok(Self {
                version: *version,
                ..Self::new(0, 0, 0)
            });
        }
        let ([epoch, sequence, check], []) = rest.as_chunks::<8>() else {
            return Err(NotACursor);
        };
        if *version != VERSION {
            return Err(NotACursor);
        }
        Ok(Self::new(
            u64::from_be_bytes(*epoch),
            u64::from_be_bytes(*sequence),
            u64::from_be_bytes(*check),
        ))
    }
}

impl Position {
    pub const fn cursor(self) -> Cursor {
        Cursor::new(self.epoch, self.sequence, self.check)
    }
}

#[cfg(test)]
#[path = "cursor_fuzz.rs"]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        for cursor in [Cursor::new(0, 0, 0), Cursor::new(u64::MAX, 7, u64::MAX - 1)] {
            assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
            assert_eq!(cursor.encode().len(), Cursor::TEXT);
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let cut = &Cursor::new(1, 2, 3).encode()[..20];
        for text in ["", "!", "AA", cut, "null", "2026-11-23T10:00:00.123Z"] {
            assert_eq!(Cursor::decode(text), Err(NotACursor), "{text}");
        }
    }

    #[test]
    fn a_cursor_of_a_later_layout_is_known_as_such() {
        let later = URL_SAFE_NO_PAD.encode([2, 9, 9]);
        assert!(!Cursor::decode(&later).unwrap().is_current_version());
    }
}
