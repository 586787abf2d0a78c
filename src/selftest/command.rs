//! The command `selftest`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::report::{self, Sums};
use super::rule::{Rule, Takes};
use super::target::Target;
use super::{rule, rules};

/// Try the rules of GraphQL over HTTP, graphql-transport-ws and graphql-sse on a running gateway
///
/// Each rule is tried from outside, as a client would meet it: run this from where your clients are,
/// with the address they use, and you see what a proxy on the way breaks. One line per rule says
/// `ok`, `FAIL` with what came instead, or `skip` with the reason. Nothing is changed in the gateway:
/// the only mutation it runs is `mutation { __typename }`.
///
/// The exit code is 0 when every rule that could be tried is kept, and 1 otherwise.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct SelftestArgs {
    /// Address of the gateway; without a path, `/graphql`
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Token to ask with, of the permission conversations:read; a gateway that lets everybody in
    /// needs none
    #[arg(long, env = "GATEWAY_SELFTEST_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Only rules whose id begins so, such as `http`, `sse`, `ws` or `ws-1002`
    #[arg(long, value_name = "PREFIX", value_delimiter = ',')]
    only: Vec<String>,
    /// Also the rules that take up to two minutes, because timers of the gateway must run off
    #[arg(long)]
    thorough: bool,
    /// Print the rules and where they stand written, and try none
    #[arg(long)]
    list: bool,
    /// How many rules are tried at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    at_once: u16,
}

const EXAMPLES: &str = "\
Examples:
  conversation-gateway selftest
      the gateway on this machine
  conversation-gateway selftest --url https://dcm.example/graphql --token \"$TOKEN\"
      through the proxy, as a client with a token
  conversation-gateway selftest --only ws,sse --json
      sockets and event streams, for a program to read
  conversation-gateway selftest --list --only ws-1002
      what would be tried";

impl SelftestArgs {
    /// The rules asked for.
    fn rules(&self) -> Vec<Rule> {
        let wanted = |rule: &Rule| {
            let named = self.only.iter().any(|prefix| rule.id.starts_with(prefix));
            named || self.only.is_empty()
        };
        let in_time = |rule: &Rule| self.thorough || self.list || rule.takes < Takes::Minute;
        let mut rules = rules();
        rules.retain(|rule| wanted(rule) && in_time(rule));
        rules
    }
}

/// Runs the command; the report goes to standard output.
///
/// # Errors
/// There is no gateway to try, or no rule of that name.
pub async fn run(args: SelftestArgs) -> anyhow::Result<ExitCode> {
    let rules = args.rules();
    anyhow::ensure!(
        !rules.is_empty(),
        "no rule's id begins so (--only, see --list)"
    );
    if args.list {
        say(&report::table(&rules))?;
        return Ok(ExitCode::SUCCESS);
    }
    let token = args.token.as_ref().map(|it| it.expose_secret().to_owned());
    let target = Target::reach(&args.url, token).await?;
    let findings = rule::try_all(&target, &rules, args.at_once.into()).await;
    if args.json {
        let report = report::json(target.url.as_str(), &findings);
        say(&format!("{report:#}\n"))?;
    } else {
        say(&report::text(&findings))?;
    }
    let sums = Sums::of(&findings);
    Ok(ExitCode::from(u8::from(sums.failed > 0)))
}

/// Writes to standard output; whoever has stopped reading, as `head` does, has read enough.
fn say(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
