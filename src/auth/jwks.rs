//! The keys with which an issuer signs, as he publishes them (RFC 7517).
//!
//! They are read at the start and from time to time. A token signed with a key unknown here makes
//! them be read once more, so that a rotation is noticed at once; but not more often than the
//! cooldown allows, so that nobody can use this gateway to knock at the issuer's door.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use crate::http_client;

/// No issuer publishes more than this.
const LONGEST_ANSWER: usize = 1024 * 1024;

pub(super) struct Jwks {
    url: Url,
    http: reqwest::Client,
    cooldown: Duration,
    /// `None`: never read.
    known: RwLock<Option<Arc<KeySet>>>,
    /// When they were last asked for. Held while they are, so that one asks for all.
    // An async mutex, because it is held over the reading.
    asked_at: Mutex<Option<Instant>>,
}

struct KeySet {
    /// How often the keys had changed when these came.
    generation: u64,
    keys: Vec<Published>,
}

struct Published {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
    /// To tell whether the published keys changed.
    text: String,
}

/// Why there is no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer publishes none that fits.
    Unknown,
    /// His keys could never be read.
    Unread,
}

/// A key that fits a token.
pub(super) struct Fitting(Arc<KeySet>, usize);

impl Fitting {
    pub(super) fn key(&self) -> &DecodingKey {
        &self.0.keys[self.1].key
    }

    /// That of the keys it is one of.
    pub(super) fn generation(&self) -> u64 {
        self.0.generation
    }
}

impl Jwks {
    pub(super) fn new(url: Url, timeout: Duration, cooldown: Duration) -> reqwest::Result<Self> {
        // Keys are public and may lie elsewhere.
        let http = http_client::builder(timeout)
            .redirect(Policy::limited(3))
            .build()?;
        Ok(Self {
            url,
            http,
            cooldown,
            known: RwLock::default(),
            asked_at: Mutex::default(),
        })
    }

    /// The key for a token that names it so, or names none.
    pub(super) async fn key(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Fitting, NoKey> {
        if let Some(found) = self.find(id, algorithm) {
            return Ok(found);
        }
        let mut asked_at = self.asked_at.lock().await;
        // Someone may have read them meanwhile.
        if let Some(found) = self.find(id, algorithm) {
            return Ok(found);
        }
        if asked_at.is_none_or(|at| at.elapsed() >= self.cooldown) {
            *asked_at = Some(Instant::now());
            self.read().await;
        }
        self.find(id, algorithm).ok_or_else(|| match self.known() {
            Some(_) => NoKey::Unknown,
            None => NoKey::Unread,
        })
    }

    /// Reads the keys anew. Where they can't be read, the old ones stay.
    pub(super) async fn refresh(&self) {
        let mut asked_at = self.asked_at.lock().await;
        *asked_at = Some(Instant::now());
        self.read().await;
    }

    /// How often the keys have changed: what an older generation has signed may hold no longer.
    pub(super) fn generation(&self) -> u64 {
        self.known().map_or(0, |known| known.generation)
    }

    async fn read(&self) {
        match self.fetch().await {
            Ok(published) => {
                let keys = usable(&published);
                if keys.is_empty() {
                    tracing::warn!(url = %self.url, "the issuer publishes no key that can be used");
                }
                self.replace(keys);
            }
            Err(error) => {
                metrics::counter!("gateway_jwks_failures_total").increment(1);
                tracing::warn!(url = %self.url, %error, "the issuer's keys can't be read");
            }
        }
    }

    async fn fetch(&self) -> anyhow::Result<Value> {
        let mut answer = self
            .http
            .get(self.url.clone())
            .send()
            .await?
            .error_for_status()?;
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await? {
            anyhow::ensure!(
                body.len() + part.len() <= LONGEST_ANSWER,
                "the answer is too long"
            );
            body.extend_from_slice(&part);
        }
        Ok(serde_json::from_slice(&body)?)
    }

    fn replace(&self, keys: Vec<Published>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let generation = match known.as_deref() {
            Some(known) if known.holds(&keys) => return,
            Some(known) => known.generation + 1,
            None => 0,
        };
        *known = Some(Arc::new(KeySet { generation, keys }));
    }

    fn known(&self) -> Option<Arc<KeySet>> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Fitting> {
        let keys = self.known()?;
        let place = keys.find(id, algorithm)?;
        Some(Fitting(keys, place))
    }
}

/// The keys that can be used. One of an unknown kind doesn't spoil the others.
fn usable(published: &Value) -> Vec<Published> {
    let keys = published["keys"].as_array().map_or(&[][..], Vec::as_slice);
    keys.iter().filter_map(Published::of).collect()
}

impl KeySet {
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<usize> {
        let mut fitting = self
            .keys
            .iter()
            .enumerate()
            .filter(|(_, published)| published.algorithm == algorithm)
            .filter(|(_, published)| id.is_none() || published.id.as_deref() == id);
        let (place, _) = fitting.next()?;
        // A token that names no key is taken only where there is no choice.
        (id.is_some() || fitting.next().is_none()).then_some(place)
    }

    /// Whether these are its keys; in another order they count as others.
    fn holds(&self, keys: &[Published]) -> bool {
        let texts = keys.iter().map(|key| &key.text);
        self.keys.iter().map(|key| &key.text).eq(texts)
    }
}

impl Published {
    fn of(value: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
        let (algorithm, name) = algorithm(&jwk)?;
        let common = &jwk.common;
        let for_signatures = !matches!(common.public_key_use, Some(PublicKeyUse::Encryption));
        let for_this = common.key_algorithm.is_none_or(|named| named == name);
        (for_signatures && for_this).then_some(())?;
        Some(Self {
            id: common.key_id.clone(),
            algorithm,
            key: DecodingKey::from_jwk(&jwk).ok()?,
            text: value.to_string(),
        })
    }
}

/// The one algorithm that a key is used with here. A published secret is no key: everybody has it.
fn algorithm(jwk: &Jwk) -> Option<(Algorithm, KeyAlgorithm)> {
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Some((Algorithm::RS256, KeyAlgorithm::RS256)),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Some((Algorithm::ES256, KeyAlgorithm::ES256))
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            Some((Algorithm::EdDSA, KeyAlgorithm::EdDSA))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const N: &str =
        "4Av3xYxVPdqpUWJgaQ2ky3yfVu8iR3O7EjNEuiZ7V8JbMwFxRzTFqPq0mEh2WQpmM5r4c1KxVUhkJkRZPFn9ow";

    fn rsa(id: &str) -> Value {
        json!({ "kty": "RSA", "kid": id, "n": N, "e": "AQAB" })
    }

    #[test]
    fn a_token_without_a_key_id_is_taken_only_where_there_is_no_choice() {
        let keys = |published: Value| KeySet {
            generation: 0,
            keys: usable(&published),
        };
        let one = keys(json!({ "keys": [rsa("a")] }));
        assert_eq!(one.find(None, Algorithm::RS256), Some(0));
        assert_eq!(one.find(None, Algorithm::ES256), None);
        let two = keys(json!({ "keys": [rsa("a"), rsa("b")] }));
        assert_eq!(two.find(None, Algorithm::RS256), None);
        assert_eq!(two.find(Some("b"), Algorithm::RS256), Some(1));
        assert_eq!(two.find(Some("c"), Algorithm::RS256), None);
    }

    #[test]
    fn keys_that_must_not_be_used_are_left_out() {
        let mut encryption = rsa("e");
        encryption["use"] = json!("enc");
        let mut other = rsa("o");
        other["alg"] = json!("RS512");
        let unusable = json!({ "keys": [
            { "kty": "oct", "kid": "s", "k": "c2VjcmV0", "alg": "HS256" },
            { "kty": "EC", "kid": "c", "crv": "P-384", "x": "AA", "y": "AA" },
            { "kty": "future", "kid": "f" },
            encryption, other, 7,
        ] });
        assert!(usable(&unusable).is_empty());
        for nothing in [json!({}), json!([]), json!({ "keys": 7 })] {
            assert!(usable(&nothing).is_empty());
        }
    }
}
