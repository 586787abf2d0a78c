//! What users ask for: registering, linking, and reading from Genesys what is unknown here.
//!
//! Whatever is decided becomes an event for the write path; there is no second way to write.

use std::sync::Arc;

use crate::clock::Clock;
use crate::domain::caller::Caller;
use crate::domain::event::{ConversationEvent, Fact, Refused};
use crate::domain::ids::ConversationId;
use crate::domain::registration::{ContextLink, Registration};
use crate::domain::row::{ContextRef, ContextVerb};
use crate::domain::update::ChangeCause;
use crate::genesys::budget::Priority;
use crate::genesys::client::{ApiError, GenesysClient};
use crate::ingest::{Ingest, IngestError, Written};
use crate::store::{Store, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// There is no such conversation that the caller may see.
    #[error("conversation not found")]
    NotFound,
    #[error(transparent)]
    Genesys(ApiError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A handle on the commands.
#[derive(Clone)]
pub struct Commands {
    pub ingest: Ingest,
    pub store: Store,
    pub genesys: GenesysClient,
    pub clock: Arc<dyn Clock>,
}

impl Commands {
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

    async fn read(&self, caller: &Caller, id: ConversationId) -> Result<(), CommandError> {
        let read_at = self.clock.now();
        let snapshot = self
            .genesys
            .conversation(id, Priority::Command)
            .await
            .map_err(|cause| {
                if cause.is_not_found() {
                    CommandError::NotFound
                } else {
                    CommandError::Genesys(cause)
                }
            })?;
        let fact = Fact::Seen {
            snapshot,
            cause: ChangeCause::Refreshed,
            read_at: Some(read_at),
            gap_before: false,
        };
        self.submit(caller, id, fact).await.map(|_| ())
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
        Ok(self.ingest.submit(event).await?)
    }
}
