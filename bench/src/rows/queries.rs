//! Reads over HTTP, from many connections that are kept open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
        let answered = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for place in 0..CONNECTIONS {
            let connection = Connection::open(target.http).await?;
            let (answered, stop) = (Arc::clone(&answered), Arc::clone(&stop));
            clients.spawn(self.ask(connection, place, conversations, answered, stop));
        }
        tokio::time::sleep(options.warm_up()).await;
        let (cpu, before, begun) = (
            target.server.cpu()?,
            answered.load(Ordering::Relaxed),
            tokio::time::Instant::now(),
        );
        tokio::time::sleep(options.length()).await;
        let cpu = target.server.cpu_since(cpu)?;
        let queries = answered.load(Ordering::Relaxed) - before;
        let took = begun.elapsed();
        stop.store(true, Ordering::Relaxed);
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
            Figure::new("queries", "per s", count(queries) / took.as_secs_f64()),
        ])
    }

    /// Asks for one conversation or case after another until it shall stop.
    async fn ask(
        self,
        mut connection: Connection,
        place: usize,
        conversations: u32,
        answered: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> anyhow::Result<()> {
        let mut index = u32::try_from(place)? * 7_919;
        while !stop.load(Ordering::Relaxed) {
            index = (index + 104_729) % conversations;
            let body = connection.exchange(&self.request(index)).await?;
            let answer = connection.answer(body);
            ensure!(
                self.is_right(answer),
                "a wrong answer: {}",
                String::from_utf8_lossy(answer)
            );
            answered.fetch_add(1, Ordering::Relaxed);
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

    fn request(self, index: u32) -> Vec<u8> {
        let (query, variables) = match self {
            Self::Point => (
                format!(
                    "query Point($id: ID!) {{ conversation(conversationId: $id) {{ {NINE_FIELDS} }} }}"
                ),
                json!({ "id": conversation_id(index) }),
            ),
            Self::Case => (
                format!(
                    "query Case($filter: ConversationFilter!) {{ conversations(filter: $filter, first: 50) {{ nodes {{ {NINE_FIELDS} }} }} }}"
                ),
                json!({ "filter": { "context": { "key": "CASE", "objectId": seed::case(index) } } }),
            ),
        };
        http::request("POST", "/graphql", &[], &http::graphql(&query, &variables))
    }
}
