//! Random conversations, from few enough values that filters meet them.

use std::collections::BTreeSet;
use std::sync::Arc;

use conversation_gateway::domain::caller::{Caller, Scope};
use conversation_gateway::domain::conversation::Conversation;
use conversation_gateway::domain::facts::Facts;
use conversation_gateway::domain::filter::{AnyOf, Filter};
use conversation_gateway::domain::ids::ConversationId;
use conversation_gateway::domain::permission::Permissions;
use conversation_gateway::domain::registration::{ContextLink, Registration};
use conversation_gateway::domain::row::{
    ContextKey, ContextRef, ContextVerb, ConversationStatus, Direction, Failure, InitiatedBy,
    MediaType, Owner, OwnerKind, Row, ScreenPopTarget, Work,
};
use conversation_gateway::domain::snapshot::{
    Leg, LegDirection, LegState, Medium, Participant, Timings, Wrapup,
};
use conversation_gateway::domain::time::Time;
use conversation_gateway::domain::update::{ChangeCause, ChangeKind, Update};
use conversation_gateway::store::Change;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

pub(crate) const NOON: i64 = 1_795_435_200_000;

pub(crate) struct Random {
    rng: StdRng,
}

impl Random {
    /// The seed is printed, so that a failure tells it; `GATEWAY_TEST_SEED` gives it back.
    pub(crate) fn new() -> Self {
        let seed = std::env::var("GATEWAY_TEST_SEED")
            .map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
        println!("GATEWAY_TEST_SEED={seed}");
        Self::with_seed(seed)
    }

    pub(crate) fn with_seed(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
        }
    }

    /// Some of the values, each once, at least one and at most `most`.
    pub(crate) fn pick<T: Clone>(&mut self, all: &[T], most: usize) -> Vec<T> {
        let count = self.rng.random_range(1..=most);
        all.choose_multiple(&mut self.rng, count).cloned().collect()
    }

    pub(crate) fn id(&mut self) -> ConversationId {
        ConversationId::from_uuid(Uuid::from_bytes(self.rng.random()))
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    pub(crate) fn up_to(&mut self, most: usize) -> usize {
        self.rng.random_range(0..=most)
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all.choose(&mut self.rng).unwrap().clone()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance(0.5).then(|| make(self))
    }

    fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.up_to(most);
        (0..count).map(|_| make(self)).collect()
    }

    fn time(&mut self) -> Time {
        Time::from_millis(NOON + self.rng.random_range(0..20) * 1001)
    }

    fn queue(&mut self) -> String {
        self.of(&[
            "queue-a",
            "queue-b",
            "5f0e0a3e-3f1f-4a8e-9d0f-1c1d1e1f2021",
            "~odd ü",
        ])
        .to_owned()
    }

    fn user(&mut self) -> String {
        self.of(&[
            "ann",
            "bob",
            "6f0e0a3e-3f1f-4a8e-9d0f-1c1d1e1f2022",
            "6F0E0A3E-3F1F-4A8E-9D0F-1C1D1E1F2022",
        ])
        .to_owned()
    }

    fn context(&mut self) -> ContextRef {
        let key = self.of(ContextKey::ALL);
        ContextRef {
            key,
            custom_key: if key == ContextKey::Custom {
                self.of(&["order", "Claim"]).to_owned()
            } else {
                String::new()
            },
            object_id: self.of(&["1", "2", "a-b", "A_b", "aB"]).to_owned(),
        }
    }

    pub(crate) fn row(&mut self) -> Row {
        let mut agents = self.some(2, |r| r.user().into());
        agents.sort();
        agents.dedup();
        let mut handled_by = self.some(2, |r| r.user().into());
        handled_by.sort();
        handled_by.dedup();
        Row {
            initiated_by: self.of(InitiatedBy::ALL),
            registered_at: self.maybe(Self::time),
            initial_screen_pop_target: self.maybe(|r| r.of(ScreenPopTarget::ALL)),
            conversation_start: self.maybe(Self::time),
            conversation_end: self.maybe(Self::time),
            direction: self.maybe(|r| r.of(Direction::ALL)),
            original_media_type: self.maybe(|r| r.of(MediaType::ALL)),
            active_media_type: self.maybe(|r| r.of(MediaType::ALL)),
            status: self.of(ConversationStatus::ALL),
            status_since: self.time(),
            waiting_since: self.maybe(Self::time),
            last_queue_id: self.maybe(|r| r.queue().into()),
            last_queue_name: self.maybe(Self::queue),
            owner: self.maybe(|r| Owner {
                kind: r.of(OwnerKind::ALL),
                genesys_id: r.user(),
                name: r.maybe(Self::queue),
                since: r.time(),
            }),
            failure: self.maybe(|r| Failure {
                work: r.of(Work::ALL),
                message: "It's \"broken\"; \\ 50%".to_owned(),
                at: r.time(),
            }),
            status_number: 1,
            created_at: self.time(),
            updated_at: self.time(),
            agents,
            handled_by,
            contexts: Vec::new(),
        }
    }

    fn link(&mut self) -> ContextLink {
        ContextLink {
            context: self.context(),
            name: self.maybe(|r| r.of(&["Case 100%", "Case_7", "case X"]).to_owned()),
            verb: self.of(ContextVerb::ALL),
            description: self.maybe(Self::queue),
            created_by: self.maybe(Self::user),
            created_at: self.time(),
            last_at: self.time(),
        }
    }

    fn registration(&mut self) -> Registration {
        Registration {
            initiated_by: self.of(InitiatedBy::ALL),
            initial_screen_pop_target: self.maybe(|r| r.of(ScreenPopTarget::ALL)),
            direction: self.maybe(|r| r.of(Direction::ALL)),
            original_media_type: self.maybe(|r| r.of(MediaType::ALL)),
            conversation_start: self.maybe(Self::time),
            queue_id: self.maybe(|r| r.queue().into()),
            queue_name: self.maybe(Self::queue),
            context: self.maybe(Self::context),
            context_name: self.maybe(Self::queue),
        }
    }

    fn participant(&mut self, number: usize) -> Participant {
        let legs = self.up_to(2);
        Participant {
            id: format!("participant-{number}").into(),
            purpose: self
                .of(&[
                    "agent",
                    "customer",
                    "acd",
                    "ivr",
                    "dialer.system",
                    "Voicemail",
                ])
                .to_owned(),
            user_id: self.maybe(|r| r.user().into()),
            address: None,
            name: self.maybe(Self::user),
            external_contact_id: self.maybe(Self::user),
            queue_id: self.maybe(|r| r.queue().into()),
            queue_name: self.maybe(Self::queue),
            start_time: self.maybe(Self::time),
            connected_time: self.maybe(Self::time),
            end_time: self.maybe(Self::time),
            consult_participant_id: self.maybe(|_| "participant-0".into()),
            supervising: self.chance(0.2),
            wrapup_skipped: self.chance(0.2),
            start_acw_time: self.maybe(Self::time),
            end_acw_time: self.maybe(Self::time),
            wrapup: self.maybe(|r| Wrapup {
                code: r.user(),
                name: r.maybe(Self::user),
                end_time: r.maybe(Self::time),
            }),
            legs: (0..legs).map(|leg| self.leg(leg)).collect(),
        }
    }

    fn leg(&mut self, number: usize) -> Leg {
        Leg {
            id: format!("session-{number}").into(),
            medium: self.of(&[
                Medium::Voice,
                Medium::Callback,
                Medium::ScreenShare,
                Medium::Video,
            ]),
            state: self.of(&[
                LegState::Alerting,
                LegState::Connected,
                LegState::Disconnected,
                LegState::Unrecognised,
            ]),
            direction: self.maybe(|r| r.of(&[LegDirection::Inbound, LegDirection::Outbound])),
            held: self.chance(0.3),
            start_hold_time: self.maybe(Self::time),
            park_time: self.maybe(Self::time),
            start_alerting_time: self.maybe(Self::time),
            connected_time: self.maybe(Self::time),
            disconnected_time: self.maybe(Self::time),
            disconnect_type: self.maybe(|_| "client".to_owned()),
            error: None,
            acw: None,
            wrapup: self.maybe(|r| Wrapup {
                code: r.user(),
                name: None,
                end_time: None,
            }),
            timings: Timings {
                alert_ms: self.rng.random_range(0..9),
                talk_ms: self.rng.random_range(0..9999),
                ..Timings::default()
            },
            initial: None,
            segments: Vec::new(),
        }
    }

    pub(crate) fn conversation(&mut self, id: ConversationId, version: u32) -> Conversation {
        let participants = self.up_to(4);
        let mut links = Vec::new();
        for link in self.some(3, Self::link) {
            let taken = |held: &ContextLink| held.context == link.context && held.verb == link.verb;
            if !links.iter().any(taken) {
                links.push(link);
            }
        }
        let contexts: BTreeSet<_> = links.iter().map(|link| link.context.clone()).collect();
        let mut row = self.row();
        row.contexts = contexts.into_iter().collect();
        Conversation {
            id,
            version,
            row,
            facts: Facts {
                participants: (0..participants)
                    .map(|number| self.participant(number))
                    .collect(),
                start: self.maybe(Self::time),
                ..Facts::default()
            },
            registration: self.maybe(Self::registration),
            links,
        }
    }

    /// A change that makes the conversation known, in one or several steps.
    pub(crate) fn beginning(&mut self, id: ConversationId) -> Change {
        let steps = 1 + u32::try_from(self.up_to(2)).unwrap();
        self.change(id, None, steps)
    }

    /// A change of a stored conversation, which leaves nothing of it as it was.
    pub(crate) fn next(&mut self, of: &Conversation) -> Change {
        self.change(of.id, Some(Arc::new(of.clone())), 1)
    }

    fn change(
        &mut self,
        id: ConversationId,
        stored: Option<Arc<Conversation>>,
        steps: u32,
    ) -> Change {
        let version = stored.as_ref().map_or(0, |stored| stored.version);
        let mut conversation = self.conversation(id, version + steps);
        let mut before = stored.as_ref().map(|stored| Arc::new(stored.row.clone()));
        let mut updates = Vec::new();
        for step in 1..=steps {
            let mut after = if step == steps {
                conversation.row.clone()
            } else {
                self.row()
            };
            let number = before.as_ref().map_or(0, |row| row.status_number);
            let is_status = before.as_ref().is_none_or(|row| row.status != after.status);
            after.status_number = number + u32::from(is_status);
            let after = Arc::new(after);
            let mut kinds: BTreeSet<_> = self
                .some(3, |r| r.of(&ChangeKind::ALL[1..]))
                .into_iter()
                .collect();
            if is_status {
                kinds.insert(ChangeKind::Status);
            }
            updates.push(Update {
                conversation_id: id,
                version: version + step,
                kinds: kinds.into_iter().collect(),
                before: before.replace(Arc::clone(&after)),
                after,
                occurred_at: self.time(),
                cause: self.of(ChangeCause::ALL),
                gap_before: self.chance(0.1),
                actor: self.maybe(|r| Arc::from(r.user())),
            });
        }
        conversation.row = Row::clone(&updates.last().unwrap().after);
        Change {
            before: stored,
            conversation,
            updates,
            deeds: Vec::new(),
        }
    }

    fn any_of<T: Ord>(&mut self, most: usize, one: impl FnMut(&mut Self) -> T) -> AnyOf<T> {
        self.some(most, one).into_iter().collect()
    }

    pub(crate) fn filter(&mut self, known: &[ConversationId]) -> Filter {
        // Few conditions at a time, or nothing would ever match.
        let mut filter = Filter::default();
        for _ in 0..self.up_to(3) {
            match self.up_to(14) {
                0 => {
                    filter.conversation_ids =
                        Some(self.any_of(6, |r| if r.chance(0.8) { r.of(known) } else { r.id() }));
                }
                1 => filter.context = Some(self.context()),
                2 => filter.statuses = Some(self.any_of(6, |r| r.of(ConversationStatus::ALL))),
                3 => filter.open = Some(self.chance(0.5)),
                4 => filter.queue_ids = Some(self.any_of(2, |r| r.queue().into())),
                5 => filter.agent_ids = Some(self.any_of(2, |r| r.user().into())),
                6 => filter.handled_by_ids = Some(self.any_of(2, |r| r.user().into())),
                7 => filter.media_types = Some(self.any_of(3, |r| r.of(MediaType::ALL))),
                8 => filter.active_media_types = Some(self.any_of(3, |r| r.of(MediaType::ALL))),
                9 => filter.direction = Some(self.of(Direction::ALL)),
                10 => filter.initiated_by = Some(self.of(InitiatedBy::ALL)),
                11 => filter.registered = Some(self.chance(0.5)),
                12 => filter.has_error = Some(self.chance(0.5)),
                13 => {
                    filter.started_from = self.maybe(Self::time);
                    filter.started_to = self.maybe(Self::time);
                }
                _ => {
                    filter.ended_from = self.maybe(Self::time);
                    filter.ended_to = self.maybe(Self::time);
                }
            }
        }
        filter
    }

    pub(crate) fn caller(&mut self) -> Caller {
        if self.chance(0.4) {
            return Caller::everything();
        }
        let queues: BTreeSet<_> = self.some(2, |r| r.queue().into()).into_iter().collect();
        let scope = Scope::Narrowed {
            queues: Arc::new(queues),
            user: self.maybe(|r| r.user().into()),
        };
        Caller::new("someone", Permissions::all(), scope)
    }
}
