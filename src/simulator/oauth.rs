//! Access tokens by client credentials, and how many requests each has made this minute.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use uuid::Uuid;

use super::clock::Stamp;
use super::config::SimulatorConfig;
use super::error::ApiError;

const MINUTE_MS: i64 = 60_000;

pub(crate) struct Tokens {
    client_id: String,
    client_secret: String,
    lifetime: Duration,
    rate_limit: u32,
    issued: Mutex<HashMap<String, Token>>,
}

struct Token {
    expires: Stamp,
    minute: Stamp,
    calls: u32,
}

/// What the rate limit says about one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) count: u32,
    pub(crate) allowed: u32,
    pub(crate) reset_seconds: u64,
}

impl Tokens {
    pub(crate) fn new(config: &SimulatorConfig) -> Self {
        Self {
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            lifetime: config.token_lifetime,
            rate_limit: config.rate_limit,
            issued: Mutex::default(),
        }
    }

    /// `POST /oauth/token`.
    pub(crate) fn grant(&self, headers: &HeaderMap, form: &HashMap<String, String>) -> Response {
        let from_form = || {
            Some((
                form.get("client_id")?.clone(),
                form.get("client_secret")?.clone(),
            ))
        };
        let Some((id, secret)) = basic(headers).or_else(from_form) else {
            return refused(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "client credentials are missing",
            );
        };
        if form
            .get("grant_type")
            .is_none_or(|grant| grant != "client_credentials")
        {
            return refused(
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "grant_type must be client_credentials",
            );
        }
        if id != self.client_id {
            return refused(
                StatusCode::BAD_REQUEST,
                "invalid_client",
                "client not found",
            );
        }
        if secret != self.client_secret {
            return refused(
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "authentication failed",
            );
        }
        Json(json!({"access_token": self.issue(Stamp::now()), "token_type": "bearer", "expires_in": self.lifetime.as_secs()})).into_response()
    }

    fn issue(&self, now: Stamp) -> String {
        let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let token = URL_SAFE_NO_PAD.encode(bytes);
        self.issued.lock().expect("no panic while held").insert(
            token.clone(),
            Token {
                expires: now.plus(self.lifetime),
                minute: now,
                calls: 0,
            },
        );
        token
    }

    /// Checks the bearer token of a request and counts it.
    pub(crate) fn check(
        &self,
        headers: &HeaderMap,
        now: Stamp,
    ) -> Result<(String, Rate), ApiError> {
        let unauthorized =
            |code, message| Err(ApiError::new(StatusCode::UNAUTHORIZED, code, message));
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '));
        let Some((_, token)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        else {
            return unauthorized(
                "authentication.required",
                "No authentication bearer token specified in authorization header.",
            );
        };
        let mut issued = self.issued.lock().expect("no panic while held");
        let Some(known) = issued.get_mut(token.trim()) else {
            return unauthorized("bad.credentials", "Invalid login credentials.");
        };
        if known.expires <= now {
            return unauthorized(
                "credentials.expired",
                "The supplied credentials have expired.",
            );
        }
        let rate = known.count(self.rate_limit, now);
        if self.rate_limit > 0 && rate.count > self.rate_limit {
            return Err(ApiError::too_many_requests(rate.reset_seconds));
        }
        Ok((token.trim().to_owned(), rate))
    }

    pub(crate) fn revoke_all(&self) {
        self.issued.lock().expect("no panic while held").clear();
    }

    /// Forgets expired tokens some time after their end; says whether any is valid still.
    pub(crate) fn any_valid(&self, now: Stamp) -> bool {
        let mut issued = self.issued.lock().expect("no panic while held");
        issued.retain(|_, token| token.expires.plus_millis(10 * MINUTE_MS) > now);
        issued.values().any(|token| token.expires > now)
    }
}

impl Token {
    fn count(&mut self, allowed: u32, now: Stamp) -> Rate {
        if self.minute.plus_millis(MINUTE_MS) <= now {
            self.minute = now;
            self.calls = 0;
        }
        self.calls += 1;
        let left = now.until(self.minute.plus_millis(MINUTE_MS));
        Rate {
            count: self.calls,
            allowed,
            reset_seconds: left.as_secs() + 1,
        }
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| (id.to_owned(), secret.to_owned()))
}

fn refused(status: StatusCode, error: &str, description: &str) -> Response {
    (
        status,
        Json(json!({"error": error, "description": description, "error_description": description})),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(token: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            header::AUTHORIZATION,
            format!("Bearer {token}").parse().unwrap(),
        )])
    }

    #[test]
    fn a_token_lives_its_time_and_its_requests_are_counted_per_minute() {
        let config = SimulatorConfig {
            rate_limit: 2,
            token_lifetime: Duration::from_mins(2),
            ..SimulatorConfig::for_tests()
        };
        let tokens = Tokens::new(&config);
        let start = Stamp::from_millis(0);
        let headers = bearer(&tokens.issue(start));
        assert_eq!(
            tokens.check(&headers, start).unwrap().1,
            Rate {
                count: 1,
                allowed: 2,
                reset_seconds: 61
            }
        );
        assert_eq!(tokens.check(&headers, start).unwrap().1.count, 2);
        assert_eq!(
            tokens
                .check(&headers, start)
                .unwrap_err()
                .into_response()
                .status(),
            429
        );
        assert_eq!(
            tokens
                .check(&headers, start.plus_millis(60_000))
                .unwrap()
                .1
                .count,
            1
        );
        assert_eq!(
            tokens
                .check(&headers, start.plus_millis(120_000))
                .unwrap_err()
                .into_response()
                .status(),
            401
        );
        assert!(!tokens.any_valid(start.plus_millis(120_000)));
        assert_eq!(
            tokens
                .check(&bearer("other"), start)
                .unwrap_err()
                .into_response()
                .status(),
            401
        );
    }
}
