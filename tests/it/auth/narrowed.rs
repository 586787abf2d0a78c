//! A caller who is narrowed to queues, teams or himself never sees a foreign conversation: random
//! conversations, every path, both databases. What is his is decided here once more, from the rows
//! that were written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use conversation_gateway::domain::conversation::Conversation;
use conversation_gateway::domain::row::Row;
use conversation_gateway::store::Change;
use serde_json::{Value, json};

use super::guarded::{ALL, Guarded, narrowed, token};
use crate::store::random::Random;
use crate::support::gateway::Database;
use crate::support::organisation::Organisation;

const MAPPED: &str = "queue-b=sales";
const FOLLOW: &str = "subscription($after: String, $current: Boolean) {
    conversationChanged(after: $after, includeCurrent: $current) {
        conversationId version membership previousStatus status previousQueueId queueId owner { ownerId }
        conversation { lastQueueId participants(includeSystem: true) { id } context { id }
            statusHistory(first: 200) { nodes { cursor } } } } }";

struct Reader {
    token: String,
    queues: BTreeSet<&'static str>,
    user: Option<&'static str>,
}

impl Reader {
    fn new(
        queues: &[&'static str],
        teams: &[&str],
        sees: &[&'static str],
        user: Option<&'static str>,
    ) -> Self {
        Self {
            token: narrowed("reader", ALL, queues, teams, user),
            queues: sees.iter().copied().collect(),
            user,
        }
    }

    /// Somebody who sees some queues, and perhaps what some user is active in.
    fn random(random: &mut Random) -> Self {
        let queues = random.pick(&["queue-a", "queue-b", "~odd ü"], 3);
        let user = random.pick(&[Some("ann"), Some("bob"), None], 1)[0];
        Self::new(&queues, &[], &queues, user)
    }

    fn fixed() -> Vec<Self> {
        let unmapped = "5f0e0a3e-3f1f-4a8e-9d0f-1c1d1e1f2021";
        vec![
            Self::new(&["queue-a"], &[], &["queue-a"], None),
            Self::new(&[], &["sales"], &["queue-b"], None),
            // A mapped queue's own id is no team any more.
            Self::new(&[], &[unmapped, "queue-b"], &[unmapped], Some("bob")),
            Self::new(&[], &[], &[], Some("ann")),
            Self::new(&[], &[], &[], None),
        ]
    }

    fn sees(&self, row: &Row) -> bool {
        let by_queue = row
            .last_queue_id
            .as_ref()
            .is_some_and(|queue| self.queues.contains(queue.as_str()));
        let by_user = self
            .user
            .is_some_and(|user| row.agents.iter().any(|agent| agent.as_str() == user));
        by_queue || by_user
    }
}

/// What was written.
#[derive(Default)]
struct World {
    /// As it is now; of all runs.
    present: BTreeMap<String, Conversation>,
    /// What this run began.
    fresh: BTreeSet<String>,
    /// Conversation, version, row before, row after; in the order of the log; of this run.
    log: Vec<(String, u32, Option<Row>, Row)>,
}

impl World {
    async fn write(&mut self, guarded: &Guarded, changes: Vec<Change>) {
        let results = guarded.gateway.store.commit(&changes).await;
        for (result, change) in results.expect("the database").into_iter().zip(changes) {
            result.expect("nobody else writes");
            let id = change.conversation.id.to_string();
            for update in &change.updates {
                let before = update.before.as_deref().cloned();
                let after = Row::clone(&update.after);
                self.log.push((id.clone(), update.version, before, after));
            }
            self.fresh.insert(id.clone());
            self.present.insert(id, change.conversation);
        }
    }

    /// More conversations, and changes of them.
    async fn grow(&mut self, guarded: &Guarded, random: &mut Random) {
        self.fresh.clear();
        self.log.clear();
        for _ in 0..3 {
            let known = self.fresh.iter().map(|id| &self.present[id]);
            let mut changes: Vec<_> = known.map(|known| random.next(known)).collect();
            changes.extend((0..5).map(|_| {
                let id = random.id();
                random.beginning(id)
            }));
            self.write(guarded, changes).await;
        }
    }

    fn visible(&self, reader: &Reader) -> BTreeSet<String> {
        self.present
            .iter()
            .filter(|(_, known)| reader.sees(&known.row))
            .map(|(id, _)| id.clone())
            .collect()
    }
}

fn texts(list: &Value, field: &str) -> BTreeSet<String> {
    let texts = list.as_array().expect("a list").iter();
    texts
        .map(|item| item[field].as_str().expect("a text").to_owned())
        .collect()
}

async fn lists_show_what_is_his(guarded: &Guarded, world: &World, reader: &Reader) {
    let visible = world.visible(reader);
    let query = "query($after: String) { conversations(first: 37, after: $after) {
        nodes { conversationId } pageInfo { hasNextPage endCursor } } }";
    let mut listed = BTreeSet::new();
    let mut after = Value::Null;
    loop {
        let data = guarded
            .data(&reader.token, query, json!({ "after": after }))
            .await;
        let page = &data["conversations"];
        listed.extend(texts(&page["nodes"], "conversationId"));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(listed, visible);

    for key in ["CASE", "TASK", "EXTERNALPARTY", "USER", "CUSTOM"] {
        let query = format!(
            "{{ contexts(key: {key}, first: 200) {{ nodes {{ objectId customKey name
                conversations(first: 200) {{ nodes {{ conversationId context {{ name }} }} }} }} }} }}"
        );
        let data = guarded.data(&reader.token, &query, json!({})).await;
        for context in data["contexts"]["nodes"].as_array().expect("nodes") {
            let inside = &context["conversations"]["nodes"];
            let ids = texts(inside, "conversationId");
            assert!(!ids.is_empty() && ids.is_subset(&visible), "{context}");
            let names = inside.as_array().expect("a list").iter();
            let mut names = names.flat_map(|it| it["context"].as_array().expect("a list"));
            let is_his = context["name"].is_null() || names.any(|it| it["name"] == context["name"]);
            assert!(is_his, "{context}");
        }
    }
}

async fn ids_open_what_is_his(guarded: &Guarded, world: &World, reader: &Reader) {
    let visible = world.visible(reader);
    let admin = token("admin", ALL);
    for id in &world.fresh {
        let query = "query($id: ID!) { conversation(conversationId: $id) { id
            participants(includeSystem: true) { id } context { id } statusHistory { nodes { cursor } } } }";
        let known = guarded.data(&admin, query, json!({ "id": id })).await;
        let known = &known["conversation"];
        let seen = guarded
            .data(&reader.token, query, json!({ "id": id }))
            .await;
        let expected = if visible.contains(id) {
            known
        } else {
            &Value::Null
        };
        assert_eq!(&seen["conversation"], expected, "{id}");
        let mut nodes = vec![known["id"].clone()];
        for list in ["participants", "context"] {
            nodes.extend(texts(&known[list], "id").into_iter().map(Value::from));
        }
        let mut query = "{".to_owned();
        for (number, node) in nodes.iter().enumerate() {
            let _ = write!(query, " n{number}: node(id: {node}) {{ id }}");
        }
        let data = guarded
            .data(&reader.token, &(query + " }"), json!({}))
            .await;
        for (number, node) in nodes.iter().enumerate() {
            let found = &data[format!("n{number}")];
            assert_eq!(found.is_null(), !visible.contains(id), "{node}: {data}");
        }
    }
}

/// What is foreign can't be changed, and is not found rather than forbidden.
async fn commands_find_what_is_his(guarded: &Guarded, world: &World, reader: &Reader) {
    let visible = world.visible(reader);
    let Some(foreign) = world.fresh.iter().find(|id| !visible.contains(*id)) else {
        return;
    };
    let link = format!("conversationId: \"{foreign}\", key: CASE, objectId: \"1\", verb: UPDATED");
    for mutation in [
        format!(
            "registerConversation(input: {{ conversationId: \"{foreign}\", initiatedBy: DCM }})"
        ),
        format!("linkConversation(input: {{ {link} }})"),
        format!("unlinkConversation(input: {{ {link} }})"),
        format!("refreshConversation(input: {{ conversationId: \"{foreign}\" }})"),
        format!("closeConversation(input: {{ conversationId: \"{foreign}\" }})"),
    ] {
        let query = format!("mutation {{ {mutation} {{ feedCursor }} }}");
        let answer = guarded.ask(&reader.token, &query, json!({})).await;
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!(code, "NOT_FOUND", "{mutation}: {answer}");
    }
}

/// The subscription from the log's beginning: each change that was or is his, and of one that left
/// nothing but that it left.
fn the_log_tells_what_is_his(world: &World, reader: &Reader, results: Vec<Value>) {
    let visible = world.visible(reader);
    let expected: Vec<_> = world
        .log
        .iter()
        .filter_map(|(id, version, before, after)| {
            let was = before.as_ref().is_some_and(|row| reader.sees(row));
            let is = reader.sees(after);
            let membership = match (was, is) {
                (false, false) => return None,
                (false, true) => "ENTERED",
                (true, true) => "STAYED",
                (true, false) => "LEFT",
            };
            Some(format!("{id} {version} {membership}"))
        })
        .collect();
    let told: Vec<_> = results
        .iter()
        .map(|change| {
            let [id, membership] = ["conversationId", "membership"].map(|it| change[it].as_str());
            let version = &change["version"];
            format!(
                "{} {version} {}",
                id.expect("an id"),
                membership.expect("a word")
            )
        })
        .collect();
    assert_eq!(told, expected);
    for change in results {
        if change["membership"] == "LEFT" {
            for hidden in ["conversation", "queueId", "owner"] {
                assert!(change[hidden].is_null(), "{hidden}: {change}");
            }
            assert_eq!(change["status"], change["previousStatus"], "{change}");
        } else if !visible.contains(change["conversationId"].as_str().expect("an id")) {
            // It was his then and is not now: what is asked for now is not shown.
            let conversation = &change["conversation"];
            for list in ["participants", "context"] {
                assert_eq!(conversation[list], json!([]), "{change}");
            }
            assert_eq!(
                conversation["statusHistory"]["nodes"],
                json!([]),
                "{change}"
            );
        }
    }
}

async fn follow(guarded: &Guarded, reader: &Reader, variables: Value, count: usize) -> Vec<Value> {
    let mut socket = guarded.open_socket(&reader.token).await;
    socket.subscribe("1", FOLLOW, variables).await;
    let mut results = Vec::new();
    while results.len() < count {
        let message = socket.message().await;
        assert_eq!(message["type"], "next", "{message}");
        let result = &message["payload"];
        assert!(result.get("errors").is_none(), "{result}");
        results.push(result["data"]["conversationChanged"].clone());
    }
    results
}

fn expected_count(world: &World, reader: &Reader) -> usize {
    world
        .log
        .iter()
        .filter(|(_, _, before, after)| {
            before.as_ref().is_some_and(|row| reader.sees(row)) || reader.sees(after)
        })
        .count()
}

/// The open ones that he sees.
fn open(world: &World, reader: &Reader) -> BTreeSet<String> {
    let visible = world.visible(reader).into_iter();
    visible
        .filter(|id| world.present[id].row.status.as_str() != "ENDED")
        .collect()
}

async fn counts_count_what_is_his(guarded: &Guarded, world: &World, reader: &Reader) {
    let expected = open(world, reader).len() as u64;
    let total = |groups: &Value| -> u64 {
        let groups = groups.as_array().expect("a list").iter();
        groups
            .map(|it| it["count"].as_u64().expect("a number"))
            .sum()
    };
    let query = "{ conversationCounts(groupBy: [STATUS, QUEUE]) { queueId count } }";
    let data = guarded.data(&reader.token, query, json!({})).await;
    assert_eq!(total(&data["conversationCounts"]), expected, "{data}");
    let mut socket = guarded.open_socket(&reader.token).await;
    let query = "subscription { conversationCountsChanged(groupBy: [STATUS]) { count } }";
    socket.subscribe("1", query, json!({})).await;
    let message = socket.message().await;
    let groups = &message["payload"]["data"]["conversationCountsChanged"];
    assert_eq!(total(groups), expected, "{message}");
}

async fn a_snapshot_shows_what_is_his(guarded: &Guarded, world: &World, reader: &Reader) {
    let open = open(world, reader);
    let variables = json!({ "current": true });
    let results = follow(guarded, reader, variables, open.len()).await;
    let ids = texts(&Value::from(results), "conversationId");
    assert_eq!(ids, open);
}

async fn a_narrowed_caller_sees_only_his_own(database: Database) {
    let organisation = Organisation::start().await;
    let flags = ["--log-poll-ms", "20", "--queue-teams", MAPPED];
    let guarded = Guarded::start_with(&organisation, database, &flags).await;
    let mut random = Random::new();
    let mut world = World::default();
    for run in 0..runs() {
        println!("run {run}");
        let start = now(&guarded).await;
        world.grow(&guarded, &mut random).await;
        // From here on the gateway has published all that was written.
        published(&guarded).await;
        let mut readers = vec![Reader::random(&mut random)];
        if run == 0 {
            readers.extend(Reader::fixed());
        }
        for reader in readers {
            lists_show_what_is_his(&guarded, &world, &reader).await;
            ids_open_what_is_his(&guarded, &world, &reader).await;
            a_snapshot_shows_what_is_his(&guarded, &world, &reader).await;
            counts_count_what_is_his(&guarded, &world, &reader).await;
            let count = expected_count(&world, &reader);
            let results = follow(&guarded, &reader, json!({ "after": start }), count).await;
            the_log_tells_what_is_his(&world, &reader, results);
            commands_find_what_is_his(&guarded, &world, &reader).await;
        }
    }
}

/// Runs on each of the two databases.
fn runs() -> usize {
    let runs = std::env::var("GATEWAY_NARROWED_RUNS");
    runs.map_or(10, |runs| {
        runs.parse().expect("GATEWAY_NARROWED_RUNS is a number")
    })
}

/// Where the log ends.
async fn now(guarded: &Guarded) -> Value {
    let admin = token("admin", ALL);
    let data = guarded.data(&admin, "{ feedCursor }", json!({})).await;
    data["feedCursor"].clone()
}

async fn published(guarded: &Guarded) {
    let head = guarded.gateway.store.head().await.expect("the database");
    let headers = [
        ("authorization", format!("Bearer {}", token("admin", ALL))),
        ("gateway-at-least", head.cursor().encode()),
    ];
    let (status, answer) = guarded
        .ask_with(&headers, "{ feedCursor }", json!({}))
        .await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn a_narrowed_caller_sees_only_his_own_on_sqlite() {
    a_narrowed_caller_sees_only_his_own(Database::Sqlite).await;
}

#[tokio::test]
async fn a_narrowed_caller_sees_only_his_own_on_postgresql() {
    a_narrowed_caller_sees_only_his_own(Database::Postgres).await;
}
