//! Reads how long each session was in each phase from analytics' segments.

use super::{analytics, time};
use crate::domain::ids::{ParticipantId, SessionId};
use crate::domain::settling::SettledSession;
use crate::genesys::wire::{AnalyticsConversation, AnalyticsSegment, AnalyticsSession};

/// The sessions that are over: every segment has its end.
pub fn sessions(found: &AnalyticsConversation) -> Vec<SettledSession> {
    let participants = found.participants.iter().flatten().flatten();
    let sessions = participants.flat_map(|one| {
        let id = ParticipantId::from(one.participant_id.as_deref().unwrap_or_default());
        let sessions = one.sessions.iter().flatten().flatten();
        sessions.map(move |sent| (id.clone(), sent))
    });
    sessions
        .filter_map(|(participant, sent)| session(participant, sent))
        .collect()
}

fn session(participant: ParticipantId, sent: &AnalyticsSession) -> Option<SettledSession> {
    let segments = sent.segments.as_ref().filter(|all| !all.is_empty())?;
    let mut settled = SettledSession {
        id: SessionId::from(sent.session_id.as_deref()?),
        participant,
        medium: sent.media_type.as_deref().and_then(analytics::medium),
        alert_ms: 0,
        dial_ms: 0,
        talk_ms: 0,
        hold_ms: 0,
        park_ms: 0,
        acw_ms: None,
    };
    for segment in segments {
        let segment = segment.as_ref()?;
        let lasted = lasted(segment)?;
        match segment.segment_type.as_deref().unwrap_or_default() {
            "alert" => settled.alert_ms += lasted,
            "contacting" | "dialing" => settled.dial_ms += lasted,
            "interact" => settled.talk_ms += lasted,
            "hold" => settled.hold_ms += lasted,
            "parked" => settled.park_ms += lasted,
            "wrapup" => *settled.acw_ms.get_or_insert(0) += lasted,
            _ => {}
        }
    }
    Some(settled)
}

fn lasted(segment: &AnalyticsSegment) -> Option<i64> {
    let start = time(segment.segment_start.as_deref())?;
    let end = time(segment.segment_end.as_deref())?;
    Some(end.since(start).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::snapshot::Medium;

    #[test]
    fn segments_add_up_and_a_session_that_goes_on_is_left_out() {
        let found = serde_json::from_str(
            r#"{"conversationId": "c", "participants": [
                {"participantId": "p1", "sessions": [{"sessionId": "s1", "mediaType": "voice", "segments": [
                    {"segmentType": "alert", "segmentStart": "2026-03-02T09:00:00.000Z", "segmentEnd": "2026-03-02T09:00:05.500Z"},
                    {"segmentType": "interact", "segmentStart": "2026-03-02T09:00:05.500Z", "segmentEnd": "2026-03-02T09:01:00.000Z"},
                    {"segmentType": "hold", "segmentStart": "2026-03-02T09:01:00.000Z", "segmentEnd": "2026-03-02T09:01:10.000Z"},
                    {"segmentType": "interact", "segmentStart": "2026-03-02T09:01:10.000Z", "segmentEnd": "2026-03-02T09:02:00.000Z"},
                    {"segmentType": "wrapup", "segmentStart": "2026-03-02T09:02:00.000Z", "segmentEnd": "2026-03-02T09:02:07.000Z"}]}]},
                {"sessions": [{"sessionId": "s2", "segments": [
                    {"segmentType": "interact", "segmentStart": "2026-03-02T09:00:00.000Z"}]},
                    {"sessionId": "s3", "segments": []}]}]}"#,
        )
        .expect("analytics");
        let settled = sessions(&found);
        assert_eq!(settled.len(), 1);
        assert_eq!(
            settled[0],
            SettledSession {
                id: "s1".into(),
                participant: "p1".into(),
                medium: Some(Medium::Voice),
                alert_ms: 5_500,
                dial_ms: 0,
                talk_ms: 104_500,
                hold_ms: 10_000,
                park_ms: 0,
                acw_ms: Some(7_000),
            }
        );
    }
}
