//! Reads over HTTP, from many connections that are kept open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use memchr::memmem;
use serde_json::json;
use tokio::task::JoinSet;

use super::count;
use crate::http::{self, Connection};
use crate::options::Options;
use crate::report::{Figure, Goal};
use crate::seed;
use crate::target::{Kind, Target};
use crate::traffic::{NINE_FIELDS, conversation_id};

const CONVERSATIONS: usize = 100_000;
const CONNECTIONS: usize = 32;

/// What the clients share.
#[derive(Default)]
struct Load {
    asked: AtomicU64,
    answered: AtomicU64,
    stop: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Query {
    /// One conversation by its id.
    Point,
    /// The conversations of a case.
    Case,
}

impl Query {
    pub(super) async fn measure(
        self,
        server: Kind,
        options: &Options,
    ) -> anyhow::Result<Vec<Figure>> {
        let conversations = u32::try_from(options.scaled(CONVERSATIONS))?;
        let target = match server {
            Kind::Gateway => {
                let seeded = seed::database(options, conversations, 2).await?;
                Target::start(server, options, 0, Some(&seeded)).await?
            }
            Kind::Floor | Kind::Naive => {
                Target::start(server, options, conversations, None).await?
            }
        };
        let load = Arc::new(Load::default());
        let mut clients = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let connection = Connection::open(target.http).await?;
            clients.spawn(self.ask(connection, conversations, Arc::clone(&load)));
        }
        // Everything is read once before it counts: a badge is seldom the first to ask.
        let different = self.different(conversations);
        let cpu = target.server.cpu()?;
        while load.answered.load(Ordering::Relaxed) < different {
            ensure!(clients.try_join_next().is_none(), "a client has failed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let first = target.server.cpu_since(cpu)?;
        tokio::time::sleep(options.warm_up()).await;
        let (cpu, before, begun) = (
            target.server.cpu()?,
            load.answered.load(Ordering::Relaxed),
            tokio::time::Instant::now(),
        );
        tokio::time::sleep(options.length()).await;
        let cpu = target.server.cpu_since(cpu)?;
        let queries = load.answered.load(Ordering::Relaxed) - before;
        let took = begun.elapsed();
        load.stop.store(true, Ordering::Relaxed);
        while let Some(client) = clients.join_next().await {
            client??;
        }
        let goal = match self {
            Self::Point => 35.0,
            Self::Case => 120.0,
        };
        Ok(vec![
            Figure::new(
                "CPU per query",
                "µs",
                cpu.as_secs_f64() * 1e6 / count(queries),
            )
            .goal(Goal::AtMost(goal)),
            Figure::new(
                "CPU per query, read for the first time",
                "µs",
                first.as_secs_f64() * 1e6 / count(different),
            ),
            Figure::new("queries", "per s", count(queries) / took.as_secs_f64()),
        ])
    }

    /// How many different questions there are.
    const fn different(self, conversations: u32) -> u64 {
        match self {
            Self::Point => conversations as u64,
            Self::Case => (conversations / seed::OF_A_CASE) as u64,
        }
    }

    /// Asks for one conversation or case after another until it shall stop.
    async fn ask(
        self,
        mut connection: Connection,
        conversations: u32,
        load: Arc<Load>,
    ) -> anyhow::Result<()> {
        while !load.stop.load(Ordering::Relaxed) {
            let turn = load.asked.fetch_add(1, Ordering::Relaxed);
            let body = connection
                .exchange(&self.request(turn, conversations)?)
                .await?;
            let answer = connection.answer(body);
            ensure!(
                self.is_right(answer),
                "a wrong answer: {}",
                String::from_utf8_lossy(answer)
            );
            load.answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether it has as many conversations as there are, each with all its fields.
    fn is_right(self, answer: &[u8]) -> bool {
        let conversations = match self {
            Self::Point => 1,
            Self::Case => seed::OF_A_CASE as usize,
        };
        memmem::find_iter(answer, b"\"version\":").count() == conversations
    }

    /// The questions go round all there are, far apart.
    fn request(self, turn: u64, conversations: u32) -> anyhow::Result<Vec<u8>> {
        let place = u32::try_from(turn * 104_729 % self.different(conversations))?;
        let (query, variables) = match self {
            Self::Point => (
                format!(
                    "query Point($id: ID!) {{ conversation(conversationId: $id) {{ {NINE_FIELDS} }} }}"
                ),
                json!({ "id": conversation_id(place) }),
            ),
            Self::Case => (
                format!(
                    "query Case($filter: ConversationFilter!) {{ conversations(filter: $filter, first: 50) {{ nodes {{ {NINE_FIELDS} }} }} }}"
                ),
                json!({ "filter": { "context": { "key": "CASE", "objectId": seed::case(place * seed::OF_A_CASE) } } }),
            ),
        };
        let body = http::graphql(&query, &variables);
        Ok(http::request("POST", "/graphql", &[], &body))
    }
}
