//! Makes the root of a subscription flat: its one field, and nothing else, stands there.
//!
//! A root may be written with fragments, and with one field in several places, whose selections belong
//! together (GraphQL specification, 6.3.2). The library looks at fields only and would run each of them
//! by itself. Validity stays what it was: what can't be put together is left as it is written.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, FragmentDefinition, OperationDefinition,
    OperationType, Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Positioned};

const ROOT: &str = "Subscription";

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// Makes the roots of all subscriptions flat.
pub(super) fn flatten(document: &mut ExecutableDocument) {
    let fragments = &document.fragments;
    let mut dissolved = HashSet::new();
    for operation in operations(&mut document.operations) {
        let root = &mut operation.selection_set.node;
        if operation.ty == OperationType::Subscription && !is_flat(root) {
            let mut flat = Flat::new(fragments);
            flat.put(std::mem::take(root));
            *root = flat.root;
            dissolved.extend(flat.seen);
        }
    }
    drop_unused(document, &dissolved);
}

fn operations(all: &mut DocumentOperations) -> Vec<&mut OperationDefinition> {
    match all {
        DocumentOperations::Single(only) => vec![&mut only.node],
        DocumentOperations::Multiple(all) => all.values_mut().map(|it| &mut it.node).collect(),
    }
}

/// Whether nothing but one field stands there.
pub(super) fn is_flat(root: &SelectionSet) -> bool {
    matches!(root.items.as_slice(), [only] if matches!(only.node, Selection::Field(_)))
}

struct Flat<'a> {
    fragments: &'a Fragments,
    root: SelectionSet,
    /// Fragments that were put in: once each.
    seen: HashSet<Name>,
}

impl<'a> Flat<'a> {
    fn new(fragments: &'a Fragments) -> Self {
        Self {
            fragments,
            root: SelectionSet::default(),
            seen: HashSet::new(),
        }
    }

    /// Puts selections into the root, those of a fragment once.
    fn put(&mut self, selections: SelectionSet) {
        for selection in selections.items {
            match selection.node {
                Selection::Field(field) => self.put_field(field),
                Selection::InlineFragment(inline)
                    if inline.node.directives.is_empty()
                        && inline.node.type_condition.as_ref().is_none_or(is_root) =>
                {
                    self.put(inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) if spread.node.directives.is_empty() => {
                    let name = &spread.node.fragment_name.node;
                    match self.fragments.get(name).filter(|it| dissolves(it)) {
                        Some(fragment) if self.seen.insert(name.clone()) => {
                            self.put(fragment.node.selection_set.node.clone());
                        }
                        Some(_) => {}
                        None => self.keep(selection.pos, Selection::FragmentSpread(spread)),
                    }
                }
                other => self.keep(selection.pos, other),
            }
        }
    }

    fn put_field(&mut self, field: Positioned<Field>) {
        let known = self
            .root
            .items
            .iter_mut()
            .find_map(|item| match &mut item.node {
                Selection::Field(known) if are_one(&known.node, &field.node) => Some(known),
                _ => None,
            });
        match known {
            Some(known) => {
                let more = field.node.selection_set.node.items;
                known.node.selection_set.node.items.extend(more);
            }
            None => self.keep(field.pos, Selection::Field(field)),
        }
    }

    fn keep(&mut self, pos: async_graphql::Pos, selection: Selection) {
        self.root.items.push(Positioned::new(selection, pos));
    }
}

fn dissolves(fragment: &Positioned<FragmentDefinition>) -> bool {
    fragment.node.directives.is_empty() && is_root(&fragment.node.type_condition)
}

fn is_root(condition: &Positioned<TypeCondition>) -> bool {
    condition.node.on.node == ROOT
}

/// Whether their selections belong together. With directives they may come and go by themselves.
fn are_one(one: &Field, other: &Field) -> bool {
    one.response_key().node == other.response_key().node
        && one.name.node == other.name.node
        && one.directives.is_empty()
        && other.directives.is_empty()
        && one.arguments.len() == other.arguments.len()
        && one.arguments.iter().all(|(name, value)| {
            let others = other.get_argument(&name.node);
            others.is_some_and(|others| others.node == value.node)
        })
}

/// Drops those of the fragments that no operation spreads any more: validity forbids them.
fn drop_unused(document: &mut ExecutableDocument, dissolved: &HashSet<Name>) {
    if dissolved.is_empty() {
        return;
    }
    let mut used = HashSet::new();
    for (_, operation) in document.operations.iter() {
        note_spreads(
            &operation.node.selection_set.node,
            &document.fragments,
            &mut used,
        );
    }
    let unused = |name: &Name| dissolved.contains(name) && !used.contains(name);
    document.fragments.retain(|name, _| !unused(name));
}

fn note_spreads(set: &SelectionSet, fragments: &Fragments, used: &mut HashSet<Name>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                note_spreads(&field.node.selection_set.node, fragments, used);
            }
            Selection::InlineFragment(inline) => {
                note_spreads(&inline.node.selection_set.node, fragments, used);
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if let Some(fragment) = fragments.get(name)
                    && used.insert(name.clone())
                {
                    note_spreads(&fragment.node.selection_set.node, fragments, used);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    /// A document without the places where it was written.
    fn told(document: &ExecutableDocument) -> Vec<String> {
        let operations = document.operations.iter().map(|it| format!("{it:?}"));
        let fragments = document.fragments.iter().map(|it| format!("{it:?}"));
        let all = operations.chain(fragments);
        let mut told: Vec<_> = all.map(|it| placeless(&it)).collect();
        told.sort();
        told
    }

    fn placeless(debug: &str) -> String {
        let mut parts = debug.split("Pos(");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |told, part| {
            told + part.split_once(')').map_or(part, |(_, rest)| rest)
        })
    }

    fn flat(text: &str) -> Vec<String> {
        let mut document = parse_query(text).unwrap();
        flatten(&mut document);
        told(&document)
    }

    #[test]
    fn the_parts_of_a_root_are_put_together() {
        for (written, meant) in [
            (
                "subscription { ... { a { b } } }",
                "subscription { a { b } }",
            ),
            (
                "subscription { ... on Subscription { ... { a(x: 1) { b } } } }",
                "subscription { a(x: 1) { b } }",
            ),
            (
                "subscription { ...F } fragment F on Subscription { a { b } }",
                "subscription { a { b } }",
            ),
            (
                "subscription { ...F a { c } ...F } fragment F on Subscription { a { b } }",
                "subscription { a { b c } }",
            ),
            (
                "subscription { ...F ...G } fragment F on Subscription { ...G } fragment G on Subscription { a { b } }",
                "subscription { a { b } }",
            ),
            (
                "subscription { ...F } fragment F on Subscription { a { ...G } } fragment G on A { b }",
                "subscription { a { ...G } } fragment G on A { b }",
            ),
            (
                "subscription { a(x: $x, y: 1) { b } a(y: 1, x: $x) { c d: b } }",
                "subscription { a(x: $x, y: 1) { b c d: b } }",
            ),
            (
                "subscription S { k: a { b } k: a { c } } query Q { a { b } a { c } }",
                "subscription S { k: a { b c } } query Q { a { b } a { c } }",
            ),
        ] {
            assert_eq!(
                flat(written),
                told(&parse_query(meant).unwrap()),
                "{written}"
            );
        }
    }

    #[test]
    fn what_does_not_belong_together_stays_as_it_is() {
        for text in [
            "subscription { a { b } c { d } }",
            "subscription { a(x: 1) { b } a(x: 2) { c } }",
            "subscription { a(x: 1) { b } a { c } }",
            "subscription { k: a { b } k: c { b } }",
            "subscription { a { b } a @skip(if: true) { c } }",
            "subscription { ... @skip(if: true) { a { b } } }",
            "subscription { ...F } fragment F on Query { a { b } }",
            "subscription { ...F @skip(if: true) } fragment F on Subscription { a { b } }",
            "subscription { ...Unknown }",
            "subscription { a { b } } fragment Unused on Subscription { a { b } }",
            "{ ...F a { b } a { c } } fragment F on Query { a { d } }",
        ] {
            assert_eq!(flat(text), told(&parse_query(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn a_fragment_that_spreads_itself_comes_to_an_end() {
        let text = "subscription { ...F } fragment F on Subscription { a { b } ...F }";
        assert_eq!(
            flat(text),
            told(&parse_query("subscription { a { b } }").unwrap())
        );
    }
}
