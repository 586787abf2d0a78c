//! The Genesys Cloud API as far as a gateway, or somebody with Genesys' own SDK, uses it. Each file holds the routes of a subject.

mod channels;
mod commands;
mod conversations;
mod creation;
mod directory;

use std::sync::Arc;

use axum::Router;
use serde_json::{Value, json};

use super::world::World;

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .merge(channels::routes())
        .merge(conversations::routes())
        .merge(commands::routes())
        .merge(creation::routes())
        .merge(directory::routes())
        .merge(super::analytics::routes())
}

/// A page of a listing, with the links that Genesys gives.
pub(crate) fn page(path: &str, all: Vec<Value>, size: usize, number: usize) -> Value {
    let total = all.len();
    let pages = total.div_ceil(size).max(1);
    let uri = |number: usize| format!("{path}?pageSize={size}&pageNumber={number}");
    let entities: Vec<Value> = all
        .into_iter()
        .skip((number - 1) * size)
        .take(size)
        .collect();
    let mut listing = json!({
        "entities": entities, "pageSize": size, "pageNumber": number, "total": total, "pageCount": pages,
        "firstUri": uri(1), "selfUri": uri(number), "lastUri": uri(pages),
    });
    if number < pages {
        listing["nextUri"] = json!(uri(number + 1));
    }
    if number > 1 {
        listing["previousUri"] = json!(uri(number - 1));
    }
    listing
}
