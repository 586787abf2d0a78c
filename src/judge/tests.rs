use std::fmt::Write;

use super::*;

const LIMITS: Limits = Limits {
    max_tokens: 5_000,
    max_depth: 15,
    max_aliases: 200,
    max_root_fields: 30,
    max_directives: 100,
    max_selections: 3_000,
    max_complexity: 100_000,
};

fn judge(text: &str) -> Result<Weight, Unfit> {
    read(text, &LIMITS)?.weigh(&LIMITS, |name| match name {
        "n" => Given::Length(7),
        "null" => Given::Other,
        _ => Given::Nothing,
    })
}

fn weighed(text: &str) -> Weight {
    judge(text).unwrap_or_else(|unfit| panic!("{unfit:?}: {text:.200}"))
}

fn too_much(text: &str) -> &'static str {
    match judge(text) {
        Err(Unfit::TooMuch { what, .. }) => what,
        other => panic!("{other:?}: {text:.200}"),
    }
}

#[test]
fn fragments_count_wherever_they_are_spread() {
    let once = weighed("{ a { b c: d } e @x { f } }");
    let expected = Weight {
        depth: 2,
        aliases: 1,
        root_fields: 2,
        directives: 1,
        complexity: 5,
        selections: 5,
    };
    assert_eq!(once, expected);
    let spread = weighed(
        "query Q($v: Int @y = 1) { a { ...F ...F } ... @z { ...F } } fragment F on T @x { b c: d }",
    );
    assert_eq!((spread.depth, spread.aliases), (2, 3));
    assert_eq!(spread.root_fields, 3);
    assert_eq!(spread.directives, 5);
    assert_eq!(spread.complexity, 7);
    // One operation of 2 own selections, 3 spreads and 3 times 2 fields, and the fragment's 2.
    assert_eq!(spread.selections, 2 + 3 + 6 + 2);
}

#[test]
fn pages_multiply_what_lies_in_them() {
    for (text, complexity) in [
        ("{ a(first: 10) { nodes { b c } } }", 1 + 10 * 3),
        (
            "{ a(last: 10, after: \"x\") { edges { node { b } } } }",
            1 + 10 * 3,
        ),
        ("{ a { nodes { b } } }", 1 + 50 * 2),
        ("{ a { ...F } } fragment F on T { nodes { b } }", 1 + 50 * 2),
        (
            "query ($n: Int) { a(first: $n) { nodes { b } } }",
            1 + 7 * 2,
        ),
        (
            "query ($m: Int) { a(first: $m) { nodes { b } } }",
            1 + 50 * 2,
        ),
        (
            "query ($m: Int! = 9 @x(y: 200)) { a(first: $m) { nodes { b } } }",
            1 + 9 * 2,
        ),
        (
            "query A($m: Int = 9) { a(first: $m) { nodes { b } } } query B($m: Int = 2) { a }",
            1 + 9 * 2,
        ),
        (
            "query ($n: Int = 200) { a(first: $n) { nodes { b } } }",
            1 + 7 * 2,
        ),
        (
            "query ($null: Int = 1) { a(first: $null) { nodes { b } } }",
            1 + 50 * 2,
        ),
        (
            "query ($m: Int = null) { a(first: $m) { nodes { b } } }",
            1 + 50 * 2,
        ),
        (
            "query A($m: Int = 1) { a } query B($m: Int) { a(first: $m) { nodes { b } } }",
            1 + 50 * 2,
        ),
        (
            "query ($a: Int, $m: Int = 2, $b: [Int!] = [9]) { a(last: $m) { nodes { b } } }",
            1 + 2 * 2,
        ),
        (
            "query ($null: Int) { a(first: $null, last: 3) { nodes { b } } }",
            1 + 3 * 2,
        ),
        ("{ a(first: 0) { nodes { b } } }", 1 + 2),
        ("{ a(first: 3, first: 9) { nodes { b } } }", 1 + 9 * 2),
        ("{ a(filter: { first: 9 }) { b } }", 2),
        (
            "{ a(first: 10) { nodes { b(first: 10) { nodes { c } } } } }",
            1 + 10 * (2 + 10 * 2),
        ),
    ] {
        assert_eq!(weighed(text).complexity, complexity, "{text}");
    }
    assert_eq!(
        too_much("{ a(first: 99999999999999999999999) { b } }"),
        "complexity"
    );
    assert_eq!(weighed("{ a(first: -1) { b } }").complexity, 2);
}

#[test]
fn every_limit_is_told_by_its_name() {
    let nested =
        |levels: usize| format!("{}a{}", "{a".repeat(levels - 1) + "{", "}".repeat(levels));
    assert_eq!(weighed(&nested(15)).depth, 15);
    assert_eq!(too_much(&nested(16)), "levels");
    assert_eq!(too_much(&nested(65)), "nested brackets");
    assert_eq!(
        too_much(&format!("{{ {} }}", "a ".repeat(31))),
        "root fields"
    );
    assert_eq!(
        too_much(&format!("{{ a {{ {} }} }}", "b: c ".repeat(201))),
        "aliases"
    );
    assert_eq!(
        too_much(&format!("{{ a {} }}", "@x ".repeat(101))),
        "directives"
    );
    assert_eq!(
        too_much(&format!("{{ a {{ {} }} }}", "b ".repeat(3_000))),
        "selections"
    );
    assert_eq!(too_much(&format!("{{ {} }}", "a ".repeat(5_000))), "tokens");
    let page = "{ a(first: 200) { nodes { b(first: 200) { nodes { c d } } } } }";
    assert_eq!(too_much(page), "complexity");
    let listing =
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    assert_eq!(too_much(listing), "nested lists of the introspection");
    assert_eq!(
        too_much(&format!("{{ a(x: {}", "[".repeat(65))),
        "nested brackets"
    );
}

#[test]
fn bombs_of_fragments_are_refused_and_cycles_named() {
    let mut bomb = String::from("{ ...F0 }");
    for level in 0..40 {
        let next = level + 1;
        let _ = write!(bomb, " fragment F{level} on T {{ ...F{next} ...F{next} }}");
    }
    bomb.push_str(" fragment F40 on T { a }");
    assert_eq!(too_much(&bomb), "root fields");
    // Not spread by any operation, it would still be validated.
    let unused = bomb.replace("{ ...F0 }", "{ a }");
    assert_eq!(too_much(&unused), "selections");
    let cycle = "{ ...A } fragment A on T { b { ...B } } fragment B on T { ...A }";
    assert_eq!(judge(cycle), Err(Unfit::Cycle("A".into())));
    let unused_cycle = "{ a } fragment A on T { ...A }";
    assert_eq!(judge(unused_cycle), Err(Unfit::Cycle("A".into())));
    let mut chain = String::from("{ ...F0 }");
    for level in 0..100 {
        let next = level + 1;
        let _ = write!(chain, " fragment F{level} on T {{ ...F{next} }}");
    }
    assert_eq!(too_much(&chain), "nested fragments");
}

#[test]
fn what_has_no_shape_is_a_syntax_error_where_it_breaks() {
    for (text, at) in [
        ("{", 1),
        ("}", 0),
        ("{ a } }", 6),
        ("queryA{a}", 0),
        ("{ a: }", 5),
        ("{ ...on }", 8),
        ("{ a( }", 6),
        ("fragment on on T { a }", 9),
        ("{ \u{e9} }", 2),
        ("{ a(b: \"x\n\") }", 7),
        ("{ a(b: \"\"\"x) }", 7),
        ("{ a .. }", 4),
        ("type Q { a: Int }", 0),
    ] {
        let unfit = judge(text).unwrap_err();
        assert_eq!(unfit, Unfit::Syntax { at }, "{text}");
    }
    assert_eq!(position("{\n  \u{e9} a?", 8), (2, 6));
}

#[test]
fn everything_else_may_stand_in_a_document() {
    let text = "\u{feff}# a comment { { {\nquery Q($a: [Int!]! = [1, 2], $b: S = {x: \"}\"}) @d(e: 1.5e-3) {\n\
        a(b: \"\\\"}{\", c: \"\"\"block \\\"\"\" } \"\"\", d: $b, e: ENUM, f: -7) @include(if: true) ,,, \
        ... on T @skip(if: false) { b } ... { c } ...F }\nfragment F on T { d }";
    assert_eq!(weighed(text).root_fields, 4);
}

#[test]
fn the_kind_is_that_of_the_operation_asked_for() {
    let kind = |text: &str, wanted: Option<&str>| read(text, &LIMITS).unwrap().kind(wanted);
    assert_eq!(kind("{ a }", None), Some(Kind::Query));
    assert_eq!(kind("mutation A { a }", None), Some(Kind::Mutation));
    let several = "query A { a } subscription B { b }";
    assert_eq!(kind(several, Some("B")), Some(Kind::Subscription));
    assert_eq!(kind(several, Some("C")), None);
    assert_eq!(kind(several, None), None);
    assert_eq!(kind("{ a }", Some("A")), None);
    assert!(
        read("{ a { __schema { b } } }", &LIMITS)
            .unwrap()
            .introspects()
    );
    assert!(!read("{ a { __typename } }", &LIMITS).unwrap().introspects());
}

/// What a document of 100 kB can do its worst with, all limits off.
fn nasty() -> Vec<String> {
    let filled = |begin: &str, piece: &str, end: &str| {
        [begin, &piece.repeat(100_000 / piece.len()), end].concat()
    };
    let doubling = (0..2_000).fold(String::from("{ ...F0 }"), |mut text, number| {
        let next = number + 1;
        let _ = write!(text, " fragment F{number} on T {{ ...F{next} ...F{next} }}");
        text
    });
    let mut all_in_all = String::from("{ ...F0 }");
    for number in 0..60 {
        let _ = write!(all_in_all, " fragment F{number} on T {{ a");
        for other in number + 1..60 {
            let _ = write!(all_in_all, " ...F{other}");
        }
        all_in_all.push_str(" }");
    }
    vec![
        filled("{ ", "x", " }"),
        filled("{ a(b: \"", "\\\"", "\") }"),
        filled("{ a(b: \"\"\"", "\\\"\"\"", "\"\"\") }"),
        filled("{ a } #", "#", ""),
        filled("{ a", ",", "}"),
        filled("{ ", "a:b ", "}"),
        filled("{ ", "a(first:$b){nodes{c}}", "}"),
        filled("{ a(", "first:9 ", ") { b } }"),
        filled("{ a ", "@x", " }"),
        filled("", "{a", ""),
        filled("{ a(b: [", "[]", "]) }"),
        filled("{ ", "...F ", "}"),
        filled("", "{a}", ""),
        filled("{ a } ", "fragment F on T{a}", ""),
        doubling,
        all_in_all,
    ]
}

#[test]
fn the_work_grows_with_the_text_alone() {
    let none = Limits {
        max_tokens: u64::MAX,
        max_depth: u64::MAX,
        max_aliases: u64::MAX,
        max_root_fields: u64::MAX,
        max_directives: u64::MAX,
        max_selections: u64::MAX,
        max_complexity: u64::MAX,
    };
    for text in nasty() {
        let (_, steps) = work::counted(|| read(&text, &none)?.weigh(&none, |_| Given::Nothing));
        let most = fuzz::MOST_STEPS * text.len() as u64;
        assert!(steps <= most, "{steps} steps for {text:.60}");
    }
}
