//! Random inputs for whatever reads what strangers send. Only tests use it.
//!
//! An input is made of the corpus by a few mutations, all drawn from one seed. What the target tells
//! of an input steers the search: an input with an outcome not seen before joins the corpus. So it
//! comes further than blind chance, without a compiler that counts branches.
//!
//! `GATEWAY_FUZZ_SEED` chooses the seed, `GATEWAY_FUZZ_SECONDS` goes on for so long instead of
//! for the usual number of inputs (`make fuzz`), `GATEWAY_FUZZ_INPUT` names a file that is tried alone.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use serde_json::Value;

/// Inputs that a target gets in an ordinary test run.
const FEW: u64 = 5_000;
const LONGEST_INPUT: usize = 16 * 1024;
const LARGEST_CORPUS: usize = 10_000;

/// What is fuzzed, and with what.
pub(crate) struct Fuzz<'a> {
    /// Names the file that holds a failing input.
    pub(crate) name: &'a str,
    pub(crate) corpus: &'a [&'a str],
    /// Words that mean something to the target.
    pub(crate) words: &'a [&'a str],
}

impl Fuzz<'_> {
    /// Feeds the target until the budget is spent. It panics where a promise is broken.
    ///
    /// # Panics
    /// As the target does; the input is in the file that was printed before.
    pub(crate) fn run<O: Eq + Hash>(&self, target: impl Fn(&str) -> O) {
        if let Ok(file) = env::var("GATEWAY_FUZZ_INPUT") {
            target(&fs::read_to_string(file).expect("the file of one input"));
            return;
        }
        let seed = number("GATEWAY_FUZZ_SEED").unwrap_or_else(|| rand::rng().random());
        let budget = number("GATEWAY_FUZZ_SECONDS").map(Duration::from_secs);
        println!("{}: GATEWAY_FUZZ_SEED={seed}", self.name);
        let mut rng = StdRng::seed_from_u64(seed);
        let mut corpus: Vec<String> = self.corpus.iter().map(|&text| text.to_owned()).collect();
        let mut seen = HashSet::new();
        let (begin, mut tried) = (Instant::now(), 0);
        while budget.map_or(tried < FEW, |budget| begin.elapsed() < budget) {
            let input = match self
                .corpus
                .get(usize::try_from(tried).unwrap_or(usize::MAX))
            {
                Some(untouched) => (*untouched).to_owned(),
                None => self.input(&corpus, &mut rng),
            };
            let outcome = self.tried(&input, &target);
            if seen.insert(outcome) && corpus.len() < LARGEST_CORPUS {
                corpus.push(input);
            }
            tried += 1;
        }
        let (outcomes, kept) = (seen.len(), corpus.len());
        println!(
            "{}: {tried} inputs, {outcomes} outcomes, {kept} kept",
            self.name
        );
    }

    fn tried<O>(&self, input: &str, target: &impl Fn(&str) -> O) -> O {
        catch_unwind(AssertUnwindSafe(|| target(input))).unwrap_or_else(|panic| {
            let file = self.file();
            fs::write(&file, input).expect("the build directory can be written to");
            eprintln!("replay with GATEWAY_FUZZ_INPUT={}", file.display());
            resume_unwind(panic)
        })
    }

    fn file(&self) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz");
        fs::create_dir_all(&folder).expect("the build directory can be written to");
        folder.join(self.name)
    }

    fn input(&self, corpus: &[String], rng: &mut StdRng) -> String {
        let mut input = corpus.choose(rng).expect("a corpus has a text").clone();
        for _ in 0..=rng.random_range(0..4) {
            let other = corpus.choose(rng).expect("a corpus has a text");
            input = match rng.random_range(0..4) {
                0 => self.in_json(&input, rng),
                1 => lines_of(&input, other, rng),
                _ => self.in_bytes(input.into_bytes(), other.as_bytes(), rng),
            };
        }
        input.truncate(input.floor_char_boundary(LONGEST_INPUT));
        input
    }

    fn in_bytes(&self, mut bytes: Vec<u8>, other: &[u8], rng: &mut StdRng) -> String {
        let range = |length: usize, rng: &mut StdRng| {
            let start = rng.random_range(0..=length);
            start..rng.random_range(start..=length.min(start + 64))
        };
        let here = range(bytes.len(), rng);
        let new = match rng.random_range(0..6) {
            0 => Vec::new(),
            1 => self
                .words
                .choose(rng)
                .map_or_else(Vec::new, |word| word.as_bytes().to_vec()),
            2 => other[range(other.len(), rng)].to_vec(),
            3 => bytes[here.clone()].repeat(rng.random_range(2..40)),
            4 => vec![rng.random(); rng.random_range(1..3)],
            _ => bytes[range(bytes.len(), rng)].to_vec(),
        };
        let end = if rng.random() { here.end } else { here.start };
        drop(bytes.splice(here.start..end, new));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The same JSON with another value somewhere, if it is JSON.
    fn in_json(&self, text: &str, rng: &mut StdRng) -> String {
        let Ok(mut value) = serde_json::from_str::<Value>(text) else {
            return self.in_bytes(text.as_bytes().to_vec(), text.as_bytes(), rng);
        };
        let donor = somewhere(&mut value, rng).clone();
        let place = somewhere(&mut value, rng);
        *place = match rng.random_range(0..8) {
            0 => Value::Null,
            1 => Value::from(rng.random::<i64>()),
            2 => Value::from(rng.random::<f64>() * 1e300),
            3 => Value::from(rng.random::<bool>()),
            4 => Value::from(*self.words.choose(rng).unwrap_or(&"")),
            5 => Value::from(vec![donor; rng.random_range(0..4)]),
            6 => return without(value, rng).to_string(),
            _ => donor,
        };
        value.to_string()
    }
}

/// A random part of a value.
fn somewhere<'a>(value: &'a mut Value, rng: &mut StdRng) -> &'a mut Value {
    let inside = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if inside == 0 || rng.random_range(0..6) == 0 {
        return value;
    }
    let chosen = rng.random_range(0..inside);
    let part = match value {
        Value::Array(items) => items.get_mut(chosen),
        Value::Object(fields) => fields.values_mut().nth(chosen),
        _ => None,
    };
    somewhere(part.expect("it was counted"), rng)
}

/// The value without one field of one of its objects.
fn without(mut value: Value, rng: &mut StdRng) -> Value {
    if let Value::Object(fields) = somewhere(&mut value, rng) {
        let names: Vec<_> = fields.keys().cloned().collect();
        if let Some(name) = names.choose(rng) {
            fields.remove(name);
        }
    }
    value
}

/// The lines of both texts: some left out, repeated or in another order.
fn lines_of(text: &str, other: &str, rng: &mut StdRng) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    match rng.random_range(0..4) {
        0 => lines.shuffle(rng),
        1 => lines.extend(other.lines()),
        2 => lines.retain(|_| rng.random_range(0..4) > 0),
        _ => {
            let again = lines.choose(rng).copied().unwrap_or_default();
            lines.insert(rng.random_range(0..=lines.len()), again);
        }
    }
    lines.join("\n")
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().expect("a whole number"))
}
