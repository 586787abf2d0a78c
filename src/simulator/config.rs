use std::time::Duration;

use clap::{Args, Parser};

use crate::duration::duration;

/// Settings of the simulated Genesys Cloud organisation.
///
/// Durations are written `250ms`, `30s`, `5m` or `24h`.
#[derive(Args, Clone, Debug)]
pub struct SimulatorConfig {
    /// Port on 127.0.0.1 for OAuth, the API, the notification sockets and the control surface; 0 takes a free one.
    #[arg(long, default_value_t = 8090)]
    pub port: u16,
    /// Number of queues of the organisation.
    #[arg(long, default_value_t = 6)]
    pub queues: usize,
    /// Number of users (agents) of the organisation.
    #[arg(long, default_value_t = 20)]
    pub users: usize,
    /// Id of the OAuth client that may ask for tokens.
    #[arg(long, default_value = "simulator-client")]
    pub client_id: String,
    /// Secret of that OAuth client.
    #[arg(long, default_value = "simulator-secret")]
    pub client_secret: String,
    /// Seed of the ids of queues and users and of generated traffic: the same seed gives the same organisation.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Lifetime of an access token.
    #[arg(long, default_value = "24h", value_parser = duration)]
    pub token_lifetime: Duration,
    /// Time between two heartbeats on a notification WebSocket.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub heartbeat: Duration,
    /// Lifetime of a notification channel after its last subscribing.
    #[arg(long, default_value = "24h", value_parser = duration)]
    pub channel_lifetime: Duration,
    /// Time between a closing notice and the closing of the old socket.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub closing_grace: Duration,
    /// How far analytics lag behind.
    #[arg(long, default_value = "2s", value_parser = duration)]
    pub analytics_lag: Duration,
    /// API requests that one token may make per minute; 0 lifts the limit.
    #[arg(long, default_value_t = 300)]
    pub rate_limit: u32,
    /// How many of the last queues lie in a division that the client may not follow: their topics are refused.
    #[arg(long, default_value_t = 0)]
    pub refused_queues: usize,
    /// Permissions that the OAuth client lacks, separated by commas: what needs them is refused.
    #[arg(long, value_delimiter = ',')]
    pub lacking: Vec<String>,
    /// Ended conversations that are kept, their truth included; older ones are forgotten.
    #[arg(long, default_value_t = 10_000)]
    pub keep_ended: usize,
}

impl SimulatorConfig {
    /// A free port, quick timers, no lag, no rate limit.
    pub fn for_tests() -> Self {
        Self {
            port: 0,
            heartbeat: Duration::from_millis(200),
            closing_grace: Duration::from_millis(300),
            analytics_lag: Duration::ZERO,
            rate_limit: 0,
            ..Self::default()
        }
    }
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            config: SimulatorConfig,
        }
        Alone::parse_from(["simulator"]).config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_flags() {
        let config = SimulatorConfig::default();
        assert_eq!((config.port, config.queues, config.users), (8090, 6, 20));
        assert_eq!(config.heartbeat, Duration::from_secs(30));
        assert_eq!(config.channel_lifetime, Duration::from_hours(24));
    }
}
