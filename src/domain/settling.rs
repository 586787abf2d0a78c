//! Durations that Genesys settled after the end: its later word takes the place of what was measured
//! from snapshots.

use super::facts::Facts;
use super::ids::{ParticipantId, SessionId};
use super::naming::is_made_up;
use super::phase::{Phase, phase_of};
use super::snapshot::{AcwState, Leg, Medium, Participant, Timings};
use super::time::Time;

/// What analytics say of one session that is over, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledSession {
    pub id: SessionId,
    pub participant: ParticipantId,
    pub medium: Option<Medium>,
    pub alert_ms: i64,
    pub dial_ms: i64,
    pub talk_ms: i64,
    pub hold_ms: i64,
    pub park_ms: i64,
    /// `None`: they show no after-call work.
    pub acw_ms: Option<i64>,
}

/// Takes the durations of the legs that have ended; whether anything changed.
pub(super) fn settle(facts: &mut Facts, sessions: &[SettledSession]) -> bool {
    let mut changed = false;
    for participant in &mut facts.participants {
        for place in 0..participant.legs.len() {
            let leg = &participant.legs[place];
            let said = session_of(participant, place, sessions);
            let Some(said) = said.filter(|said| is_settled_by(leg, participant, said)) else {
                continue;
            };
            let timings = said.timings(leg.timings.since);
            changed |= leg.timings != timings || leg.id != said.id;
            participant.legs[place].timings = timings;
            participant.legs[place].id = said.id.clone();
        }
    }
    changed
}

/// The leg's session: by its id, or by its place where Genesys told none.
fn session_of<'a>(
    participant: &Participant,
    place: usize,
    sessions: &'a [SettledSession],
) -> Option<&'a SettledSession> {
    let leg = &participant.legs[place];
    if !is_made_up(&leg.id, &participant.id) {
        return sessions.iter().find(|said| said.id == leg.id);
    }
    let earlier = participant.legs[..place].iter();
    let nth = earlier.filter(|it| it.medium == leg.medium).count();
    let mut own = sessions
        .iter()
        .filter(|said| said.participant == participant.id && said.medium == Some(leg.medium));
    own.nth(nth)
}

/// Analytics lag: what they do not know yet must not pass for the last word.
fn is_settled_by(leg: &Leg, participant: &Participant, said: &SettledSession) -> bool {
    let worked = leg.acw.as_ref().is_some_and(|acw| {
        acw.state == AcwState::Complete && acw.start_time.is_some() && acw.end_time > acw.start_time
    });
    let works = leg
        .acw
        .as_ref()
        .is_some_and(|acw| acw.state == AcwState::Pending);
    phase_of(leg, participant) == Phase::Ended && !works && (!worked || said.acw_ms.is_some())
}

impl SettledSession {
    /// The durations as a leg keeps them; `since` is when its last phase began.
    pub const fn timings(&self, since: Option<Time>) -> Timings {
        Timings {
            alert_ms: self.alert_ms,
            dial_ms: self.dial_ms,
            talk_ms: self.talk_ms,
            hold_ms: self.hold_ms,
            park_ms: self.park_ms,
            acw_ms: match self.acw_ms {
                Some(acw_ms) => acw_ms,
                None => 0,
            },
            since,
            is_final: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::conversation::Conversation;
    use super::super::event::{ConversationEvent, Fact};
    use super::super::testing::{at, conversation_id, inbound_call, seen, snapshot};
    use super::super::update::{ChangeCause, ChangeKind};
    use super::*;

    fn said(acw_ms: Option<i64>) -> SettledSession {
        SettledSession {
            id: "g1".into(),
            participant: "agent".into(),
            medium: Some(Medium::Voice),
            alert_ms: 4_900,
            dial_ms: 0,
            talk_ms: 30_100,
            hold_ms: 9_900,
            park_ms: 0,
            acw_ms,
        }
    }

    fn enriched(sessions: Vec<SettledSession>, seconds: i64) -> ConversationEvent {
        ConversationEvent {
            conversation_id: conversation_id(),
            received_at: at(seconds),
            actor: None,
            fact: Fact::Enriched {
                start: None,
                end: None,
                direction: None,
                sessions,
            },
        }
    }

    fn after(snapshots: usize) -> Conversation {
        let mut conversation = Conversation::unknown(conversation_id(), at(0));
        for (seconds, participants) in inbound_call().into_iter().take(snapshots) {
            conversation
                .apply(&seen(snapshot(participants), seconds))
                .unwrap();
        }
        conversation
    }

    fn timings(conversation: &Conversation) -> Timings {
        conversation.facts.participants[3].legs[0].timings.clone()
    }

    #[test]
    fn settled_durations_take_the_place_of_measured_ones_once() {
        let mut conversation = after(7);
        assert!(!timings(&conversation).is_final);
        let applied = conversation
            .apply(&enriched(vec![said(Some(15_000))], 90))
            .unwrap();
        assert_eq!(applied.updates.len(), 1);
        let update = &applied.updates[0];
        assert_eq!(update.cause, ChangeCause::Enriched);
        assert!(update.kinds.contains(ChangeKind::Participants));
        assert_eq!(timings(&conversation).talk_ms, 30_100);
        assert!(timings(&conversation).is_final);
        let again = conversation.apply(&enriched(vec![said(Some(15_000))], 95));
        assert!(again.unwrap().updates.is_empty());
    }

    #[test]
    fn a_snapshot_of_analytics_brings_settled_durations_of_its_own() {
        let mut conversation = after(6);
        let (seconds, mut participants) = inbound_call().swap_remove(6);
        participants[3].legs[0].timings = said(Some(15_000)).timings(None);
        let event = seen(snapshot(participants), seconds);
        conversation.apply(&event).unwrap();
        assert_eq!(timings(&conversation).talk_ms, 30_100);
        assert!(timings(&conversation).is_final);
        assert!(!conversation.is_settled(), "but one leg");
    }

    #[test]
    fn a_conversation_is_settled_with_all_its_legs() {
        let mut conversation = after(7);
        let participants = &conversation.facts.participants;
        let legs = participants
            .iter()
            .flat_map(|one| one.legs.iter().map(|leg| (one.id.clone(), leg)));
        let sessions = legs.map(|(participant, leg)| SettledSession {
            id: leg.id.clone(),
            participant,
            medium: Some(leg.medium),
            ..said(Some(15_000))
        });
        let event = enriched(sessions.collect(), 90);
        assert!(!conversation.is_settled());
        conversation.apply(&event).unwrap();
        assert!(conversation.is_settled());
        let nothing_known = Conversation::unknown(conversation_id(), at(0));
        assert!(!nothing_known.is_settled());
    }

    /// What led to the end is not told by it: the conversation is read.
    #[test]
    fn an_end_that_was_not_seen_is_a_doubt_and_no_news() {
        let ended_at = |seconds| {
            let mut event = enriched(Vec::new(), 90);
            if let Fact::Enriched { end, .. } = &mut event.fact {
                *end = Some(at(seconds));
            }
            event
        };
        let mut talking = after(4);
        let applied = talking.apply(&ended_at(70)).unwrap();
        assert!(applied.updates.is_empty() && applied.doubtful);
        let mut ended = after(7);
        let applied = ended.apply(&ended_at(70)).unwrap();
        assert_eq!(applied.updates.len(), 1);
        assert!(!applied.doubtful);
        assert_eq!(ended.row.conversation_end, Some(at(70)));
    }

    #[test]
    fn what_analytics_do_not_know_yet_is_not_the_last_word() {
        // The leg is still open.
        let mut talking = after(4);
        let applied = talking.apply(&enriched(vec![said(None)], 50)).unwrap();
        assert!(applied.updates.is_empty());
        // After-call work still runs; then it is over, but analytics lag behind it.
        for (snapshots, seconds) in [(6, 65), (7, 80)] {
            let mut conversation = after(snapshots);
            let applied = conversation.apply(&enriched(vec![said(None)], seconds));
            assert!(applied.unwrap().updates.is_empty());
            assert!(!timings(&conversation).is_final);
        }
    }
}
