//! Coerces the values of variables before execution, as the GraphQL specification asks (section
//! 6.1.2): a request whose variables do not fit is not executed at all, and one that is not given has
//! its default.
//!
//! Knows the built-in scalars, lists and non-null. Values of the schema's own types are judged where
//! they are used.

use async_graphql::parser::types::{BaseType, Type, VariableDefinition};
use async_graphql::{Name, Request, ServerError, Value, Variables};

use super::code;
use super::request::chosen_operation;
use super::response::error;

/// Gives the variables of the request's operation that are absent their defaults: the library looks
/// at given values alone where `@skip` and `@include` name a variable. A document that cannot be read
/// is left to the executor.
///
/// # Errors
/// The first variable that does not fit its type.
pub(super) fn coerce(request: &mut Request) -> Result<(), ServerError> {
    if !request.query.contains('$') {
        return Ok(());
    }
    let mut variables = std::mem::take(&mut request.variables);
    let wanted = request.operation_name.clone();
    let misfit = request.parsed_query().ok().and_then(|document| {
        let operation = chosen_operation(&document.operations, wanted.as_deref())?;
        let mut definitions = operation.variable_definitions.iter();
        definitions.find_map(|definition| coerce_one(&definition.node, &mut variables).err())
    });
    request.variables = variables;
    misfit.map_or(Ok(()), Err)
}

fn coerce_one(
    definition: &VariableDefinition,
    variables: &mut Variables,
) -> Result<(), ServerError> {
    let name = &definition.name.node;
    if let Some(problem) = problem(definition, variables.get(name)) {
        return Err(misfit(name, definition, problem));
    }
    if let Some(default) = &definition.default_value
        && !variables.contains_key(name)
    {
        variables.insert(name.clone(), default.node.clone());
    }
    Ok(())
}

fn misfit(name: &Name, definition: &VariableDefinition, problem: &str) -> ServerError {
    let expected = &definition.var_type.node;
    let message = format!("Variable ${name} of type {expected} {problem}.");
    let mut error = error(code::BAD_USER_INPUT, message);
    error.locations.push(definition.name.pos);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("argument", name.as_str());
    error
}

fn problem(definition: &VariableDefinition, value: Option<&Value>) -> Option<&'static str> {
    let expected = &definition.var_type.node;
    match value {
        Some(value) => (!fits(expected, value)).then_some("has a value that does not fit"),
        None if expected.nullable || definition.default_value.is_some() => None,
        None => Some("is missing"),
    }
}

fn fits(expected: &Type, value: &Value) -> bool {
    if *value == Value::Null {
        return expected.nullable;
    }
    match (&expected.base, value) {
        (BaseType::Named(name), value) => fits_scalar(name, value),
        (BaseType::List(item), Value::List(values)) => values.iter().all(|value| fits(item, value)),
        // A single value stands for the list of it (section 3.11).
        (BaseType::List(item), value) => fits(item, value),
    }
}

fn fits_scalar(name: &str, value: &Value) -> bool {
    match (name, value) {
        ("Int", Value::Number(number)) => number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        ("Float", Value::Number(_))
        | ("String", Value::String(_))
        | ("Boolean", Value::Boolean(_)) => true,
        ("ID", Value::Number(number)) => number.is_i64() || number.is_u64(),
        ("ID", value) => matches!(value, Value::String(_)),
        (name, _) => !matches!(name, "Int" | "Float" | "String" | "Boolean"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check_type(definition: &str, variables: &serde_json::Value, expected: bool) {
        let query = format!("query ($v: {definition}) {{ a }}");
        let mut request = Request::new(query).variables(Variables::from_json(variables.clone()));
        assert_eq!(
            coerce(&mut request).is_ok(),
            expected,
            "{definition} of {variables}"
        );
        let given = variables.as_object().into_iter().flatten();
        for (name, value) in given {
            let known = request.variables.get(name.as_str());
            assert_eq!(known, Value::from_json(value.clone()).ok().as_ref());
        }
    }

    #[test]
    fn values_fit_their_types() {
        for (definition, value, expected) in [
            ("Int", json!(7), true),
            ("Int", json!(null), true),
            ("Int!", json!(null), false),
            ("Int! = 1", json!(null), false),
            ("Int", json!("7"), false),
            ("Int", json!(7.5), false),
            ("Int", json!(2_147_483_648_i64), false),
            ("Float", json!(7), true),
            ("Float", json!("x"), false),
            ("String", json!("x"), true),
            ("String", json!(7), false),
            ("Boolean", json!(true), true),
            ("Boolean", json!(0), false),
            ("ID", json!("x"), true),
            ("ID", json!(7), true),
            ("ID", json!(7.5), false),
            ("ID", json!({}), false),
            ("[Int!]", json!([1, 2]), true),
            ("[Int!]", json!([1, null]), false),
            ("[Int!]!", json!(1), true),
            ("[[String]]", json!([["x"], null]), true),
            ("ConversationFilter", json!({ "any": 1 }), true),
            ("ConversationFilter!", json!(null), false),
        ] {
            check_type(definition, &json!({ "v": value }), expected);
        }
    }

    #[test]
    fn only_required_variables_may_not_be_missing() {
        check_type("Int", &json!({}), true);
        check_type("Int! = 1", &json!({}), true);
        check_type("Int!", &json!({}), false);
        check_type("[Int]!", &json!({ "other": 1 }), false);
    }

    #[test]
    fn one_that_is_not_given_has_its_default_and_null_is_given() {
        let query = "query ($a: Int = 1, $b: [S] = [X], $c: Int) { a }";
        for (given, expected) in [
            (json!({}), json!({ "a": 1, "b": ["X"] })),
            (json!({ "a": null, "b": [] }), json!({ "a": null, "b": [] })),
        ] {
            let mut request = Request::new(query).variables(Variables::from_json(given));
            coerce(&mut request).unwrap();
            let coerced = serde_json::to_value(&request.variables).unwrap();
            assert_eq!(coerced, expected);
        }
    }

    #[test]
    fn the_variables_of_other_operations_do_not_count() {
        let query = "query A { a } query B($v: Int!) { a(b: $v) }";
        let mut request = Request::new(query).operation_name("A");
        assert!(coerce(&mut request).is_ok());
        request.operation_name = Some("B".into());
        let error = coerce(&mut request).unwrap_err();
        assert_eq!(error.message, "Variable $v of type Int! is missing.");
        assert_eq!(error.extensions.unwrap().get("argument"), Some(&"v".into()));
    }

    #[test]
    fn unreadable_documents_are_left_to_the_executor() {
        assert!(coerce(&mut Request::new("query ($v: Int!) {")).is_ok());
    }
}
