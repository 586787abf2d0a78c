//! The organisation's queues, users and wrap-up codes, as last read.
//!
//! Queues are listed by the listener, which follows them; users are read here from time to time, and
//! a queue's wrap-up codes when somebody asks for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::budget::Priority;
use super::client::{ApiError, GenesysClient};
use super::config::duration;
use super::wire;
use crate::domain::ids::QueueId;

/// A list read so short a time ago is not read again because something is not in it.
const FRESH: Duration = Duration::from_secs(2);

/// Shortest wait after a reading that failed.
const RETRY: Duration = Duration::from_secs(30);

/// How long what was read is trusted.
#[derive(clap::Args, Clone, Debug)]
pub struct DirectoryConfig {
    /// Time after which users and a queue's wrap-up codes are read again
    #[arg(long = "genesys-directory-refresh", env = "GATEWAY_GENESYS_DIRECTORY_REFRESH", value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub directory_refresh: Duration,
}

/// Says how a conversation ended for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapUpCode {
    pub id: String,
    pub name: String,
}

/// A queue or a user. Lists of them are sorted by name in lower case, then by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    pub name: Option<String>,
}

/// A sorted list.
pub type Listing = Arc<[Listed]>;

/// A handle on what was read.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    client: GenesysClient,
    refresh: Duration,
    users: RwLock<Listing>,
    codes: Mutex<HashMap<QueueId, Codes>>,
}

#[derive(Clone)]
struct Codes {
    read_at: Instant,
    codes: Arc<[WrapUpCode]>,
}

impl Directory {
    pub fn new(client: GenesysClient, config: &DirectoryConfig) -> Self {
        Self(Arc::new(Inner {
            client,
            refresh: config.directory_refresh,
            users: RwLock::new(Arc::from([])),
            codes: Mutex::default(),
        }))
    }

    /// The API it reads from.
    pub fn client(&self) -> &GenesysClient {
        &self.0.client
    }

    /// Reads the users again and again until the token is cancelled.
    pub async fn run(self, token: CancellationToken) -> anyhow::Result<()> {
        loop {
            let wait = match token.run_until_cancelled(self.read_users()).await {
                None => return Ok(()),
                Some(Ok(())) => self.0.refresh,
                Some(Err(error)) => {
                    tracing::warn!(%error, "the list of users cannot be read (directory:user:view)");
                    let wished = error.retry_after().unwrap_or(RETRY);
                    wished.max(RETRY).min(self.0.refresh)
                }
            };
            if token.run_until_cancelled(sleep(wait)).await.is_none() {
                return Ok(());
            }
        }
    }

    /// All queues, as last listed.
    pub fn queues(&self) -> Listing {
        self.0.client.queue_names().listing()
    }

    /// All active users, as last read.
    pub fn users(&self) -> Listing {
        let users = self.0.users.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&users)
    }

    async fn read_users(&self) -> Result<(), ApiError> {
        let mut read = Vec::new();
        for page in 1.. {
            let listing = self.0.client.users(page).await?;
            let is_last = listing.is_last(page);
            read.extend(listing.entities.into_iter().map(Listed::from));
            if is_last {
                break;
            }
        }
        let mut users = self.0.users.write().unwrap_or_else(PoisonError::into_inner);
        *users = sorted(read);
        Ok(())
    }

    /// Whether there may be such a queue: as long as they are not listed, any.
    pub fn may_have(&self, queue: &QueueId) -> bool {
        let queues = self.queues();
        queues.is_empty() || queues.iter().any(|listed| listed.id == queue.as_str())
    }

    /// The wrap-up codes of a queue, by name. Whoever only looks takes no call from what keeps the
    /// feed whole.
    ///
    /// # Errors
    /// They were never read and can't be read now.
    pub async fn wrap_up_codes(&self, queue: &QueueId) -> Result<Arc<[WrapUpCode]>, ApiError> {
        self.codes_within(queue, self.0.refresh, Priority::Repair)
            .await
    }

    /// One of the queue's codes, by its id or exact name; a list that lacks it is read again.
    ///
    /// # Errors
    /// The codes were never read and can't be read now.
    pub async fn find_wrap_up_code(
        &self,
        queue: &QueueId,
        wanted: &str,
    ) -> Result<Option<WrapUpCode>, ApiError> {
        for age in [self.0.refresh, FRESH.min(self.0.refresh)] {
            let codes = self.codes_within(queue, age, Priority::Command).await?;
            let is_it = |code: &&WrapUpCode| code.id == wanted || code.name == wanted;
            if let Some(found) = codes.iter().find(is_it) {
                return Ok(Some(found.clone()));
            }
        }
        Ok(None)
    }

    async fn codes_within(
        &self,
        queue: &QueueId,
        age: Duration,
        priority: Priority,
    ) -> Result<Arc<[WrapUpCode]>, ApiError> {
        let known = self.known_codes(queue);
        if let Some(known) = known.as_ref().filter(|it| it.read_at.elapsed() < age) {
            return Ok(Arc::clone(&known.codes));
        }
        match (self.read_codes(queue, priority).await, known) {
            (Ok(codes), _) => Ok(codes),
            (Err(error), Some(known)) if !error.is_not_found() => {
                tracing::info!(%error, queue.id = %queue, "wrap-up codes cannot be read; the old ones serve");
                Ok(known.codes)
            }
            (Err(error), _) => Err(error),
        }
    }

    fn known_codes(&self, queue: &QueueId) -> Option<Codes> {
        let codes = self.0.codes.lock();
        let codes = codes.unwrap_or_else(PoisonError::into_inner);
        codes.get(queue).cloned()
    }

    async fn read_codes(
        &self,
        queue: &QueueId,
        priority: Priority,
    ) -> Result<Arc<[WrapUpCode]>, ApiError> {
        let mut read = Vec::new();
        for page in 1.. {
            let listing = self.0.client.wrap_up_codes(queue, page, priority).await?;
            let is_last = listing.is_last(page);
            read.extend(listing.entities.into_iter().filter_map(code));
            if is_last {
                break;
            }
        }
        read.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let codes: Arc<[WrapUpCode]> = read.into();
        let known = Codes {
            read_at: Instant::now(),
            codes: Arc::clone(&codes),
        };
        let mut all = self.0.codes.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(queue.clone(), known);
        Ok(codes)
    }
}

impl From<wire::Named> for Listed {
    fn from(sent: wire::Named) -> Self {
        Self {
            id: sent.id,
            name: sent.name,
        }
    }
}

impl Listed {
    /// What lists are sorted by.
    pub fn key(&self) -> (String, &str) {
        let name = self.name.as_deref().unwrap_or_default();
        (name.to_lowercase(), &self.id)
    }
}

/// Sorted, each id once.
pub(super) fn sorted(mut listed: Vec<Listed>) -> Listing {
    listed.sort_by(|a, b| a.key().cmp(&b.key()));
    listed.dedup_by(|a, b| a.id == b.id);
    listed.into()
}

fn code(sent: wire::Named) -> Option<WrapUpCode> {
    Some(WrapUpCode {
        id: sent.id,
        name: sent.name?,
    })
}
