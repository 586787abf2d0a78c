//! What the front door counts, and `/metrics`.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::{
    Counter, Gauge, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::PrometheusHandle;

const REQUESTS: &str = "gateway_http_requests_total";
const REQUEST_DURATION: &str = "gateway_http_request_duration_seconds";
const CONNECTIONS: &str = "gateway_ws_connections";
const OPERATIONS: &str = "gateway_ws_operations";
const SENT: &str = "gateway_ws_messages_sent_total";
const RECEIVED: &str = "gateway_ws_messages_received_total";
const CLOSED: &str = "gateway_ws_closed_total";
const ERRORS: &str = "gateway_graphql_errors_total";

pub(super) fn describe() {
    describe_counter!(
        REQUESTS,
        "HTTP requests answered, by route, method and status"
    );
    describe_histogram!(
        REQUEST_DURATION,
        "Time until the head of the answer was ready, by route"
    );
    describe_gauge!(CONNECTIONS, "Open WebSockets");
    describe_gauge!(OPERATIONS, "Operations running on WebSockets");
    describe_counter!(SENT, "Messages sent on WebSockets");
    describe_counter!(RECEIVED, "Messages received on WebSockets");
    describe_counter!(
        CLOSED,
        "WebSockets closed, by close code; 1006 is a lost connection"
    );
    describe_counter!(
        ERRORS,
        "GraphQL errors written, by code, whatever the transport and the HTTP status"
    );
}

/// An error with this code is written.
pub(super) fn error(code: &str) {
    counter!(ERRORS, "code" => code.to_owned()).increment(1);
}

/// Prometheus' text form.
pub(super) async fn render(State(handle): State<PrometheusHandle>) -> Response {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, content_type)], handle.render()).into_response()
}

/// Counts every request under the route it matched, never under its path, which clients choose.
pub(super) async fn track(request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "other".to_owned(), |route| route.as_str().to_owned());
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "OPTIONS" | "PUT" | "DELETE") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let began = Instant::now();
    let response = next.run(request).await;
    histogram!(REQUEST_DURATION, "route" => route.clone()).record(began.elapsed());
    let status = response.status().as_str().to_owned();
    counter!(REQUESTS, "route" => route, "method" => method, "status" => status).increment(1);
    response
}

/// The handles that sockets count with; looked up once, because a message costs microseconds.
#[derive(Clone)]
pub(super) struct SocketMetrics {
    connections: Gauge,
    operations: Gauge,
    sent: Counter,
    received: Counter,
}

impl SocketMetrics {
    pub(super) fn new() -> Self {
        Self {
            connections: gauge!(CONNECTIONS),
            operations: gauge!(OPERATIONS),
            sent: counter!(SENT),
            received: counter!(RECEIVED),
        }
    }

    pub(super) fn open(&self) -> OpenSocket {
        self.connections.increment(1);
        OpenSocket {
            metrics: self.clone(),
            operations: 0,
        }
    }
}

/// An open socket, counted as long as this lives.
pub(super) struct OpenSocket {
    metrics: SocketMetrics,
    operations: u32,
}

impl OpenSocket {
    pub(super) fn sent(&self) {
        self.metrics.sent.increment(1);
    }

    pub(super) fn received(&self) {
        self.metrics.received.increment(1);
    }

    /// So many operations run on it now.
    pub(super) fn running(&mut self, operations: usize) {
        let operations = u32::try_from(operations).unwrap_or(u32::MAX);
        if operations != self.operations {
            self.metrics
                .operations
                .increment(f64::from(operations) - f64::from(self.operations));
            self.operations = operations;
        }
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.running(0);
        self.metrics.connections.decrement(1);
    }
}

pub(super) fn count_closed(code: u16) {
    counter!(CLOSED, "code" => code.to_string()).increment(1);
}
