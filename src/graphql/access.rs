//! Which permission each root field asks for. The one place where that is decided.
//!
//! It is looked up before anything runs, so whoever lacks one permission gets no part of an answer.

use std::collections::HashSet;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Name, Request, ServerError};

use crate::domain::caller::Caller;
use crate::domain::permission::Permission;
use crate::http::code;

/// What a field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Whoever was let in.
    Anyone,
    Needs(Permission),
}

impl Rule {
    pub(super) fn allows(self, caller: &Caller) -> bool {
        match self {
            Anyone => true,
            Needs(permission) => caller.may(permission),
        }
    }
}

use Permission::{Admin, Close, Read, Write};
use Rule::{Anyone, Needs};

const QUERIES: &[(&str, Rule)] = &[
    ("__schema", Anyone),
    ("__type", Anyone),
    ("__typename", Anyone),
    ("agents", Needs(Read)),
    ("auditTrail", Needs(Admin)),
    ("contexts", Needs(Read)),
    ("conversation", Needs(Read)),
    ("conversationCounts", Needs(Read)),
    ("conversations", Needs(Read)),
    ("feedCursor", Needs(Read)),
    ("feedStatus", Needs(Read)),
    ("node", Needs(Read)),
    ("queues", Needs(Read)),
    ("sessions", Needs(Admin)),
    ("wrapUpCodes", Needs(Read)),
];

const MUTATIONS: &[(&str, Rule)] = &[
    ("__typename", Anyone),
    ("closeConversation", Needs(Close)),
    ("endSession", Needs(Admin)),
    ("linkConversation", Needs(Write)),
    ("refreshConversation", Needs(Write)),
    ("registerConversation", Needs(Write)),
    ("renewSession", Anyone),
    ("unlinkConversation", Needs(Write)),
];

const SUBSCRIPTIONS: &[(&str, Rule)] = &[
    ("__typename", Anyone),
    ("conversationChanged", Needs(Read)),
    ("conversationCountsChanged", Needs(Read)),
    ("conversationStatusChanged", Needs(Read)),
    ("feedStatusChanged", Needs(Read)),
];

/// The rule of a root field. `None`: there is none, so there is no such field.
pub(super) fn rule(operation: OperationType, field: &str) -> Option<Rule> {
    let rules = match operation {
        OperationType::Query => QUERIES,
        OperationType::Mutation => MUTATIONS,
        OperationType::Subscription => SUBSCRIPTIONS,
    };
    let found = rules.iter().find(|(name, _)| *name == field);
    found.map(|(_, rule)| *rule)
}

/// Whether the sender may do what the request asks for. A document that can't be read, and fields
/// that don't exist, are left to validation, which refuses them.
///
/// # Errors
/// `FORBIDDEN`, naming what lacks.
pub(super) fn check(request: &mut Request) -> Result<(), ServerError> {
    let caller = request.data.get(&std::any::TypeId::of::<Caller>());
    let caller = caller.and_then(|caller| caller.downcast_ref::<Caller>());
    let caller = caller.cloned().ok_or_else(|| forbidden("nobody asks"))?;
    let wanted = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else {
        return Ok(());
    };
    match missing(document, wanted.as_deref(), &caller) {
        None => Ok(()),
        Some(permission) => Err(forbidden(&format!(
            "this needs the permission {}",
            permission.as_str()
        ))),
    }
}

/// Without a name, or with one that no operation has, all operations are meant.
fn missing(
    document: &ExecutableDocument,
    wanted: Option<&str>,
    caller: &Caller,
) -> Option<Permission> {
    let lacks = |operation: &OperationDefinition| {
        let mut seen = HashSet::new();
        let root = &operation.selection_set.node;
        lacks(document, operation.ty, root, caller, &mut seen)
    };
    match &document.operations {
        DocumentOperations::Single(operation) => lacks(&operation.node),
        DocumentOperations::Multiple(operations) => {
            match wanted.and_then(|name| operations.get(name)) {
                Some(operation) => lacks(&operation.node),
                None => operations
                    .values()
                    .find_map(|operation| lacks(&operation.node)),
            }
        }
    }
}

/// The first permission that a field of the root asks for and the caller lacks. Each fragment is
/// looked into once.
fn lacks<'a>(
    document: &'a ExecutableDocument,
    operation: OperationType,
    root: &'a SelectionSet,
    caller: &Caller,
    seen: &mut HashSet<&'a Name>,
) -> Option<Permission> {
    root.items
        .iter()
        .find_map(|selection| match &selection.node {
            Selection::Field(field) => match rule(operation, &field.node.name.node) {
                Some(Needs(permission)) => (!caller.may(permission)).then_some(permission),
                Some(Anyone) | None => None,
            },
            Selection::InlineFragment(inline) => {
                let inside = &inline.node.selection_set.node;
                lacks(document, operation, inside, caller, seen)
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let fragment = document.fragments.get(name)?;
                let inside = &fragment.node.selection_set.node;
                seen.insert(name)
                    .then(|| lacks(document, operation, inside, caller, seen))
                    .flatten()
            }
        })
}

fn forbidden(message: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", code::FORBIDDEN);
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::caller::Scope;
    use crate::domain::permission::Permissions;
    use crate::graphql::bare_schema;

    fn judged(query: &str, operation: Option<&str>, permissions: &str) -> Result<(), ServerError> {
        let permissions = Permissions::from_words(permissions);
        let caller = Caller::new("a", permissions, Scope::Everything);
        let mut request = Request::new(query).data(caller);
        request.operation_name = operation.map(str::to_owned);
        check(&mut request)
    }

    #[test]
    fn every_root_field_has_a_rule() {
        let sdl = bare_schema().sdl();
        let mut count = 0;
        for (root, operation) in [
            ("Query", OperationType::Query),
            ("Mutation", OperationType::Mutation),
            ("Subscription", OperationType::Subscription),
        ] {
            for field in root_fields(&sdl, root) {
                assert!(
                    rule(operation, &field).is_some(),
                    "{root}.{field} has no rule"
                );
                count += 1;
            }
        }
        assert!(count > 10, "{count} root fields were found");
    }

    fn root_fields(sdl: &str, root: &str) -> Vec<String> {
        use async_graphql::parser::parse_schema;
        use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
        let document = parse_schema(sdl).expect("the schema is one");
        let definitions = document.definitions.into_iter();
        let fields = definitions.filter_map(|definition| match definition {
            TypeSystemDefinition::Type(it) if it.node.name.node == root => match it.node.kind {
                TypeKind::Object(object) => Some(object.fields),
                _ => None,
            },
            _ => None,
        });
        fields
            .flatten()
            .map(|field| field.node.name.node.to_string())
            .collect()
    }

    #[test]
    fn what_lacks_is_found_wherever_it_is_asked_for() {
        let register = "mutation { registerConversation(input: {}) { created } }";
        for (query, permissions, may) in [
            ("{ feedCursor }", "conversations:read", true),
            ("{ feedCursor }", "conversations:write admin", false),
            ("{ __typename }", "", true),
            ("{ a: __typename b: feedCursor }", "", false),
            (
                "{ ...F } fragment F on Query { ... { feedCursor } }",
                "",
                false,
            ),
            ("{ ...F } fragment F on Query { ...F __typename }", "", true),
            (
                "{ ...F @skip(if: true) } fragment F on Query { feedCursor }",
                "",
                false,
            ),
            (
                "subscription { feedStatusChanged { state } }",
                "conversations:write",
                false,
            ),
            (
                "subscription { feedStatusChanged { state } }",
                "conversations:read",
                true,
            ),
            (register, "conversations:read", false),
            (register, "conversations:write", true),
            ("{ nonsense }", "", true),
            ("{", "", true),
        ] {
            let judged = judged(query, None, permissions);
            assert_eq!(
                judged.is_ok(),
                may,
                "{query} with {permissions}: {judged:?}"
            );
        }
    }

    #[test]
    fn only_the_chosen_operation_counts() {
        let document = "query A { feedCursor } query B { __typename }";
        assert!(judged(document, Some("B"), "").is_ok());
        for other in [Some("A"), Some("C"), None] {
            assert!(judged(document, other, "").is_err(), "{other:?}");
        }
    }

    #[test]
    fn without_a_caller_nothing_is_answered() {
        assert!(check(&mut Request::new("{ __typename }")).is_err());
    }
}
