//! The live feeds. A change feed's resolver says what is wanted and makes results of the changes put
//! into its slot; which changes those are, and when, the live feed decides.

use async_graphql::{Context, ErrorExtensions, Result, Subscription};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use super::error::{self, bad_input, coded};
use super::query::count_question;
use super::rendering::Slot;
use super::types::change::{ConversationChange, ConversationStatusChange};
use super::types::count::{ConversationCount, CountDimension};
use super::types::enums::ChangeKind;
use super::types::feed::FeedStatus;
use super::types::input::ConversationFilter;
use super::types::owner::OwnerIds;
use crate::counts::{Counts, CountsError};
use crate::domain::feed;
use crate::feed::{Changes, Told, Wanted};
use crate::http::code;
use crate::hub::Hub;
use crate::store::Cursor;

/// What may be followed.
pub struct Subscription;

/// What may be followed.
#[Subscription]
impl Subscription {
    /// Every change of the status of a matching conversation, and every change by which one enters
    /// or leaves the filter: each once, in the order of the log, none left out.
    async fn conversation_status_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which conversations; all without.")] filter: Option<ConversationFilter>,
        #[graphql(desc = "Resume behind this cursor: the last one processed.")] after: Option<
            String,
        >,
        #[graphql(
            default_with = "Some(false)",
            desc = "Begin with the present state of what matches; with `after` only when that can't be resumed from."
        )]
        include_current: Option<bool>,
    ) -> Result<impl Stream<Item = ConversationStatusChange> + use<>> {
        let wanted = wanted(
            filter,
            Changes::Status,
            after,
            include_current == Some(true),
        )?;
        let epoch = ctx.data::<Hub>()?.epoch();
        let slot = ctx.data::<Slot>()?;
        slot.ask(wanted);
        Ok(slot.changes().map(move |Told { entry, sighting }| {
            ConversationStatusChange::of(&entry, sighting, epoch)
        }))
    }

    /// Every committed change of a matching conversation.
    async fn conversation_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which conversations; all without.")] filter: Option<ConversationFilter>,
        #[graphql(desc = "Which kinds of change; all without.")] kinds: Option<Vec<ChangeKind>>,
        #[graphql(desc = "Resume behind this cursor: the last one processed.")] after: Option<
            String,
        >,
        #[graphql(
            default_with = "Some(false)",
            desc = "Begin with the latest change of what matches; with `after` only when that can't be resumed from."
        )]
        include_current: Option<bool>,
    ) -> Result<impl Stream<Item = ConversationChange> + use<>> {
        let kinds = kinds.map(|kinds| kinds.into_iter().map(Into::into).collect());
        let wanted = wanted(
            filter,
            Changes::OfKinds(kinds),
            after,
            include_current == Some(true),
        )?;
        let epoch = ctx.data::<Hub>()?.epoch();
        let owners = ctx.data::<OwnerIds>()?.clone();
        let slot = ctx.data::<Slot>()?;
        slot.ask(wanted);
        Ok(slot.changes().map(move |Told { entry, sighting }| {
            ConversationChange::of(&entry, sighting, epoch, &owners)
        }))
    }

    /// How many conversations there are in each group: first all groups, then at most four times a
    /// second every group that changed, those that are gone with zero. Open ones only, unless the
    /// filter names statuses. `LIMIT_EXCEEDED` when there are too many groups.
    async fn conversation_counts_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which conversations; all open ones without.")] filter: Option<
            ConversationFilter,
        >,
        #[graphql(desc = "What makes a group; without any, all are one.")] group_by: Vec<
            CountDimension,
        >,
    ) -> Result<impl Stream<Item = Result<Vec<ConversationCount>>> + use<>> {
        let question = count_question(ctx, filter, group_by)?;
        let counts = ctx.data::<Counts>()?.clone();
        let first = counts.now(&question).await;
        let first = first.map_err(|cause| error::counts(ctx, &cause))?;
        let all = first
            .iter()
            .map(|(group, count)| ConversationCount::of(group, count));
        let begin = stream::iter([Ok(all.collect())]);
        Ok(begin.chain(stream::unfold(Some(first), move |seen| {
            let (counts, question) = (counts.clone(), question.clone());
            async move {
                match counts.changes(&question, &seen?).await {
                    Ok((now, changed)) => {
                        let changed = changed
                            .iter()
                            .map(|(group, count)| ConversationCount::of(group, count));
                        Some((Ok(changed.collect()), Some(now)))
                    }
                    Err(cause) => Some((Err(counts_ended(&cause)), None)),
                }
            }
        })))
    }

    /// Whether the picture may be stale: now, and whenever that changes.
    async fn feed_status_changed(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = FeedStatus> + use<>> {
        let feed = ctx.data::<watch::Receiver<feed::FeedStatus>>()?.clone();
        Ok(WatchStream::new(feed).map(|status| FeedStatus::from(&status)))
    }
}

fn counts_ended(cause: &CountsError) -> async_graphql::Error {
    match cause {
        CountsError::TooManyGroups { limit } => error::too_many_groups(cause, *limit),
        CountsError::Store(cause) => {
            tracing::error!(error = %cause, "a subscription to counts ended");
            coded(
                code::SUBSCRIPTION_ENDED,
                "the counts ended: subscribe again",
            )
            .extend_with(|_, extensions| extensions.set("reason", "OVERLOADED"))
        }
    }
}

fn wanted(
    filter: Option<ConversationFilter>,
    changes: Changes,
    after: Option<String>,
    include_current: bool,
) -> Result<Wanted> {
    let after = match after.map(|text| Cursor::decode(&text)) {
        None => None,
        Some(Ok(cursor)) => Some(cursor),
        // It can't be resumed from: the snapshot is taken instead.
        Some(Err(_)) if include_current => None,
        Some(Err(_)) => return Err(bad_input("after", "not a cursor")),
    };
    Ok(Wanted {
        filter: filter.unwrap_or_default().into_domain()?,
        changes,
        after,
        include_current,
    })
}
