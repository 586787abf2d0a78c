//! Gathers the settings of all modules; each lives beside the code it configures.
//!
//! Flags come before the environment, and the environment before the TOML file, whose keys are the
//! long flags' names.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::builder::{BoolishValueParser, TypedValueParser};
use clap::{Arg, ArgAction, Command};
use secrecy::{ExposeSecret, SecretString};

use crate::auth::AuthConfig;
use crate::counts::CountsConfig;
use crate::eventbridge::EventBridgeConfig;
use crate::feed::FeedConfig;
use crate::genesys::GenesysConfig;
use crate::graphql::OwnerIds;
use crate::http::HttpConfig;
use crate::hub::HubConfig;
use crate::ingest::IngestConfig;
use crate::read_model::ReadModelConfig;
use crate::retention::RetentionConfig;
use crate::store::StoreConfig;

/// All settings of a gateway.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    #[command(flatten)]
    pub http: HttpConfig,
    #[command(flatten)]
    pub auth: AuthConfig,
    #[command(flatten)]
    pub store: StoreConfig,
    #[command(flatten)]
    pub genesys: GenesysConfig,
    #[command(flatten)]
    pub eventbridge: EventBridgeConfig,
    #[command(flatten)]
    pub ingest: IngestConfig,
    #[command(flatten)]
    pub hub: HubConfig,
    #[command(flatten)]
    pub retention: RetentionConfig,
    #[command(flatten)]
    pub reads: ReadModelConfig,
    #[command(flatten)]
    pub counts: CountsConfig,
    #[command(flatten)]
    pub feed: FeedConfig,
    #[command(flatten)]
    pub owners: OwnersConfig,
    #[command(flatten)]
    pub without_effect: WithoutEffect,
}

/// Settings that are known by name but that this version does nothing with.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Without effect in this version")]
pub struct WithoutEffect {
    /// Message bus between several processes: there is none, only one process is served
    #[arg(long, env = "NATS_URL", value_name = "URL", hide_env_values = true)]
    pub nats_url: Option<SecretString>,
    /// Where traces would go: none are exported
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "URL",
        hide_env_values = true
    )]
    pub otel_exporter_otlp_endpoint: Option<SecretString>,
}

impl WithoutEffect {
    /// A line for each that is set: what is not done.
    pub fn warnings(&self) -> Vec<&'static str> {
        let is_set = |setting: &Option<SecretString>| {
            let setting = setting.as_ref();
            setting.is_some_and(|value| !value.expose_secret().is_empty())
        };
        let bus = "NATS_URL has no effect: there is no message bus, run one process only";
        let traces = "OTEL_EXPORTER_OTLP_ENDPOINT has no effect: no traces are exported";
        [
            (&self.nats_url, bus),
            (&self.otel_exporter_otlp_endpoint, traces),
        ]
        .into_iter()
        .filter_map(|(setting, warning)| is_set(setting).then_some(warning))
        .collect()
    }
}

/// DCM's own ids for Genesys' queues and users.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Owners")]
pub struct OwnersConfig {
    /// DCM's team ids by queue: `queueId=teamId`, separated by commas
    #[arg(long, env = "GATEWAY_QUEUE_TEAMS", value_delimiter = ',', value_parser = pair)]
    pub queue_teams: Vec<(String, String)>,
    /// DCM's user ids by Genesys' user: `userId=dcmUserId`, separated by commas
    #[arg(long, env = "GATEWAY_USERS", value_delimiter = ',', value_parser = pair)]
    pub users: Vec<(String, String)>,
}

impl OwnersConfig {
    pub fn ids(&self) -> OwnerIds {
        let map =
            |pairs: &[(String, String)]| Arc::new(pairs.iter().cloned().collect::<HashMap<_, _>>());
        OwnerIds {
            teams: map(&self.queue_teams),
            users: map(&self.users),
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => {
            Ok((left.to_owned(), right.to_owned()))
        }
        _ => Err("want id=id".to_owned()),
    }
}

/// Makes every switch refuse a word that is neither a yes nor a no, wherever it stands: `disabled`
/// must not count as a yes.
pub fn with_strict_switches(command: Command) -> Command {
    command
        .mut_args(|arg| {
            if is_switch(&arg) {
                arg.value_parser(BoolishValueParser::new())
            } else {
                arg
            }
        })
        .mut_subcommands(with_strict_switches)
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// Puts the values of a TOML file under the defaults of `command` and of its subcommands.
///
/// # Errors
/// The file can't be read, is no TOML, names another file or a setting that no command has, or gives a
/// switch another word than yes or no.
pub fn with_file(command: Command, path: &Path) -> anyhow::Result<Command> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let table: toml::Table = text
        .parse()
        .with_context(|| format!("{} is no TOML", path.display()))?;
    let mut settings = HashMap::new();
    flatten(&table, &mut settings)?;
    if settings.contains_key("config") {
        bail!("{}: config can't stand in a file", path.display());
    }
    for (key, value) in &settings {
        let Some(arg) = find(&command, key) else {
            bail!("{}: there is no setting {key}", path.display());
        };
        if is_switch(arg) && !is_yes_or_no(value) {
            bail!("{}: {key} is true or false, not {value}", path.display());
        }
    }
    Ok(with_defaults(command, &settings))
}

/// The setting, of the command or of one below it.
fn find<'a>(command: &'a Command, setting: &str) -> Option<&'a Arg> {
    let mut below = command.get_subcommands().filter(|sub| is_gateway(sub));
    command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(setting))
        .or_else(|| below.find_map(|sub| find(sub, setting)))
}

fn is_yes_or_no(word: &str) -> bool {
    BoolishValueParser::new()
        .parse_ref(&Command::default(), None, word.as_ref())
        .is_ok()
}

fn with_defaults(command: Command, settings: &HashMap<String, String>) -> Command {
    let command = command.mut_args(|arg| with_default(arg, settings));
    command.mut_subcommands(|sub| {
        if is_gateway(&sub) {
            with_defaults(sub, settings)
        } else {
            sub
        }
    })
}

/// The simulator is another company's: the gateway's settings are not for it.
fn is_gateway(sub: &Command) -> bool {
    sub.get_name() != "simulate"
}

fn with_default(arg: Arg, settings: &HashMap<String, String>) -> Arg {
    let value = arg.get_long().and_then(|long| settings.get(long)).cloned();
    match value {
        Some(value) if matches!(arg.get_action(), ArgAction::Append) => {
            arg.default_values(value.split(',').map(str::to_owned).collect::<Vec<_>>())
        }
        Some(value) => arg.default_value(value),
        None => arg,
    }
}

/// Tables group settings for the eye only.
fn flatten(table: &toml::Table, settings: &mut HashMap<String, String>) -> anyhow::Result<()> {
    for (key, value) in table {
        let text = match value {
            toml::Value::Table(inner) => {
                flatten(inner, settings)?;
                continue;
            }
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Array(items) => items
                .iter()
                .map(|item| {
                    item.as_str()
                        .map_or_else(|| item.to_string(), str::to_owned)
                })
                .collect::<Vec<_>>()
                .join(","),
            toml::Value::Datetime(_) => bail!("{key}: a time is no setting"),
        };
        settings.insert(key.replace('_', "-"), text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::{Args, FromArgMatches};

    use super::*;

    fn parse(file: &str, args: &[&str]) -> anyhow::Result<Config> {
        let mut toml = tempfile::NamedTempFile::new()?;
        toml.write_all(file.as_bytes())?;
        let serve = Config::augment_args(Command::new("serve"));
        let command = with_strict_switches(Command::new("gateway").subcommand(serve));
        let command = with_file(command, toml.path())?;
        let matches = command.try_get_matches_from([&["gateway", "serve"], args].concat())?;
        let (_, serve) = matches.subcommand().context("no subcommand")?;
        Ok(Config::from_arg_matches(serve)?)
    }

    #[test]
    fn the_file_gives_defaults_and_flags_win() {
        let file = "listen = \"127.0.0.1:9001\"\n[ingest]\ningest_batch = 7\nweb-demo = true\nusers = [\"a=b\", \"c=d\"]\n";
        let config = parse(file, &[]).unwrap();
        assert_eq!(config.http.listen.port(), 9001);
        assert_eq!(config.ingest.ingest_batch, 7);
        assert!(config.http.web_demo);
        assert_eq!(config.owners.users.len(), 2);
        let config = parse(file, &["--listen", "127.0.0.1:9002"]).unwrap();
        assert_eq!(config.http.listen.port(), 9002);
    }

    #[test]
    fn a_setting_that_does_not_exist_is_named() {
        let error = parse("lisen = 1", &[]).unwrap_err();
        assert!(error.to_string().contains("no setting lisen"), "{error}");
    }

    #[test]
    fn a_file_names_no_other_file() {
        let error = parse("config = \"other.toml\"", &[]).unwrap_err();
        let told = "config can't stand in a file";
        assert!(error.to_string().ends_with(told), "{error}");
    }

    #[test]
    fn a_switch_knows_the_usual_words_for_yes_and_no_and_no_others() {
        for (word, on) in [("\"yes\"", true), ("1", true), ("\"off\"", false)] {
            let config = parse(&format!("web-demo = {word}"), &[]).unwrap();
            assert_eq!(config.http.web_demo, on, "{word}");
        }
        let error = parse("insecure-no-auth = \"disabled\"", &[]).unwrap_err();
        let told = "insecure-no-auth is true or false, not disabled";
        assert!(error.to_string().ends_with(told), "{error}");
    }
}
