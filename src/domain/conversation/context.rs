//! What DCM says of a conversation: who began it and for what, and to what it is linked.

use super::{Change, Conversation};
use crate::domain::derive::{Derived, derive};
use crate::domain::event::Refused;
use crate::domain::registration::{ContextLink, Registration};
use crate::domain::row::{ContextRef, ContextVerb, ConversationStatus};
use crate::domain::update::{ChangeCause, ChangeKind, ChangeKinds, Update};

/// Links that one conversation may have; every change of it carries them all.
const MOST_LINKS: usize = 200;

impl Conversation {
    pub(super) fn register(
        &mut self,
        said: &Registration,
        change: Change<'_>,
    ) -> Result<Vec<Update>, Refused> {
        let joined = match &self.registration {
            None => said.clone(),
            Some(earlier) => earlier
                .join(said)
                .map_err(|fields| Refused::Conflict { fields })?,
        };
        let mut kinds = ChangeKinds::default();
        if self.registration.as_ref() != Some(&joined) {
            kinds.insert(ChangeKind::Details);
        }
        if self.put_initial_context(&joined, change) {
            kinds.insert(ChangeKind::Context);
        }
        self.registration = Some(joined);
        let mut derived = derive(&self.facts, self.registration.as_ref());
        if self.row.status == ConversationStatus::Ended && self.version > 0 {
            derived.stay_ended();
        }
        derived.registered_at = self.row.registered_at.or(Some(change.received_at));
        let change = Change {
            cause: ChangeCause::Registered,
            ..change
        };
        Ok(self.conclude(derived, kinds, change).into_iter().collect())
    }

    fn put_initial_context(&mut self, registration: &Registration, change: Change<'_>) -> bool {
        let Some(context) = &registration.context else {
            return false;
        };
        let known = self
            .links
            .iter_mut()
            .find(|link| link.verb == ContextVerb::Initial && link.context == *context);
        if let Some(link) = known {
            let renamed =
                registration.context_name.is_some() && link.name != registration.context_name;
            if renamed {
                link.name.clone_from(&registration.context_name);
                link.last_at = change.received_at;
            }
            return renamed;
        }
        self.links.push(ContextLink {
            context: context.clone(),
            name: registration.context_name.clone(),
            verb: ContextVerb::Initial,
            description: None,
            created_by: change.actor.map(ToString::to_string),
            created_at: change.received_at,
            last_at: change.received_at,
        });
        true
    }

    pub(super) fn link(
        &mut self,
        said: &ContextLink,
        change: Change<'_>,
    ) -> Result<Vec<Update>, Refused> {
        let is_full = self.links.len() >= MOST_LINKS;
        let known = self
            .links
            .iter_mut()
            .find(|link| link.context == said.context && link.verb == said.verb);
        match known {
            Some(link) => {
                link.name = said.name.clone().or_else(|| link.name.take());
                link.description = said.description.clone().or_else(|| link.description.take());
                link.last_at = said.last_at;
            }
            None if is_full => {
                return Err(Refused::TooManyLinks { limit: MOST_LINKS });
            }
            None => self.links.push(said.clone()),
        }
        Ok(self.relinked(change))
    }

    pub(super) fn unlink(
        &mut self,
        context: &ContextRef,
        verb: ContextVerb,
        change: Change<'_>,
    ) -> Result<Vec<Update>, Refused> {
        let before = self.links.len();
        self.links
            .retain(|link| link.context != *context || link.verb != verb);
        if self.links.len() == before {
            return Err(Refused::NotFound);
        }
        Ok(self.relinked(change))
    }

    fn relinked(&mut self, change: Change<'_>) -> Vec<Update> {
        let derived = Derived::of_row(&self.row);
        let kinds = [ChangeKind::Context].into_iter().collect();
        let change = Change {
            cause: ChangeCause::Linked,
            ..change
        };
        self.conclude(derived, kinds, change).into_iter().collect()
    }
}
