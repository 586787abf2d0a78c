//! A PostgreSQL database for one test, in the server that nextest starts for the run
//! (`postgres.sh`).

use migration::sea_orm::{ConnectOptions, ConnectionTrait, Database};
use url::Url;

/// Makes an empty database of its own and returns its URL.
///
/// # Panics
/// When there is no server: no test that needs PostgreSQL is ever left out silently.
pub async fn fresh_database() -> String {
    let server = std::env::var("GATEWAY_TEST_POSTGRES_URL")
        .expect("no PostgreSQL for the tests: run them with `cargo nextest run`");
    let name = format!("gateway_{}", uuid::Uuid::new_v4().simple());
    let mut options = ConnectOptions::new(&server);
    options.max_connections(1).sqlx_logging(false);
    let admin = Database::connect(options)
        .await
        .unwrap_or_else(|error| panic!("PostgreSQL for the tests at {server}: {error}"));
    admin
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await
        .expect("the test server lets us make databases");
    admin.close().await.expect("an idle connection closes");
    let mut url = Url::parse(&server).expect("GATEWAY_TEST_POSTGRES_URL is an URL");
    url.set_path(&name);
    url.into()
}
