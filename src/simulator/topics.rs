//! Topic names: which exist, which the client may follow, what a combined one stands for.

use serde_json::{Value, json};
use uuid::Uuid;

use super::conversation::words::Media;
use super::org::Org;

pub(crate) const VIEW: &str = "conversation:communication:view";

/// Templates that can be subscribed, and whether the simulator ever sends on them.
const TEMPLATES: [(&str, &str); 30] = [
    (
        "v2.routing.queues.{id}.conversations",
        "Conversations of a queue",
    ),
    (
        "v2.routing.queues.{id}.conversations.calls",
        "Calls of a queue",
    ),
    (
        "v2.routing.queues.{id}.conversations.callbacks",
        "Callbacks of a queue",
    ),
    (
        "v2.routing.queues.{id}.conversations.chats",
        "Chats of a queue",
    ),
    (
        "v2.routing.queues.{id}.conversations.emails",
        "E-mails of a queue",
    ),
    (
        "v2.routing.queues.{id}.conversations.messages",
        "Messages of a queue",
    ),
    (
        "v2.routing.queues.{id}.conversations.cobrowseSessions",
        "Co-browsing of a queue",
    ),
    (
        "v2.routing.queues.{id}.conversations.screenshares",
        "Screen shares of a queue",
    ),
    (
        "v2.routing.queues.{id}.conversations.socialexpressions",
        "Social expressions of a queue",
    ),
    (
        "v2.routing.queues.{id}.conversations.videos",
        "Videos of a queue",
    ),
    ("v2.routing.queues.{id}.users", "Members of a queue"),
    ("v2.users.{id}.conversations", "Conversations of a user"),
    ("v2.users.{id}.conversations.calls", "Calls of a user"),
    (
        "v2.users.{id}.conversations.callbacks",
        "Callbacks of a user",
    ),
    ("v2.users.{id}.conversations.chats", "Chats of a user"),
    ("v2.users.{id}.conversations.emails", "E-mails of a user"),
    ("v2.users.{id}.conversations.messages", "Messages of a user"),
    (
        "v2.users.{id}.conversations.cobrowseSessions",
        "Co-browsing of a user",
    ),
    (
        "v2.users.{id}.conversations.screenshares",
        "Screen shares of a user",
    ),
    (
        "v2.users.{id}.conversations.socialexpressions",
        "Social expressions of a user",
    ),
    ("v2.users.{id}.conversations.videos", "Videos of a user"),
    (
        "v2.users.{id}.conversationsummary",
        "Counts of a user's conversations",
    ),
    ("v2.users.{id}.presence", "Presence of a user"),
    ("v2.users.{id}.routingStatus", "Routing status of a user"),
    ("v2.users.{id}.tokens", "Tokens of a user"),
    (
        "v2.detail.events.conversation.{id}.customer.start",
        "A customer's session begins",
    ),
    (
        "v2.detail.events.conversation.{id}.customer.end",
        "A customer's session ends",
    ),
    (
        "v2.detail.events.conversation.{id}.acd.start",
        "A queue session begins",
    ),
    (
        "v2.detail.events.conversation.{id}.acd.end",
        "A queue session ends",
    ),
    (
        "v2.analytics.queues.{id}.observations",
        "Observations of a queue",
    ),
];

/// Why a topic is not subscribed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    Unknown,
    MissingPermission,
}

/// A combined topic (`prefix?one&two`) names several that are alike up to the last dot.
pub(crate) fn expand(topic: &str) -> Vec<String> {
    let Some((prefix, endings)) = topic.split_once('?') else {
        return vec![topic.to_owned()];
    };
    endings
        .split('&')
        .map(|ending| format!("{prefix}.{ending}"))
        .collect()
}

/// Judges one individual topic.
pub(crate) fn judge(org: &Org, topic: &str) -> Result<(), Rejection> {
    let Some((template, id)) = template_of(topic) else {
        return Err(Rejection::Unknown);
    };
    if template.starts_with("v2.routing.queues") || template.starts_with("v2.analytics.queues") {
        let queue = org.queue(id).ok_or(Rejection::Unknown)?;
        return if queue.refused || org.lacks(VIEW) {
            Err(Rejection::MissingPermission)
        } else {
            Ok(())
        };
    }
    if template.starts_with("v2.users") {
        org.user(id).ok_or(Rejection::Unknown)?;
        if template.contains(".conversations") && org.lacks(VIEW) {
            return Err(Rejection::MissingPermission);
        }
    }
    Ok(())
}

fn template_of(topic: &str) -> Option<(&'static str, Uuid)> {
    if topic.len() >= 200 {
        return None;
    }
    TEMPLATES.iter().find_map(|(template, _)| {
        let (before, after) = template.split_once("{id}")?;
        let rest = strip(topic, before)?;
        let (id, end) = rest.split_at_checked(36)?;
        (end.eq_ignore_ascii_case(after))
            .then(|| Uuid::parse_str(id).ok())
            .flatten()
            .map(|id| (*template, id))
    })
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

pub(crate) fn of_queue(queue: Uuid, media: Option<Media>) -> String {
    with_media(format!("v2.routing.queues.{queue}.conversations"), media)
}

pub(crate) fn of_user(user: Uuid, media: Option<Media>) -> String {
    with_media(format!("v2.users.{user}.conversations"), media)
}

fn with_media(mut topic: String, media: Option<Media>) -> String {
    if let Some(media) = media {
        topic.push('.');
        topic.push_str(media.plural());
    }
    topic
}

/// The body of `GET /api/v2/notifications/availabletopics`.
pub(crate) fn available(expand: &[&str]) -> Value {
    let entities: Vec<Value> = TEMPLATES
        .iter()
        .map(|(template, description)| available_topic(template, description, expand))
        .collect();
    json!({"entities": entities})
}

fn available_topic(template: &str, description: &str, expand: &[&str]) -> Value {
    let mut topic = json!({"id": template});
    let mut put = |key: &str, value: Value| {
        if expand.contains(&key) {
            topic[key] = value;
        }
    };
    put("description", json!(description));
    put("enforced", json!(true));
    put("visibility", json!("Public"));
    put("transports", json!(["All"]));
    put("schema", json!({}));
    put("publicApiTemplateUriPaths", json!([]));
    put("topicParameters", json!(["id"]));
    put("requiresPermissions", json!([VIEW]));
    put(
        "permissionDetails",
        json!([{"type": "requiresDivisionPermissions", "permissions": [VIEW], "allowsCurrentUser": template.starts_with("v2.users"), "enforced": true}]),
    );
    topic
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::SimulatorConfig;

    #[test]
    fn topics_are_judged_by_template_id_and_division() {
        let org = Org::new(&SimulatorConfig {
            queues: 2,
            refused_queues: 1,
            ..SimulatorConfig::for_tests()
        });
        let (open, refused, user) = (org.queues()[0].id, org.queues()[1].id, org.users[0].id);
        assert_eq!(judge(&org, &of_queue(open, None)), Ok(()));
        assert_eq!(judge(&org, &of_queue(open, Some(Media::Email))), Ok(()));
        assert_eq!(
            judge(&org, &of_queue(refused, None)),
            Err(Rejection::MissingPermission)
        );
        assert_eq!(judge(&org, &of_queue(user, None)), Err(Rejection::Unknown));
        assert_eq!(
            judge(&org, &format!("V2.Users.{user}.ROUTINGSTATUS")),
            Ok(())
        );
        assert_eq!(
            judge(&org, "v2.routing.queues.{id}.conversations"),
            Err(Rejection::Unknown)
        );
        assert_eq!(
            judge(&org, &format!("v2.conversations.{open}")),
            Err(Rejection::Unknown)
        );
    }

    #[test]
    fn a_combined_topic_stands_for_each_of_its_endings() {
        assert_eq!(
            expand("v2.users.x?presence&conversations.calls"),
            ["v2.users.x.presence", "v2.users.x.conversations.calls"]
        );
        assert_eq!(expand("v2.users.x.presence"), ["v2.users.x.presence"]);
    }
}
