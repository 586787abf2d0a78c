//! What users ask for: registering, linking, closing, and reading from Genesys what is unknown here.
//!
//! Whatever is decided becomes an event for the write path; there is no second way to write.

mod closing;
mod running;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::domain::audit::{AuditEntry, Deed};
use crate::domain::caller::Caller;
use crate::domain::event::{ConversationEvent, Fact, Refused};
use crate::domain::ids::ConversationId;
use crate::domain::registration::{ContextLink, Registration};
use crate::domain::row::{ContextRef, ContextVerb, Work};
use crate::domain::update::ChangeCause;
use crate::genesys::actions::ActionsConfig;
use crate::genesys::budget::Priority;
use crate::genesys::client::{ApiError, GenesysClient};
use crate::genesys::directory::Directory;
use crate::ingest::{Asker, Ingest, IngestError, Written};
use crate::store::{Store, StoreError};

pub use closing::{Close, CloseFailure, CloseStep, StepState};
use running::Running;

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// There is no such conversation that the caller may see.
    #[error("conversation not found")]
    NotFound,
    /// An argument can't be used; it is named as in the schema.
    #[error("{argument}: {reason}")]
    BadInput {
        argument: &'static str,
        reason: String,
    },
    #[error(transparent)]
    Genesys(ApiError),
    /// Genesys refused a step of closing, or did not answer it.
    #[error(transparent)]
    Close(CloseFailure),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A handle on the commands.
#[derive(Clone)]
pub struct Commands {
    pub ingest: Ingest,
    pub store: Store,
    pub genesys: GenesysClient,
    pub directory: Directory,
    pub clock: Arc<dyn Clock>,
    config: ActionsConfig,
    running: Running,
}

impl Commands {
    /// `tasks` runs what must be finished even when nobody waits for it any more.
    pub fn new(
        ingest: Ingest,
        store: Store,
        directory: Directory,
        clock: Arc<dyn Clock>,
        config: ActionsConfig,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            ingest,
            store,
            genesys: directory.client().clone(),
            directory,
            clock,
            config,
            running: Running::new(tasks),
        }
    }

    /// Registers a conversation, known or not; it does not wait for Genesys.
    ///
    /// # Errors
    /// A contradiction to an earlier registration; a conversation the caller may not see.
    pub async fn register(
        &self,
        caller: &Caller,
        id: ConversationId,
        registration: Registration,
    ) -> Result<Written, CommandError> {
        self.check_visible(caller, id).await?;
        self.submit(caller, id, Fact::Registered(registration))
            .await
    }

    /// Links a conversation; one unknown here is read from Genesys first.
    ///
    /// # Errors
    /// Genesys does not know it either, or can't be asked.
    pub async fn link(
        &self,
        caller: &Caller,
        id: ConversationId,
        link: ContextLink,
    ) -> Result<Written, CommandError> {
        self.check_visible(caller, id).await?;
        let fact = Fact::Linked(link);
        match self.submit(caller, id, fact.clone()).await {
            Err(CommandError::Ingest(IngestError::Refused(Refused::NotFound))) => {
                self.read(caller, id).await?;
                self.submit(caller, id, fact).await
            }
            answer => answer,
        }
    }

    /// Takes a link away.
    ///
    /// # Errors
    /// There is no such conversation or link.
    pub async fn unlink(
        &self,
        caller: &Caller,
        id: ConversationId,
        context: ContextRef,
        verb: ContextVerb,
    ) -> Result<Written, CommandError> {
        self.check_visible(caller, id).await?;
        self.submit(caller, id, Fact::Unlinked { context, verb })
            .await
    }

    /// Reads a conversation from Genesys now; one unknown here is recorded.
    ///
    /// # Errors
    /// Nobody knows it, the caller may not see it, or Genesys can't be asked.
    pub async fn refresh(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> Result<Written, CommandError> {
        self.check_visible(caller, id).await?;
        self.record(caller, Deed::Refreshed, id).await?;
        let read = self.read(caller, id).await;
        if let Err(CommandError::Genesys(cause)) = &read {
            let message = format!("the conversation cannot be read: {cause}");
            self.note_failure(caller, id, Work::Reading, message)
                .await?;
        }
        visible(caller, read?)
    }

    /// Reads the conversation and records what Genesys shows.
    async fn read(&self, caller: &Caller, id: ConversationId) -> Result<Written, CommandError> {
        match self.read_for(caller, id, ChangeCause::Refreshed).await {
            Err(CommandError::Genesys(cause)) if cause.is_not_found() => {
                if self.store.load(&[id]).await?.is_empty() {
                    return Err(CommandError::NotFound);
                }
                Err(CommandError::Genesys(cause))
            }
            read => read,
        }
    }

    async fn read_for(
        &self,
        caller: &Caller,
        id: ConversationId,
        cause: ChangeCause,
    ) -> Result<Written, CommandError> {
        let read = self.genesys.conversation(id, Priority::Command).await;
        let reading = read.map_err(CommandError::Genesys)?.reading().await;
        self.submit(caller, id, reading.seen(cause)).await
    }

    async fn note_failure(
        &self,
        caller: &Caller,
        id: ConversationId,
        work: Work,
        message: String,
    ) -> Result<Written, CommandError> {
        self.submit(caller, id, Fact::Failed { work, message })
            .await
    }

    /// What asks something of Genesys is recorded before: whether it did it or not, it was asked.
    async fn record(
        &self,
        caller: &Caller,
        deed: Deed,
        id: ConversationId,
    ) -> Result<(), CommandError> {
        let entry = AuditEntry::of(caller, deed, id, self.clock.now());
        Ok(self.store.record(&entry).await?)
    }

    /// A narrowed caller may change only what he sees; what nobody knows yet is nobody's.
    async fn check_visible(&self, caller: &Caller, id: ConversationId) -> Result<(), CommandError> {
        if caller.sees_everything() {
            return Ok(());
        }
        let known = self.store.load(&[id]).await?;
        let hidden = known
            .get(&id)
            .is_some_and(|known| !caller.scope.sees(&known.row));
        if hidden {
            Err(CommandError::NotFound)
        } else {
            Ok(())
        }
    }

    async fn submit(
        &self,
        caller: &Caller,
        id: ConversationId,
        fact: Fact,
    ) -> Result<Written, CommandError> {
        let event = ConversationEvent {
            conversation_id: id,
            received_at: self.clock.now(),
            actor: Some(Arc::clone(&caller.subject)),
            fact,
        };
        let asker = asker(caller, &event);
        Ok(self.ingest.submit_for(asker, event).await?)
    }
}

/// Who asks for what the gateway does by itself, without Genesys.
fn asker(caller: &Caller, event: &ConversationEvent) -> Option<Asker> {
    let (deed, object) = match &event.fact {
        Fact::Registered(said) => (
            Deed::Registered,
            said.context.as_ref().map(ToString::to_string),
        ),
        Fact::Linked(link) => (
            Deed::Linked,
            Some(format!("{} {}", link.context, link.verb.as_str())),
        ),
        Fact::Unlinked { context, verb } => {
            (Deed::Unlinked, Some(format!("{context} {}", verb.as_str())))
        }
        _ => return None,
    };
    let deed = AuditEntry::of(caller, deed, event.conversation_id, event.received_at);
    Some(Asker {
        scope: caller.scope.clone(),
        deed: AuditEntry { object, ..deed },
    })
}

fn visible(caller: &Caller, written: Written) -> Result<Written, CommandError> {
    if caller.scope.sees(&written.conversation.row) {
        Ok(written)
    } else {
        Err(CommandError::NotFound)
    }
}
