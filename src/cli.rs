//! The commands. `--help` is the reference of every setting.

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use migration::{Migrator, MigratorTrait};
use tokio_util::sync::CancellationToken;

use crate::app::{App, UNMIGRATED};
use crate::auth::{self, command::TokenCommand};
use crate::clock::SystemClock;
use crate::config::{Config, with_file, with_strict_switches};
use crate::genesys;
use crate::graphql;
use crate::http_client;
use crate::lifecycle::{Lifecycle, watch_signals};
use crate::registrar::Registrar;
use crate::selftest::{self, SelftestArgs};
use crate::simulator::{Simulator, SimulatorConfig};
use crate::store::{Store, StoreConfig};
use crate::telemetry::{self, TelemetryConfig};

/// Every Genesys Cloud conversation with one universal status, as a live GraphQL feed.
#[derive(Parser)]
#[command(name = "conversation-gateway", version)]
struct Cli {
    /// TOML file with settings, named like the long flags; flags and the environment come before it
    #[arg(long, global = true, env = "GATEWAY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    telemetry: TelemetryConfig,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway: real Genesys Cloud, the configured database
    Serve(Box<Config>),
    /// Run the gateway on an embedded database with a simulated Genesys organisation; no login
    Demo(DemoArgs),
    /// Run the Genesys simulator alone; it starts quiet
    Simulate(SimulatorConfig),
    /// Bring the database up to date, back, or say where it is
    Migrate(MigrateArgs),
    /// Print the GraphQL schema
    Schema,
    /// Say whether the configuration is good
    CheckConfig(Box<CheckArgs>),
    /// Issue a development token; make, list and revoke API keys
    #[command(subcommand)]
    Token(TokenCommand),
    Selftest(Box<SelftestArgs>),
}

#[derive(Args)]
struct DemoArgs {
    /// Port of the gateway on 127.0.0.1
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Port of the simulator on 127.0.0.1
    #[arg(long, default_value_t = 8090)]
    sim_port: u16,
    /// Where to keep the data; without, it is gone when the demo ends
    #[arg(long, env = "GATEWAY_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// No generated traffic: the organisation is quiet until you act in it
    #[arg(long)]
    quiet_org: bool,
}

#[derive(Args)]
struct MigrateArgs {
    #[arg(value_enum, default_value_t = Direction::Up)]
    direction: Direction,
    #[command(flatten)]
    store: StoreConfig,
}

#[derive(Clone, Copy, ValueEnum)]
enum Direction {
    /// Apply what is missing
    Up,
    /// Take the latest step back
    Down,
    /// Say which steps are applied
    Status,
}

#[derive(Args)]
struct CheckArgs {
    /// Try each step against Genesys, too, and say which fails and why
    #[arg(long)]
    online: bool,
    #[command(flatten)]
    config: Config,
}

/// Runs the command line. 0: stopped as asked; 1: failed; 2: wrong use.
///
/// Not generic: or else the whole gateway would be compiled once more for each program that calls it.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    telemetry::start(&cli.telemetry);
    // Two TLS providers could be linked in one day; one is chosen for the whole process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = runtime
        .context("cannot start the runtime")
        .and_then(|runtime| runtime.block_on(run(cli.command)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("conversation-gateway: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(args: Vec<OsString>) -> Result<Cli, ExitCode> {
    let refuse = |error: &clap::Error| {
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    };
    let command = with_strict_switches(Cli::command());
    let command = match config_file(&args) {
        None => command,
        Some(path) => with_file(command, &path).map_err(|error| {
            eprintln!("conversation-gateway: {error:#}");
            ExitCode::from(2)
        })?,
    };
    let matches = command
        .try_get_matches_from(args)
        .map_err(|error| refuse(&error))?;
    Cli::from_arg_matches(&matches).map_err(|error| refuse(&error))
}

/// The file must be known before the rest is parsed: it gives the rest its defaults.
fn config_file(args: &[OsString]) -> Option<PathBuf> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy();
        if let Some(path) = text.strip_prefix("--config=") {
            return Some(path.into());
        }
        if text == "--config" {
            return args.next().map(PathBuf::from);
        }
    }
    std::env::var_os("GATEWAY_CONFIG").map(PathBuf::from)
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Schema => print_schema()?,
        Command::Migrate(args) => migrate(args).await?,
        Command::CheckConfig(args) => check_config(*args).await?,
        Command::Token(command) => auth::command::run(command, &SystemClock).await?,
        Command::Selftest(args) => return selftest::run(*args).await,
        Command::Serve(config) => serve(*config).await?,
        Command::Demo(args) => demo(args).await?,
        Command::Simulate(config) => simulate(config).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Whoever reads it may stop early, as `head` does.
fn print_schema() -> std::io::Result<()> {
    match std::io::stdout().write_all(graphql::sdl().as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    config.auth.check()?;
    config.genesys.check()?;
    for warning in config.without_effect.warnings() {
        tracing::warn!("{warning}");
    }
    let token = CancellationToken::new();
    let app = App::build(
        config,
        telemetry::start_metrics()?,
        Arc::new(SystemClock),
        token.clone(),
    )
    .await?;
    tracing::info!(address = %app.local_addr(), "serving");
    until_signalled(token, app.run()).await
}

async fn simulate(config: SimulatorConfig) -> anyhow::Result<()> {
    let token = CancellationToken::new();
    let port = config.port;
    let simulator = Simulator::bind(config)
        .await
        .with_context(|| format!("cannot listen on port {port} (--port)"))?;
    println!("Genesys simulator: http://{}", simulator.local_addr());
    let serving = simulator.serve(token.clone());
    until_signalled(token, async { Ok(serving.await?) }).await
}

async fn demo(args: DemoArgs) -> anyhow::Result<()> {
    let token = CancellationToken::new();
    let simulator = Simulator::bind(SimulatorConfig {
        port: args.sim_port,
        // Nobody pays for calls here, and the demo's own page calls it, too.
        rate_limit: 0,
        ..SimulatorConfig::default()
    })
    .await
    .with_context(|| format!("cannot listen on port {} (--sim-port)", args.sim_port))?;
    let simulated = format!("http://{}", simulator.local_addr());
    let scratch = match &args.data_dir {
        Some(_) => None,
        None => Some(Scratch::make()?),
    };
    let data_dir = args
        .data_dir
        .or_else(|| scratch.as_ref().map(|scratch| scratch.0.clone()))
        .context("no data directory")?;
    let config = demo_config(args.port, data_dir, &simulated)?;
    let mut lifecycle = Lifecycle::new(token.clone(), std::time::Duration::from_secs(20));
    let serving = simulator.serve(token.clone());
    lifecycle.spawn("simulator", async move { Ok(serving.await?) });
    let building = App::build(
        config,
        telemetry::start_metrics()?,
        Arc::new(SystemClock),
        token.clone(),
    );
    lifecycle.spawn("gateway", {
        let (simulated, token) = (simulated.clone(), token.clone());
        async move {
            let app = building.await?;
            if !args.quiet_org {
                start_traffic(&simulated).await?;
            }
            let gateway = format!("http://{}", app.local_addr());
            println!("\n  Live pages         {gateway}/");
            println!("  Badge in a page    {gateway}/badge-example");
            println!("  GraphiQL           {gateway}/graphiql");
            println!("  Genesys simulator  {simulated}/\n\n  Ctrl-C stops it.\n");
            let registering = Registrar::new(&gateway)?.run(token);
            tokio::try_join!(app.run(), registering)?;
            Ok(())
        }
    });
    until_signalled(token, lifecycle.run()).await
}

fn demo_config(port: u16, data_dir: PathBuf, simulated: &str) -> anyhow::Result<Config> {
    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        config: Config,
    }
    let simulator = SimulatorConfig::default();
    let arguments = [
        "demo",
        "--genesys-api-url",
        simulated,
        "--genesys-login-url",
        simulated,
        "--genesys-client-id",
        &simulator.client_id,
        "--genesys-client-secret",
        &simulator.client_secret,
    ];
    let matches = with_strict_switches(Alone::command()).try_get_matches_from(arguments)?;
    let mut config = Alone::from_arg_matches(&matches)?.config;
    config.auth.insecure_no_auth = true;
    config.store.database_url = None;
    config.store.data_dir = data_dir;
    config.http.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    config.http.web_demo = true;
    config.http.introspection = true;
    config.http.web_demo_connect = vec![simulated.to_owned()];
    // The simulator's analytics lag less than Genesys' own: what was missed is whole again sooner.
    config.genesys.analytics_lag = simulator.analytics_lag + std::time::Duration::from_secs(1);
    Ok(config)
}

/// Asks the simulator for a small organisation's usual business.
async fn start_traffic(simulated: &str) -> anyhow::Result<()> {
    let business = serde_json::json!({ "eventsPerSecond": 6, "conversations": 40, "seconds": 0 });
    http_client::builder(std::time::Duration::from_secs(5))
        .build()?
        .post(format!("{simulated}/sim/traffic"))
        .json(&business)
        .send()
        .await?
        .error_for_status()?;
    Ok(())
}

async fn migrate(args: MigrateArgs) -> anyhow::Result<()> {
    let store = Store::connect(&args.store)
        .await
        .context("cannot open the database")?;
    match args.direction {
        Direction::Up => Migrator::up(store.database(), None).await?,
        Direction::Down => Migrator::down(store.database(), Some(1)).await?,
        Direction::Status => {
            for step in Migrator::get_migration_with_status(store.database()).await? {
                println!("{:<10}{}", step.status().to_string(), step.name());
            }
        }
    }
    Ok(())
}

async fn check_config(args: CheckArgs) -> anyhow::Result<()> {
    args.config.auth.check()?;
    args.config.genesys.check()?;
    println!("ok    settings");
    for warning in args.config.without_effect.warnings() {
        println!("warn  {warning}");
    }
    if !args.online {
        return Ok(());
    }
    let mut failed = false;
    match check_database(&args.config.store).await {
        Ok(()) => println!("ok    database"),
        Err(error) => {
            failed = true;
            println!("FAIL  database: {error:#}");
        }
    }
    for step in genesys::check(&args.config.genesys, Arc::new(SystemClock)).await {
        match step.outcome {
            Ok(detail) => println!("ok    {}: {detail}", step.name),
            Err(reason) => {
                failed = true;
                println!("FAIL  {}: {reason}", step.name);
            }
        }
    }
    anyhow::ensure!(!failed, "not every step works");
    Ok(())
}

/// Whether `serve` could use the database. It migrates the embedded one by itself.
async fn check_database(config: &StoreConfig) -> anyhow::Result<()> {
    let store = Store::connect(config).await?;
    if config.database_url.is_some() && !store.is_migrated().await? {
        bail!(UNMIGRATED);
    }
    Ok(())
}

async fn until_signalled(
    token: CancellationToken,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    tokio::select! {
        outcome = work => outcome,
        failed = watch_signals(token) => failed,
    }
}

/// A directory that is gone with the demo.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> anyhow::Result<Self> {
        let path =
            std::env::temp_dir().join(format!("conversation-gateway-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The variables of a command and of those below it.
    fn variables(command: &clap::Command) -> Vec<String> {
        let arguments = command.get_arguments();
        let own = arguments.filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned()));
        own.chain(command.get_subcommands().flat_map(variables))
            .collect()
    }

    #[test]
    fn the_example_file_lists_every_variable() {
        let example = include_str!("../.env.example");
        let lists = |variable: &str| {
            let mut lines = example.lines().map(|line| line.trim_start_matches('#'));
            lines.any(|line| {
                line.split_once('=')
                    .is_some_and(|(name, _)| name == variable)
            })
        };
        let mut missing = variables(&Cli::command());
        assert!(missing.contains(&"GATEWAY_LISTEN".to_owned()));
        missing.retain(|variable| !lists(variable));
        assert!(missing.is_empty(), "{missing:?}");
    }
}
