//! Which topics are wanted: those of the queues and users that are followed.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::client::{ApiError, GenesysClient};
use super::config::GenesysConfig;
use super::queues;
use super::topics::{self, TopicShape};
use crate::domain::ids::{QueueId, UserId};

/// The word for everybody in the setting of users.
const ALL: &str = "all";

/// The queues and users that are followed, as last listed or as configured.
pub struct Wanted {
    shape: TopicShape,
    queues: Followed<QueueId>,
    users: Followed<UserId>,
    users_refresh: Duration,
    users_read: Option<Instant>,
}

enum Followed<T> {
    /// Named in the settings.
    These(BTreeSet<T>),
    /// All that Genesys lists; `None` until it was asked.
    All(Option<BTreeSet<T>>),
}

/// What is wanted and cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum Unlisted {
    #[error(
        "GATEWAY_QUEUES names no queues, and they cannot be listed: \
         name them, or grant the OAuth client routing:queue:view"
    )]
    Queues(#[source] ApiError),
    #[error(
        "GATEWAY_USER_TOPICS=all wants all users, and they cannot be listed: \
         name them by id, or grant the OAuth client directory:user:view"
    )]
    Users(#[source] ApiError),
    #[error("the names of the queues in GATEWAY_QUEUES cannot be listed")]
    Names(#[source] ApiError),
}

impl Unlisted {
    pub const fn cause(&self) -> &ApiError {
        match self {
            Self::Queues(cause) | Self::Users(cause) | Self::Names(cause) => cause,
        }
    }
}

impl Wanted {
    pub fn new(config: &GenesysConfig) -> Self {
        let all_users = config.user_topics.iter().any(|user| user.as_str() == ALL);
        Self {
            shape: config.topics,
            queues: if config.queues.is_empty() {
                Followed::All(None)
            } else {
                Followed::These(config.queues.iter().cloned().collect())
            },
            users: if all_users {
                Followed::All(None)
            } else {
                Followed::These(config.user_topics.iter().cloned().collect())
            },
            users_refresh: config.directory.directory_refresh,
            users_read: None,
        }
    }

    /// Lists the queues (for their names, if they are configured) and, from time to time, the users.
    ///
    /// # Errors
    /// Names that a client may not list are no error: the queues are followed without them.
    pub async fn refresh(&mut self, client: &GenesysClient) -> Result<(), Unlisted> {
        match (&mut self.queues, queues::list(client).await) {
            (Followed::All(queues), Ok(listed)) => *queues = Some(listed),
            (Followed::All(_), Err(error)) => return Err(Unlisted::Queues(error)),
            (Followed::These(_), Ok(_)) => {}
            (Followed::These(_), Err(error)) if error.is_retryable() => {
                return Err(Unlisted::Names(error));
            }
            (Followed::These(_), Err(error)) => {
                tracing::warn!(%error, "queues have no names without routing:queue:view");
            }
        }
        let is_due = self
            .users_read
            .is_none_or(|read| read.elapsed() >= self.users_refresh);
        if let Followed::All(users) = &mut self.users
            && is_due
        {
            *users = Some(list_users(client).await.map_err(Unlisted::Users)?);
            self.users_read = Some(Instant::now());
        }
        Ok(())
    }

    /// `None` until everything that is followed is known.
    pub fn topics(&self) -> Option<BTreeSet<String>> {
        let queues = self.queues.known()?.iter();
        let queues = queues.flat_map(|queue| topics::of_queue(queue, self.shape));
        let users = self.users.known()?.iter();
        let users = users.flat_map(|user| topics::of_user(user, self.shape));
        Some(queues.chain(users).collect())
    }
}

impl<T> Followed<T> {
    const fn known(&self) -> Option<&BTreeSet<T>> {
        match self {
            Self::These(known) => Some(known),
            Self::All(listed) => listed.as_ref(),
        }
    }
}

async fn list_users(client: &GenesysClient) -> Result<BTreeSet<UserId>, ApiError> {
    let mut users = BTreeSet::new();
    for page in 1.. {
        let listing = client.users(page).await?;
        let is_last = listing.is_last(page);
        users.extend(listing.entities.into_iter().map(|it| UserId::from(it.id)));
        if is_last {
            break;
        }
    }
    Ok(users)
}
