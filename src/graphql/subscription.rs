//! The live feeds.

use std::sync::Arc;

use async_graphql::{Context, ErrorExtensions, Result, Subscription};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use super::error::{self, bad_input, coded};
use super::executor::{Envelope, Envelopes};
use super::query::count_question;
use super::types::change::{ConversationChange, ConversationStatusChange};
use super::types::count::{ConversationCount, CountDimension};
use super::types::enums::ChangeKind;
use super::types::feed::FeedStatus;
use super::types::input::ConversationFilter;
use super::types::owner::OwnerIds;
use crate::counts::{Counts, CountsError};
use crate::domain::caller::Caller;
use crate::domain::feed;
use crate::feed::{Changes, Feed, FeedError, Told, Wanted};
use crate::hub::Hub;
use crate::store::{Cursor, Store};

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
    ) -> Result<impl Stream<Item = Result<ConversationStatusChange>> + use<>> {
        let wanted = wanted(
            filter,
            Changes::Status,
            after,
            include_current == Some(true),
        )?;
        let epoch = ctx.data::<Hub>()?.epoch();
        let told = follow(ctx, wanted).await?;
        Ok(told.map(move |told| {
            let Told { entry, sighting } = told?;
            Ok(ConversationStatusChange::of(&entry, sighting, epoch))
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
    ) -> Result<impl Stream<Item = Result<ConversationChange>> + use<>> {
        let kinds = kinds.map(|kinds| kinds.into_iter().map(Into::into).collect());
        let wanted = wanted(
            filter,
            Changes::OfKinds(kinds),
            after,
            include_current == Some(true),
        )?;
        let epoch = ctx.data::<Hub>()?.epoch();
        let owners = ctx.data::<OwnerIds>()?.clone();
        let told = follow(ctx, wanted).await?;
        Ok(told.map(move |told| {
            let Told { entry, sighting } = told?;
            Ok(ConversationChange::of(&entry, sighting, epoch, &owners))
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
        CountsError::TooManyGroups { .. } => error::too_many_groups(cause),
        CountsError::Store(cause) => {
            tracing::error!(error = %cause, "a subscription to counts ended");
            coded(
                error::code::SUBSCRIPTION_ENDED,
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
    let after = after
        .map(|text| Cursor::decode(&text).map_err(|_| bad_input("after", "not a cursor")))
        .transpose()?;
    Ok(Wanted {
        filter: filter.unwrap_or_default().into_domain()?,
        changes,
        after,
        include_current,
    })
}

async fn follow(
    ctx: &Context<'_>,
    wanted: Wanted,
) -> Result<impl Stream<Item = Result<Told>> + use<>> {
    let store = ctx.data::<Store>()?;
    let hub = ctx.data::<Hub>()?;
    let epoch = hub.epoch();
    let envelopes = ctx.data_opt::<Arc<Envelopes>>().cloned();
    let feed = Feed::begin(store, hub, ctx.data::<Caller>()?, wanted)
        .await
        .map_err(|cause| refused(ctx, &cause))?;
    let first = Some(feed.verdict());
    Ok(stream::unfold(Some((feed, first)), move |state| {
        let envelopes = envelopes.clone();
        async move {
            let (mut feed, verdict) = state?;
            match feed.next().await {
                Ok(told) => {
                    if let Some(envelopes) = &envelopes {
                        envelopes.put(Envelope {
                            cursor: told.entry.cursor(epoch),
                            verdict,
                        });
                    }
                    Some((Ok(told), Some((feed, None))))
                }
                Err(cause) => Some((Err(ended(&cause)), None)),
            }
        }
    }))
}

fn refused(ctx: &Context<'_>, cause: &FeedError) -> async_graphql::Error {
    match cause {
        FeedError::Cursor(refused) => error::cursor(refused),
        FeedError::Store(cause) => error::store(ctx, cause),
        FeedError::Ended => ended(cause),
    }
}

/// The end of a running feed: the client resumes from its last cursor.
fn ended(cause: &FeedError) -> async_graphql::Error {
    let reason = if matches!(cause, FeedError::Ended) {
        "SHUTDOWN"
    } else {
        tracing::error!(error = %cause, "a feed ended");
        "OVERLOADED"
    };
    coded(
        error::code::SUBSCRIPTION_ENDED,
        "the feed ended: resume from the last cursor",
    )
    .extend_with(|_, extensions| extensions.set("reason", reason))
}
