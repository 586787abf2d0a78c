//! What one batch does: everything is handed over before the loop runs.

use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::event::Fact;
use crate::domain::row::{ConversationStatus, Work};
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
