//! A front door on a free port with timers of milliseconds, and clients to knock with.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::{Context, Error, ErrorExtensions, Object, Schema, SimpleObject, Subscription};
use axum::http::HeaderMap;
use conversation_gateway::clock::SystemClock;
use conversation_gateway::domain::caller::{Caller, Scope};
use conversation_gateway::domain::permission::Permissions;
use conversation_gateway::http::{
    self, Authenticate, Beginning, ComponentState, HttpConfig, HttpParts, NotTaken, Operations,
    Outcome, Readiness, Refused, SharedResult, TakeEvents,
};
use conversation_gateway::sessions::{Pass, Sessions};
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, Stream, StreamExt};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// No condition takes this long; without it a failed test would hang.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What the schema does to the world.
#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) mutations: Arc<AtomicUsize>,
    /// Held once by every running `flood` and `never`.
    pub(super) running: Arc<()>,
}

impl World {
    pub(super) fn subscriptions(&self) -> usize {
        Arc::strong_count(&self.running) - 2
    }
}

struct QueryRoot;

#[Object]
impl QueryRoot {
    async fn hello(&self, name: Option<String>) -> String {
        format!("hello {}", name.unwrap_or_else(|| "world".into()))
    }

    async fn caller(&self, context: &Context<'_>) -> bool {
        context.data_opt::<Caller>().is_some()
    }

    #[expect(clippy::unused_async, reason = "resolvers are async")]
    async fn fail(&self) -> Result<Option<i32>, Error> {
        Err(Error::new("no such thing").extend_with(|_, e| e.set("code", "NOT_FOUND")))
    }

    async fn boom(&self) -> i32 {
        let swordfish: Option<i32> = std::hint::black_box(None);
        swordfish.expect("the password is swordfish")
    }

    /// Never has an answer.
    async fn stuck(&self) -> bool {
        std::future::pending().await
    }

    async fn letters(&self, count: usize) -> String {
        "x".repeat(count)
    }
}

struct MutationRoot;

#[Object]
impl MutationRoot {
    async fn add(&self, context: &Context<'_>) -> usize {
        context
            .data_unchecked::<World>()
            .mutations
            .fetch_add(1, Ordering::SeqCst)
            + 1
    }
}

#[derive(SimpleObject)]
struct Letters {
    text: String,
}

struct SubscriptionRoot;

#[Subscription]
impl SubscriptionRoot {
    /// Counts on from `after`, each number with itself as its cursor.
    async fn count(&self, to: i32, after: Option<String>) -> impl Stream<Item = i32> + use<> {
        let last = after
            .and_then(|cursor| cursor.trim_start_matches('c').parse().ok())
            .unwrap_or(0);
        stream::iter(last + 1..=to)
    }

    async fn never(&self, context: &Context<'_>) -> impl Stream<Item = i32> + use<> {
        let running = context.data_unchecked::<World>().running.clone();
        stream::pending().map(move |number| {
            let _ = &running;
            number
        })
    }

    /// Text without end.
    async fn flood(
        &self,
        context: &Context<'_>,
        letters: usize,
    ) -> impl Stream<Item = Letters> + use<> {
        let running = context.data_unchecked::<World>().running.clone();
        stream::repeat_with(move || {
            let _ = &running;
            Letters {
                text: "x".repeat(letters),
            }
        })
    }

    async fn fails(&self) -> impl Stream<Item = Result<i32, Error>> + use<> {
        let ended = Error::new("over").extend_with(|_, e| e.set("code", "SUBSCRIPTION_ENDED"));
        stream::iter([Ok(1), Err(ended)])
    }

    async fn explodes(&self) -> impl Stream<Item = i32> + use<> {
        stream::iter([1, 2]).map(|number| {
            assert!(number < 2, "the password is swordfish");
            number
        })
    }
}

/// Takes everyone but the bearer of the token `wrong`; the token `later` cannot be judged, any other
/// is its bearer's name, and `narrow` sees nothing.
struct Doorkeeper {
    /// He asks nobody.
    is_open: bool,
}

impl Authenticate for Doorkeeper {
    fn is_open(&self) -> bool {
        self.is_open
    }

    fn request<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Pass, Refused>> {
        let token = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        Box::pin(std::future::ready(judge(
            token.and_then(|token| token.strip_prefix("Bearer ")),
        )))
    }

    fn connection<'a>(
        &'a self,
        payload: Option<&'a serde_json::Map<String, Value>>,
        _upgrade: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<Pass, Refused>> {
        let token = payload
            .and_then(|payload| payload.get("token"))
            .and_then(Value::as_str);
        Box::pin(std::future::ready(judge(token)))
    }
}

fn judge(token: Option<&str>) -> Result<Pass, Refused> {
    match token {
        Some("wrong") => Err(Refused::Unauthenticated("This token does not hold.".into())),
        Some("later") => Err(Refused::Unavailable),
        Some("narrow") => Ok(Caller::new("narrow", Permissions::all(), Scope::nothing()).into()),
        Some(subject) => Ok(Caller::new(subject, Permissions::all(), Scope::Everything).into()),
        None => Ok(Caller::everything().into()),
    }
}

struct DatabaseUp;

impl Readiness for DatabaseUp {
    fn check(&self) -> BoxFuture<'_, Vec<(&'static str, ComponentState)>> {
        Box::pin(std::future::ready(vec![
            ("database", ComponentState::Ok),
            ("listener", ComponentState::Degraded),
        ]))
    }
}

struct NoEvents;

impl TakeEvents for NoEvents {
    fn take<'a>(&'a self, _body: &'a [u8]) -> BoxFuture<'a, Result<(), NotTaken>> {
        Box::pin(std::future::ready(Err(NotTaken::Unavailable)))
    }
}

pub(super) struct FrontDoor {
    pub(super) address: SocketAddr,
    pub(super) world: World,
    pub(super) drain: CancellationToken,
    pub(super) sockets: TaskTracker,
    client: reqwest::Client,
    pub(super) shutdown: CancellationToken,
    /// Ends the server with the test.
    pub(super) server: JoinSet<()>,
}

pub(super) fn quick_timers() -> HttpConfig {
    HttpConfig {
        listen: "127.0.0.1:0".parse().expect("an address"),
        allowed_origins: vec!["http://good.example".into()],
        max_body: 10_000,
        body_timeout: Duration::from_millis(200),
        send_buffer: 16 * 1024,
        sse_keep_alive: Duration::from_millis(50),
        ws_close_timeout: Duration::from_millis(500),
        ws_max_operations: 20,
        ws_max_message: 10_000,
        ..HttpConfig::default()
    }
}

impl FrontDoor {
    pub(super) async fn open() -> Self {
        Self::open_with(quick_timers()).await
    }

    pub(super) async fn open_with(config: HttpConfig) -> Self {
        Self::open_behind(Doorkeeper { is_open: false }, config).await
    }

    /// One that lets everybody in.
    pub(super) async fn open_to_all() -> Self {
        Self::open_behind(Doorkeeper { is_open: true }, quick_timers()).await
    }

    #[expect(clippy::unused_async, reason = "needs the runtime to be there")]
    async fn open_behind(doorkeeper: Doorkeeper, config: HttpConfig) -> Self {
        // Another test of this process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let world = World::default();
        let schema = Schema::build(QueryRoot, MutationRoot, SubscriptionRoot)
            .data(world.clone())
            .finish();
        let (drain, shutdown, sockets) = Default::default();
        let router = http::router(HttpParts {
            sdl: schema.sdl().into(),
            executor: Cursors(schema),
            authenticator: Arc::new(doorkeeper),
            sessions: Sessions::new(Arc::new(SystemClock)),
            readiness: Arc::new(DatabaseUp),
            events: Arc::new(NoEvents),
            metrics: recorder(),
            config: config.clone(),
            drain: CancellationToken::clone(&drain),
            tasks: TaskTracker::clone(&sockets),
        });
        let listener = http::bind(&config).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let stop = CancellationToken::clone(&shutdown);
        let mut server = JoinSet::new();
        server.spawn(async move {
            http::serve(listener, router, &config, stop)
                .await
                .expect("the server ends in peace");
        });
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        Self {
            address,
            world,
            drain,
            sockets,
            client,
            shutdown,
            server,
        }
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("http://{}{path}", self.address))
    }

    pub(super) fn post(&self, body: &Value) -> RequestBuilder {
        self.post_text("application/json", body.to_string())
    }

    pub(super) fn post_text(&self, content_type: &str, body: impl Into<String>) -> RequestBuilder {
        self.post_to("/graphql", content_type, body)
    }

    pub(super) fn post_to(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<String>,
    ) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client
            .post(url)
            .header("content-type", content_type)
            .body(body.into())
    }

    /// A body of which nothing says what it is.
    pub(super) fn post_untyped(&self, body: impl Into<String>) -> RequestBuilder {
        let url = format!("http://{}/graphql", self.address);
        self.client.post(url).body(body.into().into_bytes())
    }

    pub(super) fn ask(&self, query: &str, accept: &str) -> RequestBuilder {
        self.post(&json!({ "query": query }))
            .header("accept", accept)
    }

    pub(super) fn mutations(&self) -> usize {
        self.world.mutations.load(Ordering::SeqCst)
    }
}

impl Drop for FrontDoor {
    fn drop(&mut self) {
        self.shutdown.cancel();
        self.drain.cancel();
    }
}

/// One recorder per process: metrics are global.
fn recorder() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).expect("the first recorder");
            handle
        })
        .clone()
}

/// Gives every answer of the field `count` its number as a cursor, as change feeds do.
#[derive(Clone)]
struct Cursors(Schema<QueryRoot, MutationRoot, SubscriptionRoot>);

impl Operations for Cursors {
    async fn execute(
        &self,
        request: async_graphql::Request,
        caller: &Caller,
    ) -> async_graphql::Response {
        Operations::execute(&self.0, request, caller).await
    }

    fn results(&self, request: async_graphql::Request, caller: &Caller) -> Beginning {
        let beginning = self.0.results(request, caller);
        beginning
            .map(|results| results.map(with_cursor).boxed())
            .boxed()
    }
}

fn with_cursor(outcome: Outcome) -> Outcome {
    let Outcome::Own(response) = outcome else {
        return outcome;
    };
    let data = response.data.clone().into_json().expect("plain data");
    let Value::Number(number) = &data["count"] else {
        return Outcome::Own(response);
    };
    let cursor = format!("c{number}");
    let text = http::text_of(&response.extension("cursor", cursor.clone().into()));
    let place = text.find(&cursor).expect("the cursor is in the text");
    Outcome::Shared(SharedResult::new(
        text.into(),
        place..place + cursor.len(),
        false,
    ))
}

pub(super) async fn body(response: Response) -> Value {
    let text = response.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"))
}

pub(super) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("in time")
}

/// Waits for something that no message tells.
pub(super) async fn until(condition: impl Fn() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
