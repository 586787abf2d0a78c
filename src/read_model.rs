//! The open and the recently read conversations in memory, exact at every read.
//!
//! Nothing writes into it: whoever reads brings it up to the hub's head first, with the entries of
//! the log that were published since. So a read shows every change that was delivered, and every
//! mutation that was answered, before it. What is not in memory is read from the store and then
//! kept; what changed while it was read is taken from the log.
//!
//! It holds rows and which objects they are linked to. Participants, the links' texts and histories
//! are not in the log's entries and are read from the store whenever they are asked for.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};

use lru::LruCache;

use crate::domain::caller::{Caller, Scope};
use crate::domain::filter::Filter;
use crate::domain::ids::ConversationId;
use crate::domain::row::{ContextRef, ConversationStatus, Listed};
use crate::domain::time::Time;
use crate::hub::Hub;
use crate::store::{Committed, Position, Store, StoreError};

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Reads")]
pub struct ReadModelConfig {
    /// How many conversations are kept in memory for reads, about 1 kB each
    #[arg(long, env = "GATEWAY_READ_MODEL", default_value = "100000")]
    pub read_model: NonZeroUsize,
    /// Most conversations of one case (task, party) that are kept in memory together
    #[arg(long, env = "GATEWAY_READ_MODEL_CASE", default_value_t = 500)]
    pub read_model_case: usize,
}

/// The handle; clones share the memory.
#[derive(Clone)]
pub struct ReadModel {
    store: Store,
    hub: Hub,
    /// Held for a few steps only, never over an await.
    memory: Arc<Mutex<Memory>>,
    longest_case: usize,
}

/// The newest conversations of a DCM object.
#[derive(Clone, Debug)]
pub struct CasePage {
    /// The latest started first.
    pub conversations: Vec<Listed>,
    pub has_next: bool,
    /// The place in the log that the page reflects.
    pub position: Position,
}

impl ReadModel {
    pub fn new(config: &ReadModelConfig, store: Store, hub: Hub) -> Self {
        let memory = Memory {
            head: hub.head(),
            rows: LruCache::new(config.read_model),
            cases: LruCache::unbounded(),
            members: 0,
            most_members: config.read_model.get(),
        };
        Self {
            store,
            hub,
            memory: Arc::new(Mutex::new(memory)),
            longest_case: config.read_model_case,
        }
    }

    /// One conversation; `None` as well when the caller may not see it.
    pub async fn conversation(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> Result<Option<Listed>, StoreError> {
        let seen = |listed: Listed| caller.scope.sees(&listed.row).then_some(listed);
        let place = {
            let mut memory = self.present();
            if let Some(listed) = memory.rows.get(&id) {
                return Ok(seen(listed.clone()));
            }
            memory.head.sequence
        };
        let read = self.store.listed(&[id]).await?.pop();
        Ok(read.map(|read| self.remember(read, place)).and_then(seen))
    }

    /// The same, only if it is in memory.
    pub fn conversation_in_memory(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> Option<Option<Listed>> {
        let listed = self.present().rows.get(&id)?.clone();
        Some(Some(listed).filter(|listed| caller.scope.sees(&listed.row)))
    }

    /// The newest conversations of a DCM object that the caller may see; `None` when there are too
    /// many of them to be kept: the store knows.
    pub async fn case(
        &self,
        caller: &Caller,
        context: &ContextRef,
        size: usize,
    ) -> Result<Option<CasePage>, StoreError> {
        match self.present().case(&caller.scope, context, size) {
            InMemory::Page(page) => return Ok(Some(page)),
            InMemory::TooLong => return Ok(None),
            InMemory::Unknown => {}
        }
        let filter = Filter {
            context: Some(context.clone()),
            ..Filter::default()
        };
        let mut rows = Vec::new();
        let limit = self.longest_case + 1;
        let position = self
            .store
            .each_matching(&Scope::Everything, &filter, limit, |row| rows.push(row))
            .await?;
        let case = if rows.len() > self.longest_case {
            Case::TooLong
        } else {
            Case::Known(Members::of(rows))
        };
        let mut memory = self.present();
        if position.sequence > memory.head.sequence {
            // What was committed but not published yet would be taken in twice.
            return Ok(None);
        }
        if let Some(missed) = self.hub.after(position.sequence) {
            memory.keep_case(context, case, &missed);
        }
        match memory.case(&caller.scope, context, size) {
            InMemory::Page(page) => Ok(Some(page)),
            InMemory::TooLong | InMemory::Unknown => Ok(None),
        }
    }

    /// The same, only if they are in memory.
    pub fn case_in_memory(
        &self,
        caller: &Caller,
        context: &ContextRef,
        size: usize,
    ) -> Option<CasePage> {
        match self.present().case(&caller.scope, context, size) {
            InMemory::Page(page) => Some(page),
            InMemory::TooLong | InMemory::Unknown => None,
        }
    }

    /// Keeps what was read from the store, unless it cannot be told what happened meanwhile; gives
    /// back the newest that is known.
    fn remember(&self, read: Listed, place: u64) -> Listed {
        let mut memory = self.present();
        let Some(missed) = self.hub.after(place) else {
            return read;
        };
        let changed = missed
            .iter()
            .rfind(|entry| entry.update().conversation_id == read.id)
            .map(|entry| listed(entry));
        let newest = match changed {
            Some(changed) if changed.version > read.version => changed,
            _ => read,
        };
        memory.keep(newest.clone());
        newest
    }

    /// The memory as of the hub's head.
    fn present(&self) -> MutexGuard<'_, Memory> {
        let mut memory = self
            .memory
            .lock()
            .expect("no code that holds the lock panics");
        let head = self.hub.head();
        if head.sequence > memory.head.sequence {
            match self.hub.after(memory.head.sequence) {
                Some(missed) => memory.take_in(&missed, self.hub.epoch()),
                None => memory.forget_all(head),
            }
        }
        memory
    }
}

struct Memory {
    head: Position,
    rows: LruCache<ConversationId, Listed>,
    cases: LruCache<ContextRef, Case>,
    /// How many conversations all cases hold, and how many they may.
    members: usize,
    most_members: usize,
}

enum Case {
    Known(Members),
    TooLong,
}

/// What the memory knows of a case.
enum InMemory {
    Page(CasePage),
    /// It has too many conversations to be kept.
    TooLong,
    Unknown,
}

/// All conversations of a DCM object.
#[derive(Default)]
struct Members {
    by_id: HashMap<ConversationId, Listed>,
    order: BTreeSet<(Time, ConversationId)>,
}

impl Memory {
    fn take_in(&mut self, entries: &[Arc<Committed>], epoch: u64) {
        for entry in entries {
            let listed = listed(entry);
            let is_open = listed.row.status != ConversationStatus::Ended;
            if is_open || self.rows.contains(&listed.id) {
                self.keep(listed);
            }
            self.take_into_cases(entry);
            self.head = Position {
                epoch,
                sequence: entry.sequence(),
                check: entry.check(),
            };
        }
    }

    fn keep(&mut self, listed: Listed) {
        match self.rows.get_mut(&listed.id) {
            Some(known) if known.version >= listed.version => {}
            Some(known) => *known = listed,
            None => drop(self.rows.put(listed.id, listed)),
        }
    }

    fn take_into_cases(&mut self, entry: &Committed) {
        let update = entry.update();
        let before = update.before.iter().flat_map(|row| &row.contexts);
        for context in update.after.contexts.iter().chain(before) {
            if let Some(Case::Known(members)) = self.cases.peek_mut(context) {
                let held = members.by_id.len();
                members.take_in(context, listed(entry));
                self.members = self.members + members.by_id.len() - held;
            }
        }
    }

    fn keep_case(&mut self, context: &ContextRef, mut case: Case, missed: &[Arc<Committed>]) {
        if let Case::Known(members) = &mut case {
            for entry in missed {
                members.take_in(context, listed(entry));
            }
        }
        self.members += case.len();
        if let Some(replaced) = self.cases.put(context.clone(), case) {
            self.members -= replaced.len();
        }
        // A case without conversations takes room, too.
        while self.members > self.most_members || self.cases.len() > self.most_members {
            let Some((_, dropped)) = self.cases.pop_lru() else {
                break;
            };
            self.members -= dropped.len();
        }
    }

    fn case(&mut self, scope: &Scope, context: &ContextRef, size: usize) -> InMemory {
        let position = self.head;
        let members = match self.cases.get(context) {
            None => return InMemory::Unknown,
            Some(Case::TooLong) => return InMemory::TooLong,
            Some(Case::Known(members)) => members,
        };
        let mut conversations: Vec<Listed> = members
            .order
            .iter()
            .rev()
            .filter_map(|(_, id)| members.by_id.get(id))
            .filter(|listed| scope.sees(&listed.row))
            .take(size + 1)
            .cloned()
            .collect();
        let has_next = conversations.len() > size;
        conversations.truncate(size);
        InMemory::Page(CasePage {
            conversations,
            has_next,
            position,
        })
    }

    fn forget_all(&mut self, head: Position) {
        self.rows.clear();
        self.cases.clear();
        self.members = 0;
        self.head = head;
    }
}

impl Case {
    fn len(&self) -> usize {
        match self {
            Self::Known(members) => members.by_id.len(),
            Self::TooLong => 0,
        }
    }
}

impl Members {
    fn of(rows: Vec<Listed>) -> Self {
        let mut members = Self::default();
        for listed in rows {
            members.put(listed);
        }
        members
    }

    /// Takes in what a conversation has become, unless something newer is known.
    fn take_in(&mut self, context: &ContextRef, listed: Listed) {
        let known = self.by_id.get(&listed.id);
        if known.is_some_and(|known| known.version >= listed.version) {
            return;
        }
        if let Some(known) = self.by_id.remove(&listed.id) {
            self.order.remove(&(known.row.started_at(), known.id));
        }
        if listed.row.contexts.contains(context) {
            self.put(listed);
        }
    }

    fn put(&mut self, listed: Listed) {
        self.order.insert((listed.row.started_at(), listed.id));
        self.by_id.insert(listed.id, listed);
    }
}

fn listed(entry: &Committed) -> Listed {
    let update = entry.update();
    Listed {
        id: update.conversation_id,
        version: update.version,
        row: Arc::clone(&update.after),
    }
}
