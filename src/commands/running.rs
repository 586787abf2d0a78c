//! Closings under way: the same wish twice at once does the work once, another one waits its turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio_util::task::TaskTracker;

use super::CommandError;
use super::closing::Close;
use crate::domain::ids::ConversationId;
use crate::ingest::{IngestError, Written};

pub(super) type Outcome = Result<Written, Arc<CommandError>>;

#[derive(Clone)]
pub(super) struct Running {
    tasks: TaskTracker,
    closings: Closings,
}

type Closings = Arc<Mutex<HashMap<ConversationId, Closing>>>;

struct Closing {
    close: Close,
    outcome: Shared<BoxFuture<'static, Outcome>>,
}

/// Takes its conversation off the list, however the work ended.
struct Entry {
    closings: Closings,
    id: ConversationId,
}

impl Running {
    pub(super) fn new(tasks: TaskTracker) -> Self {
        Self {
            tasks,
            closings: Arc::default(),
        }
    }

    /// Does the work, or waits for the same work that is under way. It goes on when nobody waits
    /// for it any more: a conversation is not left half closed because a client went away.
    pub(super) async fn once<W>(&self, close: &Close, work: impl Fn() -> W) -> Outcome
    where
        W: Future<Output = Outcome> + Send + 'static,
    {
        loop {
            let (is_same, outcome) = self.join(close, &work);
            let outcome = outcome.await;
            if is_same {
                return outcome;
            }
        }
    }

    /// What is under way with this conversation, and whether it is the wanted work.
    fn join<W>(
        &self,
        close: &Close,
        work: impl Fn() -> W,
    ) -> (bool, Shared<BoxFuture<'static, Outcome>>)
    where
        W: Future<Output = Outcome> + Send + 'static,
    {
        let mut closings = locked(&self.closings);
        if let Some(running) = closings.get(&close.conversation_id) {
            return (running.close == *close, running.outcome.clone());
        }
        let entry = Entry {
            closings: Arc::clone(&self.closings),
            id: close.conversation_id,
        };
        let work = work();
        let task = self.tasks.spawn(async move {
            let _entry = entry;
            work.await
        });
        let outcome = task
            .map(|ended| {
                // A task that panicked has said so in the log.
                ended.unwrap_or_else(|_| Err(Arc::new(CommandError::Ingest(IngestError::Closed))))
            })
            .boxed()
            .shared();
        let closing = Closing {
            close: close.clone(),
            outcome: outcome.clone(),
        };
        closings.insert(close.conversation_id, closing);
        (true, outcome)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        locked(&self.closings).remove(&self.id);
    }
}

fn locked(closings: &Closings) -> MutexGuard<'_, HashMap<ConversationId, Closing>> {
    closings.lock().unwrap_or_else(PoisonError::into_inner)
}
