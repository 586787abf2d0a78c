//! Traffic plays while everything that can fail does: afterwards the record equals the truth.
//!
//! A run is made from its seed alone. `GATEWAY_FAULT_SEED` replays one, `GATEWAY_FAULT_RUNS` says how
//! many runs there are (`make soak`: 200), of one seed how often.

use std::time::Duration;

use conversation_gateway::clock::{Clock, SystemClock};
use conversation_gateway::domain::time::Time;
use conversation_gateway::genesys::GenesysConfig;
use conversation_gateway::genesys::topics::TopicShape;
use conversation_gateway::simulator::SimulatorConfig;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::eventually;
use crate::support::gateway::{Database, Restartable};
use crate::support::organisation::Organisation;
use crate::support::record::Record;

/// Runs of `make test`.
const FEW: u64 = 20;
/// Runs at once: each waits most of the time.
const AT_ONCE: usize = 4;

/// One thing that goes wrong, and how long the traffic plays on before the next.
#[derive(Debug)]
enum Mishap {
    Fault(Value),
    Heal,
    /// The gateway is stopped in the middle of everything, and started again after a while.
    Kill {
        down_ms: u64,
    },
}

fn mishap(rng: &mut StdRng) -> Mishap {
    let share = |rng: &mut StdRng| f64::from(rng.random_range(1..=20)) / 100.0;
    Mishap::Fault(match rng.random_range(0..13) {
        0 | 1 => json!({ "dropSockets": true }),
        2 => json!({ "expireChannels": true }),
        3 => json!({ "revokeTokens": true }),
        4 => json!({ "closingNotice": true }),
        5 => json!({ "duplicate": share(rng) }),
        6 => json!({ "reorder": share(rng) }),
        7 => json!({ "malformed": share(rng) / 4.0 }),
        8 => json!({ "status": 429, "forMs": rng.random_range(200..1_500) }),
        9 => json!({ "status": 500, "forMs": rng.random_range(200..1_500) }),
        // Long enough to be noticed: a socket that loses frames and yet answers there is none.
        10 => json!({ "silentMs": rng.random_range(3_300..4_500) }),
        11 => return Mishap::Heal,
        _ => {
            return Mishap::Kill {
                down_ms: rng.random_range(0..800),
            };
        }
    })
}

impl Mishap {
    /// Whether frames that were written to a socket may never have been read, or not kept.
    fn loses_what_was_heard(&self) -> bool {
        let losing = ["dropSockets", "expireChannels", "revokeTokens"];
        match self {
            Self::Fault(fault) => losing.iter().any(|name| fault[*name] == true),
            Self::Kill { .. } => true,
            Self::Heal => false,
        }
    }
}

/// The times at which something heard may have been lost.
#[derive(Default)]
struct Losses {
    lost: Vec<(Time, Time)>,
    /// When Genesys refused to be asked: what was heard waits in memory for a reading meanwhile.
    refused: Vec<(Time, Time)>,
}

/// What was heard so shortly before may not be written yet.
const UNWRITTEN_MS: i64 = 1_000;

impl Losses {
    fn add(&mut self, mishap: &Mishap, from: Time, until: Time) {
        if let Mishap::Fault(fault) = mishap
            && let Some(for_ms) = fault["forMs"].as_i64()
        {
            self.refused.push((from, from.plus_millis(for_ms)));
        }
        if !mishap.loses_what_was_heard() {
            return;
        }
        let mut since = from.plus_millis(-UNWRITTEN_MS);
        if let Mishap::Kill { .. } = mishap {
            for (begun, ended) in self.refused.iter().rev() {
                if *ended >= since {
                    since = since.min(begun.plus_millis(-UNWRITTEN_MS));
                }
            }
        }
        self.lost.push((since, until.plus_millis(200)));
    }

    fn excuse(&self, at: Time) -> bool {
        let mut lost = self.lost.iter();
        lost.any(|(from, until)| (*from..=*until).contains(&at))
    }
}

/// In which of the possible ways the gateway runs.
#[derive(Clone, Debug)]
struct Setting {
    database: Database,
    topics: TopicShape,
    /// What ended unseen is read one by one, or taken from analytics' pages.
    repair_reads: usize,
    /// How far analytics lag behind.
    analytics_lag: Duration,
}

impl Setting {
    fn random(rng: &mut StdRng) -> Self {
        let mut one_of = |number| rng.random_ratio(1, number);
        Self {
            repair_reads: if one_of(3) { 0 } else { 200 },
            analytics_lag: Duration::from_millis(if one_of(3) { 300 } else { 0 }),
            topics: if one_of(3) {
                TopicShape::Media
            } else {
                TopicShape::Conversations
            },
            database: if one_of(4) {
                Database::Postgres
            } else {
                Database::Sqlite
            },
        }
    }

    fn apply(&self, config: &mut GenesysConfig) {
        config.topics = self.topics;
        config.repair_reads = self.repair_reads;
        config.analytics_lag += self.analytics_lag * 2;
    }
}

async fn run(seed: u64) -> Result<usize, String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let setting = Setting::random(&mut rng);
    let config = SimulatorConfig {
        seed,
        analytics_lag: setting.analytics_lag,
        ..SimulatorConfig::for_tests()
    };
    let organisation = Organisation::start_with(config).await;
    let adjust = setting.clone();
    let mut gateway = Restartable::start(&organisation, setting.database, move |config| {
        adjust.apply(&mut config.genesys);
    })
    .await;
    gateway.record().until_live().await;
    organisation
        .traffic(json!({ "eventsPerSecond": 60, "conversations": 12, "seconds": 4 }))
        .await;
    let mut happened = vec![format!("{setting:?}")];
    let mut losses = Losses::default();
    let mut silent_until = Instant::now();
    for _ in 0..rng.random_range(4..9) {
        let mishap = mishap(&mut rng);
        let begun = SystemClock.now();
        happened.push(format!("{begun} {mishap:?}"));
        match &mishap {
            Mishap::Fault(fault) => {
                if let Some(silent) = fault["silentMs"].as_u64() {
                    silent_until = Instant::now() + Duration::from_millis(silent);
                }
                organisation.fault(fault.clone()).await;
            }
            Mishap::Heal => heal(&organisation, silent_until).await,
            Mishap::Kill { down_ms } => {
                gateway.kill().await;
                tokio::time::sleep(Duration::from_millis(*down_ms)).await;
                gateway.restart(&organisation).await;
            }
        }
        losses.add(&mishap, begun, SystemClock.now());
        tokio::time::sleep(Duration::from_millis(rng.random_range(200..900))).await;
    }
    heal(&organisation, silent_until).await;
    happened.push(format!("{} healed", SystemClock.now()));
    // A thread that has ended may come back after a moment: then nothing is over yet.
    let truth = eventually("all conversations have ended", || async {
        let truth = organisation.truth().await;
        let is_over = truth.iter().all(|it| it["ended"] == true);
        tokio::time::sleep(Duration::from_millis(500)).await;
        (is_over && organisation.truth().await == truth).then_some(truth)
    })
    .await;
    gateway.record().until_live().await;
    for told in &truth {
        check(gateway.record(), told, &losses)
            .await
            .map_err(|differs| format!("seed {seed}: {differs}\n{}", happened.join("\n")))?;
    }
    Ok(truth.len())
}

/// Lifts the faults, a silence not before it was noticed.
async fn heal(organisation: &Organisation, silent_until: Instant) {
    tokio::time::sleep_until(silent_until).await;
    organisation.heal().await;
}

/// Waits a while for what is still on its way, then says what differs.
async fn check(record: Record, truth: &Value, losses: &Losses) -> Result<(), String> {
    let id = truth["id"].as_str().expect("an id");
    let mut history = Vec::new();
    for _ in 0..100 {
        let row = record.row(id).await;
        history = record.history(id).await;
        if agrees(&history, truth, losses) && is_final(&row, truth) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let steps = truth["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| {
            let marks = [("tellable", 't'), ("heard", 'h')];
            let marks: String = marks
                .iter()
                .filter(|(name, _)| step[*name] == true)
                .map(|(_, mark)| *mark)
                .collect();
            format!(
                "{} {} {marks} {}",
                step["at"].as_str().unwrap_or_default(),
                step["status"].as_str().unwrap_or_default(),
                step["step"]
            )
        });
    let steps = steps.collect::<Vec<_>>().join("\n  ");
    let told = record.told(id).await.join("\n  ");
    let row = record.row(id).await;
    Err(format!(
        "conversation {id}: the record says {history:?}\n  {told}\n  {row}\nthe truth is\n  {steps}"
    ))
}

/// The row stands where the truth ends.
fn is_final(row: &Value, truth: &Value) -> bool {
    let Some(last) = truth["steps"].as_array().expect("steps").last() else {
        return row.is_null();
    };
    let owner = |owner: &Value, id: &str| (owner["kind"].clone(), owner[id].clone());
    row["calculatedStatus"] == last["status"]
        && owner(&row["owner"], "genesysId") == owner(&last["owner"], "id")
        && !row["conversationEnd"].is_null()
}

/// The history is the truth: each step that is tellable or was heard is in it, in order, each once
/// and nothing else. The gap of a transfer that is over within a second leaves no trace in Genesys:
/// one that was heard may be lost with the socket or the gateway that heard it, also while it waits
/// there for a reading that Genesys refuses.
fn agrees(history: &[String], truth: &Value, losses: &Losses) -> bool {
    let steps = truth["steps"].as_array().expect("steps");
    let mut told = Vec::new();
    for step in steps {
        if step["status"] == "CREATED" {
            continue;
        }
        let status = step["status"].as_str().expect("a status").to_owned();
        let at = Time::parse(step["at"].as_str().expect("a time")).expect("a time");
        let must = step["tellable"] == true || (step["heard"] == true && !losses.excuse(at));
        told.push((status, must));
    }
    fits(history, &told, None)
}

/// Whether the history can be made from the steps by leaving out some that need not be there and
/// merging equal neighbours.
fn fits(history: &[String], steps: &[(String, bool)], last: Option<&str>) -> bool {
    let Some(((status, must), rest)) = steps.split_first() else {
        return history.is_empty();
    };
    if last == Some(status.as_str()) {
        return fits(history, rest, last);
    }
    let taken = history.first() == Some(status) && fits(&history[1..], rest, Some(status));
    taken || (!must && fits(history, rest, last))
}

async fn run_all(seeds: Vec<u64>) {
    let mut failed = Vec::new();
    let (mut conversations, mut over, mut told) = (0, 0, 0);
    let mut running = tokio::task::JoinSet::new();
    let mut waiting = seeds.iter().copied();
    loop {
        while running.len() < AT_ONCE
            && let Some(seed) = waiting.next()
        {
            running.spawn(async move { (seed, tokio::task::spawn(run(seed)).await) });
        }
        let Some(ended) = running.join_next().await else {
            break;
        };
        over += 1;
        match ended.expect("the outer task only waits") {
            (_, Ok(Ok(checked))) => conversations += checked,
            (_, Ok(Err(differs))) => failed.push(differs),
            (seed, Err(panicked)) => failed.push(format!("seed {seed}: {panicked}")),
        }
        if let Some(differs) = failed.get(told) {
            println!("{differs}");
            told += 1;
        }
        println!(
            "{over} of {} are over, {} differ",
            seeds.len(),
            failed.len()
        );
    }
    println!(
        "{} runs, {conversations} conversations, {} differ",
        seeds.len(),
        failed.len()
    );
    assert!(
        failed.is_empty(),
        "replay with GATEWAY_FAULT_SEED=<seed>\n{}",
        failed.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_the_record_equals_the_truth() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse::<u64>().ok())
    };
    let runs = number("GATEWAY_FAULT_RUNS");
    let seeds: Vec<u64> = if let Some(seed) = number("GATEWAY_FAULT_SEED") {
        // Much depends on timing: the same seed may have to run more than once.
        (0..runs.unwrap_or(1)).map(|_| seed).collect()
    } else {
        let first: u64 = rand::rng().random_range(0..1_000_000);
        (first..first + runs.unwrap_or(FEW)).collect()
    };
    println!("seeds {}..={}", seeds[0], seeds[seeds.len() - 1]);
    run_all(seeds).await;
}

#[test]
fn a_history_fits_only_with_all_that_must_be_in_it() {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let steps: Vec<(String, bool)> = [("A", true), ("T", false), ("A", true), ("B", true)]
        .map(|(status, must)| (status.to_owned(), must))
        .to_vec();
    assert!(fits(&owned(&["A", "B"]), &steps, None));
    assert!(fits(&owned(&["A", "T", "A", "B"]), &steps, None));
    assert!(!fits(&owned(&["A", "T", "B"]), &steps, None));
    assert!(!fits(&owned(&["A"]), &steps, None));
    assert!(!fits(&owned(&["A", "B", "B"]), &steps, None));
}
