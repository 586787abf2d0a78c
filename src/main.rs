//! Parses the command, and calls `cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    conversation_gateway::cli::main(std::env::args_os().collect())
}
