//! Settings of authentication.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::duration::duration;

/// A secret for HS256 must have the hash's length (RFC 7518, 3.2).
const SHORTEST_SECRET: usize = 32;
/// Clocks that differ more than this are broken.
const LARGEST_SKEW: Duration = Duration::from_mins(10);

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Authentication")]
pub struct AuthConfig {
    /// Let everybody in, and let everybody do all. For demonstrations, tests and closed networks.
    #[arg(long, env = "GATEWAY_INSECURE_NO_AUTH")]
    pub insecure_no_auth: bool,

    /// Where the keys are published with which tokens are signed (RS256, ES256, `EdDSA`).
    #[arg(long, env = "GATEWAY_JWT_JWKS_URL", value_name = "URL")]
    pub jwt_jwks_url: Option<Url>,

    /// Secret with which tokens are signed (HS256), for small set-ups; at least 32 bytes.
    #[arg(long, env = "GATEWAY_JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<SecretString>,

    /// Who must have issued a token (claim `iss`). Needed with a JWKS URL.
    #[arg(
        long,
        env = "GATEWAY_JWT_ISSUER",
        value_name = "ISSUER",
        value_delimiter = ','
    )]
    pub jwt_issuer: Vec<String>,

    /// For whom a token must be (claim `aud`): any of these. Needed with a JWKS URL.
    #[arg(
        long,
        env = "GATEWAY_JWT_AUDIENCE",
        value_name = "AUDIENCE",
        value_delimiter = ','
    )]
    pub jwt_audience: Vec<String>,

    /// Stands before the names of the claims `queues`, `teams` and `genesysUserId`, for issuers that
    /// want names with an address, such as `https://dcm.example/`.
    #[arg(
        long,
        env = "GATEWAY_JWT_CLAIM_PREFIX",
        value_name = "TEXT",
        default_value = ""
    )]
    pub jwt_claim_prefix: String,

    /// How much clocks may differ: a token holds so much longer, and is taken so much earlier.
    #[arg(long, env = "GATEWAY_JWT_CLOCK_SKEW", value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub jwt_clock_skew: Duration,

    /// Time between two readings of the published keys.
    #[arg(long, env = "GATEWAY_JWKS_REFRESH", value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub jwks_refresh: Duration,

    /// Shortest time between two readings because of tokens signed with a key unknown here.
    #[arg(long, env = "GATEWAY_JWKS_COOLDOWN", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub jwks_cooldown: Duration,

    /// Longest time that one reading of the published keys may take.
    #[arg(long, env = "GATEWAY_JWKS_TIMEOUT", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub jwks_timeout: Duration,

    /// Take API keys although no tokens are configured. With tokens, keys are taken anyway.
    #[arg(long, env = "GATEWAY_API_KEYS_ONLY")]
    pub api_keys_only: bool,

    /// Time between two looks at the stored API keys: a revoked one ends its connections so soon.
    #[arg(long, env = "GATEWAY_API_KEY_REFRESH", value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub api_key_refresh: Duration,
}

/// A setting that can't be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "no authentication is configured: give --jwt-jwks-url, --jwt-secret or --api-keys-only, or --insecure-no-auth to let everybody in"
    )]
    Nothing,
    #[error("--insecure-no-auth lets everybody in: it excludes {0}")]
    Contradiction(&'static str),
    #[error("{0} is needed with --jwt-jwks-url")]
    Missing(&'static str),
    #[error("--jwt-secret must have at least {SHORTEST_SECRET} bytes")]
    ShortSecret,
    #[error("--jwt-jwks-url must be an http or https address")]
    NotAnAddress,
    #[error("--jwt-clock-skew must not exceed 10 minutes")]
    LargeSkew,
}

impl AuthConfig {
    /// Says what is wrong with the settings.
    ///
    /// # Errors
    /// One clear line that names the setting.
    pub fn check(&self) -> Result<(), ConfigError> {
        let given = [
            ("--jwt-jwks-url", self.jwt_jwks_url.is_some()),
            ("--jwt-secret", self.jwt_secret.is_some()),
            ("--api-keys-only", self.api_keys_only),
        ];
        let given = given
            .iter()
            .find(|(_, given)| *given)
            .map(|(name, _)| *name);
        match given {
            None if self.insecure_no_auth => Ok(()),
            None => Err(ConfigError::Nothing),
            Some(name) if self.insecure_no_auth => Err(ConfigError::Contradiction(name)),
            Some(_) => self.check_tokens(),
        }
    }

    fn check_tokens(&self) -> Result<(), ConfigError> {
        if self.jwt_clock_skew > LARGEST_SKEW {
            return Err(ConfigError::LargeSkew);
        }
        if let Some(secret) = &self.jwt_secret
            && secret.expose_secret().len() < SHORTEST_SECRET
        {
            return Err(ConfigError::ShortSecret);
        }
        let Some(url) = &self.jwt_jwks_url else {
            return Ok(());
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ConfigError::NotAnAddress);
        }
        // Keys are often shared by all that an issuer serves: without these two, a token for
        // anything of his would open this door.
        if self.jwt_issuer.is_empty() {
            return Err(ConfigError::Missing("--jwt-issuer"));
        }
        if self.jwt_audience.is_empty() {
            return Err(ConfigError::Missing("--jwt-audience"));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        config: AuthConfig,
    }

    pub(in crate::auth) fn config(flags: &[&str]) -> AuthConfig {
        Alone::parse_from(std::iter::once(&"gateway").chain(flags)).config
    }

    #[test]
    fn wrong_settings_are_named() {
        let url = ["--jwt-jwks-url", "https://issuer.example/keys"];
        let long = "0123456789abcdef0123456789abcdef";
        let issuer = ["--jwt-issuer", "https://issuer.example/"];
        for (flags, expected) in [
            (vec![], Err(ConfigError::Nothing)),
            (vec!["--insecure-no-auth"], Ok(())),
            (vec!["--api-keys-only"], Ok(())),
            (vec!["--jwt-secret", long], Ok(())),
            (vec!["--jwt-secret", "short"], Err(ConfigError::ShortSecret)),
            (
                vec!["--jwt-secret", long, "--insecure-no-auth"],
                Err(ConfigError::Contradiction("--jwt-secret")),
            ),
            (url.to_vec(), Err(ConfigError::Missing("--jwt-issuer"))),
            (
                [url, issuer].concat(),
                Err(ConfigError::Missing("--jwt-audience")),
            ),
            (
                [&url[..], &issuer, &["--jwt-audience", "gateway"]].concat(),
                Ok(()),
            ),
            (
                vec!["--jwt-jwks-url", "ftp://issuer.example/keys"],
                Err(ConfigError::NotAnAddress),
            ),
            (
                vec!["--jwt-secret", long, "--jwt-clock-skew", "1h"],
                Err(ConfigError::LargeSkew),
            ),
        ] {
            assert_eq!(config(&flags).check(), expected, "{flags:?}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let config = config(&["--jwt-secret", "swordfish"]);
        assert!(!format!("{config:?}").contains("swordfish"));
    }
}
