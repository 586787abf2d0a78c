//! Operations from `subscribe` to `complete`.

use serde_json::{Value, json};

use super::{
    GATEWAY, PROTOCOL, complete, hear_complete, hear_error, hear_typename, open, subscribe,
    subscribe_with,
};
use crate::selftest::exchange::QUERY;
use crate::selftest::pattern::TEXT;
use crate::selftest::rule::Rule;
use crate::selftest::script::Step::{self, Closed, Hear, HearEach, Quiet};
use crate::selftest::script_operations::{STILL, TELLING};

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = results();
    rules.extend(ids());
    rules.extend(ends());
    rules.extend(errors());
    rules.extend(parameters());
    rules
}

/// A query that runs as it should.
fn query(id: &str) -> Vec<Step> {
    vec![subscribe(id, QUERY), hear_typename(id), hear_complete(id)]
}

fn results() -> Vec<Rule> {
    let mutation = json!({ "data": { "__typename": "Mutation" } });
    let told = json!({ "data": { "feedStatusChanged": { "state": TEXT } } });
    let both = vec![
        ("a", vec!["next", "complete"]),
        ("b", vec!["next", "complete"]),
    ];
    vec![
        open(
            "ws-query",
            "A query yields one `next`, then `complete`",
            PROTOCOL,
            [query("1"), vec![Quiet]].concat(),
        ),
        open(
            "ws-mutation",
            "A mutation yields one `next`, then `complete`",
            PROTOCOL,
            vec![
                subscribe("1", "mutation { __typename }"),
                Hear(json!({ "id": "1", "type": "next", "payload": mutation })),
                hear_complete("1"),
                Quiet,
            ],
        ),
        open(
            "ws-subscription",
            "A subscription yields `next` as things happen, and goes on",
            PROTOCOL,
            vec![
                subscribe("1", TELLING),
                Hear(json!({ "id": "1", "type": "next", "payload": told })),
            ],
        ),
        open(
            "ws-side-by-side",
            "Operations side by side each get their own messages in order",
            PROTOCOL,
            vec![subscribe("a", QUERY), subscribe("b", QUERY), HearEach(both)],
        ),
        open(
            "ws-not-blocked",
            "A subscription that waits holds up no other operation",
            PROTOCOL,
            [vec![subscribe("still", STILL)], query("1"), vec![Quiet]].concat(),
        ),
    ]
}

fn ids() -> Vec<Rule> {
    vec![
        open(
            "ws-4409",
            "An id that is in use closes with 4409",
            PROTOCOL,
            vec![
                subscribe("1", STILL),
                subscribe("1", STILL),
                Closed(&[4409]),
            ],
        ),
        open(
            "ws-4409-query",
            "Whatever kind of operation it is to name",
            PROTOCOL,
            vec![
                subscribe("1", STILL),
                subscribe("1", QUERY),
                Closed(&[4409]),
            ],
        ),
        open(
            "ws-id-again",
            "An id is free again once its operation is complete",
            PROTOCOL,
            [query("1"), query("1")].concat(),
        ),
        open(
            "ws-id-again-completed",
            "An id is free again once the client has completed it",
            PROTOCOL,
            [
                vec![subscribe("1", STILL), complete("1")],
                query("1"),
                vec![Quiet],
            ]
            .concat(),
        ),
        open(
            "ws-id-again-failed",
            "An id is free again once its operation has failed",
            PROTOCOL,
            [
                vec![subscribe("1", "{"), hear_error("1")],
                query("1"),
                vec![Quiet],
            ]
            .concat(),
        ),
        open(
            "ws-id-any",
            "An id may be any text",
            PROTOCOL,
            [query("née \"1\"\u{0}\u{1F3CA}"), query(" ")].concat(),
        ),
    ]
}

fn ends() -> Vec<Rule> {
    vec![
        open(
            "ws-no-echo",
            "The client's `complete` is not echoed",
            PROTOCOL,
            vec![subscribe("1", STILL), complete("1"), Quiet],
        ),
        open(
            "ws-complete-unknown",
            "`complete` of an unknown id is ignored",
            PROTOCOL,
            [vec![complete("nonesuch"), Quiet], query("1")].concat(),
        ),
        open(
            "ws-complete-late",
            "`complete` that crossed the server's own is ignored",
            PROTOCOL,
            [query("1"), vec![complete("1"), Quiet]].concat(),
        ),
        open(
            "ws-complete-twice",
            "`complete` a second time is ignored",
            PROTOCOL,
            vec![subscribe("1", STILL), complete("1"), complete("1"), Quiet],
        ),
    ]
}

fn errors() -> Vec<Rule> {
    let failed = |id, says, payload: Value| {
        let steps = vec![subscribe_with("1", &payload), hear_error("1"), Quiet];
        open(id, says, PROTOCOL, steps)
    };
    vec![
        failed(
            "ws-error-syntax",
            "A document that can't be parsed yields one `error`, no `next` and no `complete`",
            json!({ "query": "{" }),
        ),
        failed(
            "ws-error-invalid",
            "So does one that is not valid",
            json!({ "query": "{ nonesuch }" }),
        ),
        failed(
            "ws-error-subscription",
            "So does a subscription that is not valid",
            json!({ "query": "subscription { nonesuch }" }),
        ),
        failed(
            "ws-error-variable",
            "So does a variable that does not fit",
            json!({ "query": "query($id: ID!) { __typename }", "variables": { "id": null } }),
        ),
        failed(
            "ws-error-operation-name",
            "So does the name of an operation that is not in the document",
            json!({ "query": "query A { __typename }", "operationName": "B" }),
        ),
        failed(
            "ws-error-empty",
            "So does an empty document",
            json!({ "query": "" }),
        ),
        open(
            "ws-error-only-its-own",
            "A failed operation leaves the others alone",
            PROTOCOL,
            [
                vec![
                    subscribe("still", STILL),
                    subscribe("1", "{"),
                    hear_error("1"),
                ],
                query("2"),
                vec![subscribe("still", STILL), Closed(&[4409])],
            ]
            .concat(),
        ),
    ]
}

fn parameters() -> Vec<Rule> {
    let choosing = "query Choose($yes: Boolean!) { ... @include(if: $yes) { __typename } }";
    let ran = |id, says, source, payload: Value| {
        let steps = vec![
            subscribe_with("1", &payload),
            hear_typename("1"),
            hear_complete("1"),
        ];
        open(id, says, source, steps)
    };
    vec![
        ran(
            "ws-variables",
            "Variables reach the operation",
            PROTOCOL,
            json!({ "query": choosing, "variables": { "yes": true } }),
        ),
        ran(
            "ws-operation-name",
            "The operation of the given name is run",
            PROTOCOL,
            json!({
                "query": "mutation A { __typename } query B { __typename }", "operationName": "B"
            }),
        ),
        ran(
            "ws-null-parameters",
            "Parameters that are null are none",
            PROTOCOL,
            json!({
                "query": QUERY, "operationName": null, "variables": null, "extensions": null
            }),
        ),
        ran(
            "ws-extensions",
            "Extensions that nobody knows are ignored",
            GATEWAY,
            json!({ "query": QUERY, "extensions": { "some": "value" } }),
        ),
    ]
}
