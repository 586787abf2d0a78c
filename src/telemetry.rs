//! Tracing set-up. Logs carry ids and states, never customers' content or tokens.

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

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
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
}
