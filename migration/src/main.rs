//! Runs the migrations from the command line, for those who write them.

use migration::Migrator;
use sea_orm_migration::cli;

#[tokio::main]
async fn main() {
    cli::run_cli(Migrator).await;
}
