//! What one batch does: everything is handed over before the loop runs.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::event::Fact;
use crate::domain::filter::Filter;
use crate::domain::registration::ContextLink;
use crate::domain::row::{ContextKey, ContextRef, ContextVerb, ConversationStatus, Work};
use crate::domain::snapshot::{Leg, LegState};
use crate::domain::snapshot::{Snapshot, Source};
use crate::domain::testing::{at, call, conversation_id, customer, inbound_call, seen, snapshot};
use crate::domain::update::ChangeCause;
use crate::hub::{Hub, HubConfig};
use crate::store::{Store, StoreConfig};

struct Batch {
    ingest: Ingest,
    writer: IngestLoop,
    needs: mpsc::Receiver<Need>,
    _data: TempDir,
}

impl Batch {
    async fn new() -> Self {
        Self::with(IngestConfig::default()).await
    }

    async fn with(ingest: IngestConfig) -> Self {
        let data = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            database_url: None,
            data_dir: data.path().to_owned(),
            database_connections: 1,
            database_wait_ms: 30_000,
        };
        let store = Store::connect(&config).await.unwrap();
        Migrator::up(store.database(), None).await.unwrap();
        let hub = Hub::begin(&HubConfig::default(), &store).await.unwrap();
        let (needs_tx, needs) = mpsc::channel(16);
        let (ingest, writer) = IngestLoop::new(ingest, store, hub, needs_tx);
        Self {
            ingest,
            writer,
            needs,
            _data: data,
        }
    }

    async fn event(&self, event: ConversationEvent) {
        self.ingest.send(event).await.unwrap();
    }

    async fn note(&self, sight: Sight) {
        self.ingest.note(sight).await.unwrap();
    }

    /// Writes what was handed over; gives back the statuses that were told.
    async fn told(self) -> Vec<ConversationStatus> {
        let token = CancellationToken::new();
        token.cancel();
        self.writer.run(token).await.unwrap();
        let entries = self.ingest.store.updates_after(0, 100).await.unwrap();
        let mut told: Vec<_> = entries.iter().map(|it| it.update().after.status).collect();
        told.dedup();
        told
    }

    /// Writes what was handed over; gives back the status that then stands, and what is to be asked.
    async fn written(mut self) -> (Option<ConversationStatus>, Vec<Need>) {
        let token = CancellationToken::new();
        token.cancel();
        self.writer.run(token).await.unwrap();
        let stored = self.ingest.store.load(&[conversation_id()]).await.unwrap();
        let status = stored.values().next().map(|it| it.row.status);
        let needs = std::iter::from_fn(|| self.needs.try_recv().ok());
        (status, needs.collect())
    }
}

impl IngestLoop {
    /// Writes these in one batch.
    async fn write_now(&mut self, events: impl IntoIterator<Item = ConversationEvent>) {
        let requests = events.into_iter().map(|it| Request::of(Job::Event(it)));
        let batch = requests.map(Handed::Request).collect();
        self.write(batch, &CancellationToken::new()).await;
    }
}

/// What the call shows at that second of its life.
fn at_second(second: i64) -> Snapshot {
    let mut life = inbound_call().into_iter();
    let step = life.find(|(at, _)| *at == second);
    snapshot(step.expect("a step of it").1)
}

fn heard(second: i64) -> ConversationEvent {
    seen(at_second(second), second)
}

fn read(second: i64) -> ConversationEvent {
    read_as(at_second(second), second)
}

fn read_as(said: Snapshot, second: i64) -> ConversationEvent {
    let mut event = seen(said.clone(), second);
    event.fact = Fact::Seen {
        snapshot: Snapshot {
            source: Source::Rest,
            ..said
        },
        cause: ChangeCause::Reconciled,
        read_at: Some(at(second)),
        gap_before: false,
    };
    event
}

/// A reading that teaches a leg's id and nothing else makes no change. With the next one the leg has the
/// real id, once.
#[tokio::test]
async fn what_was_learned_without_a_change_is_written_with_the_next() {
    let one_by_one = IngestConfig {
        ingest_batch: 1,
        ..IngestConfig::default()
    };
    let batch = Batch::with(one_by_one).await;
    let store = batch.ingest.store.clone();
    let said = |leg: Leg| snapshot(vec![customer(vec![leg.from(1)])]);
    let made_up = call("customer/voice/0", LegState::Connected);
    let real = call("c1", LegState::Connected);
    batch.event(read_as(said(made_up), 1)).await;
    batch.event(read_as(said(real.clone()), 2)).await;
    batch.event(read_as(said(real.until(3, "peer")), 3)).await;
    batch.told().await;
    let query = Statement::from_string(
        DbBackend::Sqlite,
        "SELECT sessionid FROM tbl_gen_participant",
    );
    let rows = store.database().query_all_raw(query).await.unwrap();
    let sessions: Vec<String> = rows
        .iter()
        .map(|row| row.try_get("", "sessionid").unwrap())
        .collect();
    assert_eq!(sessions, ["c1"]);
}

#[tokio::test]
async fn what_follows_an_unreadable_notification_waits_whatever_was_read_before_it() {
    let batch = Batch::new().await;
    batch.event(read(21)).await;
    let id = conversation_id();
    batch.note(Sight::Unread { id, at: at(25) }).await;
    batch.event(heard(30)).await;
    let (status, needs) = batch.written().await;
    assert_eq!(status, Some(ConversationStatus::Connected));
    assert!(needs.contains(&Need::ReadNow(id)), "{needs:?}");
}

#[tokio::test]
async fn only_a_reading_made_after_an_unreadable_notification_makes_up_for_it() {
    for (read_at, expected) in [
        (21, ConversationStatus::Connected),
        (30, ConversationStatus::OnHold),
    ] {
        let batch = Batch::new().await;
        let id = conversation_id();
        batch.note(Sight::Unread { id, at: at(25) }).await;
        batch.event(read(read_at)).await;
        batch.event(heard(30)).await;
        let (status, _) = batch.written().await;
        assert_eq!(status, Some(expected), "{read_at}");
    }
}

#[tokio::test]
async fn what_follows_a_reading_is_told_at_once_though_the_window_before_it_still_stands() {
    let batch = Batch::new().await;
    let (channel, shown) = (0, None);
    batch.note(Sight::Blind { channel, shown }).await;
    let since = at(10);
    batch.note(Sight::Seeing { channel, since }).await;
    batch.event(heard(15)).await;
    batch.event(read(21)).await;
    batch.event(heard(30)).await;
    let (status, needs) = batch.written().await;
    assert_eq!(status, Some(ConversationStatus::OnHold));
    assert_eq!(needs, []);
}

#[tokio::test]
async fn what_comes_in_a_window_waits_for_a_reading_made_after_it() {
    let batch = Batch::new().await;
    let (channel, shown) = (0, None);
    batch.note(Sight::Blind { channel, shown }).await;
    batch.event(read(21)).await;
    batch.event(heard(30)).await;
    let (status, needs) = batch.written().await;
    assert_eq!(status, Some(ConversationStatus::Connected));
    assert_eq!(needs, [Need::ReadNow(conversation_id())]);
}

/// What analytics say of the call at that second of its life.
fn analytics(second: i64, end: Option<i64>) -> ConversationEvent {
    let mut event = heard(second);
    event.fact = Fact::Seen {
        snapshot: Snapshot {
            source: Source::Analytics,
            end: end.map(at),
            ..at_second(second)
        },
        cause: ChangeCause::Reconciled,
        read_at: None,
        gap_before: false,
    };
    event
}

#[tokio::test]
async fn what_was_heard_before_analytics_tell_of_the_end_is_told_too() {
    use ConversationStatus::{Alerting, Connected, Ended};
    let batch = Batch::new().await;
    let (channel, shown) = (0, None);
    batch.note(Sight::Blind { channel, shown }).await;
    batch.event(heard(15)).await;
    // Of one that goes on they are not taken: the reading that the notification waits for says more.
    batch.event(analytics(21, None)).await;
    batch.event(analytics(75, Some(75))).await;
    let told = batch.told().await;
    assert!(told.contains(&Alerting), "{told:?}");
    assert!(told.contains(&Connected), "{told:?}");
    assert_eq!(told.last(), Some(&Ended), "{told:?}");
}

#[tokio::test]
async fn what_came_while_a_reading_was_under_way_is_told_before_it() {
    use ConversationStatus::{Alerting, Connected};
    let batch = Batch::new().await;
    let (channel, shown) = (0, None);
    batch.note(Sight::Blind { channel, shown }).await;
    batch.event(seen(at_second(15), 22)).await;
    let mut reading = read(21);
    if let Fact::Seen { read_at, .. } = &mut reading.fact {
        *read_at = Some(at(20));
    }
    batch.event(reading).await;
    let told = batch.told().await;
    assert!(told.contains(&Alerting), "{told:?}");
    assert_eq!(told.last(), Some(&Connected), "{told:?}");
}

/// A row that another hand has spoilt fails with every attempt: nobody else waits for it.
#[tokio::test]
async fn what_can_never_be_written_holds_nobody_else_up() {
    let Batch {
        ingest,
        writer,
        _data,
        ..
    } = Batch::new().await;
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    ingest.send(read(21)).await.unwrap();
    writer.run(cancelled.clone()).await.unwrap();
    let (store, hub) = (ingest.store.clone(), ingest.hub.clone());
    let spoil = Statement::from_string(
        DbBackend::Sqlite,
        "UPDATE tbl_gen_conversation SET state = '{'",
    );
    store.database().execute_raw(spoil).await.unwrap();

    let (needs_tx, _needs) = mpsc::channel(16);
    let (ingest, writer) = IngestLoop::new(IngestConfig::default(), store.clone(), hub, needs_tx);
    let (spoilt, sound) = (
        conversation_id(),
        ConversationId::from_uuid(uuid::Uuid::from_u128(7)),
    );
    for id in [spoilt, sound, spoilt] {
        let mut event = read(21);
        event.conversation_id = id;
        ingest.send(event).await.unwrap();
    }
    let (refused, written) = tokio::join!(ingest.submit(heard(30)), async {
        writer.run(cancelled).await
    });
    written.unwrap();
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, IngestError::Refused(Refused::Unwritable)),
        "{refused}"
    );
    let stored = store.load(&[sound]).await.unwrap();
    assert!(stored.contains_key(&sound));
}

/// With `GATEWAY_TRACK=registered` neither a reading that fails nor one that succeeds makes a row.
#[tokio::test]
async fn what_is_followed_in_memory_becomes_no_row_by_what_the_gateway_does() {
    let registered = IngestConfig {
        track: Track::Registered,
        ..IngestConfig::default()
    };
    let batch = Batch::with(registered).await;
    let work = Work::Reading;
    let message = "no".to_owned();
    for fact in [Fact::Failed { work, message }, Fact::Succeeded { work }] {
        batch.event(heard(21)).await;
        batch.event(ConversationEvent { fact, ..heard(21) }).await;
    }
    assert_eq!(batch.told().await, []);
}

/// What is learned of a conversation after its end, which nobody registered, is forgotten again.
#[tokio::test]
async fn what_nobody_registered_is_in_memory_until_it_ends() {
    let registered = IngestConfig {
        track: Track::Registered,
        ..IngestConfig::default()
    };
    let mut batch = Batch::with(registered).await;
    let settled = Fact::Enriched {
        start: None,
        end: Some(at(75)),
        direction: None,
        sessions: Vec::new(),
    };
    batch.writer.write_now([heard(21)]).await;
    assert!(batch.writer.known.contains(conversation_id()));
    batch.writer.write_now([heard(75)]).await;
    let settled = ConversationEvent {
        fact: settled,
        ..heard(75)
    };
    batch.writer.write_now([settled]).await;
    assert!(!batch.writer.known.contains(conversation_id()));
    assert_eq!(batch.needs.try_recv().ok(), None, "nothing to settle");
}

/// The place of a conversation that cannot be read is due for release, and stays so if it is only tried.
#[tokio::test]
async fn what_can_never_be_released_holds_nobody_else_up() {
    let impatient = IngestConfig {
        ingest_patience_ms: 0,
        ..IngestConfig::default()
    };
    let batch = Batch::with(impatient).await;
    let Batch {
        ingest,
        mut writer,
        _data,
        ..
    } = batch;
    writer.write_now([read(21)]).await;
    let store = ingest.store.clone();
    let spoil = Statement::from_string(
        DbBackend::Sqlite,
        "UPDATE tbl_gen_conversation SET state = '{'",
    );
    store.database().execute_raw(spoil).await.unwrap();
    writer.known.forget(conversation_id());
    let unread = Sight::Unread {
        id: conversation_id(),
        at: at(25),
    };
    ingest.note(unread).await.unwrap();
    let sound = ConversationId::from_uuid(uuid::Uuid::from_u128(7));
    let token = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(writer.run(token.clone()));
    let mut event = read(21);
    event.conversation_id = sound;
    ingest.submit(event).await.unwrap();
    token.cancel();
    running.join_next().await.unwrap().unwrap().unwrap();
    assert!(store.load(&[sound]).await.unwrap().contains_key(&sound));
}

/// Whether each change says that something is missing before it.
async fn gaps(batch: Batch) -> Vec<(ConversationStatus, bool)> {
    let store = batch.ingest.store.clone();
    batch.told().await;
    let entries = store.updates_after(0, 100).await.unwrap();
    let told = entries.iter().map(|it| it.update());
    told.filter(|it| it.is_status_change())
        .map(|it| (it.after.status, it.gap_before))
        .collect()
}

fn unreadable() -> ConversationEvent {
    let fact = Fact::Failed {
        work: Work::Reading,
        message: "no answer".to_owned(),
    };
    ConversationEvent { fact, ..heard(40) }
}

#[tokio::test]
async fn the_first_change_after_what_nobody_tells_says_so_and_no_other() {
    use ConversationStatus::{Connected, OnHold};
    let batch = Batch::new().await;
    let id = conversation_id();
    batch.event(heard(21)).await;
    batch.note(Sight::Unread { id, at: at(25) }).await;
    batch.event(heard(30)).await;
    batch.event(heard(40)).await;
    batch.event(unreadable()).await;
    let told = gaps(batch).await;
    assert!(
        told.ends_with(&[(OnHold, true), (Connected, false)]),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_nobody_tells_is_said_with_the_next_change_when_nothing_waits() {
    use ConversationStatus::OnHold;
    let batch = Batch::new().await;
    let id = conversation_id();
    batch.event(heard(21)).await;
    batch.note(Sight::Unread { id, at: at(25) }).await;
    batch.event(unreadable()).await;
    batch.event(heard(30)).await;
    let told = gaps(batch).await;
    assert!(told.ends_with(&[(OnHold, true)]), "{told:?}");
}

/// The only connection that reads is busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_waits_for_nobody_who_reads() {
    let mut batch = Batch::new().await;
    let store = batch.ingest.store.clone();
    batch.writer.write_now([read(21)]).await;
    batch.writer.known.forget(conversation_id());
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let reader = store.clone();
    let mut reading = JoinSet::new();
    reading.spawn(async move {
        let each = move |_| {
            begun.send(()).unwrap();
            let _ = released.recv();
        };
        let all = Filter::default();
        reader
            .each_matching(&Scope::Everything, &all, usize::MAX, each)
            .await
    });
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
        .await
        .unwrap();
    batch.writer.write_now([read(75)]).await;
    assert!(batch.ingest.hub.head().sequence > 1);
    drop(release);
    reading.join_next().await.unwrap().unwrap().unwrap();
}

/// A generation that ends while a batch is looked up takes nothing from that batch.
#[tokio::test]
async fn what_was_found_in_memory_stays_there_for_the_batch() {
    let smallest = IngestConfig {
        ingest_cache: 2,
        ..IngestConfig::default()
    };
    let Batch {
        ingest,
        mut writer,
        _data,
        ..
    } = Batch::with(smallest).await;
    let id = |number| ConversationId::from_uuid(uuid::Uuid::from_u128(number));
    let of = |number, event| ConversationEvent {
        conversation_id: id(number),
        ..event
    };
    for number in 1..=3 {
        writer.write_now([of(number, read(21))]).await;
    }
    writer
        .write_now([of(1, read(75)), of(2, unreadable())])
        .await;
    let stored = ingest.store.load(&[id(2)]).await.unwrap();
    assert!(stored[&id(2)].row.failure.is_some());
}

/// Two processes on one database: what the other has linked can be unlinked here.
#[tokio::test]
async fn what_another_process_wrote_is_known_once_it_is_published() {
    let Batch {
        ingest,
        mut writer,
        _data,
        ..
    } = Batch::new().await;
    let (store, hub) = (ingest.store.clone(), ingest.hub.clone());
    writer.write_now([read(21)]).await;
    let (needs_tx, _needs) = mpsc::channel(16);
    let config = IngestConfig::default();
    let (_, mut other) = IngestLoop::new(config, store.clone(), hub, needs_tx);
    let context = ContextRef {
        key: ContextKey::Case,
        custom_key: String::new(),
        object_id: "7".into(),
    };
    let verb = ContextVerb::Updated;
    let linked = Fact::Linked(ContextLink {
        context: context.clone(),
        name: None,
        verb,
        description: None,
        created_by: None,
        created_at: at(22),
        last_at: at(22),
    });
    let unlinked = Fact::Unlinked { context, verb };
    for (process, fact) in [(&mut other, linked), (&mut writer, unlinked)] {
        process
            .write_now([ConversationEvent { fact, ..read(21) }])
            .await;
    }
    let stored = store.load(&[conversation_id()]).await.unwrap();
    assert_eq!(stored[&conversation_id()].links, []);
}
