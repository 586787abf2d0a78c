//! Runs requests: gives each operation its own loaders, and puts the feed's place into the
//! `extensions` of every subscription result.
//!
//! The standard protocol has no field for a position, but leaves `extensions` to the server: with
//! the cursor there, unmodified clients can resume.

use std::sync::{Arc, Mutex};

use async_graphql::dataloader::DataLoader;
use async_graphql::futures_util::stream::BoxStream;
use async_graphql::{Data, Executor, Name, Request, Response, Value};
use futures_util::{StreamExt, stream};

use super::loaders::Loads;
use super::{GatewaySchema, access};
use crate::feed::{Recovered, Verdict};
use crate::store::{Cursor, Store};

/// What goes into the `extensions` of one result.
pub(crate) struct Envelope {
    pub(crate) cursor: Cursor,
    /// Only of the first result.
    pub(crate) verdict: Option<Verdict>,
}

/// Hands envelopes from the stream that makes an item to the response made of it. A subscription
/// has one root field and resolves one item at a time, so one place is enough.
#[derive(Default)]
pub(crate) struct Envelopes(Mutex<Option<Envelope>>);

impl Envelopes {
    pub(crate) fn put(&self, envelope: Envelope) {
        *self.0.lock().expect("no code that holds the lock panics") = Some(envelope);
    }

    fn take(&self) -> Option<Envelope> {
        self.0
            .lock()
            .expect("no code that holds the lock panics")
            .take()
    }
}

/// The schema with what every operation needs.
#[derive(Clone)]
pub struct GatewayExecutor {
    schema: GatewaySchema,
    store: Store,
}

impl GatewayExecutor {
    pub fn new(schema: GatewaySchema, store: Store) -> Self {
        Self { schema, store }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "loads end with the operation that waits for them"
    )]
    fn with_loaders(&self, request: Request) -> Request {
        request.data(DataLoader::new(Loads(self.store.clone()), tokio::spawn))
    }
}

impl Executor for GatewayExecutor {
    async fn execute(&self, mut request: Request) -> Response {
        if let Err(forbidden) = access::check(&mut request) {
            return Response::from_errors(vec![forbidden]);
        }
        self.schema.execute(self.with_loaders(request)).await
    }

    fn execute_stream(
        &self,
        mut request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        if let Err(forbidden) = access::check(&mut request) {
            return stream::iter([Response::from_errors(vec![forbidden])]).boxed();
        }
        let envelopes = Arc::new(Envelopes::default());
        let request = self.with_loaders(request).data(Arc::clone(&envelopes));
        Executor::execute_stream(&self.schema, request, session_data)
            .map(move |mut response| {
                if let Some(envelope) = envelopes.take() {
                    put(&mut response, &envelope);
                }
                response
            })
            .boxed()
    }
}

fn put(response: &mut Response, envelope: &Envelope) {
    let cursor = Value::from(envelope.cursor.encode());
    response.extensions.insert("cursor".to_owned(), cursor);
    if let Some(verdict) = &envelope.verdict {
        let recovered = match verdict.recovered {
            Recovered::Resumed => "RESUMED",
            Recovered::Snapshot => "SNAPSHOT",
            Recovered::Live => "LIVE",
        };
        let feed = [
            (Name::new("recovered"), Value::from(recovered)),
            (Name::new("from"), Value::from(verdict.from.encode())),
            (Name::new("head"), Value::from(verdict.head.encode())),
        ];
        response
            .extensions
            .insert("feed".to_owned(), Value::Object(feed.into_iter().collect()));
    }
}
