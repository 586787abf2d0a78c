//! Logs and metrics. They carry ids and states, never customers' content or tokens.

use anyhow::Context;
use metrics::{counter, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterExt, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(clap::Args, Clone, Debug)]
pub struct TelemetryConfig {
    /// Write the log as JSON, one object a line
    #[arg(long, env = "GATEWAY_LOG_JSON")]
    pub log_json: bool,
}

/// Libraries that at their most talkative show what goes over the wire: messages, headers, tokens.
const TALKATIVE: [&str; 6] = [
    "tungstenite",
    "tokio_tungstenite",
    "h2",
    "hyper",
    "hyper_util",
    "rustls",
];

/// Starts logging to standard error; `RUST_LOG` chooses what, `info` by default. Whatever it says,
/// no library shows raw traffic.
pub fn start(config: &TelemetryConfig) {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if config.log_json {
        let log = log.json().with_filter(discreet(wanted));
        tracing_subscriber::registry().with(log).init();
    } else {
        let log = log.with_target(false).with_filter(discreet(wanted));
        tracing_subscriber::registry().with(log).init();
    }
}

/// What is wanted, less what shows raw traffic. A directive for a module inside a library outranks
/// one for the library, so that a second filter holds beside the first.
fn discreet<S>(wanted: EnvFilter) -> impl tracing_subscriber::layer::Filter<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let quiet = TALKATIVE.map(|library| (library, LevelFilter::INFO));
    let cap = Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_targets(quiet);
    wanted.and(cap)
}

/// What the parts behind the front door count, without labels; `/metrics` shows each from the start.
const COUNTED: [(&str, &str); 13] = [
    (
        "gateway_database_reads_total",
        "Statements that read the database, beside the write path's own",
    ),
    (
        "gateway_eventbridge_given_up_total",
        "Events of EventBridge whose conversation could not be read for too long",
    ),
    (
        "gateway_genesys_notifications_total",
        "Notifications of Genesys that showed a conversation",
    ),
    (
        "gateway_genesys_repairs_total",
        "Blind windows that were made up for",
    ),
    (
        "gateway_genesys_unknown_words_total",
        "Words of Genesys that the gateway does not know, in notifications that were used all the same",
    ),
    (
        "gateway_genesys_unread_total",
        "Doubtful conversations that were not read again, because too many waited",
    ),
    (
        "gateway_genesys_unwatched_total",
        "Conversations that were not watched at once, because too many waited",
    ),
    (
        "gateway_genesys_unsettled_total",
        "Ended conversations that were given up before analytics settled them, until the next sweep",
    ),
    (
        "gateway_genesys_watched_total",
        "Readings of open conversations without news",
    ),
    (
        "gateway_ingest_needs_dropped_total",
        "Conversations that should have been read again when too many already waited for it",
    ),
    (
        "gateway_ingest_retries_total",
        "Write transactions that failed and were tried again",
    ),
    (
        "gateway_ingest_unwritable_total",
        "Events given up because the database refuses them for good",
    ),
    (
        "gateway_jwks_failures_total",
        "Times when the issuer's keys could not be read",
    ),
];

/// The same with labels: each value shows when it is first counted.
const COUNTED_BY_LABEL: [(&str, &str); 3] = [
    (
        "gateway_eventbridge_events_total",
        "Events of EventBridge, by what they were",
    ),
    (
        "gateway_genesys_channel_losses_total",
        "Sockets to Genesys that were lost, by the reason",
    ),
    (
        "gateway_genesys_frames_skipped_total",
        "Frames of Genesys that could not be used, by the reason; their conversations are read instead",
    ),
];

const FEED_LIVE: &str = "gateway_feed_live";
const BATCH_EVENTS: &str = "gateway_ingest_batch_events";

/// Starts counting; the handle writes what `/metrics` shows.
///
/// # Errors
/// When this process counts already.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .install_recorder()
        .context("cannot start metrics")?;
    for (name, help) in COUNTED {
        describe_counter!(name, help);
        counter!(name).increment(0);
    }
    for (name, help) in COUNTED_BY_LABEL {
        describe_counter!(name, help);
    }
    describe_gauge!(
        FEED_LIVE,
        "1 while the picture is whole, as feedStatus says; 0 while it may be stale"
    );
    describe_histogram!(BATCH_EVENTS, "Events written in one transaction");
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::io::{self, Write};
    use std::path::Path;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_library_shows_raw_traffic_whatever_is_wanted() {
        let page = Page::default();
        let writer = page.clone();
        let log = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .with_filter(discreet(EnvFilter::new(
                "trace,tungstenite::protocol=trace,hyper=trace",
            )));
        let subscriber = tracing_subscriber::registry().with(log);
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "tungstenite::protocol", "a message");
            tracing::debug!(target: "hyper::proto", "a header");
            tracing::info!(target: "rustls::conn", "a notice");
            tracing::trace!(target: "conversation_gateway::feed", "a step");
        });
        let written = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert!(!written.contains("a message") && !written.contains("a header"));
        assert!(written.contains("a notice") && written.contains("a step"));
    }

    /// Every name in the program that ends as a counter's does.
    fn counters(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                counters(&path, found);
            }
            if !path.is_file() || path.ends_with("telemetry.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let words = text.split(|it: char| it != '_' && !it.is_ascii_lowercase());
            let is_counter = |word: &&str| word.starts_with("gateway_") && word.ends_with("_total");
            found.extend(words.filter(is_counter).map(str::to_owned));
        }
    }

    #[test]
    fn every_counter_is_described() {
        let mut found = BTreeSet::new();
        counters(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut found,
        );
        let told = COUNTED.iter().chain(&COUNTED_BY_LABEL);
        let told: BTreeSet<_> = told.map(|(name, _)| (*name).to_owned()).collect();
        let by_the_front_door = |name: &&String| {
            name.starts_with("gateway_http_")
                || name.starts_with("gateway_ws_")
                || name.starts_with("gateway_graphql_")
        };
        let silent: Vec<_> = found
            .difference(&told)
            .filter(|name| !by_the_front_door(name))
            .collect();
        assert!(silent.is_empty(), "without a description: {silent:?}");
        assert_eq!(
            told.difference(&found).next(),
            None,
            "described, and counted nowhere"
        );
    }
}
