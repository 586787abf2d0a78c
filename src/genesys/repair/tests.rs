use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::clock::SystemClock;
use crate::domain::event::ConversationEvent;
use crate::domain::ids::ConversationId;
use crate::genesys::fake::{Answer, Asked, Fake, clock, eventually, token};

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
}

impl Sink for Memory {
    async fn put(&self, event: ConversationEvent) -> Result<(), SendRefused> {
        self.0.lock().unwrap().told.push(event.conversation_id);
        Ok(())
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

/// A page of those that ended, the last one first; nothing goes on.
fn analytics(asked: &Asked, now: Time) -> Answer {
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    if body["conversationFilters"][0]["predicates"][0]["operator"] != "exists" {
        return Answer::json(200, &json!({ "totalHits": 0 }));
    }
    let from = (page_of(asked) - 1) * PAGE;
    let page = (from..ENDED.min(from + PAGE)).map(|number| {
        let end = now.plus_millis(-1_000 * i64::try_from(number).unwrap());
        json!({ "conversationId": id(number), "conversationEnd": end.to_string(), "participants": [] })
    });
    let page = page.collect::<Vec<_>>();
    Answer::json(200, &json!({ "totalHits": ENDED, "conversations": page }))
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

/// A process that repairs; it ends when this is dropped.
fn start(fake: &Fake, memory: &Memory, now: Time) -> (FeedBoard, JoinSet<()>) {
    let (board, _) = FeedBoard::new(now);
    let topic = "v2.routing.queues.q.conversations".to_owned();
    board.set_wanted(now, &BTreeSet::from([topic]), 1, Vec::new());
    board.up(now, 0, 1, Vec::new());
    board.blind(now, 0);
    let config = GenesysConfig {
        repair_reads: 0,
        repair_days: 1,
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
    let (orders_tx, orders) = mpsc::unbounded_channel();
    let order = Order {
        channel: 0,
        shown: None,
        since: None,
        until: now,
    };
    orders_tx.send(order).unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let _orders_tx = orders_tx;
        repair.run(orders).await.unwrap();
    });
    (board, task)
}

#[tokio::test]
async fn a_repair_that_a_restart_interrupts_goes_on_where_it_was() {
    let now = SystemClock.now();
    let is_well = Arc::new(Mutex::new(false));
    let well = Arc::clone(&is_well);
    let fake = Fake::start(move |asked| match asked.path.as_str() {
        "/oauth/token" => token(),
        QUERY if *well.lock().unwrap() || page_of(asked) <= 15 => analytics(asked, now),
        _ => Answer::json(500, &json!({})),
    })
    .await;
    let memory = Memory::default();
    memory.0.lock().unwrap().heard = Some(now.plus_millis(-3_600_000));

    let (board, task) = start(&fake, &memory, now);
    eventually("the sixteenth page is asked for", || {
        pages(&fake).contains(&16)
    })
    .await;
    assert!(!board.is_live());
    drop(task);
    let before = pages(&fake).len();
    *is_well.lock().unwrap() = true;
    let (board, _task) = start(&fake, &memory, now);
    eventually("all is read", || board.is_live()).await;

    let again = pages(&fake).split_off(before);
    let repeated = again.iter().filter(|page| (3..=15).contains(*page)).count();
    assert!(repeated <= 5, "{again:?}");
    let mut told = memory.0.lock().unwrap().told.clone();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), ENDED);
    assert_eq!(memory.0.lock().unwrap().note, None, "it is through");
}
