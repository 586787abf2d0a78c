//! The front door: routes, upgrades and everything that HTTP, WebSocket and server-sent events ask
//! of a GraphQL server.
//!
//! It knows requests, answers and sockets. It does not know the schema (whatever runs [`Operations`] will do), who
//! may come in (`Authenticate` tells) or how the rest of the process is (`Readiness` tells).

mod admission;
mod assets;
mod authenticate;
mod browsers;
pub mod code;
mod config;
mod documents;
mod envelope;
mod eventbridge;
mod execution;
mod graphql_http;
mod graphql_sse;
mod graphql_ws;
mod health;
mod listener;
mod metrics;
mod negotiation;
mod operations;
mod rate;
mod registration;
mod request;
mod response;
mod seats;
mod variables;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::compression::CompressionLayer;

use crate::sessions::Sessions;

pub use authenticate::{Authenticate, Refused};
pub use config::HttpConfig;
pub use documents::{Documents, DocumentsConfig};
pub use eventbridge::{NotTaken, TakeEvents};
pub use health::{ComponentState, Readiness};
pub use listener::{bind, serve};
pub use operations::{Beginning, Operations, Outcome, Rewritten, Shared as SharedResult, text_of};
pub use rate::RateConfig;
pub use request::chosen_operation;
pub use seats::SeatsConfig;

/// What the front door is built of.
pub struct HttpParts<E> {
    pub executor: E,
    /// The schema as text, for `/schema.graphql`.
    pub sdl: Arc<str>,
    pub authenticator: Arc<dyn Authenticate>,
    /// The live connections.
    pub sessions: Sessions,
    pub readiness: Arc<dyn Readiness>,
    /// Where Genesys' events go that come through AWS EventBridge.
    pub events: Arc<dyn TakeEvents>,
    pub metrics: PrometheusHandle,
    pub config: HttpConfig,
    /// Cancelled when the process drains: sockets close with 1012, `/readyz` answers 503.
    pub drain: CancellationToken,
    /// Holds every open WebSocket, so that a drain can wait for their goodbyes.
    pub tasks: TaskTracker,
}

/// All routes.
pub fn router<E: Operations>(parts: HttpParts<E>) -> Router {
    metrics::describe();
    let max_body = parts.config.max_body;
    let is_open = parts.authenticator.is_open();
    let scrape = get(metrics::render).with_state(parts.metrics);
    let sdl = get(schema).with_state(parts.sdl);
    let front = Front {
        executor: parts.executor,
        shared: Arc::new(Shared {
            authenticator: parts.authenticator,
            sessions: parts.sessions,
            readiness: parts.readiness,
            events: parts.events,
            sockets: metrics::SocketMetrics::new(),
            assets: assets::Assets::embedded(&parts.config),
            admission: Arc::new(admission::Admission::new(&parts.config)),
            origins: browsers::Origins::new(&parts.config.allowed_origins),
            rate: rate::Rate::new(&parts.config.rate),
            seats: seats::Seats::new(&parts.config.seats),
            config: parts.config,
            drain: parts.drain,
            tasks: parts.tasks,
        }),
    };
    let graphql = get(graphql_http::get::<E>)
        .post(graphql_http::post::<E>)
        .layer(DefaultBodyLimit::max(max_body));
    let registration = post(registration::post::<E>).layer(DefaultBodyLimit::max(max_body));
    let eventbridge = post(eventbridge::post::<E>).layer(DefaultBodyLimit::max(max_body));
    let cors = front.shared.origins.cors();
    let routes = Router::new()
        .route("/graphql", graphql)
        .route("/ingest/registration", registration)
        .route("/ingest/eventbridge", eventbridge)
        .route("/graphiql", get(assets::graphiql::<E>))
        .route("/schema.graphql", sdl)
        .fallback(assets::page::<E>);
    let routes = if is_open {
        let origins = front.shared.origins.clone();
        routes.layer(from_fn_with_state(origins, browsers::check_host))
    } else {
        routes
    };
    let routes = routes
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready::<E>))
        .route("/metrics", scrape)
        .with_state(front)
        .layer(CompressionLayer::new());
    let routes = match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    routes
        .layer(from_fn(envelope::wrap))
        .layer(from_fn(metrics::track))
}

async fn schema(State(sdl): State<Arc<str>>) -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/plain; charset=utf-8")],
        sdl.to_string(),
    )
}

/// The state of all handlers: the executor, and what does not depend on its type.
#[derive(Clone)]
struct Front<E> {
    executor: E,
    shared: Arc<Shared>,
}

struct Shared {
    authenticator: Arc<dyn Authenticate>,
    sessions: Sessions,
    readiness: Arc<dyn Readiness>,
    events: Arc<dyn TakeEvents>,
    sockets: metrics::SocketMetrics,
    assets: assets::Assets,
    admission: Arc<admission::Admission>,
    origins: browsers::Origins,
    rate: rate::Rate,
    seats: seats::Seats,
    config: HttpConfig,
    drain: CancellationToken,
    tasks: TaskTracker,
}
