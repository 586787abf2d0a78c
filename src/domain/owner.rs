//! Who has a conversation, and in which queue it was last.

use super::ids::QueueId;
use super::phase::{Phase, Role, decides, phase_of, role_of};
use super::row::{ConversationStatus, OwnerKind};
use super::snapshot::Participant;
use super::time::Time;

/// An owner without the moment since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub kind: OwnerKind,
    pub genesys_id: String,
    pub name: Option<String>,
}

/// The last queue, by the queue legs, else by the newest agent's queue (outbound on its behalf).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastQueue {
    pub id: QueueId,
    pub name: Option<String>,
}

/// The owner (`docs/status.md`); `None` means: leave the case with the owner it
/// has.
pub fn owner_of(
    participants: &[Participant],
    status: ConversationStatus,
    queue: Option<&LastQueue>,
) -> Option<Candidate> {
    match status {
        ConversationStatus::WaitingInQueue | ConversationStatus::Scheduled => queue.map(team),
        ConversationStatus::Alerting if open_queue_leg(participants).is_some() => queue.map(team),
        ConversationStatus::Connected | ConversationStatus::OnHold | ConversationStatus::Parked => {
            handling_agent(participants).and_then(user)
        }
        ConversationStatus::AfterCallWork => last_agent(participants).and_then(user),
        _ => None,
    }
}

/// The queue leg that is open now: since when the conversation waits there.
pub fn open_queue_leg(participants: &[Participant]) -> Option<&Participant> {
    participants
        .iter()
        .filter(|participant| role_of(participant) == Role::Acd && !participant.supervising)
        .filter(|participant| {
            participant.legs.iter().any(|leg| {
                decides(leg.medium)
                    && matches!(
                        phase_of(leg, participant),
                        Phase::Active | Phase::Pending | Phase::Scheduled
                    )
            })
        })
        .max_by_key(|participant| participant.connected_time)
}

pub fn last_queue(participants: &[Participant]) -> Option<LastQueue> {
    let acd = participants
        .iter()
        .filter(|participant| role_of(participant) == Role::Acd && participant.queue_id.is_some())
        .filter(|participant| consult_is_over(participant, participants))
        .max_by_key(|participant| match participant.end_time {
            None => (true, participant.connected_time),
            Some(end) => (false, Some(end)),
        });
    let newest_agent = || {
        participants.iter().rfind(|participant| {
            role_of(participant) == Role::Agent && participant.queue_id.is_some()
        })
    };
    let participant = acd.or_else(newest_agent)?;
    let id = participant.queue_id.as_ref()?;
    // Where this participant has no name of it, another one may.
    let others = participants
        .iter()
        .rev()
        .filter(|other| other.queue_id.as_ref() == Some(id));
    let name = [participant]
        .into_iter()
        .chain(others)
        .find_map(|participant| participant.queue_name.clone());
    Some(LastQueue {
        id: id.clone(),
        name,
    })
}

/// A queue reached for a consultation counts only once the consulting agent has handed over.
fn consult_is_over(queue: &Participant, participants: &[Participant]) -> bool {
    queue
        .consult_participant_id
        .as_ref()
        .is_none_or(|consulting| {
            participants
                .iter()
                .filter(|participant| &participant.id == consulting)
                .flat_map(|participant| &participant.legs)
                .any(|leg| leg.disconnect_type.as_deref() == Some("transfer.consult"))
        })
}

/// The agent whose open leg is oldest; consulted ones don't count while another is there.
fn handling_agent(participants: &[Participant]) -> Option<&Participant> {
    agents(participants)
        .filter_map(|participant| Some((participant, open_since(participant)?)))
        .min_by_key(|(participant, since)| (participant.consult_participant_id.is_some(), *since))
        .map(|(participant, _)| participant)
}

fn open_since(participant: &Participant) -> Option<Time> {
    participant
        .legs
        .iter()
        .filter(|leg| {
            decides(leg.medium)
                && matches!(phase_of(leg, participant), Phase::Active | Phase::Parked)
        })
        .map(|leg| leg.connected_time.unwrap_or(Time::from_millis(i64::MAX)))
        .min()
}

fn last_agent(participants: &[Participant]) -> Option<&Participant> {
    agents(participants)
        .filter_map(|participant| {
            let ended = participant
                .legs
                .iter()
                .filter(|leg| decides(leg.medium) && phase_of(leg, participant) == Phase::Ended)
                .filter_map(|leg| leg.disconnected_time.or(participant.end_time))
                .max()?;
            Some((participant, ended))
        })
        .max_by_key(|(_, ended)| *ended)
        .map(|(participant, _)| participant)
}

fn agents(participants: &[Participant]) -> impl Iterator<Item = &Participant> {
    participants.iter().filter(|participant| {
        role_of(participant) == Role::Agent
            && !participant.supervising
            && participant.user_id.is_some()
    })
}

fn team(queue: &LastQueue) -> Candidate {
    Candidate {
        kind: OwnerKind::Team,
        genesys_id: queue.id.to_string(),
        name: queue.name.clone(),
    }
}

fn user(agent: &Participant) -> Option<Candidate> {
    Some(Candidate {
        kind: OwnerKind::User,
        genesys_id: agent.user_id.as_ref()?.to_string(),
        name: agent.name.clone(),
    })
}
