//! The true history of every conversation: what a gateway must show, and what it can have known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::clock::Stamp;
use super::conversation::Conversation;

/// The universal status of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    Created,
    Scheduled,
    InFlow,
    WaitingInQueue,
    Alerting,
    Dialing,
    Connected,
    OnHold,
    Parked,
    Voicemail,
    Transferring,
    TransferredOut,
    AfterCallWork,
    Idle,
    Ended,
}

/// Whose the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "id", rename_all = "UPPERCASE")]
pub(crate) enum Owner {
    Team(Uuid),
    User(Uuid),
}

/// What a step's author says must be shown after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) status: Status,
    pub(crate) owner: Option<Owner>,
}

impl Told {
    pub(crate) const CREATED: Self = Self::nobodys(Status::Created);
    pub(crate) const ENDED: Self = Self::nobodys(Status::Ended);

    pub(crate) const fn nobodys(status: Status) -> Self {
        Self {
            status,
            owner: None,
        }
    }

    pub(crate) const fn users(status: Status, user: Uuid) -> Self {
        Self {
            status,
            owner: Some(Owner::User(user)),
        }
    }

    pub(crate) fn teams(status: Status, queue: Option<Uuid>) -> Self {
        Self {
            status,
            owner: queue.map(Owner::Team),
        }
    }
}

/// One entry of the history.
pub(crate) struct TruthStep {
    pub(crate) at: Stamp,
    pub(crate) step: &'static str,
    pub(crate) told: Told,
    /// Raised once a whole frame that shows this step has been written to an open socket.
    pub(crate) heard: Arc<AtomicBool>,
}

/// The rule of `tellable`, in one place: Genesys' own records (leg times and segments, REST and analytics alike) show every
/// phase that anything was open in: flow, queue, offers (declined ones too), dialling, talk, hold, park, after-call work. They do
/// not show a conversation that has no participant yet, nor the gap of a transfer that lasted less than a second.
fn tellable(step: &TruthStep, next: Option<&TruthStep>, now: Stamp) -> bool {
    match step.told.status {
        Status::Created => false,
        Status::Transferring => {
            next.map_or(now, |next| next.at).millis() - step.at.millis() >= 1_000
        }
        _ => true,
    }
}

pub(crate) fn truth_of(conversation: &Conversation, now: Stamp) -> Value {
    let steps: Vec<Value> = conversation
        .truth
        .iter()
        .enumerate()
        .map(|(index, step)| {
            step_json(step, tellable(step, conversation.truth.get(index + 1), now))
        })
        .collect();
    json!({
        "id": conversation.id,
        "mediaType": conversation.media,
        "direction": conversation.direction,
        "playing": conversation.playing,
        "ended": conversation.told.status == Status::Ended,
        "queueIds": conversation.queues(),
        "userIds": conversation.users(),
        "steps": steps,
    })
}

fn step_json(step: &TruthStep, tellable: bool) -> Value {
    json!({
        "at": step.at,
        "step": step.step,
        "status": step.told.status,
        "owner": step.told.owner,
        "tellable": tellable,
        "heard": step.heard.load(Ordering::Acquire),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(status: Status, at: i64) -> TruthStep {
        TruthStep {
            at: Stamp::from_millis(at),
            step: "test",
            told: Told::nobodys(status),
            heard: Arc::default(),
        }
    }

    #[test]
    fn only_long_transfer_gaps_are_tellable() {
        let now = Stamp::from_millis(10_000);
        let next = step(Status::WaitingInQueue, 2_000);
        assert!(tellable(
            &step(Status::Transferring, 1_000),
            Some(&next),
            now
        ));
        assert!(!tellable(
            &step(Status::Transferring, 1_001),
            Some(&next),
            now
        ));
        assert!(!tellable(&step(Status::Created, 0), Some(&next), now));
        assert!(tellable(&step(Status::Alerting, 1_999), Some(&next), now));
    }

    #[test]
    fn words_are_those_of_the_schema() {
        let written = step_json(
            &TruthStep {
                told: Told::users(Status::AfterCallWork, Uuid::nil()),
                ..step(Status::Ended, 0)
            },
            true,
        );
        assert_eq!(written["status"], "AFTER_CALL_WORK");
        assert_eq!(written["owner"], json!({"kind": "USER", "id": Uuid::nil()}));
        assert_eq!(written["heard"], false);
    }
}
