//! Where callers put their proof of identity.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde_json::{Map, Value};

use super::api_keys::PREFIX;

const X_API_KEY: &str = "x-api-key";

/// A proof of identity as it was sent, not yet judged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// A JWT.
    Token(&'a str),
    ApiKey(&'a str),
}

/// What the headers hold: `Authorization: Bearer`, else `X-API-Key`.
pub(super) fn in_headers(headers: &HeaderMap) -> Option<Credential<'_>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text(AUTHORIZATION.as_str()) {
        Some(value) => bearer(value).map(either),
        None => text(X_API_KEY).map(|key| Credential::ApiKey(key.trim())),
    }
}

/// What the payload of `connection_init` holds: `authorization` (with or without the word
/// `Bearer`), `token` or `apiKey`; clients also send the headers' own names there.
pub(super) fn in_payload(payload: &Map<String, Value>) -> Option<Credential<'_>> {
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| payload.get(*name))
            .and_then(Value::as_str)
    };
    if let Some(value) = text(&["authorization", "Authorization", "token"]) {
        return Some(either(bearer(value).unwrap_or(value)));
    }
    text(&["apiKey", "X-API-Key", X_API_KEY]).map(Credential::ApiKey)
}

/// A bearer may show a token or an API key; keys can be told by their beginning.
fn either(text: &str) -> Credential<'_> {
    if text.starts_with(PREFIX) {
        Credential::ApiKey(text)
    } else {
        Credential::Token(text)
    }
}

/// The scheme's name has no case (RFC 9110, 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("Bearer")
        .then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn headers_hold_a_token_or_a_key() {
        for (name, value, expected) in [
            (
                "authorization",
                "Bearer a.b.c",
                Some(Credential::Token("a.b.c")),
            ),
            (
                "authorization",
                "bearer  a.b.c",
                Some(Credential::Token("a.b.c")),
            ),
            (
                "authorization",
                "Bearer cgk_x",
                Some(Credential::ApiKey("cgk_x")),
            ),
            ("authorization", "Basic eDp5", None),
            ("authorization", "a.b.c", None),
            ("x-api-key", "cgk_x", Some(Credential::ApiKey("cgk_x"))),
            ("cookie", "token=a.b.c", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(in_headers(&headers), expected, "{name}: {value}");
        }
    }

    #[test]
    fn payloads_hold_them_under_several_names() {
        for (payload, expected) in [
            (
                json!({ "authorization": "Bearer a.b.c" }),
                Some(Credential::Token("a.b.c")),
            ),
            (
                json!({ "Authorization": "a.b.c" }),
                Some(Credential::Token("a.b.c")),
            ),
            (
                json!({ "token": "a.b.c" }),
                Some(Credential::Token("a.b.c")),
            ),
            (
                json!({ "token": "cgk_x" }),
                Some(Credential::ApiKey("cgk_x")),
            ),
            (
                json!({ "apiKey": "cgk_x" }),
                Some(Credential::ApiKey("cgk_x")),
            ),
            (
                json!({ "X-API-Key": "cgk_x" }),
                Some(Credential::ApiKey("cgk_x")),
            ),
            (json!({ "token": 7 }), None),
            (json!({}), None),
        ] {
            let payload = payload.as_object().unwrap();
            assert_eq!(in_payload(payload), expected, "{payload:?}");
        }
    }
}
