//! What closing a conversation asks of Genesys, from its participants.
//!
//! Agents who are on it, or wrap it up, are asked to leave one by one, the newest first. A
//! conversation that no agent is on is ended on its own medium.

use std::cmp::Reverse;

use super::ids::{ParticipantId, QueueId, UserId};
use super::phase::{Phase, Role, decides, phase_of, role_of};
use super::row::ConversationStatus;
use super::snapshot::{Leg, Medium, Participant};
use super::status::View;
use super::time::Time;

/// Media in the order in which they are ended: a callback's call before the callback itself.
const ORDER: [Medium; 7] = [
    Medium::Voice,
    Medium::Chat,
    Medium::Email,
    Medium::Message,
    Medium::Social,
    Medium::Video,
    Medium::Callback,
];

/// What is to be done, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub agents: Vec<AgentTask>,
    /// Media on which the conversation itself is disconnected.
    pub media: Vec<Medium>,
}

/// One agent, who leaves or finishes after-call work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentTask {
    pub participant: ParticipantId,
    pub user: Option<UserId>,
    /// The queue he works for here.
    pub queue: Option<QueueId>,
    /// The medium that carries the wrap-up.
    pub medium: Medium,
    /// Media of the legs to end; none in after-call work.
    pub media: Vec<Medium>,
}

impl Plan {
    /// The steps for the present participants; `user` narrows them to that agent.
    pub fn of(participants: &[Participant], user: Option<&UserId>) -> Self {
        let view = View::of(participants);
        let mut agents: Vec<(Option<Time>, usize, AgentTask)> = participants
            .iter()
            .enumerate()
            .filter(|(_, one)| user.is_none_or(|user| one.user_id.as_ref() == Some(user)))
            .filter_map(|(place, one)| Some((newest(one), place, task(&view, one)?)))
            .collect();
        agents.sort_by_key(|(connected, place, _)| Reverse((*connected, *place)));
        let agents: Vec<AgentTask> = agents.into_iter().map(|(_, _, task)| task).collect();
        let staffed = participants.iter().any(is_on);
        let media = if staffed || user.is_some() {
            Vec::new()
        } else {
            in_order(participants.iter().flat_map(open_legs))
        };
        Self { agents, media }
    }

    pub fn is_empty(&self) -> bool {
        self.agents.is_empty() && self.media.is_empty()
    }

    /// Whether everything asked for shows in the participants and the status they make.
    pub fn is_done(
        &self,
        participants: &[Participant],
        status: ConversationStatus,
        wrap_up: bool,
        user: Option<&UserId>,
    ) -> bool {
        let left = self
            .agents
            .iter()
            .all(|task| task.is_done(participants, wrap_up));
        left && (user.is_some() || is_over(status, wrap_up))
    }
}

impl AgentTask {
    /// Whether the agent has left and, where that was asked, wrapped up.
    pub fn is_done(&self, participants: &[Participant], wrap_up: bool) -> bool {
        let Some(one) = participants.iter().find(|one| one.id == self.participant) else {
            return true;
        };
        let wraps_up = View::of(participants).in_after_call_work(one);
        !is_on(one) && !(wraps_up && (wrap_up || self.media.is_empty()))
    }
}

/// Whether nothing more is to be waited for. After-call work that nobody asked to end goes on.
pub const fn is_over(status: ConversationStatus, wrap_up: bool) -> bool {
    match status {
        ConversationStatus::Ended | ConversationStatus::Idle => true,
        ConversationStatus::AfterCallWork => !wrap_up,
        _ => false,
    }
}

fn task(view: &View<'_>, one: &Participant) -> Option<AgentTask> {
    let on = is_on(one);
    if !on && (one.supervising || !view.in_after_call_work(one)) {
        return None;
    }
    let media = if on {
        in_order(open_legs(one))
    } else {
        Vec::new()
    };
    let last = one.legs.iter().rfind(|leg| decides(leg.medium))?;
    Some(AgentTask {
        participant: one.id.clone(),
        user: one.user_id.clone(),
        queue: one.queue_id.clone(),
        medium: wrap_up_leg(one).unwrap_or(last).medium,
        media,
    })
}

/// The leg with after-call work of its own, if one has.
fn wrap_up_leg(one: &Participant) -> Option<&Leg> {
    one.legs
        .iter()
        .rfind(|leg| decides(leg.medium) && (leg.acw.is_some() || is_engaged(leg, one)))
}

/// Whether an agent is on it: connected, holding or parked. Who is only rung is not.
fn is_on(one: &Participant) -> bool {
    role_of(one) == Role::Agent
        && !one.supervising
        && one
            .legs
            .iter()
            .any(|leg| decides(leg.medium) && is_engaged(leg, one))
}

fn is_engaged(leg: &Leg, one: &Participant) -> bool {
    matches!(phase_of(leg, one), Phase::Active | Phase::Parked)
}

fn open_legs(one: &Participant) -> impl Iterator<Item = &Leg> {
    one.legs
        .iter()
        .filter(|leg| decides(leg.medium))
        .filter(|leg| !matches!(phase_of(leg, one), Phase::Ended | Phase::Silent))
}

fn in_order<'a>(legs: impl Iterator<Item = &'a Leg>) -> Vec<Medium> {
    let present: Vec<Medium> = legs.map(|leg| leg.medium).collect();
    ORDER
        .into_iter()
        .filter(|medium| present.contains(medium))
        .collect()
}

fn newest(one: &Participant) -> Option<Time> {
    let legs = one.legs.iter().filter(|leg| decides(leg.medium));
    legs.filter_map(|leg| leg.connected_time).max()
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::{AcwState, LegState};
    use super::super::testing::{agent, call, customer, leg, participant, queue};
    use super::*;

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.agents
            .iter()
            .map(|task| task.participant.as_str())
            .collect()
    }

    fn on() -> Leg {
        call("c", LegState::Connected).from(0)
    }

    #[test]
    fn agents_leave_newest_first_and_the_conversation_follows_them() {
        let participants = [
            customer(vec![on()]),
            agent("first", "u1", vec![call("1", LegState::Connected).from(5)]),
            agent("second", "u2", vec![call("2", LegState::Connected).from(9)]),
        ];
        let plan = Plan::of(&participants, None);
        assert_eq!(ids(&plan), ["second", "first"]);
        assert_eq!(plan.agents[0].media, [Medium::Voice]);
        assert!(plan.media.is_empty());
        let only = Plan::of(&participants, Some(&UserId::from("u1")));
        assert_eq!(ids(&only), ["first"]);
        assert!(Plan::of(&participants, Some(&UserId::from("u9"))).is_empty());
    }

    #[test]
    fn who_is_only_rung_does_not_keep_the_conversation_from_being_ended_as_a_whole() {
        let participants = [
            customer(vec![on()]),
            queue("acd", "q", vec![on()]),
            agent("rung", "u1", vec![call("1", LegState::Alerting)]),
        ];
        let plan = Plan::of(&participants, None);
        assert!(plan.agents.is_empty());
        assert_eq!(plan.media, [Medium::Voice]);
    }

    #[test]
    fn an_agent_who_still_wraps_up_and_the_queue_it_went_on_to_are_both_closed() {
        let worked = call("1", LegState::Connected)
            .from(5)
            .until(20, "transfer")
            .acw(AcwState::Pending, 20, None);
        let participants = [
            customer(vec![on()]),
            agent("left", "u1", vec![worked]),
            queue("acd", "q", vec![call("q", LegState::Connected).from(20)]),
        ];
        let plan = Plan::of(&participants, None);
        assert_eq!(ids(&plan), ["left"]);
        assert!(plan.agents[0].media.is_empty());
        assert_eq!(plan.agents[0].medium, Medium::Voice);
        assert_eq!(plan.media, [Medium::Voice]);
    }

    #[test]
    fn parked_counts_and_a_callbacks_call_ends_before_the_callback() {
        let parked = participant(
            "a",
            "agent",
            vec![leg("1", Medium::Email, LegState::Parked)],
        );
        assert_eq!(Plan::of(&[parked], None).agents[0].media, [Medium::Email]);
        let both = agent(
            "a",
            "u",
            vec![
                leg("1", Medium::Callback, LegState::Connected),
                call("2", LegState::Connected),
            ],
        );
        assert_eq!(
            Plan::of(&[both], None).agents[0].media,
            [Medium::Voice, Medium::Callback]
        );
    }

    #[test]
    fn after_call_work_is_waited_for_only_when_its_end_was_asked() {
        let talks = [agent("a", "u", vec![on()])];
        let plan = Plan::of(&talks, None);
        let wraps_up = [agent(
            "a",
            "u",
            vec![on().until(9, "client").acw(AcwState::Pending, 9, None)],
        )];
        let status = ConversationStatus::AfterCallWork;
        assert!(!plan.is_done(&talks, ConversationStatus::Connected, false, None));
        assert!(plan.is_done(&wraps_up, status, false, None));
        assert!(!plan.is_done(&wraps_up, status, true, None));
        let finishing = Plan::of(&wraps_up, None);
        assert!(!finishing.is_done(&wraps_up, status, false, Some(&UserId::from("u"))));
    }
}
