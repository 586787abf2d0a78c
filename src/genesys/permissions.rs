//! What the OAuth client may do, tried at the start and said in plain words.
//!
//! Genesys tells a client of this kind no list of its permissions. So each one that reading needs is
//! tried with a small question; those for closing would have to change something, and are not tried.

use std::collections::BTreeSet;

use tokio::time::sleep;

use super::backoff::Backoff;
use super::client::{ApiError, GenesysClient, NO_CONVERSATION};
use super::topics;
use super::wire::{AvailableTopic, PermissionDetails};

/// A permission, what it is for, and what becomes of the gateway without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    pub name: &'static str,
    pub purpose: &'static str,
    pub without: &'static str,
    /// A question that Genesys answers with 403 to a client without it.
    question: &'static str,
}

/// Everything that is tried.
pub const TRIED: [Permission; 5] = [
    Permission {
        name: "conversation:communication:view",
        purpose: "topics, and reading conversations",
        without: "nothing works",
        question: NO_CONVERSATION,
    },
    Permission {
        name: "routing:queue:view",
        purpose: "queues and their names",
        without: "queues must be named in GATEWAY_QUEUES, and have no names",
        question: "/api/v2/routing/queues?pageSize=1",
    },
    Permission {
        name: "analytics:conversationDetail:view",
        purpose: "repair and settled durations",
        without: "the feed stays CATCHING_UP after a gap, and durations stay unsettled",
        question: "/api/v2/analytics/conversations/details?id=00000000-0000-0000-0000-000000000000",
    },
    Permission {
        name: "directory:user:view",
        purpose: "agents' names",
        without: "agents have ids only, and users to follow must be named in GATEWAY_USER_TOPICS",
        question: "/api/v2/users?pageSize=1",
    },
    Permission {
        name: "routing:wrapupCode:view",
        purpose: "names of wrap-up codes",
        without: "wrap-up codes have ids only",
        question: "/api/v2/routing/wrapupcodes?pageSize=1",
    },
];

impl Permission {
    /// Whether the client has it. An answer that says neither counts as yes: whatever needs it says more.
    ///
    /// # Errors
    /// Genesys can't be asked now.
    pub async fn is_granted(&self, client: &GenesysClient) -> Result<bool, ApiError> {
        match client.try_question(self.question).await {
            Err(error) if error.status() == Some(403) => Ok(false),
            Err(error) if error.is_retryable() => Err(error),
            Ok(()) | Err(_) => Ok(true),
        }
    }

    const fn is_vital(&self) -> bool {
        matches!(self.name.as_bytes(), b"conversation:communication:view")
    }
}

/// Says once what the client lacks.
///
/// # Errors
/// It lacks what nothing works without.
pub async fn survey(client: &GenesysClient, mut backoff: Backoff) -> anyhow::Result<()> {
    for permission in &TRIED {
        let is_granted = loop {
            match permission.is_granted(client).await {
                Ok(is_granted) => break is_granted,
                Err(error) => sleep(backoff.next_wait(error.retry_after())).await,
            }
        };
        if is_granted {
            continue;
        }
        if permission.is_vital() {
            anyhow::bail!(
                "the OAuth client lacks {} ({}): {}",
                permission.name,
                permission.purpose,
                permission.without
            );
        }
        tracing::warn!(
            "the OAuth client lacks {} ({}): {}",
            permission.name,
            permission.purpose,
            permission.without
        );
    }
    match client.available_topics().await {
        Ok(available) => tracing::info!("{}", needs_of_topics(&available)),
        Err(error) => tracing::warn!(%error, "what topics need cannot be read"),
    }
    Ok(())
}

/// What the topics that are followed need, by Genesys' own list.
pub fn needs_of_topics(available: &[AvailableTopic]) -> String {
    let template = topics::QUEUE_TOPIC;
    let mut known = available.iter();
    let Some(topic) = known.find(|topic| topic.id.eq_ignore_ascii_case(template)) else {
        return format!(
            "Genesys lists {} topics, {template} not among them",
            available.len()
        );
    };
    let details = topic.permission_details.iter();
    let needed = details
        .flat_map(|details| &details.permissions)
        .chain(&topic.requires_permissions)
        .map(String::as_str)
        .collect::<BTreeSet<_>>();
    let by_division = topic
        .permission_details
        .iter()
        .any(PermissionDetails::is_by_division);
    format!(
        "{template} needs {}{}",
        needed.into_iter().collect::<Vec<_>>().join(", "),
        if by_division {
            ", in the division of each queue"
        } else {
            ""
        }
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::genesys::backoff::random_jitter;
    use crate::genesys::fake::{Answer, Fake, token};

    async fn surveyed(refused: &'static str) -> anyhow::Result<()> {
        let fake = Fake::start(move |asked| match asked.path.as_str() {
            "/oauth/token" => token(),
            path if path.starts_with(refused) => {
                Answer::json(403, &json!({ "code": "missing.permissions" }))
            }
            path if path.contains("/conversations/0000") => Answer::json(404, &json!({})),
            _ => Answer::json(200, &json!({ "entities": [] })),
        })
        .await;
        let ms = std::time::Duration::from_millis;
        let backoff = Backoff::new(ms(1), ms(2), ms(2), random_jitter);
        survey(&fake.client(), backoff).await
    }

    #[tokio::test]
    async fn only_what_nothing_works_without_refuses_the_start() {
        assert!(surveyed("/api/v2/users").await.is_ok());
        assert!(surveyed("/nothing").await.is_ok());
        let refused = surveyed("/api/v2/conversations/").await;
        let said = refused.expect_err("nothing works").to_string();
        assert!(
            said.contains("conversation:communication:view") && !said.contains('\n'),
            "{said}"
        );
    }

    #[test]
    fn what_topics_need_is_read_from_genesys_list() {
        let listed = json!([{
            "id": "v2.routing.queues.{id}.conversations",
            "requiresPermissions": ["a:b:c"],
            "permissionDetails": [{ "type": "requiresDivisionPermissions", "permissions": ["a:b:c", "d:e:f"] }],
        }]);
        let listed: Vec<AvailableTopic> = serde_json::from_value(listed).expect("topics");
        assert_eq!(
            needs_of_topics(&listed),
            "v2.routing.queues.{id}.conversations needs a:b:c, d:e:f, in the division of each queue"
        );
        assert!(needs_of_topics(&[]).contains("not among them"));
    }
}
