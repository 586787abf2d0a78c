//! The live connections: a list for administrators, and a handle on each for those who serve it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::pass::{Over, Pass};
use crate::clock::Clock;
use crate::domain::caller::Caller;
use crate::domain::time::Time;

/// All live connections of this process.
#[derive(Clone)]
pub struct Sessions {
    open: Arc<Mutex<HashMap<String, Arc<Session>>>>,
    clock: Arc<dyn Clock>,
}

/// How a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    WebSocket,
    EventStream,
}

/// A live connection.
pub struct Session {
    pub id: String,
    pub since: Time,
    pub transport: Transport,
    pass: watch::Sender<Pass>,
    /// How often the pass was replaced.
    renewals: AtomicU32,
    /// The last of these times that changed what the caller may see or do; 0: none.
    rights_changed: AtomicU32,
    subscriptions: AtomicUsize,
    /// Since when it has not taken what waits for it.
    behind_since: Mutex<Option<Time>>,
    ended: CancellationToken,
    reason: OnceLock<String>,
    clock: Arc<dyn Clock>,
}

/// Keeps a connection in the list as long as it lives.
pub struct Present {
    session: Arc<Session>,
    sessions: Sessions,
}

/// Why a connection must end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Farewell {
    PassOver(Over),
    /// An administrator's word.
    Ended(String),
}

/// The other pass is somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is of another subject")]
pub struct AnotherSubject;

impl Sessions {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            open: Arc::default(),
            clock,
        }
    }

    /// Puts a connection into the list.
    pub fn enter(&self, pass: Pass, transport: Transport) -> Present {
        let session = Arc::new(Session {
            id: uuid::Uuid::new_v4().to_string(),
            since: self.clock.now(),
            transport,
            pass: watch::Sender::new(pass),
            renewals: AtomicU32::new(0),
            rights_changed: AtomicU32::new(0),
            subscriptions: AtomicUsize::new(0),
            behind_since: Mutex::default(),
            ended: CancellationToken::new(),
            reason: OnceLock::new(),
            clock: Arc::clone(&self.clock),
        });
        self.lock().insert(session.id.clone(), Arc::clone(&session));
        Present {
            session,
            sessions: self.clone(),
        }
    }

    /// The connections that are open now, the oldest first.
    pub fn list(&self) -> Vec<Arc<Session>> {
        let mut all: Vec<_> = self.lock().values().cloned().collect();
        all.sort_by(|one, other| (one.since, &one.id).cmp(&(other.since, &other.id)));
        all
    }

    /// The connection with this id, if it lives.
    pub fn get(&self, id: &str) -> Option<Arc<Session>> {
        self.lock().get(id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Present {
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.session.id);
    }
}

impl Session {
    /// Who it is now.
    pub fn caller(&self) -> Caller {
        self.pass.borrow().caller.clone()
    }

    /// Who it is now, and the how manieth pass says so.
    pub fn caller_and_renewals(&self) -> (Caller, u32) {
        // Renewals are counted while nobody looks at the pass.
        let pass = self.pass.borrow();
        (pass.caller.clone(), self.renewals.load(Ordering::Acquire))
    }

    /// Whether a pass after this one changed what the caller may see or do: cheap to look at, with
    /// every message. Whoever waits for the farewell is woken after each pass.
    pub fn has_other_rights_than(&self, renewals: u32) -> bool {
        self.rights_changed.load(Ordering::Acquire) > renewals
    }

    pub fn expires_at(&self) -> Option<Time> {
        self.pass.borrow().validity.expires_at()
    }

    pub fn address(&self) -> Option<IpAddr> {
        self.pass.borrow().caller.address
    }

    /// Goes on with another pass of the same subject.
    ///
    /// # Errors
    /// The pass is somebody else's; nothing changes then.
    pub fn renew(&self, mut pass: Pass) -> Result<(), AnotherSubject> {
        let known = self.caller();
        if known.subject != pass.caller.subject {
            return Err(AnotherSubject);
        }
        pass.caller.address = known.address;
        self.pass.send_modify(|present| {
            let (known, next) = (&present.caller, &pass.caller);
            let are_same = known.scope == next.scope && known.permissions == next.permissions;
            *present = pass;
            let renewals = self.renewals.fetch_add(1, Ordering::Release) + 1;
            if !are_same {
                self.rights_changed.store(renewals, Ordering::Release);
            }
        });
        Ok(())
    }

    /// Ends the connection; its client is told the reason, the first if there are several.
    pub fn end(&self, reason: &str) {
        let _ = self.reason.set(reason.to_owned());
        self.ended.cancel();
    }

    /// So many operations run on it now.
    pub fn running(&self, subscriptions: usize) {
        self.subscriptions.store(subscriptions, Ordering::Relaxed);
    }

    pub fn subscriptions(&self) -> usize {
        self.subscriptions.load(Ordering::Relaxed)
    }

    /// Whether something waits that it doesn't take.
    pub fn behind(&self, is_behind: bool) {
        let mut since = self.lag_lock();
        if !is_behind {
            *since = None;
        } else if since.is_none() {
            *since = Some(self.clock.now());
        }
    }

    /// For how many milliseconds it has not taken what waits for it; 0: it keeps up.
    pub fn lag_millis(&self) -> i64 {
        let since = *self.lag_lock();
        since.map_or(0, |since| self.clock.now().since(since))
    }

    /// Returns when the connection must end.
    pub async fn farewell(self: Arc<Self>) -> Farewell {
        let mut passes = self.pass.subscribe();
        loop {
            let validity = passes.borrow_and_update().validity.clone();
            tokio::select! {
                over = validity.over() => return Farewell::PassOver(over),
                () = self.ended.cancelled() => {
                    let reason = self.reason.get().cloned().unwrap_or_default();
                    return Farewell::Ended(reason);
                }
                // The sender is part of the session, which lives as long as this.
                _ = passes.changed() => {}
            }
        }
    }

    fn lag_lock(&self) -> MutexGuard<'_, Option<Time>> {
        self.behind_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Farewell {
    /// What the client is told.
    pub fn reason(&self) -> &str {
        match self {
            Self::PassOver(over) => over.reason(),
            Self::Ended(reason) if reason.is_empty() => "Session ended",
            Self::Ended(reason) => reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::SystemClock;
    use crate::domain::caller::Scope;
    use crate::domain::permission::Permissions;
    use crate::sessions::Validity;

    fn pass(subject: &str, lifetime: Duration) -> Pass {
        let now = SystemClock.now();
        let end = now.plus_millis(i64::try_from(lifetime.as_millis()).unwrap());
        Pass {
            caller: Caller::new(subject, Permissions::all(), Scope::Everything),
            validity: Validity::until(end, Duration::ZERO, now),
        }
    }

    fn sessions() -> Sessions {
        Sessions::new(Arc::new(SystemClock))
    }

    #[tokio::test]
    async fn a_connection_is_listed_while_it_lives_and_can_be_ended() {
        let sessions = sessions();
        let present = sessions.enter(pass("anna", Duration::from_mins(1)), Transport::WebSocket);
        let listed = sessions.list();
        assert_eq!(listed.len(), 1);
        assert_eq!(&*listed[0].caller().subject, "anna");
        let farewell = Arc::clone(present.session()).farewell();
        assert!(sessions.get("unknown").is_none());
        let found = sessions.get(&listed[0].id).unwrap();
        found.end("Go home");
        found.end("Or don't");
        assert_eq!(farewell.await.reason(), "Go home");
        drop(present);
        assert!(sessions.list().is_empty());
    }

    #[tokio::test]
    async fn a_renewed_pass_moves_the_end() {
        let sessions = sessions();
        let first = pass("anna", Duration::from_millis(300));
        let present = sessions.enter(first, Transport::WebSocket);
        let session = Arc::clone(present.session());
        let mut farewell = Box::pin(Arc::clone(&session).farewell());
        let other = pass("bert", Duration::from_mins(1));
        assert_eq!(session.renew(other), Err(AnotherSubject));
        session.renew(pass("anna", Duration::from_mins(1))).unwrap();
        let early = tokio::time::timeout(Duration::from_millis(600), &mut farewell).await;
        assert!(early.is_err());
        session.renew(pass("anna", Duration::ZERO)).unwrap();
        assert_eq!(farewell.await, Farewell::PassOver(Over::Expired));
    }
}
