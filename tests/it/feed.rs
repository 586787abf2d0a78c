//! The live feed under fire: writers, slow readers, reconnects with cursors, filters that
//! conversations enter and leave, narrowed callers and restarts, all at random. What each subscriber
//! received must be the log, seen through his filter and scope.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use conversation_gateway::domain::caller::{Caller, Scope};
use conversation_gateway::domain::conversation::Conversation;
use conversation_gateway::domain::filter::{Filter, Membership, Sighting, sighting};
use conversation_gateway::domain::ids::ConversationId;
use conversation_gateway::domain::update::{ChangeKind, ChangeKinds};
use conversation_gateway::feed::{
    Changes, FeedConfig, Feeds, Following, MakeRender, Recovered, Render, Told, Verdict, Wanted,
};
use conversation_gateway::hub::{Hub, HubConfig};
use conversation_gateway::store::{Change, Committed, Cursor, CursorRefused, Store};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::store::database::TestDatabase;
use crate::store::random::Random;

/// How many runs `make test` makes; `GATEWAY_TEST_RUNS` asks for more.
const RUNS: u64 = 20;
const SUBSCRIBERS: usize = 12;
const WRITES: usize = 60;
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_every_subscriber_gets_the_log_seen_through_his_filter() {
    let only = std::env::var("GATEWAY_TEST_SEED").ok();
    let runs = std::env::var("GATEWAY_TEST_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let seeds: Vec<u64> = match only {
        Some(seed) => vec![seed.parse().unwrap()],
        None => (0..runs).map(|_| rand::random()).collect(),
    };
    for seed in seeds {
        println!("GATEWAY_TEST_SEED={seed}");
        // Most runs on SQLite, which is quicker to set up.
        let database = if seed % 4 == 0 {
            TestDatabase::postgres().await
        } else {
            TestDatabase::sqlite().await
        };
        tokio::time::timeout(PATIENCE, run(&database, seed))
            .await
            .expect("a run comes to its end");
    }
}

async fn run(database: &TestDatabase, seed: u64) {
    let mut random = Random::with_seed(seed);
    let office = Arc::new(Office::open(database.open().await, &mut random).await);
    let known: Vec<ConversationId> = (0..15).map(|_| random.id()).collect();
    let (writing_tx, writing) = watch::channel(true);

    let mut subscribers = JoinSet::new();
    for number in 0..SUBSCRIBERS {
        let mut random = Random::with_seed(seed ^ (number as u64 + 1));
        let wanted = wish(&mut random, &known);
        let subscriber = subscribe_until_done(Arc::clone(&office), random, wanted, writing.clone());
        subscribers.spawn(subscriber);
    }
    let mut writers = JoinSet::new();
    for number in 0..2 {
        let random = Random::with_seed(seed ^ (1_000 + number));
        // A part of the conversations each, so that they collide nowhere.
        let mine = known
            .iter()
            .copied()
            .skip(usize::try_from(number).unwrap())
            .step_by(2)
            .collect();
        let store = database.open().await;
        writers.spawn(write(Arc::clone(&office), store, random, mine));
    }
    for _ in 0..random.up_to(2) {
        tokio::time::sleep(Duration::from_millis(60)).await;
        office.restart().await;
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    writing_tx.send(false).unwrap();
    let log = office.store.updates_after(0, 1_000_000).await.unwrap();
    while let Some(course) = subscribers.join_next().await {
        let course: Course = course.unwrap();
        course.check(&log);
    }
    office.close();
}

/// What one subscriber asks for, and how he behaves.
#[derive(Clone, Debug)]
struct Wish {
    caller: Caller,
    filter: Filter,
    changes: Changes,
    include_current: bool,
    slow_shape: bool,
}

fn wish(random: &mut Random, known: &[ConversationId]) -> Wish {
    let some = [ChangeKind::Owner, ChangeKind::Context]
        .into_iter()
        .collect();
    let kinds: Option<ChangeKinds> = random.chance(0.5).then_some(some);
    Wish {
        caller: random.caller(),
        filter: random.filter(known),
        changes: if random.chance(0.6) {
            Changes::Status
        } else {
            Changes::OfKinds(kinds)
        },
        include_current: random.chance(0.5),
        slow_shape: random.chance(0.3),
    }
}

/// A gateway's feed over a database, which can be closed and opened again.
struct Office {
    store: Store,
    config: (HubConfig, FeedConfig),
    open: Mutex<Open>,
    /// Counts the restarts.
    generation: watch::Sender<u64>,
}

struct Open {
    feeds: Feeds,
    hub: Hub,
    token: CancellationToken,
}

impl Office {
    async fn open(store: Store, random: &mut Random) -> Self {
        let config = (
            HubConfig {
                log_tail: if random.chance(0.5) { 8 } else { 1_000 },
                log_poll_ms: 5,
            },
            FeedConfig {
                feed_inbox: 1 + random.up_to(4),
                feed_results: 1 + random.up_to(40),
                feed_pages: 1 + random.up_to(2),
                ..FeedConfig::default()
            },
        );
        let open = Open::new(&config, &store).await;
        Self {
            store,
            config,
            open: Mutex::new(open),
            generation: watch::Sender::new(0),
        }
    }

    async fn restart(&self) {
        let mut open = self.open.lock().await;
        open.token.cancel();
        *open = Open::new(&self.config, &self.store).await;
        self.generation.send_modify(|generation| *generation += 1);
    }

    async fn feeds(&self) -> Feeds {
        self.open.lock().await.feeds.clone()
    }

    async fn publish(&self, entries: Vec<Arc<Committed>>) {
        self.open.lock().await.hub.publish(entries);
    }

    /// A new conversation; gives its last entry.
    async fn write(&self, random: &mut Random) -> Arc<Committed> {
        let id = random.id();
        let mut results = self.store.commit(&[random.beginning(id)]).await.unwrap();
        let entries = results.remove(0).expect("nobody else writes it");
        let last = Arc::clone(entries.last().expect("a change makes an entry"));
        self.publish(entries).await;
        last
    }

    fn close(&self) {
        self.open.try_lock().unwrap().token.cancel();
    }
}

impl Open {
    async fn new((hub, feed): &(HubConfig, FeedConfig), store: &Store) -> Self {
        let hub = Hub::begin(hub, store).await.unwrap();
        let (feeds, router) = Feeds::new(feed, store.clone(), hub.clone());
        let token = CancellationToken::new();
        tokio::spawn(hub.clone().follow(store.clone(), token.clone()));
        tokio::spawn(router.run(token.clone()));
        Self { feeds, hub, token }
    }
}

async fn write(office: Arc<Office>, store: Store, mut random: Random, known: Vec<ConversationId>) {
    let mut held: HashMap<ConversationId, Conversation> = HashMap::new();
    for _ in 0..WRITES {
        let mut changes: Vec<Change> = Vec::new();
        for id in random.pick(&known, 3) {
            changes.push(match held.get(&id) {
                None => random.beginning(id),
                Some(held) => random.next(held),
            });
        }
        let mut published = Vec::new();
        for (result, change) in store
            .commit(&changes)
            .await
            .unwrap()
            .into_iter()
            .zip(changes)
        {
            published.extend(result.expect("nobody else writes these"));
            held.insert(change.conversation.id, change.conversation);
        }
        published.sort_by_key(|entry| entry.sequence());
        // What is not published here, the hub reads from the log, like what another replica wrote.
        if random.chance(0.8) {
            office.publish(published).await;
        }
        if random.chance(0.3) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// What one connection received.
struct Segment {
    verdict: Verdict,
    received: Vec<(Cursor, String)>,
}

/// All connections of a subscriber, each resumed from the last cursor of the one before.
struct Course {
    wish: Wish,
    segments: Vec<Segment>,
}

async fn subscribe_until_done(
    office: Arc<Office>,
    mut random: Random,
    wish: Wish,
    mut writing: watch::Receiver<bool>,
) -> Course {
    let mut segments: Vec<Segment> = Vec::new();
    let mut after = None;
    loop {
        let mut generation = office.generation.subscribe();
        let feeds = office.feeds().await;
        let mut following = begin(&feeds, &wish, after).await;
        let mut segment = Segment {
            verdict: following.verdict().expect("told with the first result"),
            received: Vec::new(),
        };
        after = after.or(Some(segment.verdict.from));
        if segment.verdict.recovered == Recovered::Snapshot {
            // Until its first result a snapshot has no place to resume from.
            after = None;
        }
        let patience = random.up_to(40);
        let mut idle = 0;
        loop {
            let finished = !*writing.borrow_and_update();
            tokio::select! {
                delivery = following.next() => {
                    let delivery = delivery.expect("it goes on").expect("the database answers");
                    after = Some(delivery.cursor);
                    segment.received.push((delivery.cursor, delivery.text.to_string()));
                    idle = 0;
                }
                changed = generation.changed() => {
                    changed.unwrap();
                    break;
                }
                () = tokio::time::sleep(Duration::from_millis(40)) => {
                    idle += 1;
                    if finished && idle > 2 && is_at_the_end(&office, &wish, &segment).await {
                        segments.push(segment);
                        return Course { wish, segments };
                    }
                }
            }
            if random.chance(0.05) {
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
            if !finished && segment.received.len() > patience && random.chance(0.2) {
                break;
            }
        }
        segments.push(segment);
    }
}

async fn begin(feeds: &Feeds, wish: &Wish, after: Option<Cursor>) -> Following {
    let wanted = Wanted {
        filter: wish.filter.clone(),
        changes: wish.changes,
        after,
        include_current: wish.include_current,
    };
    let scope = wish.caller.scope.clone();
    let slow = wish.slow_shape;
    let make: MakeRender = Arc::new(move || {
        Box::new(Plain {
            scope: scope.clone(),
            slow,
        })
    });
    let document = Arc::from(if slow { "slow" } else { "quick" });
    feeds
        .subscribe(&wish.caller, wanted, document, make(), Arc::clone(&make))
        .await
        .expect("the cursor is of this log")
}

/// Whether everything that the log has for this connection has come.
async fn is_at_the_end(office: &Office, wish: &Wish, segment: &Segment) -> bool {
    let log = office.store.updates_after(0, 1_000_000).await.unwrap();
    segment.received.len() >= expected(wish, segment.verdict, &log).len()
}

/// Tells what was told: for whom, which entry, what it meant, as of which version.
struct Plain {
    scope: Scope,
    slow: bool,
}

impl Render for Plain {
    fn render(&mut self, told: Told) -> BoxFuture<'_, Arc<str>> {
        Box::pin(async move {
            if self.slow {
                tokio::task::yield_now().await;
            }
            Arc::from(line(
                &self.scope,
                &told.entry,
                told.sighting,
                told.entry.update().after.status_number,
            ))
        })
    }
}

fn line(scope: &Scope, entry: &Committed, sighting: Sighting, number: u32) -> String {
    let update = entry.update();
    format!(
        "{scope:?} {} {} v{} n{number} {:?} {}",
        entry.sequence(),
        update.conversation_id,
        update.version,
        sighting.membership,
        sighting.out_of_scope
    )
}

impl Course {
    /// Each connection got the beginning of what it should have, the last one all of it, and each
    /// began where the one before had ended.
    fn check(&self, log: &[Arc<Committed>]) {
        let count = self.segments.len();
        let mut reached: Option<Cursor> = None;
        for (number, segment) in self.segments.iter().enumerate() {
            let verdict = segment.verdict;
            if let Some(reached) = reached {
                assert_eq!(verdict.recovered, Recovered::Resumed, "{:?}", self.wish);
                assert_eq!(verdict.from, reached);
            }
            let expected = expected(&self.wish, verdict, log);
            let received: Vec<&String> = segment.received.iter().map(|(_, text)| text).collect();
            let due: Vec<&String> = expected.iter().take(received.len()).collect();
            assert_eq!(
                received, due,
                "connection {number}: {:?} {verdict:?}",
                self.wish
            );
            if number + 1 == count {
                assert_eq!(received.len(), expected.len(), "{:?}", self.wish);
            }
            let last = segment.received.last().map(|(cursor, _)| *cursor);
            reached = match verdict.recovered {
                Recovered::Snapshot => last,
                Recovered::Live | Recovered::Resumed => last.or(Some(verdict.from)),
            };
        }
    }
}

/// What a connection that began so must receive, by the plainest reading of the log.
fn expected(wish: &Wish, verdict: Verdict, log: &[Arc<Committed>]) -> Vec<String> {
    let mut lines = Vec::new();
    if verdict.recovered == Recovered::Snapshot {
        lines.extend(snapshot(wish, verdict.head.sequence, log));
    }
    for entry in log
        .iter()
        .filter(|entry| entry.sequence() > verdict.from.sequence)
    {
        let update = entry.update();
        let Some(sighting) = sighting(&wish.filter, &wish.caller.scope, update) else {
            continue;
        };
        let told = match wish.changes {
            Changes::Status => {
                update.is_status_change() || sighting.membership != Membership::Stayed
            }
            Changes::OfKinds(kinds) => {
                sighting.out_of_scope || kinds.is_none_or(|kinds| update.kinds.intersects(kinds))
            }
        };
        if told {
            lines.push(line(
                &wish.caller.scope,
                entry,
                sighting,
                update.after.status_number,
            ));
        }
    }
    lines
}

/// The log compacted at a head: of every conversation whose row matches there, its latest entry of
/// the wanted sort as it was, in the log's order.
fn snapshot(wish: &Wish, head: u64, log: &[Arc<Committed>]) -> Vec<String> {
    let mut rows = HashMap::new();
    let mut latest: HashMap<ConversationId, &Arc<Committed>> = HashMap::new();
    for entry in log.iter().filter(|entry| entry.sequence() <= head) {
        let update = entry.update();
        rows.insert(update.conversation_id, Arc::clone(&update.after));
        let counts = match wish.changes {
            Changes::Status => update.is_status_change(),
            // Entries that say nothing new of any kind are in no snapshot.
            Changes::OfKinds(None) => !update.kinds.is_empty(),
            Changes::OfKinds(Some(kinds)) => update.kinds.intersects(kinds),
        };
        if counts {
            latest.insert(update.conversation_id, entry);
        }
    }
    let shows_ended = wish.filter.wants_ended();
    let mut entries: Vec<_> = latest
        .into_iter()
        .filter(|(id, _)| {
            let row = &rows[id];
            let ended = row.status == conversation_gateway::domain::row::ConversationStatus::Ended;
            wish.filter.matches(*id, row) && wish.caller.scope.sees(row) && (shows_ended || !ended)
        })
        .collect();
    entries.sort_by_key(|(_, entry)| entry.sequence());
    let entered = Sighting {
        membership: Membership::Entered,
        out_of_scope: false,
    };
    entries
        .into_iter()
        .map(|(id, entry)| {
            // Who does not see what the entry led to is told the head instead.
            let scope = &wish.caller.scope;
            let after = Some(&entry.update().after).filter(|row| scope.sees(row));
            line(
                scope,
                entry,
                entered,
                after.unwrap_or(&rows[&id]).status_number,
            )
        })
        .collect()
}

#[tokio::test]
async fn a_cursor_of_a_log_that_a_restored_backup_has_undone_is_refused() {
    let database = TestDatabase::sqlite().await;
    let mut random = Random::new();
    let office = Office::open(database.open().await, &mut random).await;
    for _ in 0..3 {
        office.write(&mut random).await;
    }
    let backup = database.copy();
    let epoch = office.store.head().await.unwrap().epoch;
    let undone = office.write(&mut random).await.cursor(epoch);
    drop(office);

    let office = Office::open(backup.open().await, &mut random).await;
    let is_unknown = async |cursor: Cursor| {
        let checked = office.store.check(&cursor).await.unwrap();
        matches!(checked, Err(CursorRefused::Unknown { .. }))
    };
    assert!(is_unknown(undone).await, "a cursor from the future");
    // Written past the old head: the number exists again, but it is another entry's.
    while office.store.head().await.unwrap().sequence <= undone.sequence {
        office.write(&mut random).await;
    }
    assert!(is_unknown(undone).await, "a cursor of an undone entry");
    let wish = Wish {
        caller: Caller::everything(),
        filter: Filter::default(),
        changes: Changes::Status,
        include_current: true,
        slow_shape: false,
    };
    let following = begin(&office.feeds().await, &wish, Some(undone)).await;
    let verdict = following.verdict().expect("a verdict");
    assert_eq!(
        verdict.recovered,
        Recovered::Snapshot,
        "a snapshot stands in"
    );
}
