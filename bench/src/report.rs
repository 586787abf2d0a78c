//! Medians, ratios to the floor of the same session, and the table.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Context;

use crate::options::Options;
use crate::rows::Row;
use crate::target::Kind;

/// One measured number.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    pub(crate) goal: Option<Goal>,
}

/// What a figure of the gateway shall reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// At most so many times the floor's.
    TimesFloor(f64),
}

impl Figure {
    pub(crate) const fn new(what: &'static str, unit: &'static str, value: f64) -> Self {
        Self {
            what,
            unit,
            value,
            goal: None,
        }
    }

    pub(crate) const fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }
}

type Key = (&'static str, usize, &'static str);

#[derive(Default)]
pub(crate) struct Report {
    /// The order in which figures came first.
    order: Vec<Key>,
    figures: BTreeMap<Key, BTreeMap<Kind, Vec<Figure>>>,
    failures: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, row: &'static Row, server: Kind, figures: Vec<Figure>) {
        for (place, figure) in figures.into_iter().enumerate() {
            println!(
                "    {:<44}{:>14} {}",
                figure.what,
                rounded(figure.value),
                figure.unit
            );
            let key = (row.name, place, figure.what);
            if !self.order.contains(&key) {
                self.order.push(key);
            }
            self.figures
                .entry(key)
                .or_default()
                .entry(server)
                .or_default()
                .push(figure);
        }
    }

    pub(crate) fn fail(&mut self, row: &'static Row, server: Kind, error: &anyhow::Error) {
        let failure = format!("{} on {}: {error:#}", row.name, server.name());
        println!("    FAILED {failure}");
        self.failures.push(failure);
    }

    pub(crate) fn print_row(&self, row: &'static Row) {
        for key in self.order.iter().filter(|key| key.0 == row.name) {
            println!("{}", self.line(key));
        }
    }

    pub(crate) fn finish(&self, options: &Options) -> anyhow::Result<()> {
        let text = self.table(options)?;
        println!("\n{text}");
        if let Some(file) = &options.results {
            std::fs::write(file, text)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        anyhow::ensure!(
            self.failures.is_empty(),
            "{} measurements failed",
            self.failures.len()
        );
        Ok(())
    }

    fn table(&self, options: &Options) -> anyhow::Result<String> {
        let mut text = String::from("# Benchmark results\n\n");
        writeln!(
            text,
            "Made by `make bench` on {}: {}. Each row: the median of {} runs of {} s after {} s of \
             warm-up{}. The generator ran on the same machine; CPU is the server process's own.\n",
            chrono::Utc::now().format("%Y-%m-%d"),
            machine(),
            options.runs,
            options.seconds,
            options.warm_up,
            if options.divide > 1 {
                format!(", numbers divided by {}", options.divide)
            } else {
                String::new()
            },
        )?;
        text.push_str("| row | what | floor | gateway | naive | gateway : floor | goal |\n");
        text.push_str("| --- | --- | ---: | ---: | ---: | ---: | --- |\n");
        for key in &self.order {
            writeln!(text, "{}", self.line(key))?;
        }
        if !self.failures.is_empty() {
            text.push_str("\nNot measured:\n\n");
            for failure in &self.failures {
                writeln!(text, "- {failure}")?;
            }
        }
        Ok(text)
    }

    fn line(&self, key: &Key) -> String {
        let servers = &self.figures[key];
        let of = |kind: Kind| servers.get(&kind).map(|figures| median(figures));
        let shown = |kind| of(kind).map_or_else(|| "-".to_owned(), rounded);
        let ratio = match (of(Kind::Gateway), of(Kind::Floor)) {
            (Some(gateway), Some(floor)) if floor > 0.0 => Some(gateway / floor),
            _ => None,
        };
        let any = servers.values().flatten().next();
        let unit = any.map_or("", |figure| figure.unit);
        let goal = servers
            .get(&Kind::Gateway)
            .and_then(|figures| figures.first()?.goal);
        format!(
            "| {} | {}, {unit} | {} | {} | {} | {} | {} |",
            key.0,
            key.2,
            shown(Kind::Floor),
            shown(Kind::Gateway),
            shown(Kind::Naive),
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            goal.map_or_else(
                || "-".to_owned(),
                |goal| verdict(goal, of(Kind::Gateway), ratio)
            ),
        )
    }
}

fn verdict(goal: Goal, value: Option<f64>, ratio: Option<f64>) -> String {
    let (words, reached) = match goal {
        Goal::AtMost(most) => (
            format!("≤ {}", rounded(most)),
            value.map(|value| value <= most),
        ),
        Goal::AtLeast(least) => (
            format!("≥ {}", rounded(least)),
            value.map(|value| value >= least),
        ),
        Goal::TimesFloor(times) => (
            format!("≤ {times} × floor"),
            ratio.map(|ratio| ratio <= times),
        ),
    };
    match reached {
        Some(true) => format!("{words}: reached"),
        Some(false) => format!("{words}: **missed**"),
        None => words,
    }
}

fn median(figures: &[Figure]) -> f64 {
    let mut values: Vec<f64> = figures.iter().map(|figure| figure.value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn rounded(value: f64) -> String {
    match value {
        value if value >= 1_000.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores of {}, Linux {}",
        model.trim_start_matches([':', ' ', '\t']),
        kernel.trim()
    )
}
