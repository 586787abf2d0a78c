//! API keys for machines, such as Genesys' data actions.
//!
//! A key is random; only its hash is stored. The hash needs no salt and no slow function: there is
//! nothing to guess in 256 random bits. Known keys lie in memory and are compared with the table
//! from time to time, so that a revoked one ends what it opened.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::cache::fingerprint;
use super::grants::Teams;
use crate::clock::Clock;
use crate::domain::api_key::{ApiKey, Grant};
use crate::domain::audit::{AuditEntry, Deed};
use crate::domain::caller::Caller;
use crate::domain::time::Time;
use crate::http::Refused;
use crate::sessions::{Pass, Validity};
use crate::store::{Store, StoreError};

/// Begins every key, so that people and scanners for lost secrets know one.
pub(super) const PREFIX: &str = "cgk_";
/// The length of a whole key: the prefix and 32 bytes in base64.
const LENGTH: usize = PREFIX.len() + 43;

/// What its maker says of a new key.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub name: String,
    pub grant: Grant,
    pub expires_at: Option<Time>,
    pub created_by: String,
}

/// Makes a key and keeps its hash. The key itself is shown once and never again.
///
/// # Errors
/// When the database fails.
pub async fn create(
    store: &Store,
    new: NewKey,
    now: Time,
) -> Result<(ApiKey, SecretString), StoreError> {
    let secret: [u8; 32] = rand::random();
    let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let key = ApiKey {
        id: format!("{:012x}", rand::random::<u64>() >> 16).into(),
        name: new.name,
        grant: new.grant,
        created_at: now,
        created_by: new.created_by,
        expires_at: new.expires_at,
        revoked_at: None,
    };
    let deed = deed(&key.created_by, Deed::KeyCreated, &key.id, now);
    store.add_api_key(&key, &hash(&secret), &deed).await?;
    Ok((key, secret.into()))
}

/// Revokes a key for ever. `None`: there is none that could be revoked.
///
/// # Errors
/// When the database fails.
pub async fn revoke(
    store: &Store,
    id: &str,
    by: &str,
    now: Time,
) -> Result<Option<ApiKey>, StoreError> {
    let deed = deed(by, Deed::KeyRevoked, id, now);
    store.revoke_api_key(id, &deed).await
}

fn deed(by: &str, deed: Deed, id: &str, now: Time) -> AuditEntry {
    AuditEntry {
        at: now,
        subject: by.into(),
        deed,
        conversation_id: None,
        object: Some(id.to_owned()),
        address: None,
    }
}

fn hash(key: &str) -> String {
    use std::fmt::Write;
    fingerprint(key)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// Judges keys.
pub(super) struct ApiKeys {
    store: Store,
    clock: Arc<dyn Clock>,
    /// Keys that hold, by their hash.
    held: RwLock<HashMap<String, Arc<Held>>>,
}

struct Held {
    caller: Caller,
    expires_at: Option<Time>,
    revoked: CancellationToken,
}

impl ApiKeys {
    pub(super) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            held: RwLock::default(),
        }
    }

    /// The pass that a key stands for.
    pub(super) async fn pass(&self, key: &str, teams: &Teams) -> Result<Pass, Refused> {
        let unknown = || Refused::Unauthenticated("This API key does not hold.".into());
        if key.len() != LENGTH || !key.starts_with(PREFIX) {
            return Err(unknown());
        }
        let hash = hash(key);
        let known = self.known().get(&hash).cloned();
        let held = match known {
            Some(held) => held,
            None => self.look_up(hash, teams).await?.ok_or_else(unknown)?,
        };
        self.in_time(&held).ok_or_else(unknown)
    }

    fn in_time(&self, held: &Held) -> Option<Pass> {
        let now = self.clock.now();
        let validity = match held.expires_at {
            Some(end) if end <= now => return None,
            Some(end) => Validity::until(end, std::time::Duration::ZERO, now),
            None => Validity::default(),
        };
        Some(Pass {
            caller: held.caller.clone(),
            validity: validity.unless(held.revoked.clone()),
        })
    }

    async fn look_up(&self, hash: String, teams: &Teams) -> Result<Option<Arc<Held>>, Refused> {
        let found = self.store.api_key(&hash).await.map_err(|error| {
            tracing::error!(%error, "an API key can't be looked up");
            Refused::Unavailable
        })?;
        let Some(key) = found.filter(|key| key.holds(self.clock.now())) else {
            return Ok(None);
        };
        let held = Arc::new(Held {
            caller: teams.caller(&subject(&key), &key.grant),
            expires_at: key.expires_at,
            revoked: CancellationToken::new(),
        });
        let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(Arc::clone(all.entry(hash).or_insert(held))))
    }

    /// Forgets the keys that hold no longer, and ends what they opened.
    pub(super) async fn refresh(&self) {
        if self.known().is_empty() {
            return;
        }
        match self.store.api_key_hashes(self.clock.now()).await {
            Ok(holding) => {
                let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
                held.retain(|hash, key| {
                    let holds = holding.contains(hash);
                    if !holds {
                        key.revoked.cancel();
                    }
                    holds
                });
            }
            Err(error) => tracing::warn!(%error, "the API keys can't be looked at"),
        }
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, HashMap<String, Arc<Held>>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a key signs what it does: names need not be unique, so its id is there, too.
fn subject(key: &ApiKey) -> String {
    format!("key:{}:{}", key.name, key.id)
}
