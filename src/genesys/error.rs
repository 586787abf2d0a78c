//! What can go wrong between the gateway and Genesys' REST API.

use std::time::Duration;

use super::{privacy, wire};

/// A call that Genesys did not answer as hoped. Messages hold neither tokens nor customers' data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The client id or its secret is wrong: only the operator can mend it.
    #[error(
        "Genesys refused the OAuth client: {reason} (check GENESYSCLOUD_OAUTHCLIENT_ID and GENESYSCLOUD_OAUTHCLIENT_SECRET)"
    )]
    ClientRefused { reason: String },
    /// No answer: the network, a host that is down, or the time ran out.
    #[error("no answer from Genesys: {reason}")]
    NoAnswer { reason: &'static str },
    /// The gateway's own budget of calls has no room in the time the caller has.
    #[error("the budget of calls to Genesys is used up for {} s", wait.as_secs().max(1))]
    OverBudget { wait: Duration },
    #[error("Genesys answered {status}{}{}", bracketed(code.as_deref()), correlation(correlation_id.as_deref()))]
    Answered {
        status: u16,
        /// Genesys' own, such as `missing.permissions`.
        code: Option<String>,
        /// Genesys' own, stripped of addresses and numbers.
        message: Option<String>,
        retry_after: Option<Duration>,
        correlation_id: Option<String>,
    },
    #[error("Genesys' answer to {call} cannot be read")]
    Unreadable { call: &'static str },
    /// The client may read conversations, but not this one.
    #[error(
        "Genesys withholds this conversation from the OAuth client (do its roles cover the division?){}",
        correlation(correlation_id.as_deref())
    )]
    Withheld {
        code: Option<String>,
        correlation_id: Option<String>,
    },
}

impl ApiError {
    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::NoAnswer { .. } | Self::OverBudget { .. } | Self::Unreadable { .. } => true,
            Self::ClientRefused { .. } | Self::Withheld { .. } => false,
            Self::Answered { status, .. } => {
                matches!(status, 401 | 408 | 413 | 429) || (*status >= 500 && *status != 501)
            }
        }
    }

    /// Whether this is Genesys' word on the very thing that was asked for: asking again brings the same,
    /// and whoever must know it need not wait. A client that is refused, or lacks a permission, was
    /// told nothing of the thing; nor was one that can't be answered now.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Unreadable { .. } | Self::Withheld { .. } => true,
            Self::NoAnswer { .. } | Self::OverBudget { .. } | Self::ClientRefused { .. } => false,
            Self::Answered { status, .. } => *status != 403 && !self.is_retryable(),
        }
    }

    /// How long Genesys, or the budget, asks to wait.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => *retry_after,
            Self::OverBudget { wait } => Some(*wait),
            _ => None,
        }
    }

    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            Self::Withheld { .. } => Some(403),
            _ => None,
        }
    }

    /// Genesys' own code, such as `missing.permissions`.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Answered { code, .. } | Self::Withheld { code, .. } => code.as_deref(),
            _ => None,
        }
    }

    /// Genesys' own words, stripped of addresses and numbers.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Answered { message, .. } => message.as_deref(),
            _ => None,
        }
    }

    /// By which Genesys' support finds the call.
    pub fn correlation_id(&self) -> Option<&str> {
        match self {
            Self::Answered { correlation_id, .. } | Self::Withheld { correlation_id, .. } => {
                correlation_id.as_deref()
            }
            _ => None,
        }
    }

    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }
}

fn bracketed(code: Option<&str>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}

fn correlation(id: Option<&str>) -> String {
    id.map(|id| format!(", correlation id {id}"))
        .unwrap_or_default()
}

impl ApiError {
    pub(super) fn from_transport(error: &reqwest::Error) -> Self {
        let reason = if error.is_timeout() {
            "the time ran out"
        } else if error.is_connect() {
            "cannot connect"
        } else {
            "the connection broke"
        };
        Self::NoAnswer { reason }
    }

    /// Reads a failed answer: its status, headers and error body.
    pub(super) async fn from_response(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let retry_after = header("retry-after")
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(Duration::from_secs);
        let correlation_id = header("inin-correlation-id");
        let body = response.text().await.unwrap_or_default();
        let body = serde_json::from_str::<wire::ErrorBody>(&body).unwrap_or_default();
        let message = body.message.or(body.error_description).or(body.description);
        Self::Answered {
            status,
            code: body.code.or(body.error),
            message: message.map(|message| privacy::stripped(&message)),
            retry_after,
            correlation_id: correlation_id.or(body.context_id),
        }
    }
}
