//! Runs operations. Change feeds are served by the live feed, which makes each result once for all
//! who asked for the same; everything else is executed for its caller alone.
//!
//! The standard protocols have no field for a place in the log, but leave `extensions` to the
//! server: with the cursor there, unmodified clients can resume.

use std::any::TypeId;
use std::future::ready;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_graphql::{PathSegment, Pos, Request, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::poll_fn;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};

use super::documents::{Documents, Proof, Reading};
use super::rendering::{Rendering, Template, with_loaders};
use super::shape::Shape;
use super::{GatewaySchema, Services, access, error};
use crate::domain::caller::Caller;
use crate::domain::freshness::AtLeast;
use crate::domain::request_id::RequestId;
use crate::feed::{Delivery, Feeds, Following, Recovered, Verdict};
use crate::http::{Beginning, Operations, Outcome, SharedResult};
use crate::hub::Hub;
use crate::read_model::ReadModel;
use crate::store::{Cursor, Position, Store};

/// How many documents are kept parsed.
const DOCUMENTS: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");
/// How long a request waits for the place in the log that it wants to see.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(2);

/// Where the change log stood before the operation began: whatever it reads shows at least that.
pub(super) struct AsOf(pub(super) Position);

/// The schema with what every operation needs.
#[derive(Clone)]
pub struct GatewayExecutor {
    schema: GatewaySchema,
    /// Runs what is known to be valid.
    of_the_valid: GatewaySchema,
    documents: Documents,
    reads: ReadModel,
    store: Store,
    hub: Hub,
    feeds: Feeds,
}

impl GatewayExecutor {
    /// `suggestions` lets errors name what there is instead of what was asked for.
    pub fn new(services: &Services, feeds: Feeds, suggestions: bool) -> Self {
        Self {
            schema: super::schema(services.clone(), suggestions),
            of_the_valid: super::schema_of_the_valid(services.clone()),
            documents: Documents::new(DOCUMENTS, &super::sdl()),
            reads: services.reads.clone(),
            store: services.store.clone(),
            hub: services.hub.clone(),
            feeds,
        }
    }

    /// Waits until this replica has published what the request wants to see at least.
    async fn catch_up(&self, request: &Request) -> Result<(), async_graphql::Error> {
        let wanted = request.data.get(&TypeId::of::<AtLeast>());
        let Some(AtLeast(text)) = wanted.and_then(|wanted| wanted.downcast_ref()) else {
            return Ok(());
        };
        let cursor = Cursor::decode(text)
            .map_err(|_| error::bad_input("Gateway-At-Least", "not a cursor"))?;
        if let Some(Err(refused)) = self.hub.check(&cursor) {
            return Err(error::cursor(&refused));
        }
        let reached = self.hub.reached(cursor.sequence);
        tokio::time::timeout(CATCH_UP_LIMIT, reached)
            .await
            .map_err(|_| error::behind())
    }

    async fn start(self, request: Request, caller: Caller) -> BoxStream<'static, Outcome> {
        let mut request = request.data(caller.clone());
        let reading = self.documents.read(&mut request);
        if let Err(forbidden) = access::check(&mut request) {
            return only(Response::from_errors(vec![forbidden]));
        }
        if let Err(refused) = self.catch_up(&request).await {
            return only(Response::from_errors(vec![
                refused.into_server_error(Pos::default()),
            ]));
        }
        let shape = match Shape::of(&mut request) {
            Ok(shape) => shape,
            Err(misfit) => return only(Response::from_errors(vec![misfit])),
        };
        let request = request.data(AsOf(self.hub.head()));
        let request_id = request_id(&request);
        let template = shape.map(|shape| (self.template(&request, &request_id, &caller), shape));
        let schema = match reading {
            Reading::Valid => &self.of_the_valid,
            Reading::Unproven(_) | Reading::Unknown => &self.schema,
        };
        let mut rendering = Rendering::new(schema, &self.store, self.hub.epoch(), request);
        // One poll brings a change feed to its slot, or shows why it can't be run.
        let first = poll_fn(|cx| match rendering.poll(cx) {
            Poll::Ready(response) => Poll::Ready(Some(response)),
            Poll::Pending => Poll::Ready(None),
        })
        .await;
        let wanted = rendering.slot().asked();
        let proof = match reading {
            Reading::Unproven(proof) => Some(proof),
            Reading::Valid | Reading::Unknown => None,
        };
        match (first, wanted, template) {
            (None, Some(wanted), Some((template, shape))) => {
                if let Some(proof) = proof {
                    proof.hold();
                }
                let field = shape.field.clone();
                let make = Arc::new(move || Box::new(template.run()) as _);
                let following = self
                    .feeds
                    .subscribe(&caller, wanted, shape.document, Box::new(rendering), make)
                    .await;
                match following {
                    Ok(following) => Results { following, field }.boxed(),
                    Err(cause) => only(failed(error::feed(&request_id, &cause), &field)),
                }
            }
            (Some(None), ..) => stream::empty().boxed(),
            (Some(Some(response)), ..) => {
                own(once(response).chain(rendering.into_responses()), proof)
            }
            (None, ..) => own(rendering.into_responses(), proof),
        }
    }

    /// What it takes to run a change feed again, once it has shown that it can be run.
    fn template(&self, request: &Request, request_id: &RequestId, caller: &Caller) -> Template {
        Template {
            schema: self.of_the_valid.clone(),
            documents: self.documents.clone(),
            store: self.store.clone(),
            query: Arc::from(request.query.as_str()),
            operation: request.operation_name.as_deref().map(Arc::from),
            variables: request.variables.clone(),
            caller: caller.clone(),
            request_id: request_id.clone(),
            epoch: self.hub.epoch(),
        }
    }
}

impl Operations for GatewayExecutor {
    fn prepare(&self, request: &mut Request) {
        self.documents.parse(request);
    }

    fn at_once(&self, request: &Request, caller: &Caller) -> Option<Bytes> {
        self.documents.direct(request, |direct| {
            direct.answer(&self.reads, caller, &request.variables)
        })
    }

    async fn execute(&self, request: Request, caller: &Caller) -> Response {
        let mut request = request.data(caller.clone());
        let reading = self.documents.read(&mut request);
        if let Err(forbidden) = access::check(&mut request) {
            return Response::from_errors(vec![forbidden]);
        }
        if let Err(refused) = self.catch_up(&request).await {
            return Response::from_errors(vec![refused.into_server_error(Pos::default())]);
        }
        let request = with_loaders(request, &self.store).data(AsOf(self.hub.head()));
        match reading {
            Reading::Valid => self.of_the_valid.execute(request).await,
            Reading::Unknown => self.schema.execute(request).await,
            Reading::Unproven(proof) => {
                let response = self.schema.execute(request).await;
                proof.settle(&response);
                response
            }
        }
    }

    fn results(&self, request: Request, caller: &Caller) -> Beginning {
        self.clone().start(request, caller.clone()).boxed()
    }
}

/// The name under which the front door sent the request.
fn request_id(request: &Request) -> RequestId {
    let named = request.data.get(&TypeId::of::<RequestId>());
    let named = named.and_then(|id| id.downcast_ref::<RequestId>());
    named.cloned().unwrap_or_else(|| uuid::Uuid::nil().into())
}

fn only(response: Response) -> BoxStream<'static, Outcome> {
    own(once(response), None)
}

fn once(response: Response) -> impl Stream<Item = Response> + Send + 'static {
    stream::once(ready(response))
}

/// Responses made for one operation; the first settles whether its document is valid.
fn own(
    responses: impl Stream<Item = Response> + Send + 'static,
    mut proof: Option<Proof>,
) -> BoxStream<'static, Outcome> {
    let outcomes = responses.map(move |response| {
        if let Some(proof) = proof.take() {
            proof.settle(&response);
        }
        Outcome::Own(response)
    });
    outcomes.boxed()
}

/// The subscription's root field failed.
fn failed(error: async_graphql::Error, field: &str) -> Response {
    let mut error = error.into_server_error(Pos::default());
    error.locations.clear();
    error.path = vec![PathSegment::Field(field.to_owned())];
    Response::from_errors(vec![error])
}

/// What a subscriber gets: the shared texts, the first of them with the verdict, and, where the feed
/// ends, from where to resume.
struct Results {
    following: Following,
    /// The key of the root field.
    field: Arc<str>,
}

impl Stream for Results {
    type Item = Outcome;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let Self { following, field } = &mut *self;
        let next = ready!(following.poll_next_unpin(cx));
        Poll::Ready(next.map(|delivery| match delivery {
            Ok(delivery) => Outcome::Shared(shared(delivery)),
            Err(cause) => {
                tracing::error!(error = %cause, "a feed ended");
                let ended = error::ended("OVERLOADED", following.reached());
                Outcome::Own(failed(ended, field))
            }
        }))
    }
}

/// Characters behind the cursor in a result's text: `"}}`.
const TAIL: usize = 3;

/// The first result of a subscription gets the verdict into its `extensions`, behind the cursor.
fn shared(delivery: Delivery) -> SharedResult {
    let end = delivery.text.len() - TAIL;
    let cursor = end - Cursor::TEXT..end;
    let Some(verdict) = delivery.verdict else {
        return SharedResult::new(delivery.text, cursor, delivery.wakes);
    };
    let told = &delivery.text[..=end];
    let text = format!("{told},\"feed\":{}}}}}", verdict_json(&verdict));
    SharedResult::new(text.into(), cursor, delivery.wakes)
}

fn verdict_json(verdict: &Verdict) -> String {
    let recovered = match verdict.recovered {
        Recovered::Resumed => "RESUMED",
        Recovered::Snapshot => "SNAPSHOT",
        Recovered::Live => "LIVE",
    };
    format!(
        "{{\"recovered\":\"{recovered}\",\"from\":\"{}\",\"head\":\"{}\"}}",
        verdict.from.encode(),
        verdict.head.encode()
    )
}
