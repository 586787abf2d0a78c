//! `/healthz`: the process runs. `/readyz`: it can serve.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Front, Shared};

/// Tells how the parts behind the front door do.
pub trait Readiness: Send + Sync + 'static {
    /// The state of each part by its name. `database` and `migrations` are those without which
    /// nothing can be served.
    fn check(&self) -> BoxFuture<'_, Vec<(&'static str, ComponentState)>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentState {
    Ok,
    Degraded,
    Down,
}

pub(super) async fn live() -> Response {
    ([(CACHE_CONTROL, "no-store")], "ok\n").into_response()
}

pub(super) async fn ready<E>(State(front): State<Front<E>>) -> Response {
    let components = check_in_time(&front.shared).await;
    let draining = front.shared.drain.is_cancelled();
    let (status, body) = judge(&components, draining);
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

async fn check_in_time(shared: &Shared) -> Vec<(&'static str, ComponentState)> {
    let check = shared.readiness.check();
    tokio::time::timeout(shared.config.readiness_timeout, check)
        .await
        .unwrap_or_else(|_| vec![("database", ComponentState::Down)])
}

fn judge(components: &[(&'static str, ComponentState)], draining: bool) -> (StatusCode, Value) {
    let unusable = components.iter().any(|(name, state)| {
        matches!(*name, "database" | "migrations") && *state == ComponentState::Down
    });
    let impaired = components
        .iter()
        .any(|(_, state)| *state != ComponentState::Ok);
    let summary = match () {
        () if draining => "draining",
        () if unusable => "down",
        () if impaired => "degraded",
        () => "ok",
    };
    let mut body: Map<String, Value> = components
        .iter()
        .map(|(name, state)| ((*name).to_owned(), json!(state)))
        .collect();
    body.insert("status".into(), summary.into());
    let status = if draining || unusable {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    (status, Value::Object(body))
}

#[cfg(test)]
mod tests {
    use super::ComponentState::{Degraded, Down, Ok};
    use super::*;

    fn check(components: &[(&'static str, ComponentState)], draining: bool, expected: (u16, &str)) {
        let (status, body) = judge(components, draining);
        assert_eq!(
            (status.as_u16(), body["status"].as_str().unwrap()),
            expected,
            "{components:?}"
        );
    }

    #[test]
    fn only_an_unusable_database_and_draining_make_it_unready() {
        check(
            &[("database", Ok), ("listener", Ok), ("bus", Ok)],
            false,
            (200, "ok"),
        );
        check(
            &[("database", Ok), ("listener", Down), ("bus", Degraded)],
            false,
            (200, "degraded"),
        );
        check(&[("database", Degraded)], false, (200, "degraded"));
        check(
            &[("database", Down), ("listener", Ok)],
            false,
            (503, "down"),
        );
        check(
            &[("database", Ok), ("migrations", Down)],
            false,
            (503, "down"),
        );
        check(&[("database", Ok)], true, (503, "draining"));
    }

    #[test]
    fn every_component_is_named() {
        let (_, body) = judge(&[("database", Ok), ("listener", Down)], false);
        assert_eq!(
            body,
            json!({"database": "ok", "listener": "down", "status": "degraded"})
        );
    }
}
