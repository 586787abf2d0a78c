//! Benchmarks of the Conversation Gateway, with two servers to compare it to.
//!
//! The generator starts each server as a process of its own, loads it, and reads from `/proc` what
//! the work has cost it. Every delivery is checked: what is lost, doubled or reordered is counted.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`rows`] | what is measured, a file per kind of row |
//! | [`target`] | starts a server and makes events happen in it |
//! | [`swarm`] | many WebSocket clients that check what they get |
//! | [`floor`], [`naive`] | the comparison servers |
//! | [`seed`] | databases of a given size, written by the gateway's own store |
//! | [`report`] | medians, ratios, the table |
#![expect(
    clippy::disallowed_methods,
    reason = "a measuring process: its tasks end with it, and time is the system's"
)]

mod floor;
mod frame;
mod http;
mod naive;
mod options;
mod process;
mod report;
mod rows;
mod seed;
mod swarm;
mod target;
mod traffic;

use clap::Parser;

use options::{Command, Options};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Run(options) => run(*options).await,
        Command::Naive(arguments) => naive::serve(arguments).await,
        Command::Floor(arguments) => floor::serve(arguments).await,
    }
}

async fn run(options: Options) -> anyhow::Result<()> {
    process::raise_open_files(options.open_files)?;
    std::fs::create_dir_all(&options.data_dir)?;
    let mut report = report::Report::begin(&options)?;
    for row in rows::chosen(&options)? {
        report.start(row);
        for run in 1..=options.runs {
            for server in row.servers(&options) {
                println!(
                    "{} on {}, run {run} of {}",
                    row.name,
                    server.name(),
                    options.runs
                );
                match row.measure(server, &options).await {
                    Ok(figures) => report.add(row, server, figures),
                    Err(error) => report.fail(row, server, &error),
                }
            }
        }
        report.end(row)?;
    }
    report.finish(&options)
}
