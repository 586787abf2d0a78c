//! The access token: got by client credentials, renewed before it ends, one renewal at a time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::error::ApiError;
use super::wire;

/// Genesys lets no token live longer.
const LONGEST_LIFE: Duration = Duration::from_hours(48);

/// What goes after `Bearer`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([hidden])")
    }
}

/// Where tokens come from; a cheap handle.
#[derive(Clone)]
pub struct TokenSource(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    url: String,
    client_id: String,
    secret: SecretString,
    margin: Duration,
    /// Held over the request, so that callers who come meanwhile wait for its token.
    held: Mutex<Option<Held>>,
}

struct Held {
    token: Token,
    renew_at: Instant,
    ends_at: Instant,
}

impl TokenSource {
    /// `login` is the login host's address; `margin` is how long before its end a token is renewed.
    pub fn new(
        http: reqwest::Client,
        login: &str,
        client_id: String,
        secret: SecretString,
        margin: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            http,
            url: format!("{login}/oauth/token"),
            client_id,
            secret,
            margin,
            held: Mutex::new(None),
        }))
    }

    /// A token that is good for a while. While a renewal fails, the old one serves to its end.
    pub async fn get(&self) -> Result<Token, ApiError> {
        let mut held = self.0.held.lock().await;
        let now = Instant::now();
        if let Some(held) = held.as_ref().filter(|held| now < held.renew_at) {
            return Ok(held.token.clone());
        }
        match self.0.request().await {
            Ok(fresh) => Ok(held.insert(fresh).token.clone()),
            Err(error) => match held.as_ref().filter(|held| now < held.ends_at) {
                Some(held) if error.is_retryable() => Ok(held.token.clone()),
                _ => Err(error),
            },
        }
    }

    /// Forgets a token that Genesys refused, unless another has taken its place.
    pub async fn invalidate(&self, refused: &Token) {
        let mut held = self.0.held.lock().await;
        if held.as_ref().is_some_and(|held| held.token == *refused) {
            *held = None;
        }
    }

    /// Forgets whatever token there is, after Genesys told that it was revoked.
    pub async fn forget(&self) {
        *self.0.held.lock().await = None;
    }
}

impl Inner {
    async fn request(&self) -> Result<Held, ApiError> {
        let asked_at = Instant::now();
        let response = self
            .http
            .post(&self.url)
            .basic_auth(&self.client_id, Some(self.secret.expose_secret()))
            .form(&[("grant_type", "client_credentials")])
            .send()
            .await
            .map_err(|error| ApiError::from_transport(&error))?;
        if !response.status().is_success() {
            return Err(refusal(ApiError::from_response(response).await));
        }
        let answer = response.json().await;
        // Whatever was asked for, nothing was said of it.
        let answer: wire::TokenAnswer = answer.map_err(|_| ApiError::NoAnswer {
            reason: "the token cannot be read",
        })?;
        let life = Duration::from_secs(answer.expires_in).min(LONGEST_LIFE);
        // A token that lives no longer than the margin is used for half its life.
        let margin = self.margin.min(life / 2);
        Ok(Held {
            token: Token(Arc::from(answer.access_token)),
            renew_at: asked_at + life.saturating_sub(margin),
            ends_at: asked_at + life,
        })
    }
}

/// 400 and 401 of the token endpoint blame the client, not the request.
fn refusal(error: ApiError) -> ApiError {
    match error.status() {
        Some(400 | 401 | 403) => ApiError::ClientRefused {
            reason: error.message().unwrap_or("without saying why").to_owned(),
        },
        _ => error,
    }
}

#[cfg(test)]
impl TokenSource {
    /// As if so much time had passed for the token.
    pub(super) async fn advance(&self, by: Duration) {
        let mut held = self.0.held.lock().await;
        let held = held.as_mut().expect("a token");
        held.renew_at -= by;
        held.ends_at -= by;
    }
}
