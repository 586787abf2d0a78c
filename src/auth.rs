//! Token → `Caller`. As long as no authentication is built in, `serve` starts only with
//! `--insecure-no-auth`, and everybody may see and do all.

use axum::http::HeaderMap;
use clap::builder::FalseyValueParser;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use serde_json::{Map, Value};

use crate::domain::caller::Caller;
use crate::http::{Authenticate, Refused};

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Authentication")]
pub struct AuthConfig {
    /// Let everybody in, and let everybody do all. For demonstrations, tests and closed networks.
    #[arg(long, env = "GATEWAY_INSECURE_NO_AUTH", value_parser = FalseyValueParser::new())]
    pub insecure_no_auth: bool,
}

/// Lets everybody in.
pub struct NoAuth;

impl Authenticate for NoAuth {
    fn request<'a>(&'a self, _headers: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Refused>> {
        ready(Ok(Caller::everything())).boxed()
    }

    fn connection<'a>(
        &'a self,
        _payload: Option<&'a Map<String, Value>>,
        _upgrade: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<Caller, Refused>> {
        ready(Ok(Caller::everything())).boxed()
    }
}
