//! Notifications that cannot be used: none stops the listener, none is lost silently, and what one
//! of them was to say is read from Genesys.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;

use crate::support::gateway::{Database, Gateway};
use crate::support::organisation::Organisation;

const SKIPPED: &str = "gateway_genesys_frames_skipped_total";

/// What a counter of `/metrics` stands at, whatever its labels.
fn counted(metrics: &PrometheusHandle, name: &str) -> u64 {
    let text = metrics.render();
    let counts = text
        .lines()
        .filter(|line| line.starts_with(name))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    counts.sum()
}

async fn alerting(organisation: &Organisation, gateway: &Gateway) -> String {
    let id = organisation
        .begin(json!({ "mediaType": "voice", "direction": "inbound" }))
        .await;
    organisation.steps(&id, &["enqueue", "offer"]).await;
    gateway.until_status(&id, "ALERTING").await;
    id
}

/// Breaks the notification of the answer, and sees it made up for; then the next one is heard again.
async fn survives(kind: &str) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    // All of this test runs on this thread.
    let _counting = metrics::set_default_local_recorder(&recorder);
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = alerting(&organisation, &gateway).await;

    organisation.fault(json!({ "breakNext": kind })).await;
    organisation.steps(&id, &["answer"]).await;
    gateway.until_status(&id, "CONNECTED").await;
    assert_eq!(counted(&metrics, SKIPPED), 1, "{kind}");
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
    survives("truncated").await;
}

#[tokio::test]
async fn a_frame_that_is_no_json_is_counted_and_made_up_for() {
    survives("garbage").await;
}

#[tokio::test]
async fn a_frame_of_wrong_types_is_counted_and_made_up_for() {
    survives("wrong-types").await;
}

#[tokio::test]
async fn a_binary_frame_is_counted_and_made_up_for() {
    survives("binary").await;
}

#[tokio::test]
async fn a_deeply_nested_frame_is_counted_and_made_up_for() {
    survives("deep").await;
}

#[tokio::test]
async fn a_frame_of_ten_megabytes_is_counted_and_made_up_for() {
    survives("huge").await;
}

/// A word of tomorrow decides nothing; what is known of the rest holds.
#[tokio::test]
async fn a_frame_with_unknown_words_is_counted_and_used_as_far_as_it_goes() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let organisation = Organisation::start().await;
    let gateway = Gateway::start(&organisation, Database::Sqlite).await;
    let id = alerting(&organisation, &gateway).await;
    let fault = json!({ "breakNext": "unknown-words" });
    organisation.fault(fault).await;
    organisation.steps(&id, &["answer", "hold"]).await;
    gateway.until_status(&id, "ON_HOLD").await;
    assert!(counted(&metrics, "gateway_genesys_unknown_words_total") > 0);
    assert_eq!(counted(&metrics, SKIPPED), 0);
    let rest = ["customer-disconnect", "wrap-up"];
    organisation.steps(&id, &rest).await;
    gateway.until_status(&id, "ENDED").await;
}
