//! The opening handshake: RFC 6455, section 4, and the subprotocol.

use super::{GATEWAY, PROTOCOL, RFC};
use crate::selftest::exchange::{Expect, client_error, status};
use crate::selftest::rule::{Check, Level, Rule};
use crate::selftest::socket::{ACCEPT, SUBPROTOCOL, handshake};
use crate::selftest::target::Ask;

const OFFER: &str = "sec-websocket-protocol";

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = offers();
    rules.extend(upgrades());
    rules.extend(origins());
    rules
}

fn offers() -> Vec<Rule> {
    let chosen = || vec![status(101), Expect::Holds(OFFER, SUBPROTOCOL)];
    let refused = || vec![client_error()];
    let offering = |offer: &str| handshake().header(OFFER, offer);
    let row = |id, says, ask, expected| rule(id, says, PROTOCOL, ask, expected);
    vec![
        row(
            "ws-subprotocol",
            "The subprotocol graphql-transport-ws is chosen when it is offered",
            handshake(),
            chosen(),
        ),
        row(
            "ws-subprotocol-second",
            "It is chosen when others are offered before it",
            offering("graphql-ws, graphql-transport-ws"),
            chosen(),
        ),
        row(
            "ws-subprotocol-first",
            "It is chosen when others are offered behind it",
            offering("graphql-transport-ws,soap"),
            chosen(),
        ),
        row(
            "ws-subprotocol-lines",
            "It is chosen when the offers come in several header lines",
            offering("graphql-ws").line(OFFER, SUBPROTOCOL),
            chosen(),
        ),
        row(
            "ws-subprotocol-none",
            "Without an offered subprotocol there is no socket",
            handshake().without(OFFER),
            refused(),
        ),
        row(
            "ws-subprotocol-legacy",
            "The older subprotocol graphql-ws alone gets no socket",
            offering("graphql-ws"),
            refused(),
        ),
        row(
            "ws-subprotocol-similar",
            "A subprotocol of a similar name gets no socket",
            offering("graphql-transport-ws2"),
            refused(),
        ),
    ]
}

fn upgrades() -> Vec<Rule> {
    let row = |id, says, ask, expected| rule(id, says, RFC, ask, expected);
    vec![
        row(
            "ws-accept",
            "The answer proves that the key was read (4.2.2)",
            handshake(),
            vec![
                status(101),
                Expect::Holds("sec-websocket-accept", ACCEPT),
                Expect::Holds("upgrade", "websocket"),
                Expect::Holds("connection", "upgrade"),
            ],
        ),
        row(
            "ws-no-extension",
            "No extension is used that was not offered (9.1)",
            handshake(),
            vec![status(101), Expect::Lacks("sec-websocket-extensions")],
        ),
        row(
            "ws-no-key",
            "A handshake without a key is refused (4.2.1)",
            handshake().without("sec-websocket-key"),
            vec![client_error()],
        ),
        row(
            "ws-version",
            "Another version is refused with the one that is spoken (4.4)",
            handshake().header("sec-websocket-version", "12"),
            vec![client_error(), Expect::Holds("sec-websocket-version", "13")],
        ),
        row(
            "ws-upgrade-case",
            "The word `websocket` counts in any case (4.2.1)",
            handshake().header("upgrade", "WebSocket"),
            vec![status(101)],
        ),
        row(
            "ws-connection-list",
            "`Upgrade` counts among other tokens of Connection (4.2.1)",
            handshake().header("connection", "keep-alive, Upgrade"),
            vec![status(101)],
        ),
    ]
}

fn origins() -> Vec<Rule> {
    vec![rule(
        "ws-foreign-origin",
        "A page of an origin that the operator does not name gets no socket",
        GATEWAY,
        handshake().header("origin", "https://selftest.invalid"),
        vec![status(403)],
    )]
}

fn rule(
    id: &'static str,
    says: &'static str,
    source: &'static str,
    ask: Ask,
    expected: Vec<Expect>,
) -> Rule {
    Rule::new(
        id,
        Level::Must,
        says,
        source,
        Check::Handshake(ask, expected),
    )
}
