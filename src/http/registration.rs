//! `POST /ingest/registration`: `registerConversation` for callers that judge by the HTTP status and
//! know flat JSON only, such as data actions of Genesys Architect. It is that mutation, so what holds
//! for the one holds for the other.

use async_graphql::{Request as GraphqlRequest, Response as GraphqlResponse, Variables};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::code;
use super::graphql_http::{Sender, body_in_time, check_content};
use super::negotiation::MediaType;
use super::operations::Operations;
use super::response::{code_of, flat, flat_error};
use super::{Front, execution};

const MUTATION: &str = "mutation ($input: RegisterConversationInput!) { \
    registerConversation(input: $input) { created conversation { conversationId calculatedStatus } } }";
/// Fields that are the mutation's own.
const FIELDS: [&str; 7] = [
    "conversationId",
    "initiatedBy",
    "initialScreenPopTarget",
    "direction",
    "originalMediaType",
    "queueId",
    "queueName",
];
/// Fields that are those of its `context`.
const CONTEXT_FIELDS: [(&str, &str); 4] = [
    ("contextKey", "key"),
    ("contextCustomKey", "customKey"),
    ("contextObjectId", "objectId"),
    ("contextName", "name"),
];

pub(super) async fn post<E: Operations>(
    State(front): State<Front<E>>,
    request: Request,
) -> Response {
    register(&front, request)
        .await
        .unwrap_or_else(|refusal| refusal)
}

async fn register<E: Operations>(front: &Front<E>, request: Request) -> Result<Response, Response> {
    let (parts, body) = request.into_parts();
    let media = MediaType::Flat;
    check_content(&parts.headers, media)?;
    let sender = Sender::of(front, &parts, media).await?;
    front.take_turn(&sender.pass.caller, media)?;
    let body = body_in_time(front, Request::from_parts(parts, body), media).await?;
    let input = read(&body)
        .map_err(|problem| flat_error(StatusCode::BAD_REQUEST, code::BAD_USER_INPUT, &problem))?;
    let variables = Variables::from_json(json!({ "input": input }));
    let request = GraphqlRequest::new(MUTATION).variables(variables);
    let (caller, request_id) = (sender.pass.caller, sender.request_id);
    let response = execution::execute(front, request, caller, &request_id).await;
    Ok(told(&response))
}

/// The mutation's input of a flat object; an empty text says nothing, like null.
fn read(body: &[u8]) -> Result<Map<String, Value>, String> {
    let Ok(Value::Object(flat)) = serde_json::from_slice(body) else {
        return Err("The body is not a JSON object.".into());
    };
    let mut input = Map::new();
    let mut context = Map::new();
    for (name, value) in flat {
        let value = match value {
            Value::Null => continue,
            Value::String(text) if text.is_empty() => continue,
            Value::String(_) => value,
            _ => return Err(format!("`{name:.50}` is not a text.")),
        };
        if FIELDS.contains(&name.as_str()) {
            input.insert(name, value);
        } else if let Some((_, inner)) = CONTEXT_FIELDS.iter().find(|(flat, _)| *flat == name) {
            context.insert((*inner).into(), value);
        } else {
            return Err(format!("There is no field `{name:.50}`."));
        }
    }
    if !context.is_empty() {
        input.insert("context".into(), context.into());
    }
    Ok(input)
}

fn told(response: &GraphqlResponse) -> Response {
    if let Some(error) = response.errors.first() {
        let code = code_of(error).unwrap_or(code::BAD_USER_INPUT);
        let mut body = json!({ "code": code, "message": error.message });
        for name in ["fields", "requestId"] {
            let told = error.extensions.as_ref().and_then(|all| all.get(name));
            if let Some(value) = told.and_then(|value| value.clone().into_json().ok()) {
                body[name] = value;
            }
        }
        return flat(status(code), &body);
    }
    let data = response.data.clone().into_json().unwrap_or_default();
    let payload = &data["registerConversation"];
    let created = payload["created"] == true;
    let body = json!({
        "conversationId": payload["conversation"]["conversationId"],
        "calculatedStatus": payload["conversation"]["calculatedStatus"],
        "created": created,
    });
    let status = if created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    flat(status, &body)
}

/// A conversation that the caller may not see is not told apart from one he may not register.
fn status(code: &str) -> StatusCode {
    match code {
        code::UNAUTHENTICATED => StatusCode::UNAUTHORIZED,
        code::FORBIDDEN | code::NOT_FOUND => StatusCode::FORBIDDEN,
        code::CONFLICT => StatusCode::CONFLICT,
        code::RATE_LIMITED => StatusCode::TOO_MANY_REQUESTS,
        code::BAD_USER_INPUT => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_fields_become_the_mutations_input() {
        let body = r#"{"conversationId": "c", "initiatedBy": "DCM", "queueId": "", "queueName": null,
            "contextKey": "CASE", "contextObjectId": "7", "contextCustomKey": ""}"#;
        let expected = json!({
            "conversationId": "c",
            "initiatedBy": "DCM",
            "context": { "key": "CASE", "objectId": "7" },
        });
        assert_eq!(Value::from(read(body.as_bytes()).unwrap()), expected);
    }

    #[test]
    fn what_is_not_flat_text_is_refused_by_its_name() {
        for (body, told) in [
            ("[]", "not a JSON object"),
            ("", "not a JSON object"),
            (r#"{"queueId": 7}"#, "`queueId`"),
            (r#"{"context": {"key": "CASE"}}"#, "`context`"),
            (r#"{"conversationStart": "x"}"#, "`conversationStart`"),
        ] {
            let problem = read(body.as_bytes()).unwrap_err();
            assert!(problem.contains(told), "{body}: {problem}");
        }
    }
}
