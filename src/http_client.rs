//! How the gateway asks others over HTTP.

use std::time::Duration;

use reqwest::ClientBuilder;
use reqwest::redirect::Policy;

/// A client with a TLS provider and timeouts, which names itself and follows no redirects: they would
/// carry a token elsewhere. `timeout`: for the whole of an answer.
pub fn builder(timeout: Duration) -> ClientBuilder {
    // Whoever comes second finds the same provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(Policy::none())
        .user_agent(concat!("conversation-gateway/", env!("CARGO_PKG_VERSION")))
}
