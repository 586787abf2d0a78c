//! The rules of GraphQL over HTTP: those that the audits of its reference library check, by their
//! ids and in words of our own. Beyond them are the gateway's own.

mod own;

use serde_json::json;

use super::exchange::{Expect, GRAPHQL, JSON, QUERY, client_error, content_type, ok, status};
use super::pattern::{ABSENT, TEXT};
use super::rule::{Check, Level, Rule};
use super::target::Ask;
use Level::{May, Must, Should};

const MEDIA: &str = "GraphQL over HTTP, Serialization Format";
const REQUEST: &str = "GraphQL over HTTP, Request";
const GET: &str = "GraphQL over HTTP, GET";
const POST: &str = "GraphQL over HTTP, POST";
const PARAMETERS: &str = "GraphQL over HTTP, Request Parameters";
const RESPONSE: &str = "GraphQL over HTTP, Response";

/// An operation with a variable, on any schema.
const CHOOSING: &str = "query Choose($yes: Boolean!) { ... @include(if: $yes) { __typename } }";
const BROKEN_JSON: &str = "{ \"not JSON";
const MUTATION: &str = "mutation { __typename }";

pub(super) fn rules() -> Vec<Rule> {
    let mut rules = media_types();
    rules.extend(methods());
    rules.extend(parameters());
    rules.extend(wrong_parameters());
    rules.extend(failures());
    rules.extend(own::rules());
    rules
}

fn rule(
    id: impl Into<String>,
    level: Level,
    says: &'static str,
    source: &'static str,
    ask: Ask,
    expected: Vec<Expect>,
) -> Rule {
    Rule::new(id, level, says, source, Check::Exchange(ask, expected))
}

fn no_errors() -> Expect {
    Expect::Body(json!({ "data": {}, "errors": ABSENT }))
}

fn media_types() -> Vec<Rule> {
    let query = || Ask::document(QUERY);
    vec![
        rule(
            "http-22EB",
            Should,
            "application/graphql-response+json is answered in kind",
            MEDIA,
            query().accept(GRAPHQL),
            vec![ok(), content_type(GRAPHQL)],
        ),
        rule(
            "http-4655",
            Must,
            "application/json is answered in kind",
            MEDIA,
            query().accept(JSON),
            vec![ok(), content_type(JSON)],
        ),
        rule(
            "http-47DE",
            Should,
            "To */* the answer is application/json",
            MEDIA,
            query().accept("*/*"),
            vec![ok(), content_type(JSON)],
        ),
        rule(
            "http-80D8",
            Should,
            "Without an Accept header the answer is application/json",
            MEDIA,
            query(),
            vec![ok(), content_type(JSON)],
        ),
        rule(
            "http-82A3",
            Must,
            "Answers are UTF-8",
            MEDIA,
            query(),
            vec![ok(), Expect::Utf8],
        ),
        rule(
            "http-BF61",
            Must,
            "A body of UTF-8 is read, when it is said to be that",
            MEDIA,
            Ask::document("{ __typename } # Run🏃Swim🏊")
                .header("content-type", "application/json; charset=utf-8"),
            vec![ok(), no_errors()],
        ),
        rule(
            "http-78D5",
            Must,
            "A body of UTF-8 is read, when nothing is said",
            MEDIA,
            Ask::document("{ __typename } # Run🏃Swim🏊"),
            vec![ok(), no_errors()],
        ),
    ]
}

fn methods() -> Vec<Rule> {
    vec![
        rule(
            "http-2C94",
            Must,
            "POST is accepted",
            REQUEST,
            Ask::document(QUERY),
            vec![ok()],
        ),
        rule(
            "http-5A70",
            May,
            "GET with a URL-encoded query is accepted",
            GET,
            Ask::get(QUERY).accept("*/*"),
            vec![ok(), no_errors()],
        ),
        rule(
            "http-9C48",
            May,
            "A mutation is not run by GET",
            GET,
            Ask::get(MUTATION).accept(GRAPHQL),
            vec![client_error(), Expect::Body(json!({ "data": ABSENT }))],
        ),
        rule(
            "http-9ABE",
            Should,
            "A POST without a content type is refused",
            POST,
            Ask::document(QUERY).without("content-type"),
            vec![client_error()],
        ),
        rule(
            "http-03D4",
            Must,
            "A POST of application/json is accepted",
            POST,
            Ask::document(QUERY).header("content-type", JSON),
            vec![ok(), no_errors()],
        ),
        rule(
            "http-A5BF",
            May,
            "A POST without a body is answered with 400",
            POST,
            Ask::post("").header("content-type", JSON),
            vec![status(400)],
        ),
    ]
}

fn parameters() -> Vec<Rule> {
    let mut rules = Vec::new();
    for (media, level, id) in [
        (GRAPHQL, Should, ["34A2", "8161", "2EA1", "428F"]),
        (JSON, Must, ["13EE", "B8B3", "28B9", "1B7A"]),
    ] {
        let named = json!({ "query": "query Query { __typename }", "operationName": "Query" });
        let choosing = json!({ "query": CHOOSING, "variables": { "yes": true } });
        let extended = json!({ "query": QUERY, "extensions": { "some": "value" } });
        for (id, says, body) in [
            (id[0], "`query` may be a string", json!({ "query": QUERY })),
            (id[1], "`operationName` may be a string", named),
            (id[2], "`variables` may be a map", choosing),
            (id[3], "`extensions` may be a map", extended),
        ] {
            let ask = Ask::json(&body).accept(media);
            let id = format!("http-{id}");
            rules.push(rule(
                id,
                level,
                says,
                PARAMETERS,
                ask,
                vec![ok(), no_errors()],
            ));
        }
    }
    for (number, name, says) in [
        (0, "variables", "`variables` may be null"),
        (1, "operationName", "`operationName` may be null"),
        (2, "extensions", "`extensions` may be null"),
    ] {
        let body = json!({ "query": QUERY, name: null });
        for (id, level, media) in [("94B", Should, GRAPHQL), ("022", Must, JSON)] {
            let ask = Ask::json(&body).accept(media);
            let id = format!("http-{id}{number}");
            rules.push(rule(
                id,
                level,
                says,
                PARAMETERS,
                ask,
                vec![ok(), no_errors()],
            ));
        }
    }
    for (id, media) in [("http-D6D5", GRAPHQL), ("http-6A70", JSON)] {
        let ask = Ask::get(CHOOSING).parameter("variables", &json!({ "yes": true }));
        let says = "`variables` of a GET may be URL-encoded JSON";
        let expected = vec![ok(), no_errors()];
        rules.push(rule(id, May, says, GET, ask.accept(media), expected));
    }
    rules
}

fn wrong_parameters() -> Vec<Rule> {
    let missing = json!({ "notquery": QUERY });
    let misspelt = json!({ "qeury": QUERY });
    let mut rules = vec![
        rule(
            "http-423L",
            May,
            "A missing `query` is answered with 400",
            PARAMETERS,
            Ask::json(&missing).accept(GRAPHQL),
            vec![status(400)],
        ),
        rule(
            "http-8764",
            May,
            "Invalid parameters are answered with an error status",
            PARAMETERS,
            Ask::json(&misspelt),
            vec![Expect::Status(400, 599)],
        ),
        rule(
            "http-3E3A",
            May,
            "Invalid parameters are answered with 400",
            PARAMETERS,
            Ask::json(&misspelt),
            vec![status(400)],
        ),
    ];
    let (map, text) = (json!({ "obj": "ect" }), json!("string"));
    for (id, name, first, says) in [
        ("LKJ", "query", &map, "`query` must be a string: 400"),
        (
            "6C0",
            "operationName",
            &map,
            "`operationName` must be a string: 400",
        ),
        ("476", "variables", &text, "`variables` must be a map: 400"),
        (
            "58B",
            "extensions",
            &text,
            "`extensions` must be a map: 400",
        ),
    ] {
        let wrong = [first.clone(), json!(0), json!(false), json!(["array"])];
        for (number, value) in wrong.into_iter().enumerate() {
            let mut body = json!({ "query": QUERY });
            body[name] = value;
            let (id, ask) = (format!("http-{id}{number}"), Ask::json(&body));
            rules.push(rule(id, May, says, PARAMETERS, ask, vec![status(400)]));
        }
    }
    rules
}

fn failures() -> Vec<Rule> {
    let broken = || Ask::post(BROKEN_JSON).header("content-type", JSON);
    let coercing = json!({
        "query": "query Fail($id: ID!) { __typename }", "variables": { "id": null }
    });
    let failing = |id, query: &str, says| {
        let ask = Ask::document(query).accept(JSON);
        rule(id, Should, says, RESPONSE, ask, vec![ok()])
    };
    let mut rules = vec![
        rule(
            "http-B6DC",
            May,
            "A body that is not JSON gets an answer, as application/json",
            RESPONSE,
            broken().accept(JSON),
            vec![Expect::Status(200, 599)],
        ),
        rule(
            "http-BCF8",
            Should,
            "A body that is not JSON is answered with 400, as application/json",
            RESPONSE,
            broken().accept(JSON),
            vec![status(400)],
        ),
        rule(
            "http-B7N8",
            Should,
            "A body that is not JSON is answered with 400, as application/graphql-response+json",
            RESPONSE,
            broken().accept(GRAPHQL),
            vec![status(400)],
        ),
        failing(
            "http-572B",
            "{",
            "A document that can't be parsed is answered with 200, as application/json",
        ),
        failing(
            "http-FDE2",
            "{ nonesuch }",
            "A document that is not valid is answered with 200, as application/json",
        ),
        rule(
            "http-7B9B",
            Should,
            "A variable that does not fit is answered with 200, as application/json",
            RESPONSE,
            Ask::json(&coercing).accept(JSON),
            vec![ok()],
        ),
        rule(
            "http-86EE",
            Should,
            "A variable that does not fit is answered with 400, as application/graphql-response+json",
            RESPONSE,
            Ask::json(&coercing).accept(GRAPHQL),
            vec![status(400)],
        ),
    ];
    rules.extend(graphql_failures());
    rules
}

/// What a document does wrong, told by the status.
fn graphql_failures() -> Vec<Rule> {
    let error_status = || vec![Expect::Status(400, 599)];
    let bare = || {
        vec![Expect::Body(
            json!({ "errors": [{ "message": TEXT }], "data": ABSENT }),
        )]
    };
    let rows = [
        (
            "{",
            [
                (
                    "865D",
                    "A document that can't be parsed gets an error status",
                ),
                (
                    "556A",
                    "A document that can't be parsed is answered with 400",
                ),
                (
                    "D586",
                    "A document that can't be parsed has errors and no data",
                ),
            ],
        ),
        (
            "{ nonesuch }",
            [
                ("51FE", "A document that is not valid gets an error status"),
                ("74FF", "A document that is not valid is answered with 400"),
                (
                    "5E5B",
                    "A document that is not valid has errors and no data",
                ),
            ],
        ),
    ];
    let mut rules = Vec::new();
    for (query, told) in rows {
        let expected = [error_status(), vec![status(400)], bare()];
        for ((id, says), expected) in told.into_iter().zip(expected) {
            let ask = Ask::document(query).accept(GRAPHQL);
            rules.push(rule(
                format!("http-{id}"),
                Should,
                says,
                RESPONSE,
                ask,
                expected,
            ));
        }
    }
    rules
}
