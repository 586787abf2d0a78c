//! API keys, from their making to their end.

use std::time::Duration;

use conversation_gateway::auth::{NewKey, create, revoke};
use conversation_gateway::clock::{Clock, SystemClock};
use conversation_gateway::domain::api_key::{ApiKey, Grant, Narrowing};
use migration::sea_orm::ConnectionTrait;
use secrecy::ExposeSecret;
use serde_json::json;

use super::guarded::{Guarded, grant};
use crate::support::eventually;
use crate::support::gateway::Database;
use crate::support::organisation::Organisation;

pub(super) async fn key(
    guarded: &Guarded,
    grant: Grant,
    lifetime: Option<Duration>,
) -> (ApiKey, String) {
    let now = SystemClock.now();
    let millis = lifetime.map(|it| i64::try_from(it.as_millis()).expect("a short time"));
    let new = NewKey {
        name: "architect".to_owned(),
        grant,
        expires_at: millis.map(|millis| now.plus_millis(millis)),
        created_by: "test".to_owned(),
    };
    let (key, secret) = create(&guarded.gateway.store, new, now)
        .await
        .expect("a key");
    (key, secret.expose_secret().to_owned())
}

async fn status(guarded: &Guarded, name: &'static str, value: String, query: &str) -> u16 {
    let headers = [(name, value)];
    guarded.ask_with(&headers, query, json!({})).await.0
}

async fn keys_open_until_they_are_revoked(database: Database) {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, database).await;
    let (kept, secret) = key(&guarded, grant("conversations:read"), None).await;
    let read = "{ feedCursor }";
    let write = "mutation { registerConversation }";
    assert_eq!(
        status(&guarded, "x-api-key", secret.clone(), read).await,
        200
    );
    let bearer = format!("Bearer {secret}");
    assert_eq!(status(&guarded, "authorization", bearer, read).await, 200);
    assert_eq!(
        status(&guarded, "x-api-key", secret.clone(), write).await,
        403
    );
    let mut wrong = secret.clone();
    wrong.pop();
    for wrong in [format!("{wrong}!"), wrong, String::new()] {
        assert_eq!(status(&guarded, "x-api-key", wrong, read).await, 401);
    }

    let store = &guarded.gateway.store;
    let revoked = revoke(store, &kept.id, "test", SystemClock.now()).await;
    assert!(revoked.expect("the database").is_some());
    eventually("the revoked key opens nothing", || async {
        (status(&guarded, "x-api-key", secret.clone(), read).await == 401).then_some(())
    })
    .await;
    // Once is enough, and for ever.
    let again = revoke(store, &kept.id, "test", SystemClock.now()).await;
    assert!(again.expect("the database").is_none());
    let listed = store.api_keys().await.expect("the database");
    assert_eq!(listed.len(), 1);
    assert!(listed[0].revoked_at.is_some() && listed[0].grant == kept.grant);
}

#[tokio::test]
async fn keys_open_until_they_are_revoked_on_sqlite() {
    keys_open_until_they_are_revoked(Database::Sqlite).await;
}

#[tokio::test]
async fn keys_open_until_they_are_revoked_on_postgresql() {
    keys_open_until_they_are_revoked(Database::Postgres).await;
}

#[tokio::test]
async fn a_key_expires() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let lifetime = Some(Duration::from_secs(2));
    let (_, secret) = key(&guarded, grant("conversations:read"), lifetime).await;
    eventually("the key has expired", || async {
        (status(&guarded, "x-api-key", secret.clone(), "{ feedCursor }").await == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_key_allows_is_kept_and_the_key_is_not() {
    let organisation = Organisation::start().await;
    let guarded = Guarded::start(&organisation, Database::Sqlite).await;
    let narrowing = Narrowing {
        queues: ["q1".to_owned()].into(),
        teams: ["t1".to_owned()].into(),
        user: Some("u1".into()),
    };
    let wanted = Grant {
        narrowing: Some(narrowing),
        ..grant("conversations:read conversations:write")
    };
    let (kept, secret) = key(&guarded, wanted.clone(), None).await;
    let listed = guarded
        .gateway
        .store
        .api_keys()
        .await
        .expect("the database");
    assert_eq!(listed, [kept]);
    assert_eq!(listed[0].grant, wanted);
    let rows = guarded
        .gateway
        .store
        .database()
        .query_all_raw(migration::sea_orm::Statement::from_string(
            migration::sea_orm::DbBackend::Sqlite,
            "SELECT keyid || hash || name || permissions || narrowing || createdby AS text FROM gateway_api_key",
        ))
        .await
        .expect("the table");
    let text: String = rows[0].try_get("", "text").expect("a text");
    assert!(!text.contains(&secret) && !text.contains(&secret[4..]));
}
