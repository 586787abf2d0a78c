//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::target::Kind;

/// Measures the gateway and two servers to compare it to.
#[derive(Parser)]
pub(crate) enum Command {
    /// Run the benchmarks
    Run(Box<Options>),
    /// Serve as most people would write it: async-graphql-axum, a broadcast channel, SeaORM
    Naive(ServerArguments),
    /// Serve prepared frames and answers: what the sockets alone cost
    Floor(ServerArguments),
}

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which rows, separated by commas; all without
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) rows: Vec<String>,
    /// Which servers, separated by commas
    #[arg(
        long,
        value_delimiter = ',',
        value_enum,
        default_value = "floor,gateway,naive"
    )]
    pub(crate) servers: Vec<Kind>,
    /// Length of a measurement, in seconds
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u64,
    /// Time before it, in seconds
    #[arg(long, default_value_t = 10)]
    pub(crate) warm_up: u64,
    /// How often each row is measured; the median counts
    #[arg(long, default_value_t = 3)]
    pub(crate) runs: usize,
    /// Divides the numbers of connections, subscriptions and rows, for trials on a small machine
    #[arg(long, default_value_t = 1)]
    pub(crate) divide: usize,
    /// File descriptors that the generator and the servers want, each
    #[arg(long, default_value_t = 12_000)]
    pub(crate) open_files: u64,
    /// The gateway's binary; the one beside this program without
    #[arg(long, value_name = "FILE")]
    pub(crate) gateway: Option<PathBuf>,
    /// Further flags for `conversation-gateway serve`
    #[arg(long, value_delimiter = ' ', allow_hyphen_values = true)]
    pub(crate) gateway_flags: Vec<String>,
    /// Where seeded databases are kept between runs
    #[arg(long, default_value = "target/bench-data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Keep what the run before has measured of other rows
    #[arg(long)]
    pub(crate) add: bool,
    /// Write the results into this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
}

#[derive(clap::Args)]
pub(crate) struct ServerArguments {
    /// Port of HTTP (and of the WebSocket, but for the floor)
    #[arg(long)]
    pub(crate) port: u16,
    /// Port of the WebSocket of the floor
    #[arg(long, default_value_t = 0)]
    pub(crate) socket_port: u16,
    /// Directory of the database
    #[arg(long, default_value = ".")]
    pub(crate) data_dir: PathBuf,
    /// Conversations that exist from the start
    #[arg(long, default_value_t = 0)]
    pub(crate) conversations: u32,
}

impl Options {
    pub(crate) const fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    pub(crate) const fn warm_up(&self) -> Duration {
        Duration::from_secs(self.warm_up)
    }

    /// A number of connections and the like, as small as this trial wants it.
    pub(crate) fn scaled(&self, full: usize) -> usize {
        (full / self.divide.max(1)).max(1)
    }
}
