//! What a message must look like: a piece of JSON of which all must be found in it.

use serde_json::Value;

/// Stands for any text.
pub(super) const TEXT: &str = "<text>";
/// Stands for a key that must not be there.
pub(super) const ABSENT: &str = "<absent>";

/// Whether the pattern is found: every key it names fits; a list of one stands for a list that is
/// not empty, all of whose items are like it.
pub(super) fn fits(pattern: &Value, value: &Value) -> bool {
    match (pattern, value) {
        (Value::Object(pattern), Value::Object(value)) => {
            pattern.iter().all(|(key, wanted)| match value.get(key) {
                Some(found) => wanted != ABSENT && fits(wanted, found),
                None => wanted == ABSENT,
            })
        }
        (Value::Array(pattern), Value::Array(items)) if pattern.len() == 1 => {
            !items.is_empty() && items.iter().all(|item| fits(&pattern[0], item))
        }
        (Value::String(pattern), Value::String(_)) if pattern == TEXT => true,
        (pattern, value) => pattern == value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pattern_names_what_must_be_there() {
        let message = json!({ "id": "1", "type": "error", "payload": [{ "message": "no" }] });
        for (pattern, expected) in [
            (json!({}), true),
            (json!({ "id": "1" }), true),
            (json!({ "id": "2" }), false),
            (
                json!({ "id": TEXT, "payload": [{ "message": TEXT }] }),
                true,
            ),
            (
                json!({ "payload": [{ "message": TEXT, "path": ABSENT }] }),
                true,
            ),
            (json!({ "payload": ABSENT }), false),
            (json!({ "payload": [{ "code": TEXT }] }), false),
            (json!({ "payload": {} }), false),
        ] {
            assert_eq!(fits(&pattern, &message), expected, "{pattern}");
        }
        assert!(!fits(&json!([{}]), &json!([])));
    }
}
