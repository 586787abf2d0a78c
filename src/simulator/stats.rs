//! What the simulator has done so far, in numbers.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct Stats {
    pub(crate) sockets: AtomicU64,
    /// Written to sockets.
    pub(crate) frames: AtomicU64,
    /// Changes of conversations, whether anybody listened or not.
    pub(crate) snapshots: AtomicU64,
    pub(crate) calls: Mutex<HashMap<String, u64>>,
}

impl Stats {
    pub(crate) fn count(&self, call: &str) {
        let mut calls = self.calls.lock().expect("no panic while held");
        match calls.get_mut(call) {
            Some(count) => *count += 1,
            None => drop(calls.insert(call.to_owned(), 1)),
        }
    }

    pub(crate) fn to_json(&self, conversations: usize) -> Value {
        json!({
            "sockets": self.sockets.load(Ordering::Relaxed), "frames": self.frames.load(Ordering::Relaxed),
            "snapshots": self.snapshots.load(Ordering::Relaxed), "conversations": conversations,
            "calls": *self.calls.lock().expect("no panic while held"),
        })
    }
}
