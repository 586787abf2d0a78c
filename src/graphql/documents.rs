//! Documents that were read before: parsed once, and validated once for all variables that validity
//! can't tell apart.
//!
//! Validity depends on the document, on the chosen operation and on the variables' values. Of a
//! value only its shape matters where any value of that kind will do: every text is a good `ID` or
//! `String`. So a query for one conversation is validated once, whichever conversation it asks for.
//! What is not valid is never kept: it is parsed, validated and refused each time, and drives nothing
//! else out.

use std::any::TypeId;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, Type, TypeKind, TypeSystemDefinition,
};
use async_graphql::parser::{parse_query, parse_schema};
use async_graphql::{Name, Request, Response, Value, Variables};
use lru::LruCache;

use super::direct::Direct;
use super::flat::flatten;
use crate::http::{Rewritten, chosen_operation};

/// Longer documents are parsed whenever they come.
const LONGEST_DOCUMENT: usize = 16 * 1024;
/// Bytes of all texts that are kept. Parsed, a document can take a hundred times as much.
const MOST_BYTES: usize = 1024 * 1024;
/// Shapes of variables that are kept for one document, and the longest of them.
const MOST_SHAPES: usize = 64;
const LONGEST_SHAPE: usize = 2 * 1024;

/// The documents read lately. Clones share them.
#[derive(Clone)]
pub(crate) struct Documents {
    known: Arc<Mutex<Known>>,
    inputs: Arc<InputTypes>,
}

/// Valid documents by their texts, bounded by their number and their length.
struct Known {
    documents: LruCache<Arc<str>, Arc<Document>>,
    /// Of all texts.
    bytes: usize,
}

struct Document {
    text: Arc<str>,
    /// The roots of its subscriptions are flat.
    parsed: ExecutableDocument,
    /// The shapes of the variables with which it was found valid.
    valid: Mutex<HashSet<Box<str>>>,
    /// How its only operation is answered from memory, if it is such a one.
    direct: Option<Direct>,
}

/// What is known of a request's document before it runs.
pub(crate) enum Reading {
    /// It was found valid with such variables.
    Valid,
    /// It has to be validated; if it is valid, the next one need not be.
    Unproven(Proof),
    /// It can't be parsed, or nothing of it shall be kept.
    Unknown,
}

/// What a successful validation proves.
pub(crate) struct Proof {
    known: Arc<Mutex<Known>>,
    document: Arc<Document>,
    shape: Box<str>,
}

impl Documents {
    /// `sdl` is the schema against which the documents are validated.
    pub(crate) fn new(most: NonZeroUsize, sdl: &str) -> Self {
        Self {
            known: Arc::new(Mutex::new(Known {
                documents: LruCache::new(most),
                bytes: 0,
            })),
            inputs: Arc::new(InputTypes::of(sdl)),
        }
    }

    /// Gives the request its document parsed, if it can be parsed. It is parsed at most once.
    pub(crate) fn parse(&self, request: &mut Request) {
        if let Some(document) = self.document(&request.query) {
            request.set_parsed_query(document.parsed.clone());
            request.data.insert(Found(Some(document)));
        }
    }

    /// Says what is known of a request's document, which is parsed if it was not before.
    pub(crate) fn read(&self, request: &mut Request) -> Reading {
        if found(request).is_none() {
            self.parse(request);
        }
        let Some(document) = found(request) else {
            return Reading::Unknown;
        };
        // A subscription keeps its data for hours.
        request.data.insert(Found(None));
        if document.text.len() > LONGEST_DOCUMENT {
            return Reading::Unknown;
        }
        let name = request.operation_name.as_deref();
        let Some(shape) = self
            .inputs
            .shape(&document.parsed, name, &request.variables)
        else {
            return Reading::Unknown;
        };
        if lock(&document.valid).contains(shape.as_str()) {
            return Reading::Valid;
        }
        if request.data.contains_key(&TypeId::of::<Rewritten>()) {
            return Reading::Unknown;
        }
        Reading::Unproven(Proof {
            known: Arc::clone(&self.known),
            document,
            shape: shape.into(),
        })
    }

    /// Answers a request whose document is known to be valid, if it is one that can be answered
    /// directly.
    pub(crate) fn direct<T>(
        &self,
        request: &Request,
        answer: impl FnOnce(&Direct) -> Option<T>,
    ) -> Option<T> {
        let document = lock(&self.known).get(&request.query)?;
        let direct = document.direct.as_ref()?;
        let name = request.operation_name.as_deref();
        let shape = self
            .inputs
            .shape(&document.parsed, name, &request.variables)?;
        let is_valid = lock(&document.valid).contains(shape.as_str());
        is_valid.then(|| answer(direct)).flatten()
    }

    fn document(&self, text: &str) -> Option<Arc<Document>> {
        if let Some(known) = lock(&self.known).get(text) {
            return Some(known);
        }
        let mut parsed = parse_query(text).ok()?;
        flatten(&mut parsed);
        Some(Arc::new(Document {
            text: text.into(),
            direct: chosen_operation(&parsed.operations, None).and_then(Direct::of),
            parsed,
            valid: Mutex::default(),
        }))
    }
}

impl Known {
    fn get(&mut self, text: &str) -> Option<Arc<Document>> {
        self.documents.get(text).cloned()
    }

    /// Keeps a document, if none of its text is kept. Gives the one that is.
    fn keep(&mut self, document: Arc<Document>) -> Arc<Document> {
        if let Some(kept) = self.get(&document.text) {
            return kept;
        }
        let text = Arc::clone(&document.text);
        self.bytes += text.len();
        if let Some((text, _)) = self.documents.push(text, Arc::clone(&document)) {
            self.bytes -= text.len();
        }
        while self.bytes > MOST_BYTES
            && let Some((text, _)) = self.documents.pop_lru()
        {
            self.bytes -= text.len();
        }
        document
    }
}

/// In the data of a request: the document that `parse` has found, until it is read.
struct Found(Option<Arc<Document>>);

fn found(request: &Request) -> Option<Arc<Document>> {
    let found = request.data.get(&TypeId::of::<Found>())?;
    found.downcast_ref::<Found>()?.0.clone()
}

impl Proof {
    /// Remembers that the document is valid, if the response shows that it was executed: an error of
    /// validation has no path and leaves no data.
    pub(crate) fn settle(self, response: &Response) {
        let was_executed = response.data != Value::Null
            || response.errors.is_empty()
            || response.errors.iter().any(|error| !error.path.is_empty());
        if was_executed {
            self.hold();
        }
    }

    /// Remembers that the document is valid: its resolvers were called.
    pub(crate) fn hold(self) {
        let document = lock(&self.known).keep(self.document);
        let mut valid = lock(&document.valid);
        if valid.len() < MOST_SHAPES {
            valid.insert(self.shape);
        }
    }
}

/// The input objects of the schema, with the types of their fields.
struct InputTypes(HashMap<Name, HashMap<Name, Type>>);

impl InputTypes {
    fn of(sdl: &str) -> Self {
        let document = parse_schema(sdl).expect("the schema's own text can be parsed");
        let inputs = document.definitions.into_iter().filter_map(|definition| {
            let TypeSystemDefinition::Type(definition) = definition else {
                return None;
            };
            let TypeKind::InputObject(input) = definition.node.kind else {
                return None;
            };
            let fields = input
                .fields
                .into_iter()
                .map(|field| (field.node.name.node, field.node.ty.node));
            Some((definition.node.name.node, fields.collect()))
        });
        Self(inputs.collect())
    }

    /// What the validity of a document depends on, beside its text: `None` when there is no such
    /// operation, or when it would take too much room.
    fn shape(
        &self,
        document: &ExecutableDocument,
        operation: Option<&str>,
        variables: &Variables,
    ) -> Option<String> {
        let mut shape = String::new();
        let chosen = chosen_operation(&document.operations, operation)?;
        write!(shape, "{}", operation.unwrap_or_default()).ok()?;
        for definition in &chosen.variable_definitions {
            let definition = &definition.node;
            shape.push('|');
            if let Some(value) = variables.get(&definition.name.node) {
                self.put(&mut shape, &definition.var_type.node.base, value)?;
            }
        }
        Some(shape)
    }

    fn put(&self, shape: &mut String, of: &BaseType, value: &Value) -> Option<()> {
        match (of, value) {
            (BaseType::List(item), Value::List(items)) => {
                let mut shapes = BTreeSet::new();
                for value in items {
                    let mut shape = String::new();
                    self.put(&mut shape, &item.base, value)?;
                    shapes.insert(shape);
                }
                // A list is as good as its items, however many are alike.
                write!(shape, "{shapes:?}").ok()?;
            }
            (BaseType::List(item), value) => self.put(shape, &item.base, value)?,
            (BaseType::Named(name), Value::String(_)) if any_text_will_do(name) => shape.push('s'),
            (BaseType::Named(name), Value::Object(fields)) => {
                let types = self.0.get(name)?;
                shape.push('{');
                for (name, value) in fields {
                    // A field that there is not makes the document invalid: nothing to keep.
                    let of = types.get(name)?;
                    write!(shape, "{name}:").ok()?;
                    self.put(shape, &of.base, value)?;
                    shape.push(',');
                }
                shape.push('}');
            }
            // Whether an enum has the word, a scalar reads it, a number fits: the value decides.
            (BaseType::Named(_), value) => write!(shape, "{value}").ok()?,
        }
        (shape.len() <= LONGEST_SHAPE).then_some(())
    }
}

fn any_text_will_do(name: &Name) -> bool {
    matches!(name.as_str(), "ID" | "String")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn documents() -> Documents {
        let most = NonZeroUsize::new(2).expect("two");
        Documents::new(most, &crate::graphql::sdl())
    }

    fn request(query: &str, variables: serde_json::Value) -> Request {
        Request::new(query).variables(Variables::from_json(variables))
    }

    const POINT: &str = "query($id: ID!) { conversation(conversationId: $id) { version } }";
    const LIST: &str = "query($filter: ConversationFilter) { conversations(filter: $filter) { nodes { version } } }";

    /// Reads a request and, if need be, proves it valid.
    fn is_known(documents: &Documents, query: &str, variables: serde_json::Value) -> bool {
        match documents.read(&mut request(query, variables)) {
            Reading::Valid => true,
            Reading::Unproven(proof) => {
                proof.settle(&Response::new(Value::Boolean(true)));
                false
            }
            Reading::Unknown => panic!("nothing is kept of {query}"),
        }
    }

    #[test]
    fn any_text_is_as_good_an_id_as_any_other() {
        let documents = documents();
        assert!(!is_known(&documents, POINT, json!({ "id": "a" })));
        assert!(is_known(&documents, POINT, json!({ "id": "b" })));
        assert!(!is_known(&documents, POINT, json!({ "id": 7 })));
        assert!(!is_known(&documents, POINT, json!({ "id": null })));
        assert!(!is_known(&documents, POINT, json!({})));
    }

    #[test]
    fn what_was_rewritten_proves_nothing_of_its_text() {
        let documents = documents();
        let mut rewritten = request(POINT, json!({ "id": "a" })).data(Rewritten);
        assert!(matches!(documents.read(&mut rewritten), Reading::Unknown));
        assert!(!is_known(&documents, POINT, json!({ "id": "a" })));
    }

    #[test]
    fn words_of_enums_and_times_are_judged_by_their_value() {
        let documents = documents();
        let filter = |filter: serde_json::Value| json!({ "filter": filter });
        assert!(!is_known(
            &documents,
            LIST,
            filter(json!({ "queueIds": ["a", "b"] }))
        ));
        assert!(is_known(
            &documents,
            LIST,
            filter(json!({ "queueIds": ["c"] }))
        ));
        assert!(!is_known(
            &documents,
            LIST,
            filter(json!({ "queueIds": ["c", null] }))
        ));
        assert!(!is_known(
            &documents,
            LIST,
            filter(json!({ "statuses": ["CREATED"] }))
        ));
        assert!(!is_known(
            &documents,
            LIST,
            filter(json!({ "statuses": ["NONSENSE"] }))
        ));
        assert!(!is_known(
            &documents,
            LIST,
            filter(json!({ "startedFrom": "2026-01-01T00:00:00Z" }))
        ));
        assert!(!is_known(
            &documents,
            LIST,
            filter(json!({ "startedFrom": "soon" }))
        ));
        let context = |key, id| json!({ "context": { "key": key, "objectId": id } });
        assert!(!is_known(&documents, LIST, filter(context("CASE", "1"))));
        assert!(is_known(&documents, LIST, filter(context("CASE", "2"))));
        assert!(!is_known(&documents, LIST, filter(context("TASK", "2"))));
    }

    #[test]
    fn what_failed_before_it_was_executed_proves_nothing() {
        let documents = documents();
        for _ in 0..2 {
            let reading = documents.read(&mut request("{ nonsense }", json!({})));
            let Reading::Unproven(proof) = reading else {
                panic!("an invalid document counts as valid");
            };
            let error = async_graphql::ServerError::new("no such field", None);
            proof.settle(&Response::from_errors(vec![error]));
        }
    }

    #[test]
    fn the_operation_is_part_of_the_proof() {
        let documents = documents();
        let query =
            "query A { feedCursor } query B($id: ID!) { conversation(conversationId: $id) { id } }";
        let of = |name: &str| {
            let mut request = request(query, json!({ "id": "x" })).operation_name(name);
            match documents.read(&mut request) {
                Reading::Valid => true,
                Reading::Unproven(proof) => {
                    proof.settle(&Response::new(Value::Boolean(true)));
                    false
                }
                Reading::Unknown => panic!("there is an operation {name}"),
            }
        };
        assert_eq!(
            [of("A"), of("A"), of("B"), of("B")],
            [false, true, false, true]
        );
        assert!(matches!(
            documents.read(&mut request(query, json!({}))),
            Reading::Unknown
        ));
    }

    #[test]
    fn the_oldest_document_makes_room() {
        let documents = documents();
        assert!(!is_known(&documents, "{ a: feedCursor }", json!({})));
        assert!(!is_known(&documents, "{ b: feedCursor }", json!({})));
        assert!(!is_known(&documents, "{ c: feedCursor }", json!({})));
        assert!(!is_known(&documents, "{ a: feedCursor }", json!({})));
        assert!(is_known(&documents, "{ c: feedCursor }", json!({})));
    }

    #[test]
    fn only_what_was_found_valid_takes_room() {
        let documents = documents();
        assert!(!is_known(&documents, POINT, json!({ "id": "a" })));
        for number in 0..9 {
            let invalid = format!("{{ nonsense{number} }}");
            documents.read(&mut request(&invalid, json!({})));
            // Nor does what is not run, although it is valid.
            let forbidden = format!("{{ a{number}: feedCursor }}");
            documents.read(&mut request(&forbidden, json!({})));
        }
        assert!(is_known(&documents, POINT, json!({ "id": "a" })));
    }

    #[test]
    fn a_request_does_not_hold_its_document_longer_than_needed() {
        let documents = documents();
        let mut request = request(POINT, json!({ "id": "a" }));
        documents.parse(&mut request);
        assert!(found(&request).is_some());
        documents.read(&mut request);
        assert!(found(&request).is_none());
    }

    #[test]
    fn long_documents_make_more_room() {
        let most = NonZeroUsize::new(1_000).expect("not zero");
        let documents = Documents::new(most, &crate::graphql::sdl());
        let long = |number: usize| {
            let begin = format!("{{ a{number}: feedCursor }} #");
            format!("{begin:#<LONGEST_DOCUMENT$}")
        };
        let fit = MOST_BYTES / LONGEST_DOCUMENT;
        for number in 0..=fit {
            assert!(!is_known(&documents, &long(number), json!({})));
        }
        assert!(lock(&documents.known).bytes <= MOST_BYTES);
        assert!(is_known(&documents, &long(1), json!({})));
        assert!(!is_known(&documents, &long(0), json!({})));
        let longer = long(0) + "#";
        let reading = documents.read(&mut request(&longer, json!({})));
        assert!(matches!(reading, Reading::Unknown));
    }
}
