//! Tokens that were verified lately: checking a signature costs a hundred times as much as finding
//! the token here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// A token by its hash, so that a picture of the memory shows no tokens.
pub(super) type Fingerprint = [u8; 32];

pub(super) fn fingerprint(secret: &str) -> Fingerprint {
    Sha256::digest(secret.as_bytes()).into()
}

/// Bounded by two generations: when the newer is full, the older is dropped.
pub(super) struct Cache<T> {
    limit: usize,
    generations: Mutex<Generations<T>>,
}

struct Generations<T> {
    newer: HashMap<Fingerprint, Arc<T>>,
    older: HashMap<Fingerprint, Arc<T>>,
}

impl<T> Cache<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(2) / 2,
            generations: Mutex::new(Generations {
                newer: HashMap::new(),
                older: HashMap::new(),
            }),
        }
    }

    pub(super) fn get(&self, token: &Fingerprint) -> Option<Arc<T>> {
        let mut generations = self.lock();
        if let Some(found) = generations.newer.get(token) {
            return Some(Arc::clone(found));
        }
        let found = generations.older.remove(token)?;
        self.put(&mut generations, *token, Arc::clone(&found));
        Some(found)
    }

    pub(super) fn insert(&self, token: Fingerprint, value: Arc<T>) {
        self.put(&mut self.lock(), token, value);
    }

    fn put(&self, generations: &mut Generations<T>, token: Fingerprint, value: Arc<T>) {
        if generations.newer.len() >= self.limit {
            generations.older = std::mem::take(&mut generations.newer);
        }
        generations.newer.insert(token, value);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations<T>> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        let cache = Cache::new(10);
        let used = fingerprint("used");
        cache.insert(used, Arc::new(0));
        for number in 1..100 {
            cache.insert(fingerprint(&number.to_string()), Arc::new(number));
            assert_eq!(cache.get(&used).as_deref(), Some(&0));
        }
        assert_eq!(cache.get(&fingerprint("1")), None);
        let held = cache.lock();
        assert!(held.newer.len() + held.older.len() <= 10);
    }
}
