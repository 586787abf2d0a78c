//! Genesys' REST API, under one budget of calls and with typed errors.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use tokio::time::sleep_until;

use super::budget::{Announced, Budget, Priority};
use super::config::GenesysConfig;
use super::decode::{self, Terms};
use super::privacy::Keep;
use super::queues::QueueNames;
use super::token::{Token, TokenSource};
use super::wire;
use crate::clock::Clock;
use crate::domain::event::Fact;
use crate::domain::ids::{ConversationId, QueueId};
use crate::domain::snapshot::Snapshot;
use crate::domain::time::Time;
use crate::domain::update::ChangeCause;
use crate::http_client;

pub use super::error::ApiError;

/// Real callers take pages of this size.
const QUEUES_PER_PAGE: &str = "500";

/// Smaller pages are safe with every listing.
const NAMES_PER_PAGE: &str = "100";

/// No conversation has this id: a client that may read conversations is told so with 404.
pub const NO_CONVERSATION: &str = "/api/v2/conversations/00000000-0000-0000-0000-000000000000";

/// How many conversations one question to analytics may name.
pub const DETAILS_PER_CALL: usize = 100;

/// A handle on the API.
#[derive(Clone)]
pub struct GenesysClient(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    api: String,
    tokens: TokenSource,
    budget: Budget,
    patience: Duration,
    answer_wait: Duration,
    queue_names: QueueNames,
    keep: Keep,
    clock: Arc<dyn Clock>,
}

/// A request before it has a token.
struct Call<'a> {
    method: Method,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    body: Option<Value>,
}

/// A conversation as Genesys shows it when it is asked.
#[derive(Clone, Debug)]
pub struct Reading {
    pub snapshot: Snapshot,
    /// When the question was sent, after all waiting for the budget: what happened before is in it.
    pub read_at: Time,
}

impl Reading {
    /// What the write path is told.
    pub fn seen(self, cause: ChangeCause) -> Fact {
        Fact::Seen {
            snapshot: self.snapshot,
            cause,
            read_at: Some(self.read_at),
            gap_before: false,
        }
    }
}

/// A reading that Genesys has just answered. What its sockets sent before may still be on its way.
#[derive(Debug)]
pub struct Answered {
    reading: Reading,
    arrives: tokio::time::Instant,
}

impl Answered {
    /// The reading, after a while ([`GenesysConfig::answer_wait`]): what was sent before is there then,
    /// and no state of it that lasted for milliseconds is overtaken.
    pub async fn reading(self) -> Reading {
        sleep_until(self.arrives).await;
        self.reading
    }
}

/// The answer to a command.
#[derive(Clone, Debug)]
pub struct CommandAnswer {
    pub status: u16,
    /// Null when the answer has no body.
    pub body: Value,
    pub correlation_id: Option<String>,
}

impl GenesysClient {
    /// Fails for a wrong setting only; nothing is sent.
    pub fn new(config: &GenesysConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        config.check()?;
        let hosts = config.hosts()?;
        let (client_id, secret) = config.credentials()?;
        let http = http_client::builder(config.request_timeout).build()?;
        let margin = config.token_margin;
        let tokens = TokenSource::new(http.clone(), &hosts.login, client_id, secret, margin);
        Ok(Self(Arc::new(Inner {
            http,
            api: hosts.api,
            tokens,
            budget: Budget::new(config.rate_limit, config.retry_after_max),
            patience: config.request_timeout,
            answer_wait: config.answer_wait,
            queue_names: QueueNames::default(),
            keep: Keep::of(&config.keep),
            clock,
        })))
    }

    /// Gets a token. Fails only when Genesys refuses the OAuth client for good; a Genesys that can't
    /// be reached now may be reached later.
    pub async fn sign_in(&self) -> Result<(), ApiError> {
        match self.0.tokens.get().await {
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, "Genesys gives no token yet");
                Ok(())
            }
            answer => answer.map(|_| ()),
        }
    }

    /// Gets a token, and reports every failure.
    pub async fn fetch_token(&self) -> Result<(), ApiError> {
        self.0.tokens.get().await.map(|_| ())
    }

    /// Drops the token after Genesys told that it was revoked.
    pub async fn forget_token(&self) {
        self.0.tokens.forget().await;
    }

    /// The names of the queues, as last listed.
    pub fn queue_names(&self) -> &QueueNames {
        &self.0.queue_names
    }

    /// What of outside parties is kept.
    pub fn keep(&self) -> Keep {
        self.0.keep
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Reads a conversation whole.
    ///
    /// # Errors
    /// [`ApiError::is_final`] tells what is said of the conversation from what is not.
    pub async fn conversation(
        &self,
        id: ConversationId,
        priority: Priority,
    ) -> Result<Answered, ApiError> {
        let path = format!("/api/v2/conversations/{id}");
        let sent = self.send_timed(Call::get(&path, &[]), priority).await;
        let (response, read_at) = match sent {
            Err(error) if error.status() == Some(403) && self.may_read(priority).await => {
                return Err(ApiError::Withheld {
                    code: error.code().map(str::to_owned),
                    correlation_id: error.correlation_id().map(str::to_owned),
                });
            }
            answer => answer?,
        };
        let text = text(response).await?;
        let queue_name = |queue: &QueueId| self.0.queue_names.name(queue);
        let terms = Terms {
            queue_name: &queue_name,
            keep: self.0.keep,
        };
        let snapshot = decode::rest_conversation(&text, terms).map_err(|skip| {
            tracing::warn!(conversation.id = %id, reason = skip.reason(), "a conversation cannot be read");
            ApiError::Unreadable { call: "GET /api/v2/conversations/{id}" }
        })?;
        Ok(Answered {
            reading: Reading { snapshot, read_at },
            arrives: tokio::time::Instant::now() + self.0.answer_wait,
        })
    }

    /// Whether the client may read conversations at all: Genesys answers 403 as well for one of a
    /// division that its roles don't cover. Where it can't be told, it may not.
    async fn may_read(&self, priority: Priority) -> bool {
        let nobody = Call::get(NO_CONVERSATION, &[]);
        let answer = self.send(nobody, priority).await;
        answer.is_err_and(|error| error.is_not_found())
    }

    /// One page of the queues; pages count from 1.
    pub async fn queues(&self, page: u32) -> Result<wire::Listing<wire::Named>, ApiError> {
        let page = page.to_string();
        let query = [("pageNumber", page.as_str()), ("pageSize", QUEUES_PER_PAGE)];
        let call = Call::get("/api/v2/routing/queues", &query);
        json(
            self.send(call, Priority::Feed).await?,
            "GET /api/v2/routing/queues",
        )
        .await
    }

    /// One page of the active users; pages count from 1.
    pub async fn users(&self, page: u32) -> Result<wire::Listing<wire::Named>, ApiError> {
        let page = page.to_string();
        let query = [
            ("pageNumber", page.as_str()),
            ("pageSize", NAMES_PER_PAGE),
            ("state", "active"),
        ];
        json(
            self.send(Call::get("/api/v2/users", &query), Priority::Enrichment)
                .await?,
            "GET /api/v2/users",
        )
        .await
    }

    /// One page of a queue's wrap-up codes; pages count from 1.
    pub async fn wrap_up_codes(
        &self,
        queue: &QueueId,
        page: u32,
        priority: Priority,
    ) -> Result<wire::Listing<wire::Named>, ApiError> {
        let page = page.to_string();
        let query = [("pageNumber", page.as_str()), ("pageSize", NAMES_PER_PAGE)];
        let path = format!("/api/v2/routing/queues/{queue}/wrapupcodes");
        json(
            self.send(Call::get(&path, &query), priority).await?,
            "GET /api/v2/routing/queues/{id}/wrapupcodes",
        )
        .await
    }

    /// Analytics' word on at most [`DETAILS_PER_CALL`] conversations; those it doesn't know yet are
    /// left out.
    pub async fn details(
        &self,
        ids: &[ConversationId],
        priority: Priority,
    ) -> Result<Vec<wire::AnalyticsConversation>, ApiError> {
        let ids = ids
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",");
        let query = [("id", ids.as_str())];
        let call = Call::get("/api/v2/analytics/conversations/details", &query);
        let response = self.send(call, priority).await?;
        let name = "GET /api/v2/analytics/conversations/details";
        let answer: wire::AnalyticsAnswer = json(response, name).await?;
        Ok(answer.conversations)
    }

    /// One page of analytics' conversations; `body` is a `ConversationQuery`.
    pub async fn query_details(
        &self,
        body: Value,
        priority: Priority,
    ) -> Result<wire::AnalyticsAnswer, ApiError> {
        let call = Call {
            method: Method::POST,
            path: "/api/v2/analytics/conversations/details/query",
            query: &[],
            body: Some(body),
        };
        let name = "POST /api/v2/analytics/conversations/details/query";
        json(self.send(call, priority).await?, name).await
    }

    pub async fn create_channel(&self) -> Result<wire::Channel, ApiError> {
        let call = Call {
            method: Method::POST,
            path: "/api/v2/notifications/channels",
            query: &[],
            body: Some(Value::Object(serde_json::Map::new())),
        };
        json(
            self.send(call, Priority::Feed).await?,
            "POST /api/v2/notifications/channels",
        )
        .await
    }

    /// Whether the channel still lives.
    pub async fn channel_exists(&self, id: &str) -> Result<bool, ApiError> {
        let path = format!("/api/v2/notifications/channels/{id}");
        let call = Call {
            method: Method::HEAD,
            ..Call::get(&path, &[])
        };
        match self.send(call, Priority::Feed).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes these the channel's topics. One that is refused doesn't spoil the others.
    pub async fn replace_topics(
        &self,
        channel: &str,
        topics: &[&str],
    ) -> Result<Vec<wire::ChannelTopic>, ApiError> {
        self.subscribe(Method::PUT, channel, topics).await
    }

    /// Adds topics to the channel's.
    pub async fn add_topics(
        &self,
        channel: &str,
        topics: &[&str],
    ) -> Result<Vec<wire::ChannelTopic>, ApiError> {
        self.subscribe(Method::POST, channel, topics).await
    }

    /// The topics that Genesys has, with the permissions they need.
    pub async fn available_topics(&self) -> Result<Vec<wire::AvailableTopic>, ApiError> {
        let query = [("expand", "permissionDetails,requiresPermissions")];
        let call = Call::get("/api/v2/notifications/availabletopics", &query);
        let response = self.send(call, Priority::Feed).await?;
        let name = "GET /api/v2/notifications/availabletopics";
        let listing: wire::Listing<wire::AvailableTopic> = json(response, name).await?;
        Ok(listing.entities)
    }

    /// Asks for what nobody needs, to see whether it would be answered. `path` has its query with it.
    pub async fn try_question(&self, path: &str) -> Result<(), ApiError> {
        let call = Call::get(path, &[]);
        self.send(call, Priority::Feed).await.map(|_| ())
    }

    /// Does what a person asked for. `path` begins with `/api/v2/`.
    pub async fn command(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<CommandAnswer, ApiError> {
        let call = Call {
            method,
            path,
            query: &[],
            body,
        };
        let response = self.send(call, Priority::Command).await?;
        let status = response.status().as_u16();
        let correlation_id = header(response.headers(), "inin-correlation-id").map(str::to_owned);
        let body = serde_json::from_str(&text(response).await?).unwrap_or_default();
        Ok(CommandAnswer {
            status,
            body,
            correlation_id,
        })
    }

    async fn subscribe(
        &self,
        method: Method,
        channel: &str,
        topics: &[&str],
    ) -> Result<Vec<wire::ChannelTopic>, ApiError> {
        let path = format!("/api/v2/notifications/channels/{channel}/subscriptions");
        let refs = topics
            .iter()
            .map(|id| wire::TopicRef { id })
            .collect::<Vec<_>>();
        let call = Call {
            method,
            path: &path,
            query: &[("ignoreErrors", "true")],
            body: Some(serde_json::to_value(refs).expect("topic names are plain strings")),
        };
        let name = "/api/v2/notifications/channels/{id}/subscriptions";
        let listing: wire::Listing<wire::ChannelTopic> =
            json(self.send(call, Priority::Feed).await?, name).await?;
        Ok(listing.entities)
    }

    async fn send(&self, call: Call<'_>, priority: Priority) -> Result<Response, ApiError> {
        let (response, _) = self.send_timed(call, priority).await?;
        Ok(response)
    }

    /// Sends a call, and tells when that was; a token that is refused is renewed once.
    async fn send_timed(
        &self,
        call: Call<'_>,
        priority: Priority,
    ) -> Result<(Response, Time), ApiError> {
        let token = self.0.tokens.get().await?;
        match self.send_with(&call, priority, &token).await {
            Err(error) if error.status() == Some(401) => {
                self.0.tokens.invalidate(&token).await;
                let token = self.0.tokens.get().await?;
                self.send_with(&call, priority, &token).await
            }
            answer => answer,
        }
    }

    async fn send_with(
        &self,
        call: &Call<'_>,
        priority: Priority,
        token: &Token,
    ) -> Result<(Response, Time), ApiError> {
        let inner = &self.0;
        inner
            .budget
            .take(priority, inner.patience)
            .await
            .map_err(|wait| ApiError::OverBudget { wait })?;
        let url = format!("{}{}", inner.api, call.path);
        let mut request = inner
            .http
            .request(call.method.clone(), url)
            .query(call.query);
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let sent_at = inner.clock.now();
        let sent = request.bearer_auth(token.expose()).send().await;
        let response = sent.map_err(|error| ApiError::from_transport(&error))?;
        if let Some(announced) = announced(response.headers()) {
            inner.budget.learn(Instant::now(), announced);
        }
        if response.status().is_success() {
            return Ok((response, sent_at));
        }
        let is_throttled = response.status() == StatusCode::TOO_MANY_REQUESTS;
        let error = ApiError::from_response(response).await;
        if let Some(retry_after) = error.retry_after().filter(|_| is_throttled) {
            inner.budget.pause(Instant::now(), retry_after);
        }
        Err(error)
    }
}

impl<'a> Call<'a> {
    const fn get(path: &'a str, query: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method: Method::GET,
            path,
            query,
            body: None,
        }
    }
}

fn announced(headers: &HeaderMap) -> Option<Announced> {
    let number = |name| header(headers, name)?.trim().parse().ok();
    Some(Announced {
        count: number("inin-ratelimit-count"),
        allowed: number("inin-ratelimit-allowed")?,
        reset: number("inin-ratelimit-reset").map(|seconds| Duration::from_secs(seconds as u64)),
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

async fn text(response: Response) -> Result<String, ApiError> {
    response
        .text()
        .await
        .map_err(|error| ApiError::from_transport(&error))
}

async fn json<T: serde::de::DeserializeOwned>(
    response: Response,
    call: &'static str,
) -> Result<T, ApiError> {
    serde_json::from_str(&text(response).await?).map_err(|_| ApiError::Unreadable { call })
}

#[cfg(test)]
mod tests;
