//! Tries each step of the way to Genesys, for `check-config --online`.

use std::sync::Arc;

use super::client::{ApiError, GenesysClient};
use super::config::GenesysConfig;
use super::permissions;
use super::queues;
use super::topics;
use crate::clock::Clock;

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
        permissions::needs_of_topics(&topics)
    }));
    for permission in &permissions::TRIED {
        steps.push(granted(&client, permission).await);
    }
    let channel = client.create_channel().await;
    let channel_id = channel.as_ref().ok().map(|channel| channel.id.clone());
    steps.push(step("Genesys notification channel", channel, |_| {
        "created".to_owned()
    }));
    if let (Some(channel), Some(queue)) = (channel_id, queue) {
        steps.push(subscription(&client, &channel, &topics::of_queue(&queue, config.topics)).await);
    }
    steps
}

async fn subscription(client: &GenesysClient, channel: &str, topics: &[String]) -> Step {
    let name = "Genesys subscription (conversation:communication:view)";
    let names = topics.iter().map(String::as_str).collect::<Vec<_>>();
    let topic = names.join(", ");
    let outcome = match client.replace_topics(channel, &names).await {
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

async fn granted(client: &GenesysClient, permission: &permissions::Permission) -> Step {
    let outcome = match permission.is_granted(client).await {
        Ok(true) => Ok(format!("{}, for {}", permission.name, permission.purpose)),
        Ok(false) => Err(format!(
            "the client lacks {}, for {}: without it {}",
            permission.name, permission.purpose, permission.without
        )),
        Err(error) => Err(reason(&error)),
    };
    Step {
        name: "Genesys permission",
        outcome,
    }
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
