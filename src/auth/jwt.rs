//! JSON Web Tokens: signature, issuer, audience and time (RFC 7519, RFC 8725).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use secrecy::ExposeSecret;

use super::cache::{Cache, fingerprint};
use super::claims::{Claims, Unusable};
use super::config::AuthConfig;
use super::grants::Teams;
use super::jwks::{Jwks, NoKey};
use crate::clock::Clock;
use crate::domain::caller::Caller;
use crate::domain::time::Time;
use crate::http::Refused;
use crate::sessions::{Pass, Validity};

/// Tokens remembered as verified.
const REMEMBERED: usize = 20_000;
/// Longer than any issuer makes them; more is not worth the work of reading.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Judges tokens.
pub(super) struct Tokens {
    secret: Option<DecodingKey>,
    jwks: Option<Jwks>,
    issuers: Vec<String>,
    audiences: Vec<String>,
    claim_prefix: String,
    skew: Duration,
    verified: Cache<Verified>,
    clock: Arc<dyn Clock>,
}

/// What a token said whose signature holds.
struct Verified {
    /// The generation of the issuer's keys that verified it; `None`: the secret did.
    keys: Option<u64>,
    caller: Caller,
    expires_at: Time,
    not_before: Option<Time>,
}

impl Tokens {
    pub(super) fn new(config: &AuthConfig, clock: Arc<dyn Clock>) -> reqwest::Result<Self> {
        let secret = config.jwt_secret.as_ref();
        let jwks = config.jwt_jwks_url.clone();
        Ok(Self {
            secret: secret.map(|it| DecodingKey::from_secret(it.expose_secret().as_bytes())),
            jwks: jwks
                .map(|url| Jwks::new(url, config.jwks_timeout, config.jwks_cooldown))
                .transpose()?,
            issuers: config.jwt_issuer.clone(),
            audiences: config.jwt_audience.clone(),
            claim_prefix: config.jwt_claim_prefix.clone(),
            skew: config.jwt_clock_skew,
            verified: Cache::new(REMEMBERED),
            clock,
        })
    }

    /// The pass that a token stands for.
    pub(super) async fn pass(&self, token: &str, teams: &Teams) -> Result<Pass, Refused> {
        let fingerprint = fingerprint(token);
        if let Some(known) = self.verified.get(&fingerprint)
            && self.is_by_present_keys(&known)
        {
            return self.in_time(&known);
        }
        let verified = Arc::new(self.verify(token, teams).await?);
        self.verified.insert(fingerprint, Arc::clone(&verified));
        self.in_time(&verified)
    }

    /// Reads the issuer's keys anew.
    pub(super) async fn refresh_keys(&self) {
        if let Some(jwks) = &self.jwks {
            jwks.refresh().await;
        }
    }

    /// Tokens signed with keys that the issuer withdrew hold no longer, so all are verified again when
    /// his keys have changed.
    fn is_by_present_keys(&self, verified: &Verified) -> bool {
        let present = self.jwks.as_ref().map(Jwks::generation);
        verified.keys.is_none() || verified.keys == present
    }

    fn in_time(&self, verified: &Verified) -> Result<Pass, Refused> {
        let now = self.clock.now();
        let skew = i64::try_from(self.skew.as_millis()).unwrap_or(i64::MAX);
        if verified.expires_at.plus_millis(skew) <= now {
            return Err(refused("The token has expired."));
        }
        if verified
            .not_before
            .is_some_and(|from| now.plus_millis(skew) < from)
        {
            return Err(refused("The token does not hold yet."));
        }
        Ok(Pass {
            caller: verified.caller.clone(),
            validity: Validity::until(verified.expires_at, self.skew, now),
        })
    }

    async fn verify(&self, token: &str, teams: &Teams) -> Result<Verified, Refused> {
        if token.len() > LONGEST_TOKEN {
            return Err(refused("The token is too long."));
        }
        let header = decode_header(token).map_err(|_| refused("This is not a token."))?;
        let (claims, keys) = match (header.alg, &self.secret, &self.jwks) {
            (Algorithm::HS256, Some(secret), _) => (self.decoded(token, secret, header.alg)?, None),
            (Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA, _, Some(jwks)) => {
                let found = jwks.key(header.kid.as_deref(), header.alg).await;
                let found = found.map_err(|no_key| match no_key {
                    NoKey::Unknown => refused("The token is signed with an unknown key."),
                    NoKey::Unread => Refused::Unavailable,
                })?;
                let claims = self.decoded(token, found.key(), header.alg)?;
                (claims, Some(found.generation()))
            }
            _ => {
                return Err(refused(
                    "The token is signed in a way that is not taken here.",
                ));
            }
        };
        self.judged(&claims, keys, teams)
    }

    fn decoded(
        &self,
        token: &str,
        key: &DecodingKey,
        algorithm: Algorithm,
    ) -> Result<Claims, Refused> {
        let mut validation = Validation::new(algorithm);
        // The time is judged by the gateway's clock, also for tokens verified before.
        validation.validate_exp = false;
        validation.required_spec_claims = HashSet::from(["exp".to_owned()]);
        if !self.issuers.is_empty() {
            validation.set_issuer(&self.issuers);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        if self.audiences.is_empty() {
            validation.validate_aud = false;
        } else {
            validation.set_audience(&self.audiences);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        decode(token, key, &validation)
            .map(|decoded| decoded.claims)
            .map_err(|error| {
                tracing::debug!(%error, "a token was refused");
                refused(match error.kind() {
                    ErrorKind::InvalidSignature => "The token's signature does not hold.",
                    ErrorKind::InvalidIssuer => "The token is from another issuer.",
                    ErrorKind::InvalidAudience => "The token is for another audience.",
                    ErrorKind::MissingRequiredClaim(_) => "The token lacks exp, iss or aud.",
                    _ => "This token does not hold.",
                })
            })
    }

    fn judged(
        &self,
        claims: &Claims,
        keys: Option<u64>,
        teams: &Teams,
    ) -> Result<Verified, Refused> {
        let unusable = |unusable| {
            refused(match unusable {
                Unusable::NoSubject => "The token names no subject.",
                Unusable::Narrowing => "The token's queues or teams are not lists of texts.",
            })
        };
        let subject = claims.subject().map_err(unusable)?;
        let grant = claims.grant(&self.claim_prefix).map_err(unusable)?;
        Ok(Verified {
            keys,
            caller: teams.caller(subject, &grant),
            expires_at: claims.expires_at(),
            not_before: claims.not_before(),
        })
    }
}

fn refused(message: &'static str) -> Refused {
    Refused::Unauthenticated(message.into())
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
