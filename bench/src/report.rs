//! Medians, ratios to the floor of the same session, and the table.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::options::Options;
use crate::rows::Row;
use crate::target::Kind;

/// What stands behind this line in the file of results was written by hand and is kept.
const BY_HAND: &str = "<!-- What follows is written by hand. -->";

/// One measured number.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) unit: String,
    pub(crate) value: f64,
    pub(crate) goal: Option<Goal>,
}

/// What a figure of the gateway shall reach.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
    /// At most so many times the floor's.
    TimesFloor(f64),
}

impl Figure {
    pub(crate) fn new(what: &str, unit: &str, value: f64) -> Self {
        Self {
            what: what.to_owned(),
            unit: unit.to_owned(),
            value,
            goal: None,
        }
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }
}

/// What was measured of one row.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    row: String,
    title: String,
    /// When, how often and how long.
    how: String,
    /// The figures of each run, by server.
    runs: BTreeMap<Kind, Vec<Vec<Figure>>>,
    failures: Vec<String>,
}

pub(crate) struct Report {
    rows: Vec<Measured>,
    how: String,
    /// Where the figures are kept for the next run.
    kept: PathBuf,
}

impl Report {
    /// An empty one, or one that goes on from the figures kept by the run before.
    pub(crate) fn begin(options: &Options) -> anyhow::Result<Self> {
        let kept = options.data_dir.join("figures.json");
        let rows = if options.add {
            serde_json::from_slice(&std::fs::read(&kept)?)?
        } else {
            Vec::new()
        };
        Ok(Self {
            rows,
            how: how(options),
            kept,
        })
    }

    /// A row is measured from here on; what was known of it is forgotten.
    pub(crate) fn start(&mut self, row: &'static Row) {
        let measured = Measured {
            row: row.name.to_owned(),
            title: row.title.to_owned(),
            how: self.how.clone(),
            runs: BTreeMap::new(),
            failures: Vec::new(),
        };
        match self.rows.iter_mut().find(|other| other.row == row.name) {
            Some(old) => *old = measured,
            None => self.rows.push(measured),
        }
    }

    pub(crate) fn add(&mut self, row: &'static Row, server: Kind, figures: Vec<Figure>) {
        for figure in &figures {
            println!(
                "    {:<44}{:>14} {}",
                figure.what,
                rounded(figure.value),
                figure.unit
            );
        }
        let runs = &mut self.of(row).runs;
        runs.entry(server).or_default().push(figures);
    }

    pub(crate) fn fail(&mut self, row: &'static Row, server: Kind, error: &anyhow::Error) {
        let why = format!("{error:#}");
        let why = why.lines().next().unwrap_or_default().trim();
        let failure = format!("{} on {}: {why}", row.name, server.name());
        println!("    FAILED {failure}");
        self.of(row).failures.push(failure);
    }

    fn of(&mut self, row: &'static Row) -> &mut Measured {
        let found = self.rows.iter_mut().find(|other| other.row == row.name);
        found.expect("rows are started before they are measured")
    }

    /// Prints a row and keeps all that was measured.
    pub(crate) fn end(&self, row: &'static Row) -> anyhow::Result<()> {
        for measured in self.rows.iter().filter(|other| other.row == row.name) {
            println!("{}", measured.table());
        }
        Ok(std::fs::write(
            &self.kept,
            serde_json::to_string(&self.rows)?,
        )?)
    }

    pub(crate) fn finish(&self, options: &Options) -> anyhow::Result<()> {
        let text = self.text();
        println!("\n{text}");
        if let Some(file) = &options.results {
            write(file, &text).with_context(|| format!("cannot write {}", file.display()))?;
        }
        let failures: usize = self.rows.iter().map(|row| row.failures.len()).sum();
        anyhow::ensure!(failures == 0, "{failures} measurements failed");
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# Benchmark results\n\nMade by `make bench` on {}. The generator ran on the same machine; CPU is the \
             server process's own. A figure is the median of the runs; in brackets the lowest and the highest.\n\n\
             ## The goals\n\n| row | figure | goal | measured | |\n| --- | --- | --- | --- | --- |\n",
            machine(),
        );
        for row in &self.rows {
            text.push_str(&row.goals());
        }
        for row in &self.rows {
            text.push('\n');
            text.push_str(&row.table());
        }
        text
    }
}

impl Measured {
    /// What was aimed at, a line for each goal; what never happened is one line.
    fn goals(&self) -> String {
        let mut text = String::new();
        let lines = self.lines();
        let (clean, told): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.is_clean());
        for line in told {
            let Some(goal) = line.goal else { continue };
            let (words, measured, verdict) = line.judged(goal);
            let _ = writeln!(
                text,
                "| {} | {}, {} | {words} | {measured} | {verdict} |",
                self.row, line.what, line.unit
            );
        }
        let clean: Vec<_> = clean.iter().map(|line| line.what).collect();
        if !clean.is_empty() {
            let clean = clean.join("; ");
            let _ = writeln!(text, "| {} | {clean} | 0 | 0 | reached |", self.row);
        }
        text
    }

    /// Everything that was measured, of the servers that were.
    fn table(&self) -> String {
        let servers = [Kind::Floor, Kind::Gateway, Kind::Naive];
        let servers = servers.map(|kind| self.runs.contains_key(&kind).then_some(kind));
        let servers: Vec<Kind> = servers.into_iter().flatten().collect();
        let names: Vec<_> = servers.iter().map(|kind| kind.name()).collect();
        let mut text = format!(
            "## {}\n\n{}. {}.\n\n| figure | {} | gateway : floor |\n| --- | {}---: |\n",
            self.row,
            self.title,
            self.how,
            names.join(" | "),
            "---: | ".repeat(names.len()),
        );
        for line in self.lines() {
            let shown = servers.iter().map(|kind| {
                let spread = line.spread(*kind);
                spread.map_or_else(|| "-".to_owned(), Spread::text)
            });
            let _ = writeln!(
                text,
                "| {}, {} | {} | {} |",
                line.what,
                line.unit,
                shown.collect::<Vec<_>>().join(" | "),
                line.ratio()
                    .map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}")),
            );
        }
        for failure in &self.failures {
            let _ = writeln!(text, "\nNot measured: {failure}.");
        }
        text
    }

    /// The figures in the order in which they are measured.
    fn lines(&self) -> Vec<Line<'_>> {
        let mut lines: Vec<Line<'_>> = Vec::new();
        for (server, runs) in &self.runs {
            for figure in runs.iter().flatten() {
                let known = lines.iter().position(|line| line.what == figure.what);
                let place = known.unwrap_or_else(|| {
                    lines.push(Line::new(figure));
                    lines.len() - 1
                });
                let line = &mut lines[place];
                line.values.entry(*server).or_default().push(figure.value);
                if *server == Kind::Gateway {
                    line.goal = figure.goal;
                }
            }
        }
        lines
    }
}

/// One figure on all servers.
struct Line<'a> {
    what: &'a str,
    unit: &'a str,
    goal: Option<Goal>,
    values: BTreeMap<Kind, Vec<f64>>,
}

impl<'a> Line<'a> {
    fn new(figure: &'a Figure) -> Self {
        Self {
            what: &figure.what,
            unit: &figure.unit,
            goal: None,
            values: BTreeMap::new(),
        }
    }

    fn spread(&self, kind: Kind) -> Option<Spread> {
        let mut values = self.values.get(&kind)?.clone();
        values.sort_by(f64::total_cmp);
        Some(Spread {
            least: *values.first()?,
            median: values[values.len() / 2],
            most: *values.last()?,
        })
    }

    fn ratio(&self) -> Option<f64> {
        let (gateway, floor) = (self.spread(Kind::Gateway)?, self.spread(Kind::Floor)?);
        (floor.median > 0.0).then(|| gateway.median / floor.median)
    }

    /// Whether it shall never happen, and never did.
    fn is_clean(&self) -> bool {
        let gateway = self.spread(Kind::Gateway);
        matches!(self.goal, Some(Goal::AtMost(0.0))) && gateway.is_some_and(|it| it.most == 0.0)
    }

    /// The goal in words, what was measured, and whether that is enough: by the median, and by every
    /// run or not.
    fn judged(&self, goal: Goal) -> (String, String, &'static str) {
        let Some(spread) = self.spread(Kind::Gateway) else {
            return (String::new(), "-".to_owned(), "not measured");
        };
        let text = spread.text();
        let by = |is_enough: &dyn Fn(f64) -> bool| {
            let runs = [spread.least, spread.median, spread.most].map(is_enough);
            match (runs[1], runs[0] && runs[2]) {
                (true, true) => "reached",
                (true, false) => "reached, not by every run",
                (false, _) => "**missed**",
            }
        };
        match goal {
            Goal::AtMost(most) => {
                let verdict = by(&|value| value <= most);
                (format!("≤ {}", rounded(most)), text, verdict)
            }
            Goal::AtLeast(least) => {
                let verdict = by(&|value| value >= least);
                (format!("≥ {}", rounded(least)), text, verdict)
            }
            Goal::TimesFloor(times) => {
                let ratio = self.ratio().unwrap_or(f64::NAN);
                let floor = self.spread(Kind::Floor);
                let floor = floor.map_or_else(|| "-".to_owned(), Spread::text);
                (
                    format!("≤ {times} × floor"),
                    format!("{ratio:.2} × ({text} : {floor})"),
                    if ratio <= times {
                        "reached"
                    } else {
                        "**missed**"
                    },
                )
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn text(self) -> String {
        if rounded(self.least) == rounded(self.most) {
            return rounded(self.median);
        }
        format!(
            "{} [{} – {}]",
            rounded(self.median),
            rounded(self.least),
            rounded(self.most)
        )
    }
}

/// Writes the results, and behind them what somebody has written there by hand.
fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let old = std::fs::read_to_string(file).unwrap_or_default();
    let by_hand = old
        .find(BY_HAND)
        .map_or("", |at| &old[at + BY_HAND.len()..]);
    Ok(std::fs::write(file, format!("{text}\n{BY_HAND}{by_hand}"))?)
}

fn how(options: &Options) -> String {
    let divided = if options.divide > 1 {
        format!(", numbers divided by {}", options.divide)
    } else {
        String::new()
    };
    let runs = if options.runs == 1 { "run" } else { "runs" };
    format!(
        "{}: {} {runs} of {} s after {} s of warm-up{divided}",
        chrono::Utc::now().format("%Y-%m-%d"),
        options.runs,
        options.seconds,
        options.warm_up,
    )
}

fn rounded(value: f64) -> String {
    match value {
        value if value >= 1_000.0 => format!("{value:.0}"),
        value if value.abs() >= 10.0 => format!("{value:.1}"),
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
