//! The HTTP surface: the listening socket, the routes, and the gate every API request passes.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{MatchedPath, Path, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Form, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use uuid::Uuid;

use super::clock::Stamp;
use super::config::SimulatorConfig;
use super::error::{ApiError, CORRELATION};
use super::oauth::Rate;
use super::world::World;
use super::{api, control, permissions, socket};

/// Genesys takes no larger request.
const MAX_BODY: u64 = 512_000;

/// A simulated organisation that listens, but answers only once it is served.
pub struct Simulator {
    listener: TcpListener,
    address: SocketAddr,
    world: Arc<World>,
}

/// The token of the request being answered.
#[derive(Clone)]
pub(crate) struct Bearer(pub(crate) String);

impl Simulator {
    /// Takes the port. Fails when it is in use.
    pub async fn bind(config: SimulatorConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            world: Arc::new(World::new(config)),
        })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown`, then ends every socket, script and load.
    pub async fn serve(self, shutdown: CancellationToken) -> io::Result<()> {
        let world = self.world;
        let housekeeper = Arc::clone(&world);
        world
            .tasks
            .spawn(async move { housekeeper.keep_house().await });
        let listener = self.listener.tap_io(|stream| {
            // Notifications are small and must not wait for each other.
            let _ = stream.set_nodelay(true);
        });
        let stop = world.stop.clone();
        let stopped = async move {
            shutdown.cancelled().await;
            stop.cancel();
        };
        let served = axum::serve(listener, router(Arc::clone(&world)))
            .with_graceful_shutdown(stopped)
            .await;
        world.stop.cancel();
        world.tasks.close();
        world.tasks.wait().await;
        served
    }
}

fn router(world: Arc<World>) -> Router {
    let loopback = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(|origin, _| is_loopback(origin)))
        .allow_methods(Any)
        .allow_headers(Any);
    Router::new()
        .route("/", get(async || "Genesys Cloud simulator: /oauth/token, /api/v2, /channels, control surface under /sim\n"))
        .route("/oauth/token", post(token))
        .route("/channels/{id}", get(connect))
        .merge(api::routes().layer(from_fn_with_state(Arc::clone(&world), gate)))
        .nest("/sim", control::routes().layer(loopback))
        .fallback(async || ApiError::not_found("no such path"))
        .with_state(world)
}

fn is_loopback(origin: &HeaderValue) -> bool {
    let host = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, host)| host);
    let name = host.map(|host| {
        host.rsplit_once(':')
            .filter(|(_, port)| port.chars().all(|digit| digit.is_ascii_digit()))
            .map_or(host, |(name, _)| name)
    });
    matches!(name, Some("localhost" | "127.0.0.1" | "[::1]"))
}

async fn token(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    world.stats.count("POST /oauth/token");
    with_correlation(world.tokens.grant(&headers, &form))
}

/// The URI is the secret: no token is asked for.
async fn connect(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(attached) = world.channels.attach(&id, Stamp::now()) else {
        return ApiError::not_found("no such channel").into_response();
    };
    upgrade.on_upgrade(async move |stream| socket::serve(stream, &world, id, attached).await)
}

/// What every API request passes: counting, ordered faults, the token, the rate limit, permissions.
async fn gate(
    State(world): State<Arc<World>>,
    path: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    world
        .stats
        .count(&format!("{} {}", request.method(), path.as_str()));
    if let Some((status, seconds)) = world.faults.status_for(request.uri().path()) {
        return ordered_fault(status, seconds).into_response();
    }
    match world.tokens.check(request.headers(), Stamp::now()) {
        Err(refused) => refused.into_response(),
        Ok((token, rate)) => {
            if is_too_large(request.headers()) {
                return with_rate(ApiError::too_large().into_response(), &rate);
            }
            let lacking = permissions::lacking(&world.org, request.method(), path.as_str());
            if let Some(permission) = lacking {
                let refused = ApiError::missing_permission(permission).into_response();
                return with_rate(refused, &rate);
            }
            request.extensions_mut().insert(Bearer(token));
            with_rate(with_correlation(next.run(request).await), &rate)
        }
    }
}

fn is_too_large(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length > MAX_BODY)
}

fn ordered_fault(status: u16, seconds: u64) -> ApiError {
    match status {
        429 => ApiError::too_many_requests(seconds),
        503 => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "service.unavailable",
            "The service is temporarily unavailable.",
        ),
        _ => ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal.server.error",
            "The server encountered an unexpected condition.",
        ),
    }
}

fn with_correlation(mut response: Response) -> Response {
    let id = HeaderValue::from_str(&Uuid::new_v4().to_string()).expect("a uuid is a header value");
    response.headers_mut().entry(CORRELATION).or_insert(id);
    response
}

fn with_rate(mut response: Response, rate: &Rate) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("inin-ratelimit-count", u64::from(rate.count)),
        ("inin-ratelimit-allowed", u64::from(rate.allowed)),
        ("inin-ratelimit-reset", rate.reset_seconds),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    response
}

/// The host as the client named it, so that what it is sent to is reachable from where it is.
pub(crate) fn host_of(headers: &HeaderMap) -> String {
    headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_origins_may_control() {
        for (origin, allowed) in [
            ("http://localhost:8080", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:5173", true),
            ("https://localhost.example.com", false),
            ("http://example.com:80", false),
            ("null", false),
        ] {
            assert_eq!(
                is_loopback(&HeaderValue::from_str(origin).unwrap()),
                allowed,
                "{origin}"
            );
        }
    }
}
