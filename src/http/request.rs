//! Reads GraphQL requests: the same parameters in a POST body, a query string and a `subscribe`
//! message.

use std::collections::HashMap;

use async_graphql::parser::types::{DocumentOperations, OperationDefinition};
use async_graphql::{Request, Variables};
use axum::extract::Query;
use axum::http::Uri;
use serde_json::{Map, Value};

use super::documents::DocumentId;

/// Why something is not a GraphQL request. The texts are shown to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("The body is not JSON.")]
    NotJson,
    #[error("Batches are not supported: send one request at a time.")]
    Batch,
    #[error("The request is not a JSON object.")]
    NotAnObject,
    #[error("`query` is missing.")]
    QueryMissing,
    #[error("`documentId` is not a string.")]
    DocumentIdNotAString,
    #[error("`query` and `documentId` are both there: send one of them.")]
    QueryAndDocumentId,
    #[error("`query` is not a string.")]
    QueryNotAString,
    #[error("`operationName` is not a string.")]
    OperationNameNotAString,
    #[error("`variables` is not an object.")]
    VariablesNotAnObject,
    #[error("`extensions` is not an object.")]
    ExtensionsNotAnObject,
    #[error("The query string is not URL-encoded UTF-8.")]
    QueryString,
}

/// Reads a POST body.
pub(super) fn from_body(body: &[u8]) -> Result<Request, Malformed> {
    match serde_json::from_slice(body).map_err(|_| Malformed::NotJson)? {
        Value::Object(parameters) => from_parameters(parameters),
        Value::Array(_) => Err(Malformed::Batch),
        _ => Err(Malformed::NotAnObject),
    }
}

/// Reads the query string of a GET request, in which `variables` and `extensions` are JSON texts
/// and an empty `operationName` means none.
pub(super) fn from_query_string(uri: &Uri) -> Result<Request, Malformed> {
    let Query(mut texts) =
        Query::<HashMap<String, String>>::try_from_uri(uri).map_err(|_| Malformed::QueryString)?;
    let mut parameters = Map::new();
    if let Some(query) = texts.remove("query") {
        parameters.insert("query".into(), query.into());
    }
    if let Some(name) = texts
        .remove("operationName")
        .filter(|name| !name.is_empty())
    {
        parameters.insert("operationName".into(), name.into());
    }
    if let Some(id) = texts.remove("documentId").filter(|id| !id.is_empty()) {
        parameters.insert("documentId".into(), id.into());
    }
    for name in ["variables", "extensions"] {
        if let Some(text) = texts.remove(name).filter(|text| !text.is_empty()) {
            let unreadable = Value::String(String::new());
            let value = serde_json::from_str(&text).unwrap_or(unreadable);
            parameters.insert(name.into(), value);
        }
    }
    from_parameters(parameters)
}

pub(super) fn from_parameters(mut parameters: Map<String, Value>) -> Result<Request, Malformed> {
    let mut request = document(&mut parameters)?;
    request.operation_name = match parameters.remove("operationName") {
        Some(Value::String(name)) => Some(name),
        Some(Value::Null) | None => None,
        Some(_) => return Err(Malformed::OperationNameNotAString),
    };
    request.variables = match parameters.remove("variables") {
        Some(variables @ Value::Object(_)) => Variables::from_json(variables),
        Some(Value::Null) | None => Variables::default(),
        Some(_) => return Err(Malformed::VariablesNotAnObject),
    };
    match parameters.remove("extensions") {
        Some(Value::Object(extensions)) => {
            let extensions = extensions.into_iter().filter_map(|(name, value)| {
                Some((name, async_graphql::Value::from_json(value).ok()?))
            });
            request.extensions.0.extend(extensions);
        }
        Some(Value::Null) | None => {}
        Some(_) => return Err(Malformed::ExtensionsNotAnObject),
    }
    Ok(request)
}

/// A request with the text of its document, or with the id of a known one.
fn document(parameters: &mut Map<String, Value>) -> Result<Request, Malformed> {
    let id = match parameters.remove("documentId") {
        Some(Value::String(id)) => Some(id),
        Some(Value::Null) | None => None,
        Some(_) => return Err(Malformed::DocumentIdNotAString),
    };
    match (parameters.remove("query"), id) {
        (Some(Value::String(query)), None) => Ok(Request::new(query)),
        (Some(Value::String(_)), Some(_)) => Err(Malformed::QueryAndDocumentId),
        (Some(Value::Null) | None, Some(id)) => Ok(Request::new("").data(DocumentId(id))),
        (Some(Value::Null) | None, None) => Err(Malformed::QueryMissing),
        (Some(_), _) => Err(Malformed::QueryNotAString),
    }
}

/// The operation that a request asks for.
pub fn chosen_operation<'a>(
    operations: &'a DocumentOperations,
    wanted: Option<&str>,
) -> Option<&'a OperationDefinition> {
    match (operations, wanted) {
        (DocumentOperations::Single(operation), None) => Some(&operation.node),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(operations), Some(name)) => {
            operations.get(name).map(|operation| &operation.node)
        }
        (DocumentOperations::Multiple(operations), None) => {
            let mut operations = operations.values();
            let only = operations.next()?;
            operations.next().is_none().then_some(&only.node)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> Malformed {
        from_body(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_body_is_refused_for_the_parameter_that_is_wrong() {
        assert_eq!(refused("nonsense"), Malformed::NotJson);
        assert_eq!(refused("[]"), Malformed::Batch);
        assert_eq!(refused("7"), Malformed::NotAnObject);
        assert_eq!(refused("{}"), Malformed::QueryMissing);
        assert_eq!(refused(r#"{"query":null}"#), Malformed::QueryMissing);
        assert_eq!(refused(r#"{"query":7}"#), Malformed::QueryNotAString);
        assert_eq!(
            refused(r#"{"documentId":7}"#),
            Malformed::DocumentIdNotAString
        );
        assert_eq!(
            refused(r#"{"query":"{a}","documentId":"sha256:0"}"#),
            Malformed::QueryAndDocumentId
        );
        assert_eq!(
            refused(r#"{"query":"{a}","operationName":[]}"#),
            Malformed::OperationNameNotAString
        );
        assert_eq!(
            refused(r#"{"query":"{a}","variables":[]}"#),
            Malformed::VariablesNotAnObject
        );
        assert_eq!(
            refused(r#"{"query":"{a}","extensions":"x"}"#),
            Malformed::ExtensionsNotAnObject
        );
    }

    #[test]
    fn null_parameters_count_as_absent() {
        let body = r#"{"query":"{a}","operationName":null,"variables":null,"extensions":null}"#;
        let request = from_body(body.as_bytes()).unwrap();
        assert_eq!(
            (request.query.as_str(), request.operation_name),
            ("{a}", None)
        );
        assert!(request.variables.is_empty());
    }

    #[test]
    fn a_query_string_holds_all_parameters() {
        let uri = "/graphql?query=query%20A%7Ba%7D&operationName=A&variables=%7B%22x%22%3A1%7D"
            .parse()
            .unwrap();
        let request = from_query_string(&uri).unwrap();
        assert_eq!(request.query, "query A{a}");
        assert_eq!(request.operation_name.as_deref(), Some("A"));
        assert_eq!(request.variables.len(), 1);
        let broken = "/graphql?query=%7Ba%7D&variables=%7B".parse().unwrap();
        assert_eq!(
            from_query_string(&broken).unwrap_err(),
            Malformed::VariablesNotAnObject
        );
        let empty = "/graphql?query=%7Ba%7D&operationName=&variables="
            .parse()
            .unwrap();
        assert_eq!(from_query_string(&empty).unwrap().operation_name, None);
    }
}
