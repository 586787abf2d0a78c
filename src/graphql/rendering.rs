//! Makes changes into the text of results, by a subscription that is kept running for that.
//!
//! A subscription of the schema waits at its slot. Each change put there comes out as one response,
//! exactly as if the subscriber had been served alone: same document, same fragments, same errors.

use std::any::TypeId;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use async_graphql::dataloader::DataLoader;
use async_graphql::{Request, Response, Value, Variables};
use futures_util::future::{BoxFuture, FutureExt, poll_fn};
use futures_util::stream::{BoxStream, Stream, StreamExt};

use super::GatewaySchema;
use super::documents::Documents;
use super::loaders::Loads;
use crate::domain::caller::{Caller, Scope};
use crate::domain::request_id::RequestId;
use crate::feed::{Render, Told, Wanted};
use crate::http;
use crate::store::Store;

/// Between a change feed's resolver and who runs it: the resolver says what is wanted, then makes a
/// result of each change put in.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    wanted: Option<Wanted>,
    change: Option<Told>,
    waker: Option<Waker>,
}

impl Slot {
    /// For the resolver: what its arguments ask for.
    pub(crate) fn ask(&self, wanted: Wanted) {
        self.contents().wanted = Some(wanted);
    }

    /// For the resolver: the changes put in, one at a time.
    pub(crate) fn changes(&self) -> impl Stream<Item = Told> + use<> {
        let slot = self.clone();
        futures_util::stream::poll_fn(move |cx| slot.poll_take(cx).map(Some))
    }

    /// What the resolver asked for; `None` when the operation is no change feed, or has not begun.
    pub(super) fn asked(&self) -> Option<Wanted> {
        self.contents().wanted.take()
    }

    fn put(&self, change: Told) {
        let mut contents = self.contents();
        contents.change = Some(change);
        if let Some(waker) = contents.waker.take() {
            waker.wake();
        }
    }

    fn poll_take(&self, cx: &Context<'_>) -> Poll<Told> {
        let mut contents = self.contents();
        if let Some(change) = contents.change.take() {
            return Poll::Ready(change);
        }
        contents.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().expect("no code that holds the lock panics")
    }
}

/// What it takes to run an operation again.
#[derive(Clone)]
pub(super) struct Template {
    pub(super) schema: GatewaySchema,
    pub(super) documents: Documents,
    pub(super) store: Store,
    pub(super) query: Arc<str>,
    pub(super) operation: Option<Arc<str>>,
    pub(super) variables: Variables,
    pub(super) caller: Caller,
    pub(super) request_id: RequestId,
    pub(super) epoch: u64,
}

impl Template {
    /// Runs it from the start, up to its slot.
    pub(super) fn run(&self) -> Rendering {
        let mut request = Request::new(self.query.to_string()).variables(self.variables.clone());
        request.operation_name = self.operation.as_deref().map(Into::into);
        self.documents.parse(&mut request);
        let mut rendering = Rendering::new(&self.schema, &self.store, self.epoch, {
            request
                .data(self.caller.clone())
                .data(self.request_id.clone())
        });
        // The first poll brings it to its slot; there was no error the first time, either.
        let _ = rendering.poll(&mut Context::from_waker(Waker::noop()));
        rendering
    }
}

/// A running change feed.
pub(super) struct Rendering {
    slot: Slot,
    responses: BoxStream<'static, Response>,
    epoch: u64,
}

impl Rendering {
    pub(super) fn new(schema: &GatewaySchema, store: &Store, epoch: u64, request: Request) -> Self {
        let slot = Slot::default();
        let request = with_loaders(request, store).data(slot.clone());
        Self {
            responses: schema.execute_stream(request).boxed(),
            slot,
            epoch,
        }
    }

    pub(super) fn slot(&self) -> &Slot {
        &self.slot
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Response>> {
        self.responses.poll_next_unpin(cx)
    }

    /// The responses of an operation that is no change feed.
    pub(super) fn into_responses(self) -> BoxStream<'static, Response> {
        self.responses
    }
}

impl Render for Rendering {
    fn render(&mut self, told: Told) -> BoxFuture<'_, Arc<str>> {
        async move {
            let cursor = told.entry.cursor(self.epoch).encode();
            self.slot.put(told);
            let response = poll_fn(|cx| self.poll(cx)).await;
            let mut response = response.expect("a change feed does not end by itself");
            // Brings it back to its slot.
            let _ = self.poll(&mut Context::from_waker(Waker::noop()));
            let cursor = Value::from(cursor);
            response.extensions.insert("cursor".to_owned(), cursor);
            Arc::from(http::text_of(&response))
        }
        .boxed()
    }
}

/// Loads are batched within one operation, and nothing of them outlives it.
#[expect(
    clippy::disallowed_methods,
    reason = "loads end with the operation that waits for them"
)]
pub(super) fn with_loaders(request: Request, store: &Store) -> Request {
    let caller = request.data.get(&TypeId::of::<Caller>());
    let caller = caller.and_then(|caller| caller.downcast_ref::<Caller>());
    let scope = caller.map_or_else(Scope::nothing, |caller| caller.scope.clone());
    let store = store.clone();
    request.data(DataLoader::new(Loads { store, scope }, tokio::spawn))
}
