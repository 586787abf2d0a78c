//! The rule table against a running gateway: not one deviation. And against gateways behind proxies
//! that break rules: it must be those rules that fail.

mod proxy;

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use conversation_gateway::auth::{AuthConfig, issue};
use conversation_gateway::clock::{Clock, SystemClock};
use conversation_gateway::domain::api_key::Grant;
use conversation_gateway::domain::permission::Permissions;
use conversation_gateway::selftest::{Finding, Rule, Takes, Verdict, rules, try_rules};
use serde_json::Value;
use tokio::process::Command;

use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;
use proxy::{Harm, Proxy};

const SECRET: &str = "correct horse battery staple, long enough";
/// Timers that the rules wait for run off soon.
const QUICK: [&str; 12] = [
    "--jwt-secret",
    SECRET,
    "--ws-init-timeout",
    "3s",
    "--ws-ping-interval",
    "300ms",
    "--ws-pong-timeout",
    "2s",
    "--ws-close-timeout",
    "1s",
    "--sse-keep-alive",
    "200ms",
];

fn reader() -> String {
    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        config: AuthConfig,
    }
    let config = <Alone as clap::Parser>::parse_from(["x", "--jwt-secret", SECRET]).config;
    let grant = Grant {
        permissions: Permissions::from_words("conversations:read"),
        narrowing: None,
    };
    let lifetime = Duration::from_hours(1);
    issue(&config, "selftest", &grant, lifetime, SystemClock.now()).expect("a token")
}

async fn gateway(organisation: &Organisation) -> Gateway {
    Gateway::start_unready(organisation, Database::Sqlite, &QUICK).await
}

fn deviations(findings: &[Finding<'_>]) -> Vec<String> {
    let deviating = findings
        .iter()
        .filter(|finding| finding.verdict != Verdict::Pass);
    deviating
        .map(|finding| format!("{}: {:?}", finding.rule.id, finding.verdict))
        .collect()
}

fn broken(findings: &[Finding<'_>]) -> BTreeSet<String> {
    let failed = findings
        .iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Fail(_)));
    failed.map(|finding| finding.rule.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_gateway_keeps_every_rule() {
    let organisation = Organisation::start().await;
    let gateway = gateway(&organisation).await;
    let rules = rules();
    let url = format!("http://{}", gateway.address);
    let findings = try_rules(&url, Some(reader()), &rules, 8).await;
    let findings = findings.expect("the gateway answers");
    let deviations = deviations(&findings);
    assert!(deviations.is_empty(), "{deviations:#?}");
    let of_sockets = findings.iter().filter(|it| it.rule.id.starts_with("ws-"));
    assert!(of_sockets.count() >= 40);
}

/// What a proxy does, and the rules that then are broken.
struct Case {
    harm: Harm,
    /// Beginnings of rules that must fail.
    broken: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        harm: Harm::StripsSubprotocol,
        broken: &[
            "ws-subprotocol",
            "ws-subprotocol-second",
            "ws-subprotocol-first",
            "ws-subprotocol-lines",
        ],
    },
    Case {
        harm: Harm::ClosesNormally,
        broken: &[
            "ws-init-twice",
            "ws-init-twice-at-once",
            "ws-init-payload",
            "ws-subscribe-before-init",
            "ws-nobody",
            "ws-null-payload",
            "ws-forger",
            "ws-4400-*",
            "ws-4409",
            "ws-4409-query",
            "ws-error-only-its-own",
            "ws-close-reason",
            "ws-close-by-server",
        ],
    },
    Case {
        harm: Harm::MakesErrorsResults,
        broken: &["ws-error-*", "ws-id-again-failed"],
    },
    Case {
        harm: Harm::EchoesComplete,
        broken: &[
            "ws-no-echo",
            "ws-complete-unknown",
            "ws-complete-late",
            "ws-complete-twice",
            "ws-id-again-completed",
        ],
    },
    Case {
        harm: Harm::EmptiesPongs,
        broken: &[
            "ws-frame-ping",
            "ws-frame-ping-long",
            "ws-frame-ping-inside",
        ],
    },
    Case {
        harm: Harm::AnswersAlways200,
        broken: &[
            "http-9C48",
            "http-9ABE",
            "http-A5BF",
            "http-423L",
            "http-8764",
            "http-3E3A",
            "http-LKJ*",
            "http-6C0*",
            "http-476*",
            "http-58B*",
            "http-BCF8",
            "http-B7N8",
            "http-86EE",
            "http-865D",
            "http-556A",
            "http-51FE",
            "http-74FF",
            "http-get-mutation",
            "http-not-acceptable",
            "http-charset",
            "http-subscription",
            "http-batch",
            "http-csrf-*",
            "http-foreign-get",
            "http-nobody",
            "http-forger",
            "sse-get-mutation",
            "ws-subprotocol-none",
            "ws-subprotocol-legacy",
            "ws-subprotocol-similar",
            "ws-no-key",
            "ws-foreign-origin",
            "ws-version",
        ],
    },
    Case {
        harm: Harm::SendsAllAsJson,
        broken: &[
            "http-9ABE",
            "http-charset",
            "http-csrf-*",
            "http-foreign-get",
        ],
    },
    Case {
        harm: Harm::CollectsStreams,
        broken: &["sse-subscription"],
    },
];

fn named(rules: &[Rule], names: &[&str]) -> BTreeSet<String> {
    let is_named = |rule: &&Rule| {
        names.iter().any(|name| match name.strip_suffix('*') {
            Some(beginning) => rule.id.starts_with(beginning),
            None => rule.id == *name,
        })
    };
    let named = rules.iter().filter(is_named);
    named.map(|rule| rule.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_proxy_that_breaks_rules_just_those_fail() {
    let organisation = Organisation::start().await;
    let gateway = gateway(&organisation).await;
    let mut rules = rules();
    rules.retain(|rule| rule.takes == Takes::Moment);
    for case in CASES {
        let proxy = Proxy::start(gateway.address, case.harm).await;
        let findings = try_rules(&proxy.url(), Some(reader()), &rules, 8).await;
        let findings = findings.expect("the gateway answers");
        let expected = named(&rules, case.broken);
        assert!(!expected.is_empty());
        assert_eq!(
            broken(&findings),
            expected,
            "{:?}: {:#?}",
            case.harm,
            deviations(&findings)
        );
    }
}

#[tokio::test]
async fn an_honest_proxy_breaks_nothing() {
    let organisation = Organisation::start().await;
    let gateway = gateway(&organisation).await;
    let mut rules = rules();
    rules.retain(|rule| rule.takes == Takes::Moment);
    let proxy = Proxy::start(gateway.address, Harm::None).await;
    let findings = try_rules(&proxy.url(), Some(reader()), &rules, 8).await;
    let deviations = deviations(&findings.expect("the gateway answers"));
    assert!(deviations.is_empty(), "{deviations:#?}");
}

/// Runs the command and gives its exit code, output and errors.
async fn command(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_conversation-gateway"))
        .arg("selftest")
        .args(args)
        .env_remove("GATEWAY_SELFTEST_TOKEN")
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test]
async fn the_command_reports_and_its_exit_code_tells() {
    let organisation = Organisation::start().await;
    let gateway = gateway(&organisation).await;
    let (url, token) = (format!("http://{}", gateway.address), reader());
    let ours = ["--url", &url, "--token", &token];

    let only = ["--only", "ws-4400,http-nobody"];
    let (code, report, _) = command(&[&ours[..], &only].concat()).await;
    assert_eq!(code, Some(0), "{report}");
    assert!(
        report.lines().all(|line| !line.starts_with("FAIL")),
        "{report}"
    );
    assert!(report.contains("ok   ws-4400-text "), "{report}");
    assert!(report.contains(" 0 broken, 0 not tried"), "{report}");

    let proxy = Proxy::start(gateway.address, Harm::ClosesNormally).await;
    let url = proxy.url();
    let harmed = [
        "--url",
        &url,
        "--token",
        &token,
        "--only",
        "ws-ping,ws-4409",
    ];
    let (code, report, _) = command(&harmed).await;
    assert_eq!(code, Some(1), "{report}");
    assert!(report.contains("FAIL ws-4409 "), "{report}");
    assert!(report.contains("the server closed with 1000"), "{report}");
    assert!(report.contains("ok   ws-ping "), "{report}");

    let (code, report, _) = command(&[&harmed[..], &["--json"]].concat()).await;
    assert_eq!(code, Some(1), "{report}");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["failed"], 2);
    let rules = report["rules"].as_array().expect("a list");
    let verdict = |id: &str| &rules.iter().find(|it| it["id"] == id).expect("tried")["verdict"];
    assert_eq!(
        (verdict("ws-4409"), verdict("ws-ping")),
        (&"fail".into(), &"pass".into())
    );
}

#[tokio::test]
async fn the_command_says_what_is_missing() {
    let organisation = Organisation::start().await;
    let gateway = gateway(&organisation).await;
    let url = format!("http://{}", gateway.address);
    for (args, said) in [
        (vec!["--url", &url], "give a token or API key with --token"),
        (
            vec!["--url", &url, "--token", "nonsense"],
            "the token does not hold",
        ),
        (vec!["--url", "http://127.0.0.1:1"], "refused"),
        (vec!["--url", "ftp://x"], "--url"),
        (vec!["--only", "nonesuch"], "--only"),
    ] {
        let (code, report, errors) = command(&args).await;
        assert_eq!((code, report.as_str()), (Some(1), ""), "{args:?}");
        assert!(errors.contains(said), "{args:?}: {errors}");
    }
    let (code, list, _) = command(&["--list"]).await;
    assert_eq!((code, list.lines().count()), (Some(0), rules().len()));
}

#[tokio::test]
async fn a_gateway_that_lets_everybody_in_is_tried_but_for_its_guard() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start_unready(&organisation, Database::Sqlite, &[]).await;
    let mut rules = rules();
    rules.retain(|rule| rule.needs_guard || rule.id.starts_with("ws-init"));
    rules.retain(|rule| rule.takes == Takes::Moment);
    let url = format!("ws://{}/graphql", gateway.address);
    let findings = try_rules(&url, None, &rules, 8).await;
    for finding in findings.expect("the gateway answers") {
        let skipped = matches!(finding.verdict, Verdict::Skip(_));
        assert_eq!(skipped, finding.rule.needs_guard, "{}", finding.rule.id);
        assert!(
            !matches!(finding.verdict, Verdict::Fail(_)),
            "{}",
            finding.rule.id
        );
    }
}
