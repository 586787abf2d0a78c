//! A client that resumes with its last cursor while the gateway is killed and restarted under
//! traffic: what it got equals the log.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use conversation_gateway::store::{Store, StoreConfig};
use serde_json::{Value, json};

use crate::support::client::{self, Subscription};
use crate::support::eventually;
use crate::support::organisation::Organisation;
use crate::support::process;
use crate::support::record::Record;

const RESTARTS: usize = 10;

const CHANGES: &str = "subscription($after: String) { conversationChanged(after: $after) {
    cursor conversationId version status } }";

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    store: StoreConfig,
}

/// Follows the feed for ever, resuming behind the last change it took.
async fn follow(
    address: SocketAddr,
    taken: tokio::sync::mpsc::UnboundedSender<Value>,
    mut last: Option<String>,
) {
    loop {
        if let Ok(mut feed) =
            Subscription::try_start(address, CHANGES, json!({ "after": last })).await
        {
            while let Ok(payload) = feed.try_next().await {
                let change = payload["data"]["conversationChanged"].clone();
                last = Some(change["cursor"].as_str().expect("a cursor").to_owned());
                if taken.send(change).is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_ready(address: SocketAddr) {
    let http = client::http();
    eventually("the gateway is ready", || async {
        let answer = http
            .get(format!("http://{address}/readyz"))
            .send()
            .await
            .ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resuming_client_gets_the_log_whatever_crashes() {
    let organisation = Organisation::start().await;
    let data = tempfile::tempdir().expect("a directory");
    let address = process::free_address();
    let start = || process::gateway(&organisation, data.path(), address, &[]);
    let mut gateway = Some(start().await);
    until_ready(address).await;

    let record = Record(address);
    let first = record.head().await;
    let (taken_tx, mut taken_rx) = tokio::sync::mpsc::unbounded_channel();
    let client = tokio::task::spawn(follow(address, taken_tx, Some(first)));
    organisation
        .traffic(json!({ "eventsPerSecond": 60, "conversations": 40, "seconds": 600 }))
        .await;

    let mut taken: Vec<Value> = Vec::new();
    for _ in 0..RESTARTS {
        // Each life of the gateway has something to say before it is killed.
        for _ in 0..30 {
            taken.push(taken_rx.recv().await.expect("the client goes on"));
        }
        drop(gateway.take());
        gateway = Some(start().await);
        until_ready(address).await;
    }
    organisation
        .traffic(json!({ "eventsPerSecond": 0, "conversations": 0, "seconds": 1 }))
        .await;
    let last = record.until_still().await;
    while taken
        .last()
        .is_none_or(|change| change["cursor"] != last.as_str())
    {
        taken.push(taken_rx.recv().await.expect("the client goes on"));
    }
    client.abort();
    drop(gateway);

    let settings =
        Settings::parse_from(["store", "--data-dir", data.path().to_str().expect("UTF-8")]);
    let store = Store::connect(&settings.store)
        .await
        .expect("the database opens");
    let mut log = Vec::new();
    loop {
        let entries = store
            .updates_after(log.len() as u64, 500)
            .await
            .expect("the log is read");
        if entries.is_empty() {
            break;
        }
        log.extend(entries);
    }
    let expected: Vec<(String, u64, &str)> = log
        .iter()
        .map(|entry| {
            let update = entry.update();
            (
                update.conversation_id.to_string(),
                u64::from(update.version),
                update.after.status.as_str(),
            )
        })
        .collect();
    let got: Vec<(String, u64, &str)> = taken
        .iter()
        .map(|change| {
            (
                change["conversationId"].as_str().expect("an id").to_owned(),
                change["version"].as_u64().expect("a version"),
                change["status"].as_str().expect("a status"),
            )
        })
        .collect();
    assert!(
        log.iter()
            .zip(1..)
            .all(|(entry, place)| entry.sequence() == place),
        "the log has a gap"
    );
    assert_eq!(got, expected);
}
