//! Live connections.

use std::sync::Arc;

use async_graphql::connection::PageInfo;
use async_graphql::{Enum, ID, InputObject, SimpleObject};

use crate::graphql::scalars::DateTime;
use crate::sessions;
use crate::store::Page;

/// How a connection speaks.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::sessions::Transport")]
pub enum SessionTransport {
    /// A WebSocket.
    #[graphql(name = "WEBSOCKET")]
    WebSocket,
    /// Server-sent events.
    EventStream,
}

/// A live connection to this process.
#[derive(SimpleObject, Clone)]
pub struct Session {
    /// Names it for `endSession`.
    pub session_id: ID,
    /// How it speaks.
    pub transport: SessionTransport,
    /// Whose token or API key opened it.
    pub subject: String,
    /// Since when it is open.
    pub since: DateTime,
    /// When its token or key ends; null: when it is revoked.
    pub expires_at: Option<DateTime>,
    /// How many operations run on it.
    pub subscriptions: i32,
    /// For how many milliseconds it has not taken what waits for it; 0: it keeps up.
    pub lag_milliseconds: f64,
    /// From which network address.
    pub address: Option<String>,
}

/// A page of live connections.
#[derive(SimpleObject)]
pub struct SessionConnection {
    /// The connections with their cursors.
    pub edges: Vec<SessionEdge>,
    /// The connections.
    pub nodes: Vec<Session>,
    /// Whether there is more.
    pub page_info: PageInfo,
}

/// A connection in a page.
#[derive(SimpleObject)]
pub struct SessionEdge {
    /// For `after` of the same list.
    pub cursor: String,
    /// The connection.
    pub node: Session,
}

/// Which connection to end.
#[derive(InputObject)]
pub struct EndSessionInput {
    /// The connection.
    pub session_id: ID,
    /// What its client is told in the close frame; 100 bytes at most.
    pub reason: Option<String>,
    /// Given back unchanged.
    pub client_mutation_id: Option<String>,
}

/// A newer token for this WebSocket.
#[derive(InputObject)]
pub struct RenewSessionInput {
    /// The token, of the same subject as the one that opened the socket.
    pub token: String,
    /// Given back unchanged.
    pub client_mutation_id: Option<String>,
}

impl From<&Arc<sessions::Session>> for Session {
    #[expect(clippy::cast_precision_loss, reason = "no connection lags for 2^52 ms")]
    fn from(known: &Arc<sessions::Session>) -> Self {
        Self {
            session_id: ID(known.id.clone()),
            transport: known.transport.into(),
            subject: known.caller().subject.to_string(),
            since: known.since.into(),
            expires_at: known.expires_at().map(DateTime),
            subscriptions: i32::try_from(known.subscriptions()).unwrap_or(i32::MAX),
            lag_milliseconds: known.lag_millis() as f64,
            address: known.address().map(|address| address.to_string()),
        }
    }
}

impl SessionConnection {
    /// A page of what is open now. The cursor is a connection's time and id, so that one that ends
    /// meanwhile doesn't move the others.
    pub(crate) fn of(open: &[Arc<sessions::Session>], page: &Page) -> Self {
        let cursor = |session: &sessions::Session| format!("{}/{}", session.since, session.id);
        let first = page.first.unwrap_or_default();
        let after = page.after.as_deref();
        let rest: Vec<_> = open
            .iter()
            .filter(|session| after.is_none_or(|after| cursor(session).as_str() > after))
            .collect();
        let edges: Vec<SessionEdge> = rest
            .iter()
            .take(first)
            .map(|session| SessionEdge {
                cursor: cursor(session),
                node: Session::from(*session),
            })
            .collect();
        Self {
            page_info: PageInfo {
                has_previous_page: after.is_some(),
                has_next_page: rest.len() > first,
                start_cursor: edges.first().map(|edge| edge.cursor.clone()),
                end_cursor: edges.last().map(|edge| edge.cursor.clone()),
            },
            nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
            edges,
        }
    }
}
