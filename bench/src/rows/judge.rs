//! What the judge of documents costs, for documents of 100 kB made to be as nasty as can be.

use std::fmt::Write;
use std::time::Duration;

use conversation_gateway::http::HttpConfig;
use conversation_gateway::judge::{self, Limits};

use crate::process::thread_cpu;
use crate::report::{Figure, Goal};

const BYTES: usize = 100_000;
const TIMES: u32 = 200;
/// Nobody may wait longer for the judge than this.
const MOST_MS: f64 = 5.0;

/// The usual limits, and none: then the whole document is read and weighed.
pub(super) fn measure() -> anyhow::Result<Vec<Figure>> {
    let usual = HttpConfig::default().limits;
    let none = Limits {
        max_tokens: u64::MAX,
        max_depth: u64::MAX,
        max_aliases: u64::MAX,
        max_root_fields: u64::MAX,
        max_directives: u64::MAX,
        max_selections: u64::MAX,
        max_complexity: u64::MAX,
    };
    let worst = |limits: &Limits| -> anyhow::Result<f64> {
        let mut worst = 0.0_f64;
        for (name, text) in shapes() {
            let each = cost(&text, limits)?.as_secs_f64() * 1e3;
            println!("    {name:<40}{each:>14.3} ms");
            worst = worst.max(each);
        }
        Ok(worst)
    };
    Ok(vec![
        Figure::new("CPU per document, worst shape", "ms", worst(&usual)?)
            .goal(Goal::AtMost(MOST_MS)),
        Figure::new("the same without limits", "ms", worst(&none)?),
    ])
}

/// The mean CPU time of judging the document once.
fn cost(text: &str, limits: &Limits) -> anyhow::Result<Duration> {
    let before = thread_cpu()?;
    for _ in 0..TIMES {
        let verdict =
            judge::read(text, limits).and_then(|it| it.weigh(limits, |_| judge::Given::Nothing));
        std::hint::black_box(verdict).ok();
    }
    Ok(thread_cpu()?.saturating_sub(before) / TIMES)
}

/// Documents of about the same length; every piece is repeated until it is reached.
fn shapes() -> Vec<(&'static str, String)> {
    let filled = |begin: &str, piece: &str, end: &str| {
        let times = (BYTES - begin.len() - end.len()) / piece.len();
        [begin, &piece.repeat(times), end].concat()
    };
    vec![
        ("one long name", filled("{ ", "x", " }")),
        ("one long string", filled("{ a(b: \"", "\\\"", "\") }")),
        (
            "one long block",
            filled("{ a(b: \"\"\"", "\\\"\"\"", "\"\"\") }"),
        ),
        ("one long comment", filled("{ a } #", "#", "")),
        ("nothing but commas", filled("{ a", ",", "}")),
        ("fields", filled("{ a {", "b ", "} }")),
        ("aliases", filled("{ ", "a:b ", "}")),
        ("pages", filled("{ ", "a(first:$b){nodes{c}}", "}")),
        (
            "many lengths of one page",
            filled("{ a(", "first:9 ", ") { b } }"),
        ),
        ("directives", filled("{ a ", "@x", " }")),
        ("brackets", filled("", "{a", "")),
        ("lists in arguments", filled("{ a(b: [", "[]", "]) }")),
        ("spreads of what there is not", filled("{ ", "...F ", "}")),
        ("operations", filled("", "{a}", "")),
        (
            "fragments of one name",
            filled("{ a } ", "fragment F on T{a}", ""),
        ),
        (
            "fragments that double",
            fragments(|next| format!("...F{next} ...F{next}")),
        ),
        ("fragments that spread all", all_in_all()),
        (
            "a chain of fragments",
            fragments(|next| format!("...F{next}")),
        ),
    ]
}

/// Fragments that hold what is said of the next one's number.
fn fragments(inside: impl Fn(usize) -> String) -> String {
    let mut text = String::from("{ ...F0 }");
    let mut number = 0;
    while text.len() < BYTES {
        let inside = inside(number + 1);
        let _ = write!(text, " fragment F{number} on T {{ {inside} }}");
        number += 1;
    }
    text
}

/// Fragments each of which spreads all behind it.
fn all_in_all() -> String {
    let most = 170;
    let mut text = String::from("{ ...F0 }");
    for number in 0..most {
        let _ = write!(text, " fragment F{number} on T {{ a");
        for other in number + 1..most {
            let _ = write!(text, " ...F{other}");
        }
        text.push_str(" }");
    }
    text
}
