//! What of a subscription shapes its results, and what only says which changes it gets.
//!
//! Subscribers with the same shape share their results. The document shapes them, and every variable
//! that is used anywhere but in the root field's arguments that choose: `filter`, `kinds`, `after` and
//! `includeCurrent`.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;
use std::sync::Arc;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Request, ServerError, Value};
use async_graphql_value::Value as Literal;

use super::flat;
use crate::http::chosen_operation;

/// Arguments of the change feeds that do not shape what a result looks like.
const CHOOSING: [&str; 4] = ["filter", "kinds", "after", "includeCurrent"];

/// The shape of a subscription's results.
pub(super) struct Shape {
    /// Equal for two subscriptions whose results look the same.
    pub(super) document: Arc<str>,
    /// The key of the root field in results.
    pub(super) field: Arc<str>,
}

impl Shape {
    /// The shape of the request's operation; `None` when it is no subscription, or can't be read:
    /// executing it gives the error that says so.
    ///
    /// # Errors
    /// A subscription with several root fields (GraphQL specification, 5.2.4.1), or with one in parts
    /// that come and go by themselves.
    pub(super) fn of(request: &mut Request) -> Result<Option<Self>, ServerError> {
        let wanted = request.operation_name.clone();
        let Ok(document) = request.parsed_query() else {
            return Ok(None);
        };
        let Some(operation) = chosen_operation(&document.operations, wanted.as_deref()) else {
            return Ok(None);
        };
        if operation.ty != OperationType::Subscription {
            return Ok(None);
        }
        let mut reading = Reading::new(document);
        reading.directives(&operation.directives);
        reading.root(&operation.selection_set.node);
        let is_flat = flat::is_flat(&operation.selection_set.node);
        let Reading {
            used,
            roots,
            has_directives,
            ..
        } = reading;
        let mut roots = roots.into_iter();
        let (Some(field), None) = (roots.next(), roots.next()) else {
            let message = "A subscription has exactly one root field.";
            return Err(ServerError::new(message, None));
        };
        if has_directives && !is_flat {
            let message = "At the root of a subscription directives stand on its one field only: \
                           write that field once, and outside of fragments that have directives.";
            return Err(ServerError::new(message, None));
        }
        Ok(Some(Self {
            document: key(request, &used),
            field: field.as_str().into(),
        }))
    }
}

fn key(request: &Request, used: &BTreeSet<Name>) -> Arc<str> {
    let mut key = request.query.clone();
    key.push('\0');
    key.push_str(request.operation_name.as_deref().unwrap_or_default());
    for name in used {
        let value = request.variables.get(name).unwrap_or(&Value::Null);
        let given = request.variables.contains_key(name);
        write!(key, "\0{name}:{given}:{value}").expect("a text takes what is written");
    }
    key.into()
}

/// Walks an operation once, each fragment once.
struct Reading<'a> {
    document: &'a ExecutableDocument,
    used: BTreeSet<Name>,
    /// Response keys at the root.
    roots: BTreeSet<Name>,
    /// Something at the root has directives.
    has_directives: bool,
    walked: HashSet<(&'a Name, bool)>,
}

impl<'a> Reading<'a> {
    fn new(document: &'a ExecutableDocument) -> Self {
        Self {
            document,
            used: BTreeSet::new(),
            roots: BTreeSet::new(),
            has_directives: false,
            walked: HashSet::new(),
        }
    }

    fn root(&mut self, selections: &'a SelectionSet) {
        self.walk(selections, true);
    }

    fn walk(&mut self, selections: &'a SelectionSet, at_root: bool) {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => self.field(&field.node, at_root),
                Selection::InlineFragment(inline) => {
                    self.directives_of(&inline.node.directives, at_root);
                    self.walk(&inline.node.selection_set.node, at_root);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives_of(&spread.node.directives, at_root);
                    let name = &spread.node.fragment_name.node;
                    let fragment = self.document.fragments.get(name);
                    if let Some(fragment) = fragment.filter(|_| self.walked.insert((name, at_root)))
                    {
                        self.directives_of(&fragment.node.directives, at_root);
                        self.walk(&fragment.node.selection_set.node, at_root);
                    }
                }
            }
        }
    }

    fn field(&mut self, field: &'a Field, at_root: bool) {
        if at_root {
            self.roots.insert(field.response_key().node.clone());
        }
        self.directives_of(&field.directives, at_root);
        for (name, value) in &field.arguments {
            if !(at_root && CHOOSING.contains(&name.node.as_str())) {
                self.value(&value.node);
            }
        }
        self.walk(&field.selection_set.node, false);
    }

    fn directives_of(&mut self, directives: &[Positioned<Directive>], at_root: bool) {
        self.has_directives |= at_root && !directives.is_empty();
        self.directives(directives);
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        for directive in directives {
            for (_, value) in &directive.node.arguments {
                self.value(&value.node);
            }
        }
    }

    fn value(&mut self, value: &Literal) {
        match value {
            Literal::Variable(name) => {
                self.used.insert(name.clone());
            }
            Literal::List(values) => {
                for value in values {
                    self.value(value);
                }
            }
            Literal::Object(fields) => {
                for value in fields.values() {
                    self.value(value);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Variables;
    use serde_json::json;

    use super::*;

    fn key_of(query: &str, variables: serde_json::Value) -> String {
        let mut request = Request::new(query).variables(Variables::from_json(variables));
        let shape = Shape::of(&mut request).expect("one root field");
        shape.expect("a subscription").document.to_string()
    }

    #[test]
    fn what_chooses_changes_does_not_shape_them() {
        let query = "subscription S($f: ConversationFilter, $a: String, $c: Boolean) {
            conversationStatusChanged(filter: $f, after: $a, includeCurrent: $c) { status } }";
        let one = key_of(query, json!({ "f": { "open": true }, "a": "x", "c": true }));
        assert_eq!(one, key_of(query, json!({})));
    }

    #[test]
    fn variables_used_elsewhere_shape_results() {
        for query in [
            "subscription($v: Boolean!) { a(filter: $v) { b @include(if: $v) } }",
            "subscription($v: Boolean!) { a { b(x: { y: [$v] }) } }",
            "subscription($v: Boolean!) { a @skip(if: $v) { b } }",
            "subscription($v: Boolean!) { ...F } fragment F on Subscription { a { ...G } } fragment G on A { b(x: $v) }",
            "subscription($v: Boolean!) { a { b(filter: $v) } }",
            "subscription($v: Boolean!) { a(other: $v) { b } }",
        ] {
            let yes = key_of(query, json!({ "v": true }));
            assert_ne!(yes, key_of(query, json!({ "v": false })), "{query}");
            assert_ne!(yes, key_of(query, json!({})), "{query}");
        }
    }

    #[test]
    fn fragments_that_spread_themselves_come_to_an_end() {
        let query = "subscription { a { ...F } } fragment F on A { b ...F }";
        assert!(key_of(query, json!({})).starts_with("subscription"));
    }

    #[test]
    fn a_subscription_has_one_root_field() {
        let mut two = Request::new("subscription { a { b } ...F } fragment F on S { c: a { b } }");
        assert!(Shape::of(&mut two).is_err());
        let mut one = Request::new("subscription { a { b } ... { a { c } } }");
        assert_eq!(&*Shape::of(&mut one).unwrap().unwrap().field, "a");
        for parts in [
            "subscription { a { b } a @skip(if: true) { c } }",
            "subscription { ... @include(if: true) { a { b } } }",
            "subscription { ...F @include(if: true) } fragment F on Subscription { a { b } }",
        ] {
            assert!(Shape::of(&mut Request::new(parts)).is_err(), "{parts}");
        }
        let conditional = "subscription { a @include(if: true) { b } }";
        assert!(Shape::of(&mut Request::new(conditional)).is_ok());
        assert!(Shape::of(&mut Request::new("{ a b }")).unwrap().is_none());
        assert!(Shape::of(&mut Request::new("{")).unwrap().is_none());
    }
}
