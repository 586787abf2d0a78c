//! Random documents. What the judge lets pass is compared with what a plain recursion over the
//! parser's own tree finds: the parser, and so whoever runs the document, sees nothing larger.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};

use super::*;
use crate::fuzzing::Fuzz;

const LIMITS: Limits = Limits {
    max_tokens: 5_000,
    max_depth: 15,
    max_aliases: 200,
    max_root_fields: 30,
    max_directives: 100,
    max_selections: 3_000,
    max_complexity: 100_000,
};
/// Looks at a byte, a token or a selection, for each byte of the text.
pub(super) const MOST_STEPS: u64 = 32;
const CORPUS: [&str; 8] = [
    "{ a }",
    "query Q($n: Int = 3, $f: F!) @d { a(first: $n, filter: {x: [1, 2.5e-3], y: ENUM}) { nodes { b c: d @skip(if: false) } } }",
    "{ ...A } fragment A on T { b { ...B } } fragment B on T { c d: e ... on U { f } ... @x { g } }",
    "{ ...A } fragment A on T { a { ...B ...B } } fragment B on T { b ...C ...C } fragment C on T { c }",
    "fragment A on T { b { ...B } }\nfragment B on T { ...A }\n{ ...A }",
    "query A { a }\nmutation B { b(input: {text: \"x\\\"y\", block: \"\"\"a \\\"\"\" b\"\"\"}) { c } }\nsubscription C { d }",
    "{ __schema { types { name fields { args { type { ofType { name } } } } } } __typename }",
    "# comment\n{ a(last: 200) { edges { node { b(first: 50) { nodes { c } } } } } }",
];
const WORDS: [&str; 36] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "$",
    "@",
    "!",
    "=",
    "...",
    "...A",
    "...B",
    "...on T",
    "...@x",
    "fragment A on T {",
    "fragment on on on {",
    "query ",
    "mutation",
    "subscription Q",
    "on",
    "first:",
    "last: 200",
    "first: $n",
    "nodes",
    "__schema",
    "fields",
    "\"",
    "\"\"\"",
    "\\\"\"\"",
    "#",
    "\u{feff}",
    "-1",
    "99999999999999999999",
    "a: b",
];

/// What a document asks for, fragments expanded.
#[derive(Debug, Default)]
struct Found {
    depth: u64,
    aliases: u64,
    directives: u64,
    selections: u64,
}

fn find(set: &SelectionSet, document: &ExecutableDocument, found: &mut Found, depth: u64) {
    for selection in &set.items {
        found.selections += 1;
        match &selection.node {
            Selection::Field(field) => {
                found.depth = found.depth.max(depth + 1);
                found.aliases += u64::from(field.node.alias.is_some());
                found.directives += field.node.directives.len() as u64;
                find(&field.node.selection_set.node, document, found, depth + 1);
            }
            Selection::InlineFragment(inline) => {
                found.directives += inline.node.directives.len() as u64;
                find(&inline.node.selection_set.node, document, found, depth);
            }
            Selection::FragmentSpread(spread) => {
                found.directives += spread.node.directives.len() as u64;
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    found.directives += fragment.node.directives.len() as u64;
                    let set = &fragment.node.selection_set.node;
                    find(set, document, found, depth);
                }
            }
        }
    }
}

fn operations(document: &ExecutableDocument) -> Vec<&OperationDefinition> {
    match &document.operations {
        DocumentOperations::Single(only) => vec![&only.node],
        DocumentOperations::Multiple(all) => all.values().map(|each| &each.node).collect(),
    }
}

/// Never more lenient than the parser's tree: `find` would not come back from a cycle.
fn compare(weight: &Weight, document: &ExecutableDocument, text: &str) {
    for operation in operations(document) {
        let mut found = Found::default();
        find(&operation.selection_set.node, document, &mut found, 0);
        let fits = found.depth <= weight.depth
            && found.aliases <= weight.aliases
            && found.directives <= weight.directives
            && found.selections <= weight.selections;
        assert!(fits, "{found:?} is more than {weight:?}: {text}");
    }
}

/// The kind of outcome, and its sizes in powers of two.
fn outcome(verdict: &Result<Weight, Unfit>) -> String {
    match verdict {
        Ok(weight) => {
            let sizes = [
                weight.depth,
                weight.aliases,
                weight.root_fields,
                weight.directives,
                weight.complexity,
                weight.selections,
            ];
            format!("{:?}", sizes.map(u64::checked_ilog2))
        }
        Err(Unfit::TooMuch { what, .. }) => (*what).to_owned(),
        Err(Unfit::Cycle(_)) => "cycle".to_owned(),
        Err(Unfit::Syntax { at }) => format!("syntax {:?}", at.checked_ilog2()),
    }
}

#[test]
fn whatever_is_sent_is_judged_in_linear_work_and_never_too_leniently() {
    let fuzz = Fuzz {
        name: "judge",
        corpus: &CORPUS,
        words: &WORDS,
    };
    fuzz.run(|text| {
        let (verdict, steps) = work::counted(|| {
            let sketch = read(text, &LIMITS)?;
            sketch.weigh(&LIMITS, |_| Given::Nothing)
        });
        let most = MOST_STEPS * (text.len() as u64 + 1);
        assert!(steps <= most, "{steps} steps for {} bytes", text.len());
        let is_too_much = matches!(verdict, Err(Unfit::TooMuch { .. }));
        // What is too much is not given to the parser: it might never come back.
        let parsed = (!is_too_much).then(|| parse_query(text).ok()).flatten();
        if let (Ok(weight), Some(document)) = (&verdict, &parsed) {
            compare(weight, document, text);
        }
        (outcome(&verdict), parsed.is_some())
    });
}

/// The parser takes some texts that the specification does not (a name right behind another token,
/// a fragment called `on`), so being stricter than it is no mistake; on these it would be one.
#[test]
fn no_document_of_the_corpus_is_refused_but_the_cycle() {
    for text in CORPUS {
        let verdict =
            read(text, &LIMITS).and_then(|sketch| sketch.weigh(&LIMITS, |_| Given::Nothing));
        match verdict {
            Ok(_) => assert!(!text.starts_with("fragment A"), "{text}"),
            Err(unfit) => assert_eq!(unfit, Unfit::Cycle("A".into()), "{text}"),
        }
    }
}
