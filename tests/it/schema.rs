//! The published schema is the code's, and it is a reference.

use conversation_gateway::graphql::{bare_schema, sdl};
use serde_json::Value;

#[test]
fn the_schema_file_equals_the_code() {
    let published = std::fs::read_to_string("schema.graphql").expect("schema.graphql is there");
    assert!(
        published == sdl(),
        "schema.graphql differs from the code. If that is meant: cargo run -- schema > schema.graphql"
    );
}

#[tokio::test]
async fn every_type_field_argument_and_value_is_described() {
    let query = "{ __schema { types { name description kind
        fields(includeDeprecated: true) { name description args { name description } }
        inputFields { name description }
        enumValues(includeDeprecated: true) { name description } } } }";
    let answer = bare_schema().execute(query).await;
    let schema = answer.data.into_json().expect("JSON");
    let mut undescribed = Vec::new();
    let mut look = |path: String, thing: &Value| {
        if thing["description"].as_str().is_none_or(str::is_empty) {
            undescribed.push(path);
        }
    };
    for kind in schema["__schema"]["types"].as_array().expect("types") {
        let name = kind["name"].as_str().expect("a name");
        if name.starts_with("__") || kind["kind"] == "SCALAR" && name != "DateTime" {
            continue;
        }
        look(name.to_owned(), kind);
        for member in ["fields", "inputFields", "enumValues"] {
            for thing in kind[member].as_array().into_iter().flatten() {
                let path = format!("{name}.{}", thing["name"].as_str().expect("a name"));
                for argument in thing["args"].as_array().into_iter().flatten() {
                    look(
                        format!("{path}({})", argument["name"].as_str().expect("a name")),
                        argument,
                    );
                }
                look(path, thing);
            }
        }
    }
    assert!(undescribed.is_empty(), "{undescribed:#?}");
}
