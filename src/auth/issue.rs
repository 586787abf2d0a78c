//! Makes tokens for development. Production's tokens come from an identity provider.

use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header, encode};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::config::AuthConfig;
use crate::domain::api_key::Grant;
use crate::domain::time::Time;

/// A token signed with the configured secret (HS256).
///
/// # Errors
/// Without a secret in the settings, or with settings that can't be.
pub fn issue(
    config: &AuthConfig,
    subject: &str,
    grant: &Grant,
    lifetime: Duration,
    now: Time,
) -> anyhow::Result<String> {
    config.check()?;
    let secret = config
        .jwt_secret
        .as_ref()
        .ok_or_else(|| anyhow::anyhow!("--jwt-secret is needed to sign a token"))?;
    let lifetime = i64::try_from(lifetime.as_millis())?;
    let mut claims = Map::new();
    claims.insert("sub".into(), subject.into());
    claims.insert("scope".into(), grant.permissions.to_string().into());
    claims.insert("iat".into(), seconds(now).into());
    claims.insert("exp".into(), seconds(now.plus_millis(lifetime)).into());
    if let Some(issuer) = config.jwt_issuer.first() {
        claims.insert("iss".into(), issuer.as_str().into());
    }
    if let Some(audience) = config.jwt_audience.first() {
        claims.insert("aud".into(), audience.as_str().into());
    }
    claims.extend(narrowing(grant, &config.jwt_claim_prefix));
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    Ok(encode(&Header::default(), &claims, &key)?)
}

fn narrowing(grant: &Grant, prefix: &str) -> Map<String, Value> {
    let Some(narrowing) = &grant.narrowing else {
        return Map::new();
    };
    let mut claims = Map::from_iter([
        (format!("{prefix}queues"), json!(narrowing.queues)),
        (format!("{prefix}teams"), json!(narrowing.teams)),
    ]);
    if let Some(user) = &narrowing.user {
        claims.insert(format!("{prefix}genesysUserId"), user.as_str().into());
    }
    claims
}

/// A `NumericDate`; cut, so that a token never claims to be from the future.
fn seconds(time: Time) -> i64 {
    time.as_millis().div_euclid(1_000)
}
