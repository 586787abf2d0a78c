//! What a token says, and what that allows.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::api_key::{Grant, Narrowing};
use crate::domain::caller::Caller;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::time::Time;

/// Longest subject: it is stored with every deed.
const LONGEST_SUBJECT: usize = 255;
/// Names of the claims that hold permissions: RFC 8693 and 9068, Microsoft Entra, Auth0.
const PERMISSION_CLAIMS: [&str; 3] = ["scope", "scp", "permissions"];

/// The claims of a token whose signature holds.
#[derive(Deserialize)]
pub(super) struct Claims {
    sub: Option<String>,
    exp: f64,
    nbf: Option<f64>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Why claims make no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    NoSubject,
    /// A claim that narrows can't be read: it must not be taken for one that isn't there.
    Narrowing,
}

impl Claims {
    pub(super) fn expires_at(&self) -> Time {
        from_seconds(self.exp)
    }

    pub(super) fn not_before(&self) -> Option<Time> {
        self.nbf.map(from_seconds)
    }

    /// Who it is.
    pub(super) fn subject(&self) -> Result<&str, Unusable> {
        self.sub
            .as_deref()
            .filter(|sub| !sub.is_empty() && sub.len() <= LONGEST_SUBJECT)
            .filter(|sub| *sub != Caller::ANONYMOUS)
            .ok_or(Unusable::NoSubject)
    }

    /// What he may see and do. `prefix` stands before the names of our own claims.
    pub(super) fn grant(&self, prefix: &str) -> Result<Grant, Unusable> {
        let own = |name: &str| {
            self.rest
                .get(&format!("{prefix}{name}"))
                .filter(|value| !value.is_null())
        };
        let (queues, teams) = (own("queues"), own("teams"));
        let narrowing = if queues.is_some() || teams.is_some() {
            Some(Narrowing {
                queues: queues.map(ids).transpose()?.unwrap_or_default(),
                teams: teams.map(ids).transpose()?.unwrap_or_default(),
                user: own("genesysUserId").and_then(Value::as_str).map(Into::into),
            })
        } else {
            None
        };
        Ok(Grant {
            permissions: self.permissions(),
            narrowing,
        })
    }

    fn permissions(&self) -> Permissions {
        PERMISSION_CLAIMS
            .iter()
            .filter_map(|name| self.rest.get(*name))
            .flat_map(words)
            .filter_map(Permission::from_word)
            .collect()
    }
}

/// A text of words, or a list of them.
fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => text.split_ascii_whitespace().collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn ids(value: &Value) -> Result<BTreeSet<String>, Unusable> {
    let list = value.as_array().ok_or(Unusable::Narrowing)?;
    list.iter()
        .map(|id| id.as_str().map(str::to_owned).ok_or(Unusable::Narrowing))
        .collect()
}

/// A `NumericDate` may have a fraction (RFC 7519, section 2).
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float that is too large becomes the last moment, which is meant"
)]
fn from_seconds(seconds: f64) -> Time {
    Time::from_millis((seconds * 1_000.0) as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(more: &Value) -> Claims {
        let mut all = json!({ "sub": "anna", "exp": 1_800_000_000.5 });
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn permissions_stand_in_any_of_three_claims() {
        for more in [
            json!({ "scope": "openid conversations:read admin" }),
            json!({ "scp": ["conversations:read", "admin"] }),
            json!({ "permissions": ["admin"], "scope": "conversations:read" }),
        ] {
            let grant = claims(&more).grant("").unwrap();
            assert_eq!(grant.permissions.to_string(), "conversations:read admin");
            assert_eq!(grant.narrowing, None);
        }
        assert!(claims(&json!({})).grant("").unwrap().permissions.is_empty());
    }

    #[test]
    fn queues_and_teams_narrow() {
        let said =
            json!({ "x/queues": ["q1"], "x/teams": [], "x/genesysUserId": "u1", "queues": 7 });
        let narrowing = claims(&said).grant("x/").unwrap().narrowing.unwrap();
        assert_eq!(narrowing.queues, BTreeSet::from(["q1".to_owned()]));
        assert!(narrowing.teams.is_empty());
        assert_eq!(narrowing.user, Some("u1".into()));
        // An empty list narrows to nothing; an unreadable one is refused, not overlooked.
        let none = claims(&json!({ "queues": [] })).grant("").unwrap();
        assert_eq!(none.narrowing, Some(Narrowing::default()));
        for unreadable in [json!("q1"), json!([7]), json!({})] {
            let refused = claims(&json!({ "queues": unreadable })).grant("");
            assert_eq!(refused, Err(Unusable::Narrowing));
        }
    }

    #[test]
    fn a_subject_is_needed_and_short_and_somebodys() {
        assert_eq!(claims(&json!({})).subject(), Ok("anna"));
        let nobody = json!(Caller::ANONYMOUS);
        for sub in [json!(null), json!(""), json!("x".repeat(256)), nobody] {
            assert_eq!(
                claims(&json!({ "sub": sub })).subject(),
                Err(Unusable::NoSubject)
            );
        }
    }

    #[test]
    fn times_may_have_fractions() {
        assert_eq!(
            claims(&json!({})).expires_at(),
            Time::from_millis(1_800_000_000_500)
        );
        assert_eq!(
            claims(&json!({ "exp": 1e300 })).expires_at(),
            Time::from_millis(i64::MAX)
        );
    }
}
