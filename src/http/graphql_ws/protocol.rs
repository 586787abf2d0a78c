//! The rules of `graphql-transport-ws` as a state machine: events in, actions out, no I/O and no
//! clock. The close codes are those of the protocol's text; 1012 and 1013 are the registered
//! WebSocket codes for a restart and for overload.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use async_graphql::Request;
use hashbrown::HashTable;
use serde_json::{Map, Value};

use super::message::{self, ClientMessage};
use crate::http::admission::Admission;
use crate::http::authenticate::Refused;
use crate::http::operations::Outcome;
use crate::http::response::{ends_subscription, is_request_error, too_long, too_much};
use crate::judge::Kind;

/// Longest reason that fits a close frame (RFC 6455, 5.5: 125 bytes less the code's two).
const LONGEST_REASON: usize = 123;

/// Names an operation for as long as the socket lives, unlike the client's ids, which may return.
pub(super) type Serial = u64;

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Most operations at a time.
    pub(super) operations: usize,
    /// Longest message to the client, in bytes.
    pub(super) result: usize,
}

/// What the socket is to do.
#[derive(Debug)]
pub(super) enum Action {
    Send(String),
    /// Send that an operation was not even begun. It counts as one: a refusal costs work, too.
    Refuse(String),
    /// Ask who this is; the answer goes to `verdict`.
    Authenticate(Option<Map<String, Value>>),
    /// Run the operation; what it yields goes to `item` and `end`.
    Start(Serial, Box<Request>),
    /// Drop the operation.
    Stop(Serial),
    /// Send, then drop the operation.
    SendAndStop(String, Serial),
    Close(Close),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl Close {
    pub(super) fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
        Self { code, reason }
    }

    pub(super) fn restart() -> Self {
        Self::new(1012, "Service restart")
    }
}

pub(super) struct Protocol {
    admission: Arc<Admission>,
    phase: Phase,
    limits: Limits,
    /// Serials are our own numbers, so that any quick hash will do.
    operations: HashMap<Serial, Operation, foldhash::fast::RandomState>,
    /// The serial of each operation, found by its client's id, which stands in `operations`.
    serials: HashTable<Serial>,
    ids: RandomState,
    last_serial: Serial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    AwaitingInit,
    Authenticating,
    Acknowledged,
}

struct Operation {
    id: Box<str>,
    is_subscription: bool,
}

impl Protocol {
    pub(super) fn new(limits: Limits, admission: Arc<Admission>) -> Self {
        Self {
            admission,
            phase: Phase::AwaitingInit,
            limits,
            operations: HashMap::default(),
            serials: HashTable::new(),
            ids: RandomState::new(),
            last_serial: 0,
        }
    }

    /// A text message came from the client.
    pub(super) fn text(&mut self, text: &str) -> Option<Action> {
        match ClientMessage::parse(text) {
            Ok(ClientMessage::ConnectionInit { payload }) => Some(self.connection_init(payload)),
            Ok(ClientMessage::Ping { payload }) => {
                Some(Action::Send(message::pong(payload.as_ref())))
            }
            Ok(ClientMessage::Pong) => None,
            Ok(ClientMessage::Subscribe { id, request }) => Some(self.subscribe(id, request)),
            Ok(ClientMessage::Complete { id }) => self.complete(&id),
            Err(reason) => Some(close(4400, reason)),
        }
    }

    /// A binary message came from the client; the protocol has none.
    #[expect(
        clippy::unused_self,
        reason = "an input of the machine like the others"
    )]
    pub(super) fn binary(&self) -> Action {
        close(4400, "Messages must be text")
    }

    /// The answer to `Action::Authenticate`.
    pub(super) fn verdict(&mut self, refused: Option<&Refused>) -> Action {
        match refused {
            None => {
                self.phase = Phase::Acknowledged;
                Action::Send(message::connection_ack())
            }
            Some(Refused::Unauthenticated(_)) => close(4403, "Forbidden"),
            Some(Refused::Unavailable) => close(1013, "Try again later"),
        }
    }

    /// The time for `connection_init` has passed.
    pub(super) fn init_timeout(&self) -> Option<Action> {
        let late = self.phase == Phase::AwaitingInit;
        late.then(|| close(4408, "Connection initialisation timeout"))
    }

    /// The operation yielded a result.
    pub(super) fn item(&mut self, serial: Serial, outcome: &Outcome) -> Option<Action> {
        let operation = self.operations.get(&serial)?;
        let response = match outcome {
            Outcome::Own(response) => response,
            Outcome::Shared(shared) => {
                let text = message::next_text(&operation.id, shared.text());
                return Some(self.result(serial, text));
            }
        };
        let is_final = is_request_error(response)
            || (operation.is_subscription && ends_subscription(response));
        if is_final {
            let text = message::error(&operation.id, &response.errors);
            self.forget(serial);
            return Some(Action::SendAndStop(text, serial));
        }
        let text = message::next(&operation.id, response);
        Some(self.result(serial, text))
    }

    /// Sends a result that is not too long.
    fn result(&mut self, serial: Serial, text: String) -> Action {
        if text.len() <= self.limits.result {
            return Action::Send(text);
        }
        let Some(operation) = self.forget(serial) else {
            return Action::Send(text);
        };
        let too_long = too_long(self.limits.result);
        Action::SendAndStop(message::error(&operation.id, &[too_long]), serial)
    }

    /// The operation has nothing more to yield.
    pub(super) fn end(&mut self, serial: Serial) -> Option<Action> {
        let operation = self.forget(serial)?;
        Some(Action::Send(message::complete(&operation.id)))
    }

    pub(super) fn awaits_init(&self) -> bool {
        self.phase == Phase::AwaitingInit
    }

    fn connection_init(&mut self, payload: Option<Map<String, Value>>) -> Action {
        if self.phase != Phase::AwaitingInit {
            return close(4429, "Too many initialisation requests");
        }
        self.phase = Phase::Authenticating;
        Action::Authenticate(payload)
    }

    fn subscribe(&mut self, id: String, mut request: Box<Request>) -> Action {
        if self.phase != Phase::Acknowledged {
            return close(4401, "Unauthorized");
        }
        if self.serial(&id).is_some() {
            return close(
                4409,
                format!("Subscriber for {} already exists", shortened(&id)),
            );
        }
        let kind = match self.admission.judge(&mut request) {
            Ok(kind) => kind,
            Err(unfit) => return Action::Refuse(message::error(&id, &[unfit])),
        };
        let limit = self.limits.operations;
        if self.operations.len() >= limit {
            let message = format!("One socket runs {limit} operations at most.");
            let too_many = too_much("operations", limit as u64, message);
            return Action::Refuse(message::error(&id, &[too_many]));
        }
        let is_subscription = kind == Some(Kind::Subscription);
        self.last_serial += 1;
        let operation = Operation {
            id: id.into(),
            is_subscription,
        };
        self.remember(self.last_serial, operation);
        Action::Start(self.last_serial, request)
    }

    /// The client's `complete` is final and not echoed; of an id unknown here it crossed ours.
    fn complete(&mut self, id: &str) -> Option<Action> {
        let serial = self.serial(id)?;
        self.forget(serial);
        Some(Action::Stop(serial))
    }

    fn serial(&self, id: &str) -> Option<Serial> {
        let is_it = |serial: &Serial| self.operations.get(serial).is_some_and(|it| *it.id == *id);
        self.serials.find(self.ids.hash_one(id), is_it).copied()
    }

    fn remember(&mut self, serial: Serial, operation: Operation) {
        let Self {
            operations,
            ids,
            serials,
            ..
        } = self;
        let hash = ids.hash_one(&*operation.id);
        operations.insert(serial, operation);
        let rehash = |serial: &Serial| {
            let operation = operations.get(serial);
            ids.hash_one(operation.map_or("", |operation| &*operation.id))
        };
        serials.insert_unique(hash, serial, rehash);
    }

    fn forget(&mut self, serial: Serial) -> Option<Operation> {
        let operation = self.operations.remove(&serial)?;
        let hash = self.ids.hash_one(&*operation.id);
        if let Ok(entry) = self.serials.find_entry(hash, |it| *it == serial) {
            entry.remove();
        }
        Some(operation)
    }
}

fn close(code: u16, reason: impl Into<String>) -> Action {
    Action::Close(Close::new(code, reason))
}

/// As much of an id as leaves room for the sentence around it.
fn shortened(id: &str) -> &str {
    &id[..id.floor_char_boundary(LONGEST_REASON - "Subscriber for  already exists".len())]
}

#[cfg(test)]
#[path = "protocol_fuzz.rs"]
mod fuzz;
#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
