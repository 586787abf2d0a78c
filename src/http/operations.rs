//! What runs the operations that clients send.

use std::sync::Arc;

use async_graphql::{ObjectType, Request, Response, Schema, SubscriptionType};
use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};

use super::response::{Body, to_json};
use crate::domain::caller::Caller;

/// Runs operations.
pub trait Operations: Clone + Send + Sync + 'static {
    /// Gives the request its document parsed, where that costs less than to parse it. The root of a
    /// subscription is flat then: its one field, and no fragments.
    fn prepare(&self, _request: &mut Request) {}

    /// The answer to a read that needs no running, as JSON: what `execute` would give. Of requests that
    /// were admitted, checked and executed before, but for what does not matter to their validity.
    fn at_once(&self, _request: &Request, _caller: &Caller) -> Option<Bytes> {
        None
    }

    /// Runs a query or a mutation.
    fn execute(&self, request: Request, caller: &Caller) -> impl Future<Output = Response> + Send;

    /// Begins an operation of any kind; the stream ends with it.
    fn results(&self, request: Request, caller: &Caller) -> Beginning;
}

/// An operation that begins. What it needs for that is gone once it runs: thousands of subscriptions
/// wait for hours.
pub type Beginning = BoxFuture<'static, BoxStream<'static, Outcome>>;

/// Stands in the data of a request whose parsed document is not what its text says any more: that this
/// one is valid says nothing of the text.
#[derive(Clone, Copy, Debug)]
pub struct Rewritten;

/// One result of an operation.
#[derive(Debug)]
pub enum Outcome {
    /// Made for this operation alone.
    Own(Response),
    /// Made once for all who get it.
    Shared(Shared),
}

/// The text of a result that many share, with the cursor it carries.
#[derive(Clone, Debug)]
pub struct Shared {
    text: Arc<str>,
    /// Where in `text` the cursor stands.
    cursor: (u32, u32),
    wakes: bool,
}

impl Shared {
    /// `text` is a result by the GraphQL specification as JSON, in which the cursor stands at
    /// these bytes. `wakes`: nothing more is there, and the next result wakes whoever polled for this one.
    ///
    /// # Panics
    /// When the cursor lies outside of the text.
    pub fn new(text: Arc<str>, cursor: std::ops::Range<usize>, wakes: bool) -> Self {
        let place = |place: usize| u32::try_from(place).expect("a result is shorter than 4 GiB");
        assert!(cursor.end <= text.len(), "the cursor is part of the text");
        Self {
            cursor: (place(cursor.start), place(cursor.end)),
            text,
            wakes,
        }
    }

    pub(super) const fn wakes(&self) -> bool {
        self.wakes
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn cursor(&self) -> &str {
        let (start, end) = self.cursor;
        &self.text()[start as usize..end as usize]
    }
}

/// A response as the text that goes to the client (GraphQL specification, 7.1 and 7.2).
pub fn text_of(response: &Response) -> String {
    to_json(&Body(response))
}

/// A plain schema shares nothing.
impl<Q, M, S> Operations for Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    async fn execute(&self, request: Request, caller: &Caller) -> Response {
        Schema::execute(self, request.data(caller.clone())).await
    }

    fn results(&self, request: Request, caller: &Caller) -> Beginning {
        let responses = self.execute_stream(request.data(caller.clone()));
        ready(responses.map(Outcome::Own).boxed()).boxed()
    }
}
