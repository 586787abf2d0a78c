//! Hot reads without the executor: one conversation, or the newest of a case, of which nothing but
//! plain fields is selected. The answer is written straight from the read model, and is the very text
//! that the schema would give.
//!
//! A document comes here after it was found valid, so it is not judged again; and only what is in
//! memory is answered. Everything else, and whatever is wrong with a request, is the schema's.

use async_graphql::parser::types::{
    Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{ID, InputType, Name, Value as Given, Variables};
use async_graphql_value::Value;
use bytes::Bytes;

use super::access::{self, Rule};
use super::pagination;
use super::query::only_context;
use super::types::conversation::Conversation;
use super::types::input::{ConversationFilter, conversation_id};
use crate::domain::caller::Caller;
use crate::read_model::ReadModel;

/// Bytes of a value and its comma, with room to spare: most are words, times and UUIDs.
const USUAL_VALUE: usize = 40;

/// How an operation is answered.
pub(super) struct Direct {
    rule: Rule,
    asked: Asked,
    /// The answer up to the conversation, or to the first of them.
    head: String,
    tail: &'static str,
    fields: Box<[Selected]>,
}

enum Asked {
    Conversation { id: Value },
    Case { filter: Value, first: Option<Value> },
}

struct Selected {
    /// The key as JSON, with its colon.
    key: String,
    name: Name,
}

impl Direct {
    /// `None`: it is none of these reads.
    pub(super) fn of(operation: &OperationDefinition) -> Option<Self> {
        if operation.ty != OperationType::Query || !operation.directives.is_empty() {
            return None;
        }
        let root = only_field(&operation.selection_set.node)?;
        let argument = |name| Some(root.get_argument(name)?.node.clone());
        let key = root.response_key();
        let (asked, head, tail, selected) = match root.name.node.as_str() {
            "conversation" => {
                let id = argument("conversationId")?;
                let head = format!("{{\"data\":{{\"{key}\":");
                (Asked::Conversation { id }, head, "}}", &root.selection_set)
            }
            "conversations" if takes_only(root, &["filter", "first"]) => {
                let nodes = only_field(&root.selection_set.node)?;
                if nodes.name.node != "nodes" {
                    return None;
                }
                let (filter, first) = (argument("filter")?, argument("first"));
                let head = format!("{{\"data\":{{\"{key}\":{{\"{}\":[", nodes.response_key());
                (
                    Asked::Case { filter, first },
                    head,
                    "]}}}",
                    &nodes.selection_set,
                )
            }
            _ => return None,
        };
        Some(Self {
            rule: access::rule(OperationType::Query, &root.name.node)?,
            asked,
            head,
            tail,
            fields: plain_fields(&selected.node)?,
        })
    }

    /// The answer, if all of it is in memory.
    pub(super) fn answer(
        &self,
        reads: &ReadModel,
        caller: &Caller,
        variables: &Variables,
    ) -> Option<Bytes> {
        if !self.rule.allows(caller) {
            return None;
        }
        let mut json = Vec::with_capacity(self.room(1));
        json.extend_from_slice(self.head.as_bytes());
        match &self.asked {
            Asked::Conversation { id } => {
                let id = ID::parse(Some(given(id, variables)?)).ok()?;
                let id = conversation_id("conversationId", &id).ok()?;
                match reads.conversation_in_memory(caller, id)? {
                    Some(listed) => self.put(&mut json, &listed.into())?,
                    None => json.extend_from_slice(b"null"),
                }
            }
            Asked::Case { filter, first } => {
                let filter = ConversationFilter::parse(Some(given(filter, variables)?)).ok()?;
                let filter = filter.into_domain().ok()?;
                let first = match first {
                    Some(first) => Option::<i32>::parse(Some(given(first, variables)?)).ok()?,
                    None => None,
                };
                let page = pagination::page(first, None, None, None).ok()?;
                let (context, size) = (only_context(&filter)?, page.only_first()?);
                let case = reads.case_in_memory(caller, context, size)?;
                json.reserve(self.room(case.conversations.len()));
                for (place, listed) in case.conversations.into_iter().enumerate() {
                    if place > 0 {
                        json.push(b',');
                    }
                    self.put(&mut json, &listed.into())?;
                }
            }
        }
        json.extend_from_slice(self.tail.as_bytes());
        Some(json.into())
    }

    /// Bytes that an answer with so many conversations usually takes.
    fn room(&self, conversations: usize) -> usize {
        let keys: usize = self.fields.iter().map(|field| field.key.len()).sum();
        self.head.len() + conversations * (keys + self.fields.len() * USUAL_VALUE)
    }

    fn put(&self, json: &mut Vec<u8>, conversation: &Conversation) -> Option<()> {
        json.push(b'{');
        for (place, Selected { key, name }) in self.fields.iter().enumerate() {
            if place > 0 {
                json.push(b',');
            }
            json.extend_from_slice(key.as_bytes());
            conversation.plain_field(name)?.put(json);
        }
        json.push(b'}');
        Some(())
    }
}

/// The value of an argument; `None` when a variable was not given: there may be a default.
fn given(argument: &Value, variables: &Variables) -> Option<Given> {
    if let Value::Variable(name) = argument {
        return variables.get(name).cloned();
    }
    let variable = |name: Name| variables.get(&name).cloned().ok_or(());
    argument.clone().into_const_with(variable).ok()
}

fn only_field(selected: &SelectionSet) -> Option<&Field> {
    let [only] = selected.items.as_slice() else {
        return None;
    };
    field(&only.node)
}

/// The field, unless it is a fragment or has directives.
fn field(selection: &Selection) -> Option<&Field> {
    match selection {
        Selection::Field(field) if field.node.directives.is_empty() => Some(&field.node),
        _ => None,
    }
}

fn takes_only(field: &Field, arguments: &[&str]) -> bool {
    let mut given = field.arguments.iter();
    given.all(|(name, _)| arguments.contains(&name.node.as_str()))
}

/// Nothing but fields without selections: those of a conversation that have none are all plain. A key
/// that comes twice names the same field both times, or the document would not be valid.
fn plain_fields(selected: &SelectionSet) -> Option<Box<[Selected]>> {
    let mut fields: Vec<Selected> = Vec::new();
    for selection in &selected.items {
        let field = field(&selection.node)?;
        if !field.selection_set.node.items.is_empty() {
            return None;
        }
        let key = format!("\"{}\":", field.response_key());
        if fields.iter().all(|known| known.key != key) {
            let name = field.name.node.clone();
            fields.push(Selected { key, name });
        }
    }
    Some(fields.into())
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::DocumentOperations;

    use super::*;

    fn is_direct(query: &str) -> bool {
        match parse_query(query).unwrap().operations {
            DocumentOperations::Single(only) => Direct::of(&only.node).is_some(),
            DocumentOperations::Multiple(all) => {
                all.values().all(|it| Direct::of(&it.node).is_some())
            }
        }
    }

    #[test]
    fn plain_reads_are_answered_directly_and_nothing_else() {
        for direct in [
            "query A($id: ID!) { conversation(conversationId: $id) { version } }",
            "{ a: conversation(conversationId: \"x\") { __typename id b: id id } }",
            "query($f: ConversationFilter) { conversations(filter: $f) { nodes { id } } }",
            "query($o: ID!) { conversations(filter: { context: { key: CASE, objectId: $o } }, first: 7) { a: nodes { id } } }",
        ] {
            assert!(is_direct(direct), "{direct}");
        }
        for general in [
            "{ __typename }",
            "{ feedCursor }",
            "{ node(id: \"x\") { id } }",
            "mutation { conversation(conversationId: \"x\") { version } }",
            "subscription { conversation(conversationId: \"x\") { version } }",
            "query @x { conversation(conversationId: \"x\") { version } }",
            "{ conversation(conversationId: \"x\") @skip(if: true) { version } }",
            "{ conversation(conversationId: \"x\") { version @skip(if: true) } }",
            "{ conversation(conversationId: \"x\") { version ...F } } fragment F on Conversation { id }",
            "{ conversation(conversationId: \"x\") { version owner { name } } }",
            "{ conversation(conversationId: \"x\") { version } feedCursor }",
            "{ ... { conversation(conversationId: \"x\") { version } } }",
            "{ conversations { nodes { id } } }",
            "{ conversations(filter: {}, after: \"x\") { nodes { id } } }",
            "{ conversations(filter: {}) { nodes { id } feedCursor } }",
            "{ conversations(filter: {}) { edges { cursor } } }",
        ] {
            assert!(!is_direct(general), "{general}");
        }
    }
}
