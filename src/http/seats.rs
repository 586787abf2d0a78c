//! How many sockets and event streams one address, and one caller, may keep open.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::domain::caller::Caller;

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Limits per caller")]
pub struct SeatsConfig {
    /// WebSockets and event streams that one address may keep open; behind a proxy that is all of
    /// them. 0: no limit.
    #[arg(
        long,
        env = "GATEWAY_CONNECTIONS_PER_ADDRESS",
        value_name = "N",
        default_value_t = 20_000
    )]
    pub connections_per_address: usize,

    /// WebSockets and event streams that one caller may keep open. 0: no limit.
    #[arg(
        long,
        env = "GATEWAY_CONNECTIONS_PER_CALLER",
        value_name = "N",
        default_value_t = 100
    )]
    pub connections_per_caller: usize,
}

/// The open connections by address and by caller.
pub(super) struct Seats {
    addresses: Table<IpAddr>,
    callers: Table<Arc<str>>,
}

impl Seats {
    pub(super) fn new(config: &SeatsConfig) -> Self {
        Self {
            addresses: Table::new(config.connections_per_address),
            callers: Table::new(config.connections_per_caller),
        }
    }

    /// Seats for a connection of this caller, from where he speaks; none when all are taken.
    pub(super) fn of(&self, caller: &Caller) -> Option<(Seat<IpAddr>, Seat<Arc<str>>)> {
        Some((self.of_address(caller.address)?, self.of_caller(caller)?))
    }

    /// A seat for a connection from there; none when all are taken.
    pub(super) fn of_address(&self, address: Option<IpAddr>) -> Option<Seat<IpAddr>> {
        match address {
            Some(address) => self.addresses.take(address),
            None => Some(Seat(None)),
        }
    }

    /// A seat for the caller's connection; none when all are taken. Who has no name shares none.
    pub(super) fn of_caller(&self, caller: &Caller) -> Option<Seat<Arc<str>>> {
        if caller.is_anonymous() {
            return Some(Seat(None));
        }
        self.callers.take(caller.subject.clone())
    }
}

/// Free again when this is dropped.
pub(super) struct Seat<K: Eq + Hash>(Option<(K, Table<K>)>);

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        if let Some((key, table)) = self.0.take() {
            table.give_back(&key);
        }
    }
}

#[derive(Clone)]
struct Table<K> {
    most: usize,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Clone + Eq + Hash> Table<K> {
    fn new(most: usize) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    fn take(&self, key: K) -> Option<Seat<K>> {
        if self.most == 0 {
            return Some(Seat(None));
        }
        let mut taken = self.lock();
        let count = taken.entry(key.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Seat(Some((key, self.clone()))))
    }
}

impl<K: Eq + Hash> Table<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken
            .lock()
            .expect("no code panics while it holds this lock")
    }

    fn give_back(&self, key: &K) {
        let mut taken = self.lock();
        if let Some(count) = taken.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(connections_per_address: usize, connections_per_caller: usize) -> Seats {
        Seats::new(&SeatsConfig {
            connections_per_address,
            connections_per_caller,
        })
    }

    #[test]
    fn seats_are_counted_by_address_and_free_again_when_given_back() {
        let seats = seats(2, 0);
        let here = Some([127, 0, 0, 1].into());
        let there = Some([10, 0, 0, 1].into());
        let first = seats.of_address(here);
        let second = seats.of_address(here);
        assert!(first.is_some() && seats.of_address(here).is_none());
        assert!(seats.of_address(there).is_some());
        drop(first);
        assert!(seats.of_address(here).is_some());
        drop(second);
        assert!(seats.addresses.lock().is_empty());
    }

    #[test]
    fn callers_without_a_name_share_no_limit() {
        let seats = seats(0, 1);
        let ada = Caller {
            subject: "ada".into(),
            ..Caller::everything()
        };
        let _held = (
            seats.of_caller(&ada),
            seats.of_caller(&Caller::everything()),
        );
        assert!(seats.of_caller(&ada).is_none());
        assert!(seats.of_caller(&Caller::everything()).is_some());
    }
}
