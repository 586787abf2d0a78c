//! A subscriber's filter in as little room as it takes: tens of thousands wait at a time, and most
//! name conversations and nothing else.

use super::index::Keys;
use crate::domain::caller::Scope;
use crate::domain::filter::{AnyOf, Filter, Sighting, sighting, sighting_where};
use crate::domain::ids::ConversationId;
use crate::domain::update::Update;

#[derive(Debug)]
pub(super) enum Sieve {
    Everything,
    Conversations(AnyOf<ConversationId>),
    Filter(Box<Filter>),
}

impl From<Filter> for Sieve {
    fn from(mut filter: Filter) -> Self {
        if filter == Filter::default() {
            return Self::Everything;
        }
        match filter.conversation_ids.take() {
            Some(ids) if filter == Filter::default() => Self::Conversations(ids),
            ids => {
                filter.conversation_ids = ids;
                Self::Filter(Box::new(filter))
            }
        }
    }
}

impl Sieve {
    /// What the filter says of a change.
    pub(super) fn sighting(&self, scope: &Scope, update: &Update) -> Option<Sighting> {
        match self {
            Self::Everything => sighting_where(|_| true, scope, update),
            Self::Conversations(ids) => {
                let is_one = ids.contains(&update.conversation_id);
                sighting_where(|_| is_one, scope, update)
            }
            Self::Filter(filter) => sighting(filter, scope, update),
        }
    }

    /// The conversations it names, if it names any.
    pub(super) fn conversations(&self) -> Option<&AnyOf<ConversationId>> {
        match self {
            Self::Everything => None,
            Self::Conversations(ids) => Some(ids),
            Self::Filter(filter) => filter.conversation_ids.as_ref(),
        }
    }

    /// Under what the index keeps it.
    pub(super) fn keys<'a>(&'a self, scope: &'a Scope) -> Keys<'a> {
        match self {
            Self::Everything => Keys::of_all(scope),
            Self::Conversations(ids) => Keys::Conversations(ids),
            Self::Filter(filter) => Keys::of(filter, scope),
        }
    }
}
