//! The command `token`: development tokens, and API keys.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;

use super::api_keys::{self, NewKey};
use super::config::AuthConfig;
use super::issue::issue;
use crate::clock::Clock;
use crate::domain::api_key::{ApiKey, Grant, Narrowing};
use crate::domain::permission::Permission;
use crate::domain::time::Time;
use crate::duration::duration;
use crate::store::{Store, StoreConfig};

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Print a token for development, signed with --jwt-secret
    Issue(Box<IssueArgs>),
    /// API keys for machines: stored hashed, shown once
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it; it is never shown again
    Create(CreateArgs),
    /// List all keys there ever were
    List(ListArgs),
    /// Revoke a key; a running gateway ends its connections within seconds
    Revoke(RevokeArgs),
}

#[derive(Args)]
pub struct IssueArgs {
    /// Whose token it is
    #[arg(long, default_value = "developer")]
    subject: String,
    /// How long it holds
    #[arg(long = "for", value_name = "TIME", default_value = "8h", value_parser = duration)]
    lifetime: Duration,
    #[command(flatten)]
    grant: GrantArgs,
    #[command(flatten)]
    auth: AuthConfig,
}

#[derive(Args)]
pub struct CreateArgs {
    /// What to call it; it signs with this name what it does
    #[arg(long, value_parser = name)]
    name: String,
    /// How long it holds; without, until it is revoked
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    lifetime: Option<Duration>,
    #[command(flatten)]
    grant: GrantArgs,
    #[command(flatten)]
    store: StoreConfig,
}

#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    store: StoreConfig,
}

#[derive(Args)]
pub struct RevokeArgs {
    /// The key's id, as `token key list` shows it
    id: String,
    #[command(flatten)]
    store: StoreConfig,
}

/// What a token or key allows.
#[derive(Args)]
struct GrantArgs {
    /// What it may do: conversations:read, conversations:write, conversations:close,
    /// conversations:personal, admin; separated by commas
    #[arg(long, value_name = "PERMISSION", value_delimiter = ',', required = true, value_parser = permission)]
    permission: Vec<Permission>,
    /// Only conversations of these queues
    #[arg(long, value_name = "QUEUE_ID", value_delimiter = ',')]
    only_queues: Vec<String>,
    /// Only conversations of these teams
    #[arg(long, value_name = "TEAM_ID", value_delimiter = ',')]
    only_teams: Vec<String>,
    /// With either: also conversations that this Genesys user is an active agent of
    #[arg(long, value_name = "USER_ID")]
    genesys_user: Option<String>,
}

impl GrantArgs {
    fn grant(self) -> anyhow::Result<Grant> {
        let permissions = self.permission.into_iter().collect();
        let is_narrowed = !self.only_queues.is_empty()
            || !self.only_teams.is_empty()
            || self.genesys_user.is_some();
        let narrowing = is_narrowed.then(|| Narrowing {
            queues: self.only_queues.into_iter().collect(),
            teams: self.only_teams.into_iter().collect(),
            user: self.genesys_user.map(Into::into),
        });
        let grant = Grant {
            permissions,
            narrowing,
        };
        if is_narrowed && grant.permissions.contains(Permission::Admin) {
            bail!("admin takes the whole view: it can't be narrowed");
        }
        Ok(grant)
    }
}

/// Runs the command; what it makes goes to standard output.
///
/// # Errors
/// Settings that can't be, or a database that can't be used.
pub async fn run(command: TokenCommand, clock: &dyn Clock) -> anyhow::Result<()> {
    match command {
        TokenCommand::Issue(args) => {
            let grant = args.grant.grant()?;
            println!(
                "{}",
                issue(
                    &args.auth,
                    &args.subject,
                    &grant,
                    args.lifetime,
                    clock.now()
                )?
            );
            Ok(())
        }
        TokenCommand::Key(KeyCommand::Create(args)) => create(args, clock.now()).await,
        TokenCommand::Key(KeyCommand::List(args)) => list(&args.store, clock.now()).await,
        TokenCommand::Key(KeyCommand::Revoke(args)) => {
            revoke(&args.id, &args.store, clock.now()).await
        }
    }
}

async fn create(args: CreateArgs, now: Time) -> anyhow::Result<()> {
    let grant = args.grant.grant()?;
    let store = open(&args.store).await?;
    let lifetime = args
        .lifetime
        .map(|it| i64::try_from(it.as_millis()))
        .transpose()?;
    let new = NewKey {
        name: args.name,
        grant,
        expires_at: lifetime.map(|millis| now.plus_millis(millis)),
        created_by: operator(),
    };
    let (key, secret) = api_keys::create(&store, new, now).await?;
    eprintln!("API key {} ({}); it is shown only now:", key.id, key.name);
    println!("{}", secret.expose_secret());
    Ok(())
}

async fn list(config: &StoreConfig, now: Time) -> anyhow::Result<()> {
    let store = open(config).await?;
    for key in store.api_keys().await? {
        println!("{}", line(&key, now));
    }
    Ok(())
}

async fn revoke(id: &str, config: &StoreConfig, now: Time) -> anyhow::Result<()> {
    let store = open(config).await?;
    match api_keys::revoke(&store, id, &operator(), now).await? {
        Some(key) => {
            eprintln!("revoked {} ({})", key.id, key.name);
            Ok(())
        }
        None => bail!("there is no key {id} that could be revoked"),
    }
}

async fn open(config: &StoreConfig) -> anyhow::Result<Store> {
    let store = Store::connect(config)
        .await
        .context("cannot open the database")?;
    if !store.is_migrated().await? {
        bail!("the database lacks migrations: run `conversation-gateway migrate up`");
    }
    Ok(store)
}

fn line(key: &ApiKey, now: Time) -> String {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(end)) if end <= now => format!("expired {end}"),
        (None, Some(end)) => format!("holds until {end}"),
        (None, None) => "holds".to_owned(),
    };
    let scope = if key.grant.narrowing.is_some() {
        "narrowed"
    } else {
        "all conversations"
    };
    format!(
        "{}  {}  [{}]  {scope}  made {} by {}  {state}",
        key.id, key.name, key.grant.permissions, key.created_at, key.created_by
    )
}

/// Who sits at the keyboard, as far as the system says.
fn operator() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    format!("cli:{}", user.as_deref().unwrap_or("unknown"))
}

fn permission(text: &str) -> Result<Permission, String> {
    Permission::from_word(text.trim()).ok_or_else(|| {
        let words: Vec<_> = Permission::ALL.iter().map(|it| it.as_str()).collect();
        format!("want one of {}", words.join(", "))
    })
}

/// It becomes part of a subject.
fn name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("want 1 to 64 letters, digits, '-', '_' or '.'".to_owned())
    }
}
