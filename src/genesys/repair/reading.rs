//! Reads what a repair found: one by one, several at once, or from the pages of analytics.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Repair, Window};
use crate::domain::event::{ConversationEvent, Fact};
use crate::domain::ids::ConversationId;
use crate::domain::snapshot::Snapshot;
use crate::domain::time::Time;
use crate::domain::update::ChangeCause;
use crate::genesys::backoff::Backoff;
use crate::genesys::budget::Priority;
use crate::genesys::client::{Answered, DETAILS_PER_CALL, GenesysClient, Reading};
use crate::genesys::decode::analytics;
use crate::genesys::enrichment::enriched;
use crate::genesys::sink::Sink;
use crate::genesys::wire::AnalyticsConversation;
use crate::ingest::SendRefused;

/// Conversations that are asked for at once.
const AT_ONCE: usize = 8;
/// So many that the record has open are read one by one; of more, analytics are asked first, a hundred
/// at once.
const SINGLY: usize = 20;
/// Conversations of the record that are listed at once.
const OPEN_PAGE: u64 = 1_000;

/// What was read so far, and what is to be read.
pub(super) struct Readings<'a, S> {
    repair: &'a Repair<S>,
    /// Read one by one: nothing later can be known of them.
    read: BTreeSet<ConversationId>,
    /// Taken from analytics, who lag behind, with the end that they knew.
    taken: BTreeMap<ConversationId, Option<String>>,
    waiting: VecDeque<ConversationId>,
    found: usize,
}

impl<'a, S: Sink> Readings<'a, S> {
    /// `read`: what was read since the channels hear again.
    pub(super) const fn of(repair: &'a Repair<S>, read: BTreeSet<ConversationId>) -> Self {
        Self {
            repair,
            read,
            taken: BTreeMap::new(),
            waiting: VecDeque::new(),
            found: 0,
        }
    }

    /// Reads what the record knows to be going on and the window's channels show, even if it was read
    /// before. Of many, analytics are asked first which have ended. Gives back what was read.
    pub(super) async fn read_open(
        &mut self,
        window: &Window,
    ) -> Result<Vec<ConversationId>, SendRefused> {
        let mut open = self.open_ones(window).await;
        if open.len() > SINGLY {
            open = self.take_ended(open).await?;
        }
        for id in &open {
            self.read.remove(id);
            self.want(*id);
        }
        self.read_waiting().await?;
        Ok(open)
    }

    /// Takes analytics' word on those that have ended; gives back the others.
    async fn take_ended(
        &mut self,
        open: Vec<ConversationId>,
    ) -> Result<Vec<ConversationId>, SendRefused> {
        let mut left: BTreeSet<_> = open.iter().copied().collect();
        for some in open.chunks(DETAILS_PER_CALL) {
            let found = match self.repair.client.details(some, Priority::Repair).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::info!(%error, "analytics do not say what has ended: it is read");
                    break;
                }
            };
            let over = found.into_iter().filter(|it| it.conversation_end.is_some());
            let over = with_ids(over).collect::<Vec<_>>();
            for (id, _) in &over {
                left.remove(id);
            }
            self.take_word(over).await?;
        }
        Ok(left.into_iter().collect())
    }

    /// Reads those of these that were not read one by one yet.
    pub(super) async fn read_new(
        &mut self,
        ids: impl IntoIterator<Item = ConversationId>,
    ) -> Result<(), SendRefused> {
        for id in ids {
            self.want(id);
        }
        self.read_waiting().await
    }

    /// Reads a page's conversations one by one while there are few, else takes analytics' word.
    pub(super) async fn take_page(
        &mut self,
        page: Vec<AnalyticsConversation>,
    ) -> Result<(), SendRefused> {
        let unread = with_ids(page.into_iter())
            .filter(|(id, found)| !self.is_known(*id, found))
            .collect::<Vec<_>>();
        if self.found + unread.len() <= self.repair.config.repair_reads {
            return self.read_new(unread.into_iter().map(|(id, _)| id)).await;
        }
        self.take_word(unread).await
    }

    fn is_known(&self, id: ConversationId, found: &AnalyticsConversation) -> bool {
        self.read.contains(&id) || self.taken.get(&id) == Some(&found.conversation_end)
    }

    /// Takes analytics' word on open conversations that everybody has left.
    pub(super) async fn take_left(
        &mut self,
        left: Vec<(ConversationId, Snapshot)>,
    ) -> Result<(), SendRefused> {
        let unread = left.into_iter().filter(|(id, _)| !self.read.contains(id));
        let told = unread.map(|(id, snapshot)| self.event(id, reconciled(snapshot, None)));
        self.tell(told.collect()).await
    }

    async fn take_word(
        &mut self,
        found: Vec<(ConversationId, AnalyticsConversation)>,
    ) -> Result<(), SendRefused> {
        let mut told = Vec::new();
        for (id, found) in found {
            self.taken.insert(id, found.conversation_end.clone());
            let settled = enriched(&found);
            if let Some(snapshot) = self.snapshot(found) {
                told.push(self.event(id, reconciled(snapshot, None)));
                told.push(self.event(id, settled));
            }
        }
        self.tell(told).await
    }

    async fn tell(&self, mut told: Vec<ConversationEvent>) -> Result<(), SendRefused> {
        // They are written together: whoever waits for the last waits for all.
        let last = told.pop();
        for event in told {
            self.repair.sink.put(event).await?;
        }
        match last {
            Some(event) => self.repair.sink.settle(event).await,
            None => Ok(()),
        }
    }

    /// What analytics say, as a snapshot.
    pub(super) fn snapshot(&self, found: AnalyticsConversation) -> Option<Snapshot> {
        let names = self.repair.client.queue_names();
        analytics::snapshot(found, &|queue| names.name(queue))
    }

    /// The conversations of the record that were going on and that a channel would have shown.
    async fn open_ones(&self, window: &Window) -> Vec<ConversationId> {
        let mut open = Vec::new();
        let mut after = None;
        let mut backoff = self.repair.backoff.clone();
        loop {
            match self.repair.sink.open(after, OPEN_PAGE).await {
                Ok(page) => {
                    let Some(last) = page.last() else {
                        return open;
                    };
                    after = Some(last.id);
                    let shown = page.iter().filter(|it| {
                        it.last_queue
                            .as_ref()
                            .is_none_or(|queue| window.shows(std::iter::once(queue)))
                    });
                    open.extend(shown.map(|it| it.id));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot list the open conversations");
                    sleep(backoff.next_wait(None)).await;
                }
            }
        }
    }

    fn want(&mut self, id: ConversationId) {
        if !self.read.contains(&id) && !self.waiting.contains(&id) {
            self.waiting.push_back(id);
            self.found += 1;
        }
    }

    async fn read_waiting(&mut self) -> Result<(), SendRefused> {
        let mut questions = JoinSet::new();
        let mut answers = JoinSet::new();
        loop {
            while questions.len() < AT_ONCE
                && let Some(id) = self.waiting.pop_front()
            {
                let (client, backoff) = (&self.repair.client, &self.repair.backoff);
                questions.spawn(ask(client.clone(), backoff.clone(), id));
            }
            let (id, read) = tokio::select! {
                Some(asked) = questions.join_next() => {
                    let (id, answered) = asked.expect("a question neither panics nor is aborted");
                    answers.spawn(async move {
                        match answered {
                            Some(answered) => (id, Some(answered.reading().await)),
                            None => (id, None),
                        }
                    });
                    continue;
                }
                Some(read) = answers.join_next() => read.expect("waiting neither panics nor is aborted"),
                else => return Ok(()),
            };
            self.read.insert(id);
            if let Some(Reading { snapshot, read_at }) = read {
                let event = self.event(id, reconciled(snapshot, Some(read_at)));
                self.repair.sink.settle(event).await?;
            }
            #[expect(clippy::cast_precision_loss, reason = "a share for people")]
            let share = self.read.len() as f64 / self.found.max(1) as f64;
            let now = self.repair.clock.now();
            self.repair.board.progress(now, share.min(0.99));
        }
    }

    fn event(&self, id: ConversationId, fact: Fact) -> ConversationEvent {
        ConversationEvent {
            conversation_id: id,
            received_at: self.repair.clock.now(),
            actor: None,
            fact,
        }
    }
}

const fn reconciled(snapshot: Snapshot, read_at: Option<Time>) -> Fact {
    Fact::Seen {
        snapshot,
        cause: ChangeCause::Reconciled,
        read_at,
        gap_before: false,
    }
}

/// Asks for one conversation, until Genesys says it or that there is none.
async fn ask(
    client: GenesysClient,
    mut backoff: Backoff,
    id: ConversationId,
) -> (ConversationId, Option<Answered>) {
    loop {
        match client.conversation(id, Priority::Repair).await {
            Ok(answered) => return (id, Some(answered)),
            Err(error) if error.is_final() => {
                tracing::warn!(conversation.id = %id, %error, "a conversation cannot be read");
                return (id, None);
            }
            Err(error) => sleep(backoff.next_wait(error.retry_after())).await,
        }
    }
}

pub(super) fn with_ids(
    found: impl Iterator<Item = AnalyticsConversation>,
) -> impl Iterator<Item = (ConversationId, AnalyticsConversation)> {
    found.filter_map(|found| Some((id_of(&found)?, found)))
}

fn id_of(found: &AnalyticsConversation) -> Option<ConversationId> {
    found.conversation_id.as_deref()?.parse().ok()
}
