//! Decides on a request before anything parses or runs it: which document it means, whether that
//! asks for too much, and whether its sender may see the schema.

use std::any::TypeId;

use async_graphql::{Pos, Request, ServerError, Value};

use super::HttpConfig;
use super::code;
use super::documents::DocumentsConfig;
use super::response::{error, too_much};
use crate::domain::caller::Caller;
use crate::domain::permission::Permission;
use crate::judge::{self, Given, Kind, Limits, Unfit};

pub(super) struct Admission {
    limits: Limits,
    documents: DocumentsConfig,
    /// Everybody may introspect, not only who administers.
    introspection: bool,
}

/// What the judge has found out about a request, kept with it.
struct Judged {
    introspects: bool,
    is_subscription: bool,
}

impl Admission {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self {
            limits: config.limits.clone(),
            documents: config.documents.clone(),
            introspection: config.introspection,
        }
    }

    /// Puts the text of the document that a request names into the request.
    pub(super) fn resolve(&self, request: &mut Request) -> Result<(), ServerError> {
        self.documents.resolve(request)
    }

    /// Finds the request's document and judges it. Gives the kind of its operation: None when the
    /// document does not hold the operation; executing it gives the error that says so.
    pub(super) fn judge(&self, request: &mut Request) -> Result<Option<Kind>, ServerError> {
        self.resolve(request)?;
        let text = request.query.as_str();
        let sketch = judge::read(text, &self.limits).map_err(|unfit| refusal(&unfit, text))?;
        let variables = &request.variables;
        let given = |name: &str| match variables.get(name) {
            Some(Value::Number(number)) => number.as_u64().map_or(Given::Other, Given::Length),
            Some(_) => Given::Other,
            None => Given::Nothing,
        };
        sketch
            .weigh(&self.limits, given)
            .map_err(|unfit| refusal(&unfit, text))?;
        let kind = sketch.kind(request.operation_name.as_deref());
        let introspects = sketch.introspects();
        request.data.insert(Judged {
            introspects,
            is_subscription: kind == Some(Kind::Subscription),
        });
        Ok(kind)
    }

    /// Whether the caller may run what was judged. What was not is the gateway's own document.
    pub(super) fn admit(&self, request: &Request, caller: &Caller) -> Result<(), ServerError> {
        let introspects = judged(request).is_some_and(|judged| judged.introspects);
        if introspects && !self.introspection && !caller.may(Permission::Admin) {
            let message = "The schema cannot be asked for here; /schema.graphql has its text.";
            return Err(error(code::FORBIDDEN, message));
        }
        Ok(())
    }
}

/// Whether a judged request starts a subscription.
pub(super) fn is_subscription(request: &Request) -> bool {
    judged(request).is_some_and(|judged| judged.is_subscription)
}

fn judged(request: &Request) -> Option<&Judged> {
    request.data.get(&TypeId::of::<Judged>())?.downcast_ref()
}

fn refusal(unfit: &Unfit, text: &str) -> ServerError {
    match unfit {
        Unfit::TooMuch { what, limit } => too_much(what, *limit, unfit.to_string()),
        Unfit::Cycle(_) => error(code::BAD_USER_INPUT, unfit.to_string()),
        Unfit::Syntax { at } => {
            let (line, column) = judge::position(text, *at);
            let mut refusal = error(code::BAD_USER_INPUT, unfit.to_string());
            refusal.locations.push(Pos { line, column });
            refusal
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::caller::Scope;

    fn admission(introspection: bool) -> Admission {
        Admission::new(&HttpConfig {
            introspection,
            ..HttpConfig::default()
        })
    }

    #[test]
    fn what_asks_for_too_much_is_told_what_and_how_much_it_may() {
        let mut request = Request::new(format!("{{ {} }}", "a ".repeat(31)));
        let refusal = admission(true).judge(&mut request).unwrap_err();
        let extensions = refusal.extensions.unwrap();
        assert_eq!(extensions.get("code"), Some(&"LIMIT_EXCEEDED".into()));
        assert_eq!(extensions.get("what"), Some(&"root fields".into()));
        assert_eq!(extensions.get("limit"), Some(&30_u64.into()));
    }

    #[test]
    fn pages_are_as_long_as_the_variables_say() {
        let query = "query ($n: Int = 1) {
            a(first: $n) { nodes { b(first: $n) { nodes { c(first: $n) { nodes { d } } } } } } }";
        let mut config = HttpConfig::default();
        config.limits.max_complexity = 50 * 50 * 50;
        let admission = Admission::new(&config);
        let judged = |variables: serde_json::Value| {
            let variables = async_graphql::Variables::from_json(variables);
            admission.judge(&mut Request::new(query).variables(variables))
        };
        for short in [json!({}), json!({ "n": 20 })] {
            assert!(judged(short.clone()).is_ok(), "{short}");
        }
        // What is no length leaves the page at the usual fifty, and not at the variable's default.
        for long in [json!(50), json!(null), json!(-1), json!("7")] {
            assert!(judged(json!({ "n": long })).is_err(), "{long}");
        }
    }

    #[test]
    fn the_schema_is_told_to_those_who_may_see_it() {
        let everything = Caller::everything();
        let judged = |admission: &Admission, query: &str| {
            let mut request = Request::new(query);
            admission.judge(&mut request).unwrap();
            request
        };
        let closed = admission(false);
        let asks = judged(&closed, "{ __schema { types { name } } }");
        assert!(closed.admit(&asks, &everything).is_ok());
        let narrowed = Caller::new("narrow", everything.permissions, Scope::nothing());
        assert!(closed.admit(&asks, &narrowed).is_err());
        assert!(admission(true).admit(&asks, &narrowed).is_ok());
        let harmless = judged(&closed, "{ __typename }");
        assert!(closed.admit(&harmless, &narrowed).is_ok());
    }
}
