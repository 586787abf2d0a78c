//! What registrations and links say of a conversation, kept apart from what Genesys says.

use serde::{Deserialize, Serialize};

use super::ids::QueueId;
use super::row::{ContextRef, ContextVerb, Direction, InitiatedBy, MediaType, ScreenPopTarget};
use super::time::Time;

/// The sum of all registrations of one conversation. Null says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub initiated_by: InitiatedBy,
    pub initial_screen_pop_target: Option<ScreenPopTarget>,
    pub direction: Option<Direction>,
    pub original_media_type: Option<MediaType>,
    pub conversation_start: Option<Time>,
    pub queue_id: Option<QueueId>,
    pub queue_name: Option<String>,
    /// The INITIAL context.
    pub context: Option<ContextRef>,
    /// The name DCM gives that context.
    pub context_name: Option<String>,
}

/// A link between a conversation and a DCM object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextLink {
    pub context: ContextRef,
    pub name: Option<String>,
    pub verb: ContextVerb,
    pub description: Option<String>,
    pub created_by: Option<String>,
    pub created_at: Time,
    pub last_at: Time,
}

impl Registration {
    /// Joins a later registration to this one: nulls are filled, labels and the start take the
    /// newer value.
    ///
    /// # Errors
    /// The names of the input fields in which the two contradict each other; nothing is joined.
    pub fn join(&self, later: &Registration) -> Result<Registration, Vec<&'static str>> {
        let mut conflicts = Vec::new();
        if self.initiated_by != later.initiated_by {
            conflicts.push("initiatedBy");
        }
        let joined = Registration {
            initiated_by: self.initiated_by,
            initial_screen_pop_target: agree(
                "initialScreenPopTarget",
                self.initial_screen_pop_target.as_ref(),
                later.initial_screen_pop_target.as_ref(),
                &mut conflicts,
            ),
            direction: agree(
                "direction",
                self.direction.as_ref(),
                later.direction.as_ref(),
                &mut conflicts,
            ),
            original_media_type: agree(
                "originalMediaType",
                self.original_media_type.as_ref(),
                later.original_media_type.as_ref(),
                &mut conflicts,
            ),
            conversation_start: later.conversation_start.or(self.conversation_start),
            queue_id: agree(
                "queueId",
                self.queue_id.as_ref(),
                later.queue_id.as_ref(),
                &mut conflicts,
            ),
            queue_name: later.queue_name.clone().or_else(|| self.queue_name.clone()),
            context: agree(
                "context",
                self.context.as_ref(),
                later.context.as_ref(),
                &mut conflicts,
            ),
            context_name: later
                .context_name
                .clone()
                .or_else(|| self.context_name.clone()),
        };
        if conflicts.is_empty() {
            Ok(joined)
        } else {
            Err(conflicts)
        }
    }
}

fn agree<T: Clone + PartialEq>(
    field: &'static str,
    earlier: Option<&T>,
    later: Option<&T>,
    conflicts: &mut Vec<&'static str>,
) -> Option<T> {
    match (earlier, later) {
        (Some(earlier), Some(later)) if earlier != later => {
            conflicts.push(field);
            None
        }
        (earlier, later) => later.or(earlier).cloned(),
    }
}
