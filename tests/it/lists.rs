//! Lists: keyset pages in the same order on both databases, at a constant number of statements.

use serde_json::{Value, json};

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
    // Nothing else runs statements meanwhile: the log is not polled.
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
    let of_two = cost(2).await;
    assert_eq!(cost(100).await, of_two);
    assert!(of_two <= 6, "{of_two} statements");
}
