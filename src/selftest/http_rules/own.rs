//! What the gateway promises of HTTP beyond the audits.

use serde_json::{Value, json};

use super::{GET, MEDIA, MUTATION, POST, RESPONSE, rule};
use crate::selftest::exchange::{Expect, GRAPHQL, JSON, QUERY, client_error, ok, status};
use crate::selftest::pattern::{ABSENT, TEXT};
use crate::selftest::rule::Level::Must;
use crate::selftest::rule::Rule;
use crate::selftest::script_operations::TELLING;
use crate::selftest::target::{As, Ask};

const GATEWAY: &str = "the gateway's own contract";

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = vec![
        rule(
            "http-get-mutation",
            Must,
            "A mutation by GET is answered with 405, and says that POST is allowed",
            GET,
            Ask::get(MUTATION),
            vec![status(405), Expect::Holds("allow", "POST")],
        ),
        rule(
            "http-json-no-data",
            Must,
            "An invalid document has errors and no data, as application/json, too",
            RESPONSE,
            Ask::document("{ nonesuch }").accept(JSON),
            vec![Expect::Body(
                json!({ "errors": [{ "message": TEXT }], "data": ABSENT }),
            )],
        ),
        rule(
            "http-not-acceptable",
            Must,
            "A media type that is not offered is answered with 406",
            MEDIA,
            Ask::document(QUERY).accept("text/html"),
            vec![status(406)],
        ),
        rule(
            "http-charset",
            Must,
            "A body in another charset is refused",
            MEDIA,
            Ask::document(QUERY).header("content-type", "application/json; charset=latin1"),
            vec![status(415)],
        ),
        rule(
            "http-subscription",
            Must,
            "A subscription without an event stream is refused with errors, not run",
            RESPONSE,
            Ask::document(TELLING).accept(GRAPHQL),
            vec![
                client_error(),
                Expect::Body(json!({ "errors": [{ "message": TEXT }] })),
            ],
        ),
        rule(
            "http-batch",
            Must,
            "A batch is refused",
            GATEWAY,
            Ask::json(&json!([{ "query": QUERY }])),
            vec![status(400)],
        ),
        rule(
            "http-not-kept",
            Must,
            "Answers of the moment are not kept by caches",
            GATEWAY,
            Ask::get(QUERY),
            vec![ok(), Expect::Holds("cache-control", "no-store")],
        ),
    ];
    rules.extend(cross_site());
    rules.extend(foreign_pages());
    rules.extend(strangers());
    rules
}

/// What a browser sends to another origin without asking first.
fn cross_site() -> Vec<Rule> {
    let body = json!({ "query": MUTATION }).to_string();
    let refused = |id, says, content_type: &str| {
        let ask = Ask::post(&body).header("content-type", content_type);
        let bare = Expect::Body(json!({ "data": ABSENT }));
        rule(id, Must, says, POST, ask, vec![status(415), bare])
    };
    vec![
        refused(
            "http-csrf-text",
            "A mutation as text/plain is not run",
            "text/plain",
        ),
        refused(
            "http-csrf-form",
            "A mutation as a form is not run",
            "application/x-www-form-urlencoded",
        ),
        refused(
            "http-csrf-multipart",
            "A mutation as a multipart form is not run",
            "multipart/form-data; boundary=x",
        ),
    ]
}

/// What a page of an origin that the operator does not name may do.
fn foreign_pages() -> Vec<Rule> {
    let origin = "https://selftest.invalid";
    let unread = Expect::Lacks("access-control-allow-origin");
    vec![
        rule(
            "http-foreign-get",
            Must,
            "A GET of such a page is refused",
            GATEWAY,
            Ask::get(QUERY).by(As::Nobody).header("origin", origin),
            vec![status(403), unread.clone()],
        ),
        rule(
            "http-foreign-post",
            Must,
            "It may not read the answer to a POST",
            GATEWAY,
            Ask::document(QUERY).header("origin", origin),
            vec![unread],
        ),
    ]
}

fn strangers() -> Vec<Rule> {
    let row = |id, says, from| {
        let refused = Value::from("UNAUTHENTICATED");
        let error = json!({ "extensions": { "code": refused } });
        let body = Expect::Body(json!({ "errors": [error], "data": ABSENT }));
        let asks = Expect::Holds("www-authenticate", "Bearer");
        let ask = Ask::document(QUERY).by(from);
        rule(id, Must, says, RESPONSE, ask, vec![status(401), asks, body]).needing_guard()
    };
    vec![
        row(
            "http-nobody",
            "Who shows no token gets 401, and nothing is run",
            As::Nobody,
        ),
        row(
            "http-forger",
            "Who shows a token that nobody issued gets 401, and nothing is run",
            As::Forger,
        ),
    ]
}
