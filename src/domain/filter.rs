//! Which conversations a reader or a subscription asks for.

use super::caller::Scope;
use super::ids::{ConversationId, QueueId, UserId};
use super::row::words;
use super::row::{ContextRef, ConversationStatus, Direction, InitiatedBy, MediaType, Row};
use super::time::Time;
use super::update::Update;

words! {
    /// What a change means to a subscription's filter and scope.
    Membership {
        /// It did not match before.
        Entered = "ENTERED",
        Stayed = "STAYED",
        /// It no longer matches.
        Left = "LEFT",
    }
}

/// A change as one subscription sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sighting {
    pub membership: Membership,
    /// The caller may no longer see the conversation: nothing of its new state is told.
    pub out_of_scope: bool,
}

/// How a change looks through a filter and a scope, each judged as of that change; `None` when the
/// conversation matched neither before nor after.
pub fn sighting(filter: &Filter, scope: &Scope, update: &Update) -> Option<Sighting> {
    let id = update.conversation_id;
    sighting_where(|row| filter.matches(id, row), scope, update)
}

/// The same for any condition on the conversation's row.
pub fn sighting_where(
    matches: impl Fn(&Row) -> bool,
    scope: &Scope,
    update: &Update,
) -> Option<Sighting> {
    let before = update
        .before
        .as_deref()
        .is_some_and(|row| matches(row) && scope.sees(row));
    let visible = scope.sees(&update.after);
    let after = visible && matches(&update.after);
    let membership = match (before, after) {
        (false, false) => return None,
        (false, true) => Membership::Entered,
        (true, true) => Membership::Stayed,
        (true, false) => Membership::Left,
    };
    Some(Sighting {
        membership,
        out_of_scope: !visible,
    })
}

/// Values of which one must hold: each once and in order, so that a list of a thousand is searched
/// in ten steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AnyOf<T>(Box<[T]>);

impl<T: Ord> AnyOf<T> {
    pub fn contains(&self, value: &T) -> bool {
        self.0.binary_search(value).is_ok()
    }
}

impl<T> AnyOf<T> {
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T: Ord> FromIterator<T> for AnyOf<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut values: Vec<T> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        Self(values.into_boxed_slice())
    }
}

impl<'a, T> IntoIterator for &'a AnyOf<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// All given conditions hold together; a list means "any of" and an empty list matches nothing;
/// `None` is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub conversation_ids: Option<AnyOf<ConversationId>>,
    pub context: Option<ContextRef>,
    pub statuses: Option<AnyOf<ConversationStatus>>,
    /// Not ENDED.
    pub open: Option<bool>,
    pub queue_ids: Option<AnyOf<QueueId>>,
    pub agent_ids: Option<AnyOf<UserId>>,
    pub handled_by_ids: Option<AnyOf<UserId>>,
    pub media_types: Option<AnyOf<MediaType>>,
    pub active_media_types: Option<AnyOf<MediaType>>,
    pub direction: Option<Direction>,
    pub initiated_by: Option<InitiatedBy>,
    pub registered: Option<bool>,
    pub has_error: Option<bool>,
    /// Inclusive; a null time never matches.
    pub started_from: Option<Time>,
    /// Exclusive.
    pub started_to: Option<Time>,
    pub ended_from: Option<Time>,
    pub ended_to: Option<Time>,
}

impl Filter {
    pub fn matches(&self, id: ConversationId, row: &Row) -> bool {
        any_of(self.conversation_ids.as_ref(), Some(&id))
            && self
                .context
                .as_ref()
                .is_none_or(|context| row.contexts.contains(context))
            && any_of(self.statuses.as_ref(), Some(&row.status))
            && self
                .open
                .is_none_or(|open| open == (row.status != ConversationStatus::Ended))
            && any_of(self.queue_ids.as_ref(), row.last_queue_id.as_ref())
            && intersects(self.agent_ids.as_ref(), &row.agents)
            && intersects(self.handled_by_ids.as_ref(), &row.handled_by)
            && any_of(self.media_types.as_ref(), row.original_media_type.as_ref())
            && any_of(
                self.active_media_types.as_ref(),
                row.active_media_type.as_ref(),
            )
            && self
                .direction
                .is_none_or(|direction| row.direction == Some(direction))
            && self.initiated_by.is_none_or(|by| row.initiated_by == by)
            && self
                .registered
                .is_none_or(|registered| registered == row.registered_at.is_some())
            && self
                .has_error
                .is_none_or(|error| error == row.failure.is_some())
            && within(row.conversation_start, self.started_from, self.started_to)
            && within(row.conversation_end, self.ended_from, self.ended_to)
    }

    /// Whether a snapshot for this filter shows ended conversations too: only when the filter
    /// names conversations, a context, or the status ENDED.
    pub fn wants_ended(&self) -> bool {
        self.conversation_ids.is_some()
            || self.context.is_some()
            || self
                .statuses
                .as_ref()
                .is_some_and(|statuses| statuses.contains(&ConversationStatus::Ended))
    }
}

fn any_of<T: Ord>(wanted: Option<&AnyOf<T>>, value: Option<&T>) -> bool {
    wanted.is_none_or(|wanted| value.is_some_and(|value| wanted.contains(value)))
}

fn intersects(wanted: Option<&AnyOf<UserId>>, present: &[UserId]) -> bool {
    wanted.is_none_or(|wanted| present.iter().any(|user| wanted.contains(user)))
}

fn within(time: Option<Time>, from: Option<Time>, to: Option<Time>) -> bool {
    if from.is_none() && to.is_none() {
        return true;
    }
    time.is_some_and(|time| from.is_none_or(|from| time >= from) && to.is_none_or(|to| time < to))
}
