//! Databases of a given size. They are written by the gateway's own rules and its own store, so they
//! are what a gateway would have written; only the sockets are left out.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use conversation_gateway::domain::conversation::Conversation;
use conversation_gateway::domain::event::{ConversationEvent, Fact};
use conversation_gateway::domain::registration::ContextLink;
use conversation_gateway::domain::row::{ContextKey, ContextRef, ContextVerb};
use conversation_gateway::domain::time::Time;
use conversation_gateway::domain::update::{ChangeCause, Update};
use conversation_gateway::genesys::decode::{Terms, rest_conversation};
use conversation_gateway::genesys::privacy::Keep;
use conversation_gateway::store::{Change, Store, StoreConfig};
use migration::{Migrator, MigratorTrait};

use crate::options::Options;
use crate::traffic::snapshot;

const QUEUE: &str = "3f0c8a52-1d44-4b7e-9a60-52c1d7e80a11";
/// Conversations of one case.
pub(crate) const OF_A_CASE: u32 = 50;
/// Conversations written in one transaction.
const PORTION: u32 = 500;

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    store: StoreConfig,
}

/// A directory with a database of so many conversations, each with so many changes, made once and
/// kept.
pub(crate) async fn database(
    options: &Options,
    conversations: u32,
    changes: u32,
) -> anyhow::Result<PathBuf> {
    let name = format!(
        "{conversations}x{changes}-{}",
        conversation_gateway::store::SCHEMA
    );
    let directory = options.data_dir.join(name);
    if !directory.join("gateway.db").exists() {
        println!("making a database of {conversations} conversations with {changes} changes each");
        let unready = options.data_dir.join("unready");
        let _ = std::fs::remove_dir_all(&unready);
        write(&unready, conversations, changes).await?;
        std::fs::rename(&unready, &directory)?;
    }
    Ok(directory)
}

/// Copies a database to where a gateway will look for it.
pub(crate) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in std::fs::read_dir(from)? {
        let file = file?;
        std::fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

async fn open(directory: &Path) -> anyhow::Result<Store> {
    let directory = directory.to_str().context("a path in UTF-8")?;
    let settings = Settings::try_parse_from(["seed", "--data-dir", directory])?;
    Ok(Store::connect(&settings.store).await?)
}

async fn write(directory: &Path, conversations: u32, changes: u32) -> anyhow::Result<()> {
    let store = open(directory).await?;
    Migrator::up(store.database(), None).await?;
    for first in (0..conversations).step_by(PORTION as usize) {
        let last = conversations.min(first + PORTION);
        let portion: Vec<Change> = (first..last)
            .map(|index| life(index, changes))
            .collect::<anyhow::Result<_>>()?;
        for outcome in store.commit(&portion).await? {
            outcome.map_err(|_| anyhow::anyhow!("a seeded conversation exists already"))?;
        }
    }
    // Closing brings what is in the write-ahead log into the database's own file.
    Ok(store.database().clone().close().await?)
}

/// A conversation that belongs to a case and is held and taken back until it has so many changes.
pub(crate) fn life(index: u32, changes: u32) -> anyhow::Result<Change> {
    let begun = Time::from_millis(1_793_523_600_000 + i64::from(index) * 1_000);
    let id = crate::traffic::conversation_id(index).parse()?;
    let mut conversation = Conversation::unknown(id, begun);
    let mut updates: Vec<Update> = Vec::new();
    let mut step = 0;
    while step < 2 || updates.len() < changes as usize {
        let received_at = begun.plus_millis(i64::from(step) * 10_000);
        let fact = if step == 1 {
            linked(index, received_at)
        } else {
            seen(index, step != 0 && step % 2 == 0)?
        };
        let event = ConversationEvent {
            conversation_id: id,
            received_at,
            actor: None,
            fact,
        };
        updates.extend(conversation.apply(&event)?.updates);
        step += 1;
    }
    Ok(Change {
        before: None,
        conversation,
        updates,
        deeds: Vec::new(),
    })
}

/// How many of a seeded conversation's changes a status subscription tells of, and of how many.
pub(crate) fn status_changes(changes: u32) -> anyhow::Result<(u64, u64)> {
    let updates = life(0, changes)?.updates;
    let of_status = updates.iter().filter(|update| update.is_status_change());
    Ok((of_status.count() as u64, updates.len() as u64))
}

fn seen(index: u32, held: bool) -> anyhow::Result<Fact> {
    let text = snapshot(index, QUEUE, held).to_string();
    let terms = Terms {
        queue_name: &|_| Some("Queue 1".to_owned()),
        keep: Keep::default(),
    };
    let snapshot =
        rest_conversation(&text, terms).map_err(|skip| anyhow::anyhow!(skip.reason()))?;
    Ok(Fact::Seen {
        snapshot,
        cause: ChangeCause::GenesysEvent,
        read_at: None,
        gap_before: false,
    })
}

fn linked(index: u32, at: Time) -> Fact {
    Fact::Linked(ContextLink {
        context: ContextRef {
            key: ContextKey::Case,
            custom_key: String::new(),
            object_id: case(index),
        },
        name: Some(format!("Case {}", index / OF_A_CASE)),
        verb: ContextVerb::Created,
        description: None,
        created_by: None,
        created_at: at,
        last_at: at,
    })
}

/// The case that a conversation belongs to.
pub(crate) fn case(index: u32) -> String {
    format!("case-{}", index / OF_A_CASE)
}
