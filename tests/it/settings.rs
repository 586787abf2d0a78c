//! What the program says to settings, before it does anything.

use std::process::Output;

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
