//! The gateway under test: where it is, and how it is asked.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

/// For an answer that nothing holds up.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// What is asked first: it needs the permission that the rules need.
const PROBE: &str = "{ feedStatus { state } }";
/// A token that nobody issued.
const FORGED: &str = "selftest-forged";

/// Who a request claims to be from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum As {
    /// The bearer of the token that the operator gave.
    Oneself,
    /// Somebody with a token that nobody issued.
    Forger,
    Nobody,
}

/// A request, not yet sent.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) from: As,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|_| "the body is not JSON".to_owned())
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

/// A running gateway.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) url: Url,
    token: Option<String>,
    client: reqwest::Client,
    /// It lets everybody do all.
    pub(super) is_open: bool,
}

impl Target {
    /// Finds the gateway and sees whether the rules can be tried on it at all.
    ///
    /// # Errors
    /// There is none, or it does not answer a plain query.
    pub(super) async fn reach(url: &str, token: Option<String>) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            // An upgrade is part of HTTP/1.1 only.
            .http1_only()
            .connect_timeout(PATIENCE)
            .build()
            .context("cannot make an HTTP client")?;
        let mut target = Self {
            url: endpoint(url)?,
            token,
            client,
            is_open: false,
        };
        let from = As::Oneself;
        let answer = target.send(&probe(from)).await;
        let answer = answer.map_err(|reason| anyhow::anyhow!("{}: {reason}", target.url))?;
        check_probe(&target, &answer)?;
        let forged = target.send(&probe(As::Forger)).await;
        target.is_open = forged.is_ok_and(|answer| is_answered(&answer));
        Ok(target)
    }

    /// Sends a request and reads the whole answer. A gateway that asks for a pause gets it once.
    pub(super) async fn send(&self, ask: &Ask) -> Result<Answer, String> {
        let answer = self.send_once(ask).await?;
        if answer.status != StatusCode::TOO_MANY_REQUESTS {
            return Ok(answer);
        }
        let seconds = answer.header(RETRY_AFTER.as_str()).parse().unwrap_or(1);
        tokio::time::sleep(Duration::from_secs(seconds).min(PATIENCE)).await;
        self.send_once(ask).await
    }

    async fn send_once(&self, ask: &Ask) -> Result<Answer, String> {
        let reading = async {
            let response = self.start(ask).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = response.bytes().await.map_err(|error| said(&error))?;
            Ok(Answer {
                status,
                headers,
                body: body.to_vec(),
            })
        };
        let answer = tokio::time::timeout(PATIENCE, reading).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
    }

    /// Sends a request; its answer is read by the caller.
    pub(super) async fn start(&self, ask: &Ask) -> Result<reqwest::Response, String> {
        let mut request = self.client.request(ask.method.clone(), self.url.clone());
        if !ask.query.is_empty() {
            request = request.query(&ask.query);
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some(token) = self.token_of(ask.from) {
            request = request.bearer_auth(token);
        }
        if let Some(body) = &ask.body {
            request = request.body(body.clone());
        }
        request.send().await.map_err(|error| said(&error))
    }

    /// What the payload of `connection_init` says of the client.
    pub(super) fn introduction(&self, from: As) -> Value {
        match self.token_of(from) {
            Some(token) => json!({ "token": token }),
            None => json!({}),
        }
    }

    fn token_of(&self, from: As) -> Option<&str> {
        match from {
            As::Oneself => self.token.as_deref(),
            As::Forger => Some(FORGED),
            As::Nobody => None,
        }
    }
}

fn probe(from: As) -> Ask {
    Ask {
        method: Method::POST,
        query: Vec::new(),
        headers: vec![
            ("content-type", "application/json".into()),
            ("accept", "application/graphql-response+json".into()),
        ],
        body: Some(json!({ "query": PROBE }).to_string().into()),
        from,
    }
}

fn check_probe(target: &Target, answer: &Answer) -> anyhow::Result<()> {
    let (url, status) = (&target.url, answer.status);
    match status {
        StatusCode::UNAUTHORIZED if target.token.is_none() => {
            bail!("{url} answers {status}: give a token or API key with --token")
        }
        StatusCode::UNAUTHORIZED => bail!("{url} answers {status}: the token does not hold"),
        StatusCode::FORBIDDEN => {
            bail!("{url} answers {status}: the token must allow conversations:read")
        }
        _ => {}
    }
    let body = String::from_utf8_lossy(&answer.body);
    ensure!(
        status == StatusCode::OK && is_answered(answer),
        "{url} does not answer {PROBE} as a gateway does, but {status}: {body:.200}"
    );
    Ok(())
}

fn is_answered(answer: &Answer) -> bool {
    let body = answer.json().unwrap_or_default();
    body["data"]["feedStatus"]["state"].is_string()
}

/// The endpoint meant: a bare address is the gateway's, and sockets go where requests go.
fn endpoint(url: &str) -> anyhow::Result<Url> {
    let url = match url.split_once("://") {
        Some(("ws", rest)) => format!("http://{rest}"),
        Some(("wss", rest)) => format!("https://{rest}"),
        Some(_) => url.to_owned(),
        None => format!("http://{url}"),
    };
    let mut url = Url::parse(&url).with_context(|| format!("{url} is no address (--url)"))?;
    let is_web = ["http", "https"].contains(&url.scheme());
    ensure!(is_web && url.has_host(), "{url} is no address (--url)");
    if url.path() == "/" {
        url.set_path("/graphql");
    }
    Ok(url)
}

/// The innermost cause: reqwest's own text only repeats the address.
pub(super) fn said(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_address_means_the_gateways_endpoint() {
        for (given, meant) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/graphql"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/graphql"),
            ("wss://dcm.example/", "https://dcm.example/graphql"),
            (
                "https://dcm.example/feed/graphql",
                "https://dcm.example/feed/graphql",
            ),
        ] {
            assert_eq!(endpoint(given).unwrap().as_str(), meant, "{given}");
        }
        for none in ["", "http://", "file:///graphql", "ftp://x/"] {
            assert!(endpoint(none).is_err(), "{none}");
        }
    }
}
