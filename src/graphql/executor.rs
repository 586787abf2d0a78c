//! Runs requests: gives each operation its own loaders, and puts the feed's place into the
//! `extensions` of every subscription result.
//!
//! The standard protocol has no field for a position, but leaves `extensions` to the server: with
//! the cursor there, unmodified clients can resume.

use std::any::TypeId;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_graphql::dataloader::DataLoader;
use async_graphql::futures_util::stream::BoxStream;
use async_graphql::{Data, Executor, Name, Pos, Request, Response, Value};
use futures_util::{StreamExt, stream};

use super::documents::{Documents, Reading};
use super::loaders::Loads;
use super::{GatewaySchema, Services, access, error};
use crate::domain::freshness::AtLeast;
use crate::feed::{Recovered, Verdict};
use crate::hub::Hub;
use crate::store::{Cursor, Store};

/// How many documents are kept parsed.
const DOCUMENTS: NonZeroUsize = NonZeroUsize::new(1_000).expect("not zero");
/// How long a request waits for the place in the log that it wants to see.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(2);

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
    /// Runs what is known to be valid.
    of_the_valid: GatewaySchema,
    documents: Documents,
    store: Store,
    hub: Hub,
}

impl GatewayExecutor {
    pub fn new(services: &Services) -> Self {
        Self {
            schema: super::schema(services.clone()),
            of_the_valid: super::schema_of_the_valid(services.clone()),
            documents: Documents::new(DOCUMENTS, &super::sdl()),
            store: services.store.clone(),
            hub: services.hub.clone(),
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
        // Read first: the check of permissions then finds the document parsed.
        let reading = self.documents.read(&mut request);
        if let Err(forbidden) = access::check(&mut request) {
            return Response::from_errors(vec![forbidden]);
        }
        if let Err(refused) = self.catch_up(&request).await {
            return Response::from_errors(vec![refused.into_server_error(Pos::default())]);
        }
        let request = self.with_loaders(request);
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
