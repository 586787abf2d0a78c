use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::clock::SystemClock;
use crate::domain::event::ConversationEvent;
use crate::domain::ids::{ConversationId, QueueId};
use crate::genesys::fake::{Answer, Asked, Fake, clock, eventually, token};
use crate::ingest::Open;

const QUERY: &str = "/api/v2/analytics/conversations/details/query";
/// They ended one second after the other.
const ENDED: usize = 2_000;
const PAGE: usize = 100;

/// What is kept over a restart, and what was told.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    told: Vec<ConversationId>,
    note: Option<String>,
    heard: Option<Time>,
    /// How often the open conversations were listed.
    listed: usize,
}

impl Sink for Memory {
    async fn put(&self, event: ConversationEvent) -> Result<(), SendRefused> {
        self.0.lock().unwrap().told.push(event.conversation_id);
        Ok(())
    }

    async fn open(&self, _: Option<ConversationId>, _: u64) -> anyhow::Result<Vec<Open>> {
        self.0.lock().unwrap().listed += 1;
        Ok(Vec::new())
    }

    async fn heard_until(&self) -> anyhow::Result<Option<Time>> {
        Ok(self.0.lock().unwrap().heard)
    }

    async fn set_heard_until(&self, until: Time) -> anyhow::Result<()> {
        let mut kept = self.0.lock().unwrap();
        kept.heard = Some(until);
        kept.note = None;
        Ok(())
    }

    async fn repair_note(&self) -> anyhow::Result<Option<String>> {
        Ok(self.0.lock().unwrap().note.clone())
    }

    async fn keep_repair_note(&self, note: String) -> anyhow::Result<()> {
        self.0.lock().unwrap().note = Some(note);
        Ok(())
    }
}

fn id(number: usize) -> ConversationId {
    format!("00000000-0000-4000-8000-{number:012}")
        .parse()
        .unwrap()
}

/// The queue of channel 0 or 1.
fn ended(number: usize, end: Time) -> Value {
    let segment = json!({ "queueId": format!("queue {}", number % 2) });
    let sessions = json!([{ "sessionId": "s", "segments": [segment] }]);
    let participants = json!([{ "participantId": "p", "sessions": sessions }]);
    json!({ "conversationId": id(number), "conversationEnd": end.to_string(), "participants": participants })
}

/// A page of so many that ended, the last one first; nothing goes on.
fn analytics(asked: &Asked, now: Time, all: usize) -> Answer {
    if !asked.body.contains(r#""exists""#) {
        return Answer::json(200, &json!({ "totalHits": 0 }));
    }
    let from = (page_of(asked) - 1) * PAGE;
    let page = (from..all.min(from + PAGE)).map(|number| {
        let end = now.plus_millis(-1_000 * i64::try_from(number).unwrap());
        ended(number, end)
    });
    let page = page.collect::<Vec<_>>();
    Answer::json(200, &json!({ "totalHits": all, "conversations": page }))
}

fn page_of(asked: &Asked) -> usize {
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    usize::try_from(body["paging"]["pageNumber"].as_u64().unwrap()).unwrap()
}

/// The pages of ended conversations that were asked for.
fn pages(fake: &Fake) -> Vec<usize> {
    let asked = fake.asked("POST", QUERY);
    let of_ended = asked.iter().filter(|it| it.body.contains(r#""exists""#));
    of_ended.map(page_of).collect()
}

fn topic_of(queue: usize) -> String {
    format!("v2.routing.queues.{queue}.conversations")
}

/// A process that repairs; it ends when this is dropped.
struct Repairing {
    board: FeedBoard,
    orders: mpsc::UnboundedSender<Order>,
    now: Time,
    _task: JoinSet<()>,
}

impl Repairing {
    fn start(fake: &Fake, memory: &Memory, now: Time, channels: usize) -> Self {
        let (board, _) = FeedBoard::new(now);
        let topics = (0..channels).map(topic_of);
        board.set_wanted(now, &topics.collect(), channels, Vec::new());
        let config = GenesysConfig {
            repair_reads: 0,
            repair_days: 1,
            lost_after: Duration::from_secs(30),
            ..fake.config()
        };
        let tenth = Duration::from_millis(10);
        let repair = Repair {
            client: fake.client(),
            sink: memory.clone(),
            clock: clock(),
            board: board.clone(),
            backoff: Backoff::new(tenth, tenth, tenth, || 0.5),
            config,
        };
        let (orders, received) = mpsc::unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(async move { repair.run(received).await.unwrap() });
        Self {
            board,
            orders,
            now,
            _task: task,
        }
    }

    /// The channel hears, for the first time in this process.
    fn hear(&self, channel: usize) {
        self.board.blind(self.now, channel);
        let queue = format!("queue {channel}");
        let order = Order {
            channel,
            shown: Some(Arc::new([QueueId::from(queue)].into())),
            since: None,
            until: self.now,
        };
        self.orders.send(order).unwrap();
        let topics = [topic_of(channel)].into();
        self.board.up(self.now, channel, topics, Vec::new());
    }
}

#[tokio::test]
async fn analytics_are_asked_once_for_all_channels_that_soon_hear() {
    let now = SystemClock.now();
    let fake = Fake::start(move |asked| match asked.path.as_str() {
        "/oauth/token" => token(),
        QUERY => analytics(asked, now, 2),
        _ => Answer::json(500, &json!({})),
    })
    .await;
    let memory = Memory::default();
    memory.0.lock().unwrap().heard = Some(now.plus_millis(-3_600_000));

    let repairing = Repairing::start(&fake, &memory, now, 2);
    repairing.hear(1);
    eventually("what goes on is read at once", || {
        memory.0.lock().unwrap().listed == 1
    })
    .await;
    repairing.hear(0);
    eventually("all is read", || repairing.board.is_live()).await;

    assert_eq!(pages(&fake), [1, 1], "at once, and after the lag");
    let mut told = memory.0.lock().unwrap().told.clone();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told, [id(0), id(1)]);
}

#[tokio::test]
async fn a_repair_that_a_restart_interrupts_goes_on_where_it_was() {
    let now = SystemClock.now();
    let is_well = Arc::new(Mutex::new(false));
    let well = Arc::clone(&is_well);
    let fake = Fake::start(move |asked| match asked.path.as_str() {
        "/oauth/token" => token(),
        QUERY if *well.lock().unwrap() || page_of(asked) <= 15 => analytics(asked, now, ENDED),
        _ => Answer::json(500, &json!({})),
    })
    .await;
    let memory = Memory::default();
    memory.0.lock().unwrap().heard = Some(now.plus_millis(-3_600_000));

    let interrupted = Repairing::start(&fake, &memory, now, 2);
    interrupted.hear(0);
    interrupted.hear(1);
    eventually("the sixteenth page is asked for", || {
        pages(&fake).contains(&16)
    })
    .await;
    assert!(!interrupted.board.is_live());
    drop(interrupted);
    let before = pages(&fake).len();
    *is_well.lock().unwrap() = true;
    let again = Repairing::start(&fake, &memory, now, 2);
    again.hear(1);
    again.hear(0);
    eventually("all is read", || again.board.is_live()).await;

    let pages = pages(&fake).split_off(before);
    let repeated = pages.iter().filter(|page| (3..=15).contains(*page)).count();
    assert!(repeated <= 5, "{pages:?}");
    let mut told = memory.0.lock().unwrap().told.clone();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), ENDED);
    assert_eq!(memory.0.lock().unwrap().note, None, "it is through");
}

/// Each that is read ends, and leaves analytics' answer.
#[tokio::test]
async fn what_ends_while_it_is_read_hides_none_of_those_behind() {
    const OPEN: usize = 150;
    let now = SystemClock.now();
    let ended = Mutex::new(BTreeSet::new());
    let fake = Fake::start(move |asked| match asked.path.as_str() {
        "/oauth/token" => token(),
        QUERY => still_open(asked, OPEN, &ended.lock().unwrap()),
        path => {
            let read = path.strip_prefix("/api/v2/conversations/").unwrap();
            ended.lock().unwrap().insert(read.to_owned());
            let talks = json!([{ "id": "s", "state": "connected" }]);
            let customer = json!({ "id": "p", "purpose": "customer", "calls": talks });
            Answer::json(200, &json!({ "id": read, "participants": [customer] }))
        }
    })
    .await;
    let memory = Memory::default();
    let repairing = Repairing::start(&fake, &memory, now, 1);
    repairing.hear(0);
    eventually("all is read", || repairing.board.is_live()).await;
    let told: BTreeSet<_> = memory.0.lock().unwrap().told.iter().copied().collect();
    assert_eq!(told.len(), OPEN);
}

/// A page of those that go on.
fn still_open(asked: &Asked, all: usize, ended: &BTreeSet<String>) -> Answer {
    if asked.body.contains(r#""exists""#) {
        return Answer::json(200, &json!({ "totalHits": 0 }));
    }
    let segment = json!({ "queueId": "queue 0", "segmentStart": "2026-11-23T10:00:00.000Z" });
    let sessions = json!([{ "sessionId": "s", "mediaType": "voice", "segments": [segment] }]);
    let customer = json!({ "participantId": "p", "purpose": "customer", "sessions": sessions });
    let open = (0..all)
        .map(id)
        .filter(|it| !ended.contains(&it.to_string()));
    let from = (page_of(asked) - 1) * PAGE;
    let page = open.skip(from).take(PAGE);
    let page: Vec<Value> = page
        .map(|id| json!({ "conversationId": id, "participants": [customer] }))
        .collect();
    Answer::json(
        200,
        &json!({ "totalHits": all - ended.len(), "conversations": page }),
    )
}
