//! Who comes in: from a token or an API key to a pass, with what the caller may see and do.
//!
//! It does not know what is asked afterwards: `graphql` checks permissions, `store` and `feed` the
//! scope, `http` ends connections whose pass is over.

mod api_keys;
mod cache;
mod claims;
pub mod command;
mod config;
mod credential;
mod grants;
mod issue;
mod jwks;
mod jwt;

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde_json::{Map, Value};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::caller::Caller;
use crate::http::{Authenticate, Refused};
use crate::sessions::Pass;
use crate::store::Store;
use api_keys::ApiKeys;
use credential::Credential;
use jwt::Tokens;

pub use api_keys::{NewKey, create, revoke};
pub use config::{AuthConfig, ConfigError};
pub use grants::Teams;
pub use issue::issue;

/// Lets everybody in.
pub struct NoAuth;

impl Authenticate for NoAuth {
    fn is_open(&self) -> bool {
        true
    }

    fn request<'a>(&'a self, _headers: &'a HeaderMap) -> BoxFuture<'a, Result<Pass, Refused>> {
        ready(Ok(Caller::everything().into())).boxed()
    }

    fn connection<'a>(
        &'a self,
        _payload: Option<&'a Map<String, Value>>,
        _upgrade: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<Pass, Refused>> {
        ready(Ok(Caller::everything().into())).boxed()
    }
}

/// Lets in who shows a token or an API key that holds.
#[derive(Clone)]
pub struct Doorkeeper(Arc<Inner>);

struct Inner {
    tokens: Tokens,
    api_keys: ApiKeys,
    teams: Teams,
    jwks_refresh: Duration,
    api_key_refresh: Duration,
}

impl Doorkeeper {
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(
        config: &AuthConfig,
        teams: Teams,
        store: Store,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Inner {
            tokens: Tokens::new(config, Arc::clone(&clock))?,
            api_keys: ApiKeys::new(store, clock),
            teams,
            jwks_refresh: config.jwks_refresh,
            api_key_refresh: config.api_key_refresh,
        })))
    }

    /// Keeps the issuer's keys fresh and notices revoked API keys, until cancelled.
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        let every = |pause: Duration| {
            let mut ticks = tokio::time::interval(pause.max(Duration::from_millis(1)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let mut jwks = every(self.0.jwks_refresh);
        let mut api_keys = every(self.0.api_key_refresh);
        let issuer = async {
            loop {
                jwks.tick().await;
                self.0.tokens.refresh_keys().await;
            }
        };
        let table = async {
            loop {
                api_keys.tick().await;
                self.0.api_keys.refresh().await;
            }
        };
        // Neither waits for the other: an issuer that doesn't answer must not keep a revoked key alive.
        tokio::select! {
            () = token.cancelled() => Ok(()),
            () = issuer => Ok(()),
            () = table => Ok(()),
        }
    }

    async fn judge(&self, credential: Option<Credential<'_>>) -> Result<Pass, Refused> {
        let Inner {
            tokens,
            api_keys,
            teams,
            ..
        } = &*self.0;
        match credential {
            Some(Credential::Token(token)) => tokens.pass(token, teams).await,
            Some(Credential::ApiKey(key)) => api_keys.pass(key, teams).await,
            None => Err(Refused::Unauthenticated(
                "Show a token (Authorization: Bearer) or an API key (X-API-Key).".into(),
            )),
        }
    }
}

impl Authenticate for Doorkeeper {
    fn request<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Pass, Refused>> {
        self.judge(credential::in_headers(headers)).boxed()
    }

    fn connection<'a>(
        &'a self,
        payload: Option<&'a Map<String, Value>>,
        upgrade: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<Pass, Refused>> {
        let shown = payload.and_then(credential::in_payload);
        self.judge(shown.or_else(|| credential::in_headers(upgrade)))
            .boxed()
    }
}
