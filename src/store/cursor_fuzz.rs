//! Random texts in place of cursors.

use super::*;
use crate::fuzzing::Fuzz;

#[test]
fn whatever_is_sent_as_a_cursor_is_one_that_was_made_here_or_none() {
    let made = [
        Cursor::new(7, 1, 9).encode(),
        Cursor::new(u64::MAX, 0, 0).encode(),
    ];
    let later = URL_SAFE_NO_PAD.encode([2, 1, 2, 3]);
    let fuzz = Fuzz {
        name: "cursor",
        corpus: &[&made[0], &made[1], &later, ""],
        words: &["AQ", "_", "-", "=", "+", "/", "AAAAAAAAAAA", "\u{e9}", "Ag"],
    };
    fuzz.run(|text| {
        let read = Cursor::decode(text).ok();
        if let Some(cursor) = read
            && cursor.is_current_version()
        {
            assert_eq!(cursor.encode(), text, "one place has one text");
            assert_eq!(text.len(), Cursor::TEXT);
        }
        read.map(|cursor| (cursor.version, cursor.sequence.leading_zeros()))
    });
}
