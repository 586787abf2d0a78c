//! Analytics conversation details as a snapshot: sessions are legs, and their segments tell what a
//! live snapshot says with states and times.

use super::{QueueNames, activity, direction, durations, filled, time};
use crate::domain::ids::{ParticipantId, QueueId, SessionId, UserId};
use crate::domain::snapshot::{
    Activity, AcwState, AfterCallWork, Leg, LegState, Medium, Participant, Segment, Shape,
    Snapshot, Source, Timings, Wrapup,
};
use crate::domain::time::Time;
use crate::genesys::wire;

/// Reads a conversation of the details; `None` for one without id or participants.
pub fn snapshot(sent: wire::AnalyticsConversation, queue_names: QueueNames) -> Option<Snapshot> {
    let conversation_id = sent.conversation_id.as_deref()?.parse().ok()?;
    // What goes on has no last word yet.
    let is_over = sent.conversation_end.is_some();
    let settled = is_over.then(|| durations::sessions(&sent));
    let mut participants = sent
        .participants?
        .into_iter()
        .flatten()
        .filter_map(|sent| participant(sent, queue_names))
        .collect::<Vec<_>>();
    for leg in participants.iter_mut().flat_map(|it| &mut it.legs) {
        let said = settled.iter().flatten().find(|said| said.id == leg.id);
        if let Some(said) = said {
            leg.timings = said.timings(leg.disconnected_time);
        }
    }
    Some(Snapshot {
        conversation_id,
        source: Source::Analytics,
        shape: Shape::Whole,
        start: time(sent.conversation_start.as_deref()),
        end: time(sent.conversation_end.as_deref()),
        other_media: Vec::new(),
        participants,
    })
}

/// The queues that a conversation of the details touched.
pub fn queues(sent: &wire::AnalyticsConversation) -> impl Iterator<Item = QueueId> {
    let participants = sent.participants.iter().flatten().flatten();
    participants
        .flat_map(|participant| participant.sessions.iter().flatten().flatten())
        .flat_map(|session| session.segments.iter().flatten().flatten())
        .filter_map(|segment| segment.queue_id.clone())
        .map(QueueId::from)
}

/// The newest time at which something began or ended.
pub fn newest(sent: &wire::AnalyticsConversation) -> Option<Time> {
    let participants = sent.participants.iter().flatten().flatten();
    participants
        .flat_map(|participant| participant.sessions.iter().flatten().flatten())
        .flat_map(|session| session.segments.iter().flatten().flatten())
        .flat_map(|segment| [&segment.segment_start, &segment.segment_end])
        .filter_map(|at| time(at.as_deref()))
        .max()
}

fn participant(sent: wire::AnalyticsParticipant, queue_names: QueueNames) -> Option<Participant> {
    let id = filled(sent.participant_id)?;
    let sessions: Vec<_> = sent
        .sessions
        .unwrap_or_default()
        .into_iter()
        .flatten()
        .collect();
    let purpose = purpose(sent.purpose.unwrap_or_default(), &sessions);
    let touches_queue = matches!(purpose.as_str(), "acd" | "agent" | "user" | "voicemail");
    let queue_id = sessions
        .iter()
        .flat_map(|session| session.segments.iter().flatten().flatten())
        .find_map(|segment| filled(segment.queue_id.clone()))
        .filter(|_| touches_queue)
        .map(QueueId::from);
    let supervising = sessions.iter().any(|session| {
        filled(session.monitored_participant_id.clone()).is_some()
            || filled(session.coached_participant_id.clone()).is_some()
    });
    let legs: Vec<Leg> = sessions.into_iter().filter_map(leg).collect();
    let over = legs.iter().all(|leg| leg.disconnected_time.is_some());
    let acw = |of: fn(&AfterCallWork) -> Option<Time>| {
        legs.iter().find_map(|leg| of(leg.acw.as_ref()?))
    };
    Some(Participant {
        id: ParticipantId::from(id),
        queue_name: queue_id.as_ref().and_then(queue_names),
        queue_id,
        user_id: filled(sent.user_id).map(UserId::from),
        name: None,
        address: None,
        external_contact_id: filled(sent.external_contact_id),
        start_time: legs
            .iter()
            .filter_map(|leg| leg.segments.first())
            .map(|it| it.start)
            .min(),
        connected_time: legs.iter().filter_map(|leg| leg.connected_time).min(),
        end_time: legs
            .iter()
            .filter_map(|leg| leg.disconnected_time)
            .max()
            .filter(|_| over),
        consult_participant_id: None,
        supervising,
        wrapup_skipped: false,
        start_acw_time: acw(|acw| acw.start_time),
        end_acw_time: acw(|acw| acw.end_time),
        wrapup: legs.iter().find_map(|leg| leg.wrapup.clone()),
        purpose,
        legs,
    })
}

/// The live model calls the dialler `dialer.system`, analytics call it `outbound`.
fn purpose(word: String, sessions: &[wire::AnalyticsSession]) -> String {
    let dials = sessions
        .iter()
        .any(|session| session.outbound_campaign_id.is_some());
    if dials && word.eq_ignore_ascii_case("outbound") {
        "dialer.system".to_owned()
    } else {
        word
    }
}

fn leg(sent: wire::AnalyticsSession) -> Option<Leg> {
    let medium = medium(sent.media_type.as_deref()?)?;
    let all: Vec<_> = sent
        .segments
        .unwrap_or_default()
        .into_iter()
        .flatten()
        .collect();
    let (wrapups, segments): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| {
        it.segment_type
            .as_deref()
            .is_some_and(|word| word.eq_ignore_ascii_case("wrapup"))
    });
    let mut told: Vec<Segment> = segments.iter().filter_map(segment).collect();
    told.sort_by_key(|segment| segment.start);
    let last = told.last().copied()?;
    let how = segments
        .iter()
        .rev()
        .find_map(|it| filled(it.disconnect_type.clone()));
    let error = segments
        .iter()
        .rev()
        .find_map(|it| filled(it.error_code.clone()));
    let ended = last.end.filter(|_| how.is_some() || !wrapups.is_empty());
    let connected = told
        .iter()
        .find(|it| connects(it.activity))
        .map(|it| it.start);
    let acw = wrapups.first().map(after_call_work);
    let skipped = (sent.acw_skipped == Some(true) && acw.is_none()).then_some(AfterCallWork {
        state: AcwState::Skipped,
        start_time: ended,
        end_time: ended,
    });
    let wrapup = wrapups.iter().find_map(|it| {
        Some(Wrapup {
            code: filled(it.wrap_up_code.clone())?,
            name: None,
            end_time: time(it.segment_end.as_deref()),
        })
    });
    let state = if ended.is_some() {
        LegState::Disconnected
    } else {
        state(last.activity)
    };
    Some(Leg {
        id: SessionId::from(filled(sent.session_id)?),
        medium,
        state,
        direction: direction(sent.direction.as_deref()),
        held: ended.is_none() && last.activity == Activity::Hold,
        start_hold_time: (ended.is_none() && last.activity == Activity::Hold).then_some(last.start),
        park_time: (ended.is_none() && last.activity == Activity::Parked).then_some(last.start),
        start_alerting_time: told
            .iter()
            .find(|it| it.activity == Activity::Alert)
            .map(|it| it.start),
        connected_time: connected,
        disconnected_time: ended,
        disconnect_type: how.filter(|_| ended.is_some()).map(spelt_as_live),
        error: error.filter(|_| ended.is_some()),
        acw: acw.or(skipped),
        wrapup,
        timings: Timings::default(),
        initial: None,
        segments: told,
    })
}

fn segment(sent: &wire::AnalyticsSegment) -> Option<Segment> {
    Some(Segment {
        activity: activity(sent.segment_type.as_deref().unwrap_or_default()),
        start: time(sent.segment_start.as_deref())?,
        end: time(sent.segment_end.as_deref()),
    })
}

fn after_call_work(sent: &wire::AnalyticsSegment) -> AfterCallWork {
    let end_time = time(sent.segment_end.as_deref());
    AfterCallWork {
        state: if end_time.is_some() {
            AcwState::Complete
        } else {
            AcwState::Pending
        },
        start_time: time(sent.segment_start.as_deref()),
        end_time,
    }
}

/// Whether a leg that does this is connected.
const fn connects(activity: Activity) -> bool {
    matches!(
        activity,
        Activity::Other | Activity::Hold | Activity::Parked
    )
}

const fn state(activity: Activity) -> LegState {
    match activity {
        Activity::Alert => LegState::Alerting,
        Activity::Dialing => LegState::Dialing,
        Activity::Contacting => LegState::Contacting,
        Activity::Scheduled => LegState::Scheduled,
        Activity::Uploading => LegState::Uploading,
        Activity::Parked => LegState::Parked,
        Activity::Hold | Activity::Other => LegState::Connected,
    }
}

/// The medium of analytics' word: `voice`, `email`, ...
pub(super) fn medium(word: &str) -> Option<Medium> {
    Some(match word.to_ascii_lowercase().as_str() {
        "voice" => Medium::Voice,
        "callback" => Medium::Callback,
        "chat" => Medium::Chat,
        "email" => Medium::Email,
        "message" => Medium::Message,
        "video" => Medium::Video,
        "cobrowse" => Medium::Cobrowse,
        "screenshare" => Medium::ScreenShare,
        "screenmonitoring" => Medium::ScreenMonitoring,
        "internalmessage" => Medium::InternalMessage,
        _ => return None,
    })
}

/// Analytics write `consultTransfer` where the live model writes `transfer.consult`.
fn spelt_as_live(word: String) -> String {
    let live = match word.as_str() {
        "consultTransfer" => "transfer.consult",
        "conferenceTransfer" => "transfer.conference",
        "forwardTransfer" => "transfer.forward",
        "noAnswerTransfer" => "transfer.noanswer",
        "notAvailableTransfer" => "transfer.notavailable",
        "transferDnd" | "dndTransfer" => "transfer.dnd",
        "dndEndpoint" | "endpointDnd" => "endpoint.dnd",
        "sessionExpired" => "session.expired",
        "transportFailure" => "transport.failure",
        _ => return word,
    };
    live.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timings(end: Option<&str>) -> Timings {
        let segment = |kind, from, to| serde_json::json!({ "segmentType": kind, "segmentStart": from, "segmentEnd": to });
        let segments = [
            segment(
                "alert",
                "2026-03-02T09:00:00.000Z",
                "2026-03-02T09:00:05.500Z",
            ),
            segment(
                "interact",
                "2026-03-02T09:00:05.500Z",
                "2026-03-02T09:01:00.000Z",
            ),
        ];
        let sent = serde_json::json!({
            "conversationId": "00000000-0000-4000-8000-000000000001",
            "conversationEnd": end,
            "participants": [{ "participantId": "p", "purpose": "agent", "sessions": [
                { "sessionId": "s", "mediaType": "voice", "segments": segments }] }],
        });
        let sent = serde_json::from_value(sent).expect("analytics");
        let snapshot = snapshot(sent, &|_| None).expect("a snapshot");
        snapshot.participants[0].legs[0].timings.clone()
    }

    #[test]
    fn durations_are_settled_once_the_conversation_has_ended() {
        let settled = timings(Some("2026-03-02T09:01:00.000Z"));
        assert!(settled.is_final);
        assert_eq!((settled.alert_ms, settled.talk_ms), (5_500, 54_500));
        assert!(!timings(None).is_final);
    }
}
