//! What the program says to settings, before it does anything.

use std::process::Output;

use crate::support::postgres;
use crate::support::process::outcome;

const GENESYS: [(&str, &str); 3] = [
    ("GENESYSCLOUD_REGION", "eu_central_1"),
    ("GENESYSCLOUD_OAUTHCLIENT_ID", "client"),
    ("GENESYSCLOUD_OAUTHCLIENT_SECRET", "secret"),
];

fn check_config(more: &[(&str, &str)]) -> Output {
    outcome(&["check-config"], &[&GENESYS, more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_switch_with_a_word_it_does_not_know_stops_the_start() {
    for word in ["disabled", "none", ""] {
        let checked = check_config(&[("GATEWAY_INSECURE_NO_AUTH", word)]);
        assert_eq!(checked.status.code(), Some(2), "{word}");
        let told = text(&checked.stderr);
        assert!(told.contains("--insecure-no-auth"), "{told}");
    }
    for word in ["true", "on", "1"] {
        let checked = check_config(&[("GATEWAY_INSECURE_NO_AUTH", word)]);
        assert!(checked.status.success(), "{}", text(&checked.stderr));
    }
    let off = check_config(&[("GATEWAY_INSECURE_NO_AUTH", "off")]);
    let told = text(&off.stderr);
    assert!(told.contains("no authentication is configured"), "{told}");
    for switch in ["WEB_DEMO", "INTROSPECTION", "API_KEYS_ONLY", "LOG_JSON"] {
        let variable = format!("GATEWAY_{switch}");
        let checked = check_config(&[(&variable, "disabled")]);
        assert_eq!(checked.status.code(), Some(2), "{switch}");
    }
}

#[test]
fn settings_without_effect_are_named() {
    let auth = ("GATEWAY_INSECURE_NO_AUTH", "true");
    let quiet = check_config(&[auth, ("NATS_URL", "")]);
    assert_eq!(text(&quiet.stdout), "ok    settings\n");
    let warned = check_config(&[
        auth,
        ("NATS_URL", "nats://user:hidden@bus"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://traces"),
    ]);
    assert!(warned.status.success());
    let told = text(&warned.stdout);
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(lines[1].starts_with("warn  NATS_URL "), "{told}");
    assert!(
        lines[2].starts_with("warn  OTEL_EXPORTER_OTLP_ENDPOINT "),
        "{told}"
    );
    assert!(!told.contains("hidden"), "{told}");
}

/// Whether Genesys answers is another matter: nobody listens at this address.
fn check_online(database_url: &str) -> String {
    let environment = [
        ("GENESYSCLOUD_API_URL", "http://127.0.0.1:9"),
        ("GENESYSCLOUD_OAUTHCLIENT_ID", "client"),
        ("GENESYSCLOUD_OAUTHCLIENT_SECRET", "secret"),
        ("GATEWAY_INSECURE_NO_AUTH", "true"),
        ("DATABASE_URL", database_url),
    ];
    text(&outcome(&["check-config", "--online"], &environment).stdout)
}

fn check_migration(database_url: &str) {
    let told = check_online(database_url);
    let unmigrated = "FAIL  database: the database lacks migrations";
    assert!(told.contains(unmigrated), "{told}");
    let migrated = outcome(&["migrate"], &[("DATABASE_URL", database_url)]);
    assert!(migrated.status.success(), "{}", text(&migrated.stderr));
    let told = check_online(database_url);
    assert!(told.contains("ok    database\n"), "{told}");
}

#[test]
fn a_database_that_must_be_migrated_fails_the_check_on_sqlite() {
    let data = tempfile::tempdir().expect("a directory");
    let path = data.path().join("gateway.db");
    check_migration(&format!("sqlite://{}", path.display()));
}

#[tokio::test]
async fn a_database_that_must_be_migrated_fails_the_check_on_postgresql() {
    check_migration(&postgres::fresh_database().await);
}
