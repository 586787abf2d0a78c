//! Conversations whose plain fields are answered in one step.
//!
//! Resolving an object's fields one by one costs a boxed future, a context and a map's insert each,
//! fifty times over for a page. A selection of nothing but plain fields needs none of that; any
//! other goes the general way, with the same result.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection};
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value};

use super::conversation::Conversation;

/// A conversation, as the schema knows it.
#[derive(Clone)]
pub struct Quick(pub Conversation);

impl OutputType for Quick {
    fn type_name() -> Cow<'static, str> {
        <Conversation as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Conversation as OutputType>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        match plain(&self.0, &ctx.item.node.items) {
            Some(value) => Ok(value),
            None => OutputType::resolve(&self.0, ctx, field).await,
        }
    }
}

/// The answer, if nothing but plain fields is selected.
fn plain(conversation: &Conversation, selected: &[Positioned<Selection>]) -> Option<Value> {
    let mut values: IndexMap<Name, Value> = IndexMap::with_capacity(selected.len());
    for selection in selected {
        let Selection::Field(field) = &selection.node else {
            return None;
        };
        let field = &field.node;
        if !field.directives.is_empty() || !field.selection_set.node.items.is_empty() {
            return None;
        }
        let value = conversation.plain_field(field.name.node.as_str())?;
        values.insert(field.response_key().node.clone(), value.into());
    }
    Some(Value::Object(values))
}
