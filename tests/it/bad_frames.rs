//! Notifications that cannot be used: none stops the listener, none is lost silently, and what one
//! of them was to say is read from Genesys.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;

use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

/// How many notifications were skipped so far, for whatever reason.
fn skipped(metrics: &PrometheusHandle) -> u64 {
    let text = metrics.render();
    let counts = text
        .lines()
        .filter(|line| line.starts_with("gateway_genesys_frames_skipped_total{"))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    counts.sum()
}

/// Breaks the notification of the answer, and sees it made up for; then the next one is heard again.
async fn survives(kind: &str, counted: u64) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    // All of this test runs on this thread.
    let _counting = metrics::set_default_local_recorder(&recorder);
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = organisation
        .begin(json!({ "mediaType": "voice", "direction": "inbound" }))
        .await;
    organisation.steps(&id, &["enqueue", "offer"]).await;
    gateway.until_status(&id, "ALERTING").await;

    organisation.fault(json!({ "breakNext": kind })).await;
    organisation.steps(&id, &["answer"]).await;
    gateway.until_status(&id, "CONNECTED").await;
    assert_eq!(skipped(&metrics), counted, "{kind}");
    organisation.steps(&id, &["hold"]).await;
    gateway.until_status(&id, "ON_HOLD").await;
    gateway.until_live().await;
    assert_eq!(
        gateway.history(&id).await,
        ["WAITING_IN_QUEUE", "ALERTING", "CONNECTED", "ON_HOLD"],
        "{kind}"
    );
}

#[tokio::test]
async fn a_truncated_frame_is_counted_and_made_up_for() {
    survives("truncated", 1).await;
}

#[tokio::test]
async fn a_frame_that_is_no_json_is_counted_and_made_up_for() {
    survives("garbage", 1).await;
}

#[tokio::test]
async fn a_frame_of_wrong_types_is_counted_and_made_up_for() {
    survives("wrong-types", 1).await;
}

#[tokio::test]
async fn a_binary_frame_is_counted_and_made_up_for() {
    survives("binary", 1).await;
}

#[tokio::test]
async fn a_deeply_nested_frame_is_counted_and_made_up_for() {
    survives("deep", 1).await;
}

#[tokio::test]
async fn a_frame_of_ten_megabytes_is_counted_and_made_up_for() {
    survives("huge", 1).await;
}

/// Its times still tell what it means: it is used, not skipped.
#[tokio::test]
async fn a_frame_with_unknown_words_is_read_by_its_times() {
    survives("unknown-words", 0).await;
}
