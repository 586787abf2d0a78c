//! Tracing set-up. Logs carry ids and states, never customers' content or tokens.

use clap::builder::FalseyValueParser;
use tracing_subscriber::EnvFilter;

#[derive(clap::Args, Clone, Debug)]
pub struct TelemetryConfig {
    /// Write the log as JSON, one object a line
    #[arg(long, env = "GATEWAY_LOG_JSON", value_parser = FalseyValueParser::new())]
    pub log_json: bool,
}

/// Libraries that at their most talkative show what goes over the wire: messages, headers, tokens.
const DISCREET: [&str; 6] = [
    "tungstenite=info",
    "tokio_tungstenite=info",
    "h2=info",
    "hyper=info",
    "hyper_util=info",
    "rustls=info",
];

/// Starts logging to standard error; `RUST_LOG` chooses what, `info` by default. Whatever it says,
/// no library shows raw traffic.
pub fn start(config: &TelemetryConfig) {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = DISCREET.iter().fold(wanted, |filter, quiet| {
        filter.add_directive(quiet.parse().expect("these are directives"))
    });
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if config.log_json {
        log.json().init();
    } else {
        log.with_target(false).init();
    }
}
