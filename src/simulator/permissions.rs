//! Which permission each call of the API needs.

use axum::http::Method;

use super::org::Org;
use super::topics::VIEW;

/// Calls by the beginning of their path, and what they need: any one of the permissions. The first that
/// fits counts.
const NEEDED: [(&str, Calls, &[&str]); 11] = [
    (
        "/api/v2/conversations/emails",
        Calls::Exactly,
        &["conversation:email:create"],
    ),
    (
        "/api/v2/conversations/calls",
        Calls::Exactly,
        &["conversation:call:add"],
    ),
    (
        "/api/v2/conversations/callbacks",
        Calls::Exactly,
        &["conversation:callback:create"],
    ),
    (
        "/api/v2/conversations/{id}/disconnect",
        Calls::Writing,
        &["conversation:communication:disconnect"],
    ),
    (
        "/api/v2/conversations",
        Calls::Writing,
        &[
            "conversation:participant:wrapup",
            "conversation:communication:disconnect",
            "conversation:email:park",
        ],
    ),
    ("/api/v2/conversations/{id}", Calls::Reading, &[VIEW]),
    (
        "/api/v2/routing/wrapupcodes",
        Calls::Reading,
        &["routing:wrapupCode:view"],
    ),
    (
        "/api/v2/routing/queues/{id}/wrapupcodes",
        Calls::Reading,
        &["routing:wrapupCode:view"],
    ),
    (
        "/api/v2/routing/queues",
        Calls::Reading,
        &["routing:queue:view"],
    ),
    ("/api/v2/users", Calls::Reading, &["directory:user:view"]),
    (
        "/api/v2/analytics/conversations",
        Calls::Any,
        &[
            "analytics:conversationDetail:view",
            "analytics:agentConversationDetail:view",
        ],
    ),
];

/// Which calls of a path are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    /// POST to the path itself.
    Exactly,
    Reading,
    Writing,
    Any,
}

/// The permission that the client lacks for this call, of `path` as it is routed.
pub(crate) fn lacking(org: &Org, method: &Method, path: &str) -> Option<&'static str> {
    let is_reading = matches!(*method, Method::GET | Method::HEAD);
    let is_meant = |prefix: &str, calls: Calls| match calls {
        Calls::Exactly => path == prefix && *method == Method::POST,
        Calls::Reading => is_reading && path.starts_with(prefix),
        Calls::Writing => !is_reading && path.starts_with(prefix),
        Calls::Any => path.starts_with(prefix),
    };
    let (_, _, any_of) = NEEDED
        .iter()
        .find(|(prefix, calls, _)| is_meant(prefix, *calls))?;
    let is_lacking = any_of.iter().all(|permission| org.lacks(permission));
    is_lacking.then(|| any_of[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::SimulatorConfig;

    #[test]
    fn a_call_needs_one_of_its_permissions() {
        let org = |lacking: &[&str]| {
            Org::new(&SimulatorConfig {
                lacking: lacking.iter().map(|it| (*it).to_owned()).collect(),
                ..SimulatorConfig::for_tests()
            })
        };
        let org = org(&[
            VIEW,
            "conversation:communication:disconnect",
            "directory:user:view",
        ]);
        for (method, path, expected) in [
            (Method::GET, "/api/v2/conversations/{id}", Some(VIEW)),
            (Method::GET, "/api/v2/users", Some("directory:user:view")),
            (Method::GET, "/api/v2/routing/queues", None),
            (Method::POST, "/api/v2/conversations/emails", None),
            (
                Method::POST,
                "/api/v2/conversations/{id}/disconnect",
                Some("conversation:communication:disconnect"),
            ),
            (
                Method::PATCH,
                "/api/v2/conversations/calls/{id}/participants/{participant}",
                None,
            ),
            (Method::POST, "/api/v2/notifications/channels", None),
        ] {
            assert_eq!(lacking(&org, &method, path), expected, "{method} {path}");
        }
    }
}
