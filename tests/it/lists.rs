//! Lists: keyset pages in the same order on both databases, at a constant number of statements.

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const CONVERSATIONS: usize = 120;

async fn fill(gateway: &Gateway) {
    let register = "mutation($input: RegisterConversationInput!) { registerConversation(input: $input) { created } }";
    for number in 0..CONVERSATIONS {
        // Many share their start, so that ties decide the order.
        let start = format!("2026-01-01T00:{:02}:00.000Z", number % 7);
        let case = format!("case-{}", number % 3);
        let input = json!({ "input": {
            "conversationId": format!("{:08x}-0000-4000-8000-{:012x}", number.wrapping_mul(2_654_435_761) & 0xffff_ffff, number),
            "initiatedBy": if number % 2 == 0 { "DCM" } else { "GENESYS" },
            "conversationStart": start,
            "queueId": format!("queue-{}", number % 5),
            "context": { "key": "CASE", "objectId": case, "name": format!("Case {}", number % 3) }
        } });
        gateway.query(register, input).await;
    }
}

async fn ids(gateway: &Gateway, arguments: &str) -> (Vec<String>, Value) {
    let query = format!(
        "{{ conversations({arguments}) {{ nodes {{ conversationId }} edges {{ cursor }} feedCursor
            pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
    );
    let data = gateway.query(&query, json!({})).await;
    let page = data["conversations"].clone();
    let nodes = page["nodes"].as_array().expect("nodes");
    let ids = nodes
        .iter()
        .map(|node| node["conversationId"].as_str().unwrap().to_owned())
        .collect();
    (ids, page["pageInfo"].clone())
}

/// All ids in an order, read in small pages forwards.
async fn forwards(gateway: &Gateway, order: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let (page, info) = ids(gateway, &format!("first: 13, orderBy: {order}{after}")).await;
        all.extend(page);
        if info["hasNextPage"] == false {
            return all;
        }
        after = format!(", after: {}", info["endCursor"]);
    }
}

/// The same backwards from the end.
async fn backwards(gateway: &Gateway, order: &str) -> Vec<String> {
    let mut pages = Vec::new();
    let mut before = String::new();
    loop {
        let (page, info) = ids(gateway, &format!("last: 17, orderBy: {order}{before}")).await;
        pages.push(page);
        if info["hasPreviousPage"] == false {
            return pages.into_iter().rev().flatten().collect();
        }
        before = format!(", before: {}", info["startCursor"]);
    }
}

#[tokio::test]
async fn pages_join_to_the_same_list_on_both_databases() {
    let organisation = Organisation::start().await;
    let sqlite = Gateway::start(&organisation, Database::Sqlite).await;
    let postgres = Gateway::start(&organisation, Database::Postgres).await;
    fill(&sqlite).await;
    fill(&postgres).await;
    for direction in ["ASC", "DESC"] {
        let order = format!("{{ field: STARTED_AT, direction: {direction} }}");
        let list = forwards(&sqlite, &order).await;
        assert_eq!(list.len(), CONVERSATIONS);
        assert_eq!(
            list,
            backwards(&sqlite, &order).await,
            "{direction}: backwards"
        );
        assert_eq!(
            list,
            forwards(&postgres, &order).await,
            "{direction}: on PostgreSQL"
        );
        assert_eq!(
            list,
            backwards(&postgres, &order).await,
            "{direction}: backwards on PostgreSQL"
        );
    }
    for field in ["CREATED_AT", "UPDATED_AT", "STATUS_SINCE"] {
        let order = format!("{{ field: {field}, direction: DESC }}");
        let mut list = forwards(&sqlite, &order).await;
        assert_eq!(list, backwards(&sqlite, &order).await, "{field}");
        list.sort();
        list.dedup();
        assert_eq!(list.len(), CONVERSATIONS, "{field}");
    }
}

#[tokio::test]
async fn filters_and_cases_narrow_the_list() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    fill(&gateway).await;
    let count = async |filter: &str| {
        ids(&gateway, &format!("first: 200, filter: {{ {filter} }}"))
            .await
            .0
            .len()
    };
    assert_eq!(count("open: true").await, CONVERSATIONS);
    assert_eq!(count("open: false").await, 0);
    assert_eq!(count("initiatedBy: DCM").await, CONVERSATIONS / 2);
    assert_eq!(
        count("queueIds: [\"queue-1\", \"queue-2\"]").await,
        CONVERSATIONS * 2 / 5
    );
    assert_eq!(count("queueIds: []").await, 0);
    assert_eq!(
        count("context: { key: CASE, objectId: \"case-1\" }").await,
        CONVERSATIONS / 3
    );
    assert_eq!(
        count("startedFrom: \"2026-01-01T00:06:00Z\"").await,
        CONVERSATIONS / 7
    );
    assert_eq!(
        count("statuses: [CREATED], registered: true, hasError: false").await,
        CONVERSATIONS
    );

    let data = gateway
        .query(
            "{ contexts(key: CASE, search: \"case 1\") { nodes { objectId name conversations(first: 5) { nodes { id } } } } }",
            json!({}),
        )
        .await;
    let cases = data["contexts"]["nodes"].as_array().expect("nodes");
    assert_eq!(cases.len(), 1);
    assert_eq!(cases[0]["objectId"], "case-1");
    assert_eq!(
        cases[0]["conversations"]["nodes"]
            .as_array()
            .expect("nodes")
            .len(),
        5
    );
}

#[tokio::test]
async fn a_page_costs_the_same_number_of_statements_whatever_its_length() {
    let organisation = Organisation::start().await;
    // The log is not polled.
    let quiet = ["--log-poll-ms", "3600000"];
    let gateway = Gateway::start_with(&organisation, Database::Sqlite, &quiet).await;
    fill(&gateway).await;
    let cost = async |first: usize| {
        let query = format!(
            "{{ conversations(first: {first}) {{ nodes {{ conversationId owner {{ ownerId }} context {{ objectId }}
                participants(includeSystem: true) {{ sessions {{ state }} }}
                statusHistory(first: 5) {{ nodes {{ status }} }} }} }} }}"
        );
        let before = gateway.store.statements();
        gateway.query(&query, json!({})).await;
        gateway.store.statements() - before
    };
    // What the gateway looks up by itself is counted too: in a quiet moment both cost the same.
    eventually(
        "both pages cost the same, at most eight statements",
        || async {
            let of_two = cost(2).await;
            (cost(100).await == of_two && of_two <= 8).then_some(())
        },
    )
    .await;
}

const CODES: &str = "GET /api/v2/routing/queues/{id}/wrapupcodes";

#[tokio::test]
async fn queues_agents_and_wrap_up_codes_are_offered_page_by_page() {
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let list = "query($first: Int, $after: String) { queues(first: $first, after: $after) {
        nodes { queueId name } pageInfo { hasNextPage endCursor } } }";
    let mut names = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = gateway
            .query(list, json!({ "first": 5, "after": after }))
            .await;
        let page = &page["queues"];
        let nodes = page["nodes"].as_array().unwrap();
        names.extend(
            nodes
                .iter()
                .map(|node| node["name"].as_str().unwrap().to_owned()),
        );
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let listed = organisation
        .api("/api/v2/routing/queues?pageSize=500")
        .await;
    assert_eq!(names.len(), listed["entities"].as_array().unwrap().len());
    assert!(names.is_sorted_by_key(|name| name.to_lowercase()));

    let found = gateway
        .query(
            "{ queues(search: \"SUPP\") { edges { cursor node { queueId name } } } }",
            json!({}),
        )
        .await;
    let support = &found["queues"]["edges"][0]["node"];
    assert_eq!(support["name"], "Support");
    eventually("users are read", || async {
        let found = gateway
            .query(
                "{ agents(first: 200) { nodes { userId name } } }",
                json!({}),
            )
            .await;
        (found["agents"]["nodes"].as_array().unwrap().len() == 20).then_some(())
    })
    .await;

    let codes = "query($queue: ID!) { wrapUpCodes(queueId: $queue) { code name } }";
    let found = gateway
        .query(codes, json!({ "queue": support["queueId"] }))
        .await;
    let found = found["wrapUpCodes"].as_array().unwrap();
    assert!(found.iter().any(|code| code["name"] == "Resolved"));
    let asked = || async { organisation.calls().await[CODES].as_u64() };
    assert_eq!(asked().await, Some(1));
    for unknown in ["0c0ffee0-0000-4000-8000-000000000001", "../users"] {
        let answer = gateway.ask(codes, json!({ "queue": unknown })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
    }
    // However the id is written.
    let id = support["queueId"].as_str().unwrap();
    for same in [
        id.to_uppercase(),
        format!("urn:uuid:{id}"),
        id.replace('-', ""),
    ] {
        let again = gateway.query(codes, json!({ "queue": same })).await;
        assert_eq!(again["wrapUpCodes"].as_array().unwrap(), found);
    }
    assert_eq!(asked().await, Some(1), "Genesys was asked once");
}
