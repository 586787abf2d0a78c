//! Imports point down: the table below is the one of ARCHITECTURE.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import of ours. What is missing here may import nothing.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("lifecycle", &[]),
    ("telemetry", &[]),
    ("judge", &[]),
    ("clock", &["domain"]),
    ("duration", &[]),
    ("http_client", &[]),
    ("store", &["domain"]),
    ("hub", &["store", "domain"]),
    ("feed", &["domain", "store", "hub"]),
    ("read_model", &["domain", "store", "hub"]),
    ("counts", &["domain", "store", "hub"]),
    (
        "genesys",
        &["domain", "duration", "http_client", "ingest", "clock"],
    ),
    ("ingest", &["domain", "store", "hub"]),
    (
        "commands",
        &["domain", "store", "ingest", "genesys", "clock"],
    ),
    (
        "graphql",
        &[
            "clock",
            "commands",
            "counts",
            "domain",
            "feed",
            "genesys",
            "http",
            "hub",
            "ingest",
            "read_model",
            "sessions",
            "store",
        ],
    ),
    ("sessions", &["domain", "clock"]),
    ("http", &["domain", "duration", "judge", "sessions"]),
    (
        "auth",
        &[
            "domain",
            "duration",
            "http_client",
            "sessions",
            "http",
            "store",
            "clock",
        ],
    ),
    (
        "eventbridge",
        &["domain", "store", "ingest", "genesys", "http", "clock"],
    ),
    ("settling", &["domain", "store", "ingest", "clock"]),
    (
        "retention",
        &["domain", "duration", "store", "hub", "clock"],
    ),
    ("simulator", &["duration"]),
    ("selftest", &[]),
    ("registrar", &["http_client"]),
    (
        "config",
        &[
            "auth",
            "counts",
            "eventbridge",
            "feed",
            "genesys",
            "graphql",
            "http",
            "hub",
            "ingest",
            "read_model",
            "retention",
            "store",
        ],
    ),
];

/// The assembly: these may import anything, and nobody imports them.
const ASSEMBLY: &[&str] = &["app", "cli", "main", "lib"];

/// Only tests use it; they may anywhere.
const FOR_TESTS: &str = "fuzzing";

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for file in rust_files(Path::new("src")) {
        let module = module_of(&file);
        if ASSEMBLY.contains(&module.as_str()) {
            continue;
        }
        let allowed = ALLOWED
            .iter()
            .find(|(name, _)| *name == module)
            .map_or(&[][..], |(_, may)| may);
        let text = fs::read_to_string(&file).expect("readable");
        for imported in imports(&text) {
            if imported != module && imported != FOR_TESTS && !allowed.contains(&imported.as_str())
            {
                wrong.push(format!("{} imports {imported}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_rule_is_about_a_module_that_exists() {
    for (name, _) in ALLOWED {
        let file = Path::new("src").join(format!("{name}.rs"));
        let folder = Path::new("src").join(name);
        assert!(file.exists() || folder.exists(), "{name} is gone");
    }
}

fn imports(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| {
            line.match_indices("crate::")
                .map(move |(at, found)| &line[at + found.len()..])
        })
        .map(|rest| {
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .filter(|name: &String| !name.is_empty())
        .collect()
}

fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix("src").expect("under src");
    let first = inside
        .components()
        .next()
        .expect("a name")
        .as_os_str()
        .to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}
