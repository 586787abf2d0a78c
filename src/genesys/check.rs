//! Tries each step of the way to Genesys, for `check-config --online`.

use std::sync::Arc;

use super::client::{ApiError, GenesysClient};
use super::config::GenesysConfig;
use super::queues;
use super::wire::AvailableTopic;
use crate::clock::Clock;

/// The topic template whose permissions count.
const QUEUE_TOPIC: &str = "v2.routing.queues.{id}.conversations";

/// One step, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub name: &'static str,
    /// A detail worth reading, or the reason of the failure.
    pub outcome: Result<String, String>,
}

/// Tries settings, token, queues, topics, a channel and a subscription; stops at what the rest needs.
pub async fn check(config: &GenesysConfig, clock: Arc<dyn Clock>) -> Vec<Step> {
    let mut steps = Vec::new();
    let client = match GenesysClient::new(config, clock) {
        Ok(client) => client,
        Err(error) => {
            steps.push(Step {
                name: "Genesys settings",
                outcome: Err(format!("{error:#}")),
            });
            return steps;
        }
    };
    steps.push(step("Genesys token", client.fetch_token().await, |()| {
        "granted".to_owned()
    }));
    if steps.iter().any(|step| step.outcome.is_err()) {
        return steps;
    }
    let listed = queues::list(&client).await;
    let queue = listed
        .as_ref()
        .ok()
        .and_then(|queues| queues.first().cloned());
    let queue = config.queues.first().cloned().or(queue);
    steps.push(step(
        "Genesys queues (routing:queue:view)",
        listed,
        |queues| format!("{} listed", queues.len()),
    ));
    let topics = client.available_topics().await;
    steps.push(step("Genesys topics", topics, |topics| {
        permissions(&topics)
    }));
    let channel = client.create_channel().await;
    let channel_id = channel.as_ref().ok().map(|channel| channel.id.clone());
    steps.push(step("Genesys notification channel", channel, |_| {
        "created".to_owned()
    }));
    if let (Some(channel), Some(queue)) = (channel_id, queue) {
        steps.push(subscription(&client, &channel, &super::topics::of_queue(&queue)).await);
    }
    steps
}

async fn subscription(client: &GenesysClient, channel: &str, topic: &str) -> Step {
    let name = "Genesys subscription (conversation:communication:view)";
    let outcome = match client.replace_topics(channel, &[topic]).await {
        Err(error) => Err(reason(&error)),
        Ok(answered) => match answered.iter().find(|answer| answer.is_rejected()) {
            None => Ok(format!("{topic} permitted")),
            Some(refused) => Err(format!(
                "{topic} refused: {}; missing: {}",
                refused
                    .rejection_reason
                    .as_deref()
                    .unwrap_or("no reason given"),
                refused.missing_permissions.join(", ")
            )),
        },
    };
    Step { name, outcome }
}

fn permissions(topics: &[AvailableTopic]) -> String {
    let Some(topic) = topics
        .iter()
        .find(|topic| topic.id.eq_ignore_ascii_case(QUEUE_TOPIC))
    else {
        return format!("{} known, {QUEUE_TOPIC} not among them", topics.len());
    };
    let details = topic
        .permission_details
        .iter()
        .flat_map(|details| &details.permissions);
    let mut needed = topic
        .requires_permissions
        .iter()
        .chain(details)
        .cloned()
        .collect::<Vec<_>>();
    needed.sort();
    needed.dedup();
    format!("{QUEUE_TOPIC} needs {}", needed.join(", "))
}

fn step<T>(
    name: &'static str,
    result: Result<T, ApiError>,
    detail: impl FnOnce(T) -> String,
) -> Step {
    Step {
        name,
        outcome: result.map(detail).map_err(|error| reason(&error)),
    }
}

fn reason(error: &ApiError) -> String {
    match error.message() {
        Some(message) => format!("{error}: {message}"),
        None => error.to_string(),
    }
}
