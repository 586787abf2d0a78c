//! Where Genesys is, who the gateway is there, and how patient it is.

use std::time::Duration;

use secrecy::SecretString;

use super::actions::ActionsConfig;
use super::directory::DirectoryConfig;
use super::privacy::Personal;
use super::region;
use super::topics::TopicShape;
use super::watching::WatchConfig;
use crate::domain::ids::{QueueId, UserId};
pub(super) use crate::duration::duration;

/// How the gateway reaches Genesys Cloud.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Genesys Cloud")]
pub struct GenesysConfig {
    /// Region of the organisation, such as `eu_central_1` or its domain `mypurecloud.de`
    #[arg(
        long = "genesys-region",
        env = "GENESYSCLOUD_REGION",
        value_name = "REGION"
    )]
    pub region: Option<String>,

    /// Id of the OAuth client (client credentials)
    #[arg(
        long = "genesys-client-id",
        env = "GENESYSCLOUD_OAUTHCLIENT_ID",
        value_name = "ID"
    )]
    pub client_id: Option<String>,

    /// Secret of the OAuth client
    #[arg(
        long = "genesys-client-secret",
        env = "GENESYSCLOUD_OAUTHCLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub client_secret: Option<SecretString>,

    /// Address of the API instead of the region's (the simulator, a proxy)
    #[arg(
        long = "genesys-api-url",
        env = "GENESYSCLOUD_API_URL",
        value_name = "URL"
    )]
    pub api_url: Option<String>,

    /// Address of the login instead of the region's; without a region that of the API
    #[arg(
        long = "genesys-login-url",
        env = "GENESYSCLOUD_LOGIN_URL",
        value_name = "URL"
    )]
    pub login_url: Option<String>,

    /// Ids of the queues to follow, separated by commas [default: all]
    #[arg(long = "queues", env = "GATEWAY_QUEUES", value_delimiter = ',', value_name = "IDS", value_parser = queue_id)]
    pub queues: Vec<QueueId>,

    /// Which topics are followed: one that shows conversations whole, or one for each medium
    #[arg(
        long = "topics",
        env = "GATEWAY_TOPICS",
        value_enum,
        default_value_t = TopicShape::Conversations
    )]
    pub topics: TopicShape,

    /// Users whose conversations are followed as well, outside queues too: their ids, separated by
    /// commas, or `all`
    #[arg(
        long = "user-topics",
        env = "GATEWAY_USER_TOPICS",
        value_delimiter = ',',
        value_name = "IDS",
        value_parser = user_id
    )]
    pub user_topics: Vec<UserId>,

    /// What of customers is stored, separated by commas; shown only to callers who have the permission
    /// conversations:personal [default: nothing]
    #[arg(
        long = "keep",
        env = "GATEWAY_KEEP",
        value_delimiter = ',',
        value_name = "WHAT",
        value_enum
    )]
    pub keep: Vec<Personal>,

    /// Time between two pings on a notification socket
    #[arg(long = "genesys-ping-interval", env = "GATEWAY_GENESYS_PING_INTERVAL", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub ping_interval: Duration,

    /// Time without any frame after which a notification socket counts as lost
    #[arg(long = "genesys-lost-after", env = "GATEWAY_GENESYS_LOST_AFTER", value_name = "TIME", default_value = "12s", value_parser = duration)]
    pub lost_after: Duration,

    /// Shortest wait before the next attempt to connect
    #[arg(long = "genesys-reconnect-min", env = "GATEWAY_GENESYS_RECONNECT_MIN", value_name = "TIME", default_value = "500ms", value_parser = duration)]
    pub reconnect_min: Duration,

    /// Longest wait before the next attempt to connect
    #[arg(long = "genesys-reconnect-max", env = "GATEWAY_GENESYS_RECONNECT_MAX", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub reconnect_max: Duration,

    /// How long before its end an access token is renewed
    #[arg(long = "genesys-token-margin", env = "GATEWAY_GENESYS_TOKEN_MARGIN", value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub token_margin: Duration,

    /// Time to wait before a conversation whose hold or park is doubtful is read: notifications that
    /// are on their way arrive first
    #[arg(long = "genesys-read-after", env = "GATEWAY_GENESYS_READ_AFTER", value_name = "TIME", default_value = "1s", value_parser = duration)]
    pub read_after: Duration,

    /// Time for which the answer to a reading of a conversation is kept back: notifications that Genesys
    /// sent before it arrive first
    #[arg(long = "genesys-answer-wait", env = "GATEWAY_GENESYS_ANSWER_WAIT", value_name = "TIME", default_value = "250ms", value_parser = duration)]
    pub answer_wait: Duration,

    /// Time between two readings of the list of queues
    #[arg(long = "genesys-queue-refresh", env = "GATEWAY_GENESYS_QUEUE_REFRESH", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub queue_refresh: Duration,

    /// Time after which the topics of a channel are subscribed anew, which extends its life of 24 h
    #[arg(long = "genesys-resubscribe", env = "GATEWAY_GENESYS_RESUBSCRIBE", value_name = "TIME", default_value = "6h", value_parser = duration)]
    pub resubscribe: Duration,

    /// Longest time that one call of the API, or opening a socket, may take
    #[arg(long = "genesys-request-timeout", env = "GATEWAY_GENESYS_REQUEST_TIMEOUT", value_name = "TIME", default_value = "15s", value_parser = duration)]
    pub request_timeout: Duration,

    /// Time between two questions for the settled times of ended conversations; also the first wait
    /// after an end
    #[arg(long = "genesys-enrichment-interval", env = "GATEWAY_GENESYS_ENRICHMENT_INTERVAL", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub enrichment_interval: Duration,

    /// Time between two looks into the database for ended conversations without settled times
    #[arg(long = "genesys-settling-sweep", env = "GATEWAY_GENESYS_SETTLING_SWEEP", value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub settling_sweep: Duration,

    /// How long a conversation is tried to be read while notifications of it wait
    #[arg(long = "genesys-read-patience", env = "GATEWAY_GENESYS_READ_PATIENCE", value_name = "TIME", default_value = "25s", value_parser = duration)]
    pub read_patience: Duration,

    /// After a blind window analytics are asked once more when so much time has passed: they lag
    #[arg(long = "genesys-analytics-lag", env = "GATEWAY_GENESYS_ANALYTICS_LAG", value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub analytics_lag: Duration,

    /// So much more than the blind window is made up for: Genesys' clock and ours may differ, and what
    /// was heard last may not have been written
    #[arg(long = "genesys-repair-margin", env = "GATEWAY_GENESYS_REPAIR_MARGIN", value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub repair_margin: Duration,

    /// How many days back conversations are looked for that may still be going on
    #[arg(
        long = "genesys-repair-days",
        env = "GATEWAY_GENESYS_REPAIR_DAYS",
        value_name = "N",
        default_value_t = 4
    )]
    pub repair_days: u32,

    /// After a blind window no more conversations than this are read one by one; more are read from
    /// analytics, a hundred at once
    #[arg(
        long = "genesys-repair-reads",
        env = "GATEWAY_GENESYS_REPAIR_READS",
        value_name = "N",
        default_value_t = 200
    )]
    pub repair_reads: usize,

    /// Time between two notes of how far the feed was heard, for the repair after a restart
    #[arg(long = "genesys-journal-interval", env = "GATEWAY_GENESYS_JOURNAL_INTERVAL", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub journal_interval: Duration,

    /// Most calls of the API in a minute; the gateway also stays below what Genesys announces
    #[arg(
        long = "genesys-rate-limit",
        env = "GATEWAY_GENESYS_RATE_LIMIT",
        value_name = "N",
        default_value_t = 300
    )]
    pub rate_limit: usize,

    /// Longest time that Genesys' wish to wait (Retry-After) is obeyed
    #[arg(
        long = "genesys-retry-after-max",
        env = "GATEWAY_GENESYS_RETRY_AFTER_MAX",
        value_name = "TIME",
        default_value = "3m",
        value_parser = duration
    )]
    pub retry_after_max: Duration,

    /// Notifications that may wait on each socket while the database is slow; one more, and the
    /// socket is dropped and opened again
    #[arg(
        long = "genesys-frame-queue",
        env = "GATEWAY_GENESYS_FRAME_QUEUE",
        value_name = "N",
        default_value_t = 8192
    )]
    pub frame_queue: usize,

    #[command(flatten)]
    pub actions: ActionsConfig,
    #[command(flatten)]
    pub directory: DirectoryConfig,
    #[command(flatten)]
    pub watch: WatchConfig,
}

/// A setting that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("GENESYSCLOUD_REGION: there is no region {0}; known are {known}", known = region::known())]
    UnknownRegion(String),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{name} is no http or https address: {value}")]
    NotAnAddress { name: &'static str, value: String },
    #[error("GATEWAY_GENESYS_LOST_AFTER must be longer than GATEWAY_GENESYS_PING_INTERVAL")]
    LostBeforePing,
    #[error("{0} must be longer than nothing")]
    Zero(&'static str),
}

/// The two hosts, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    pub api: String,
    pub login: String,
}

impl GenesysConfig {
    /// Says what is wrong with the settings, in one line.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.hosts()?;
        self.credentials()?;
        if self.lost_after <= self.ping_interval {
            return Err(ConfigError::LostBeforePing);
        }
        let intervals = [
            ("GATEWAY_GENESYS_PING_INTERVAL", self.ping_interval),
            (
                "GATEWAY_GENESYS_ENRICHMENT_INTERVAL",
                self.enrichment_interval,
            ),
            ("GATEWAY_GENESYS_REQUEST_TIMEOUT", self.request_timeout),
            ("GATEWAY_GENESYS_QUEUE_REFRESH", self.queue_refresh),
            ("GATEWAY_GENESYS_RESUBSCRIBE", self.resubscribe),
            ("GATEWAY_GENESYS_RECONNECT_MIN", self.reconnect_min),
            ("GATEWAY_GENESYS_JOURNAL_INTERVAL", self.journal_interval),
            ("GATEWAY_GENESYS_WATCH_SWEEP", self.watch.watch_sweep),
            ("GATEWAY_GENESYS_WATCH_UNSHOWN", self.watch.watch_unshown),
            (
                "GATEWAY_GENESYS_WATCH_MISSING_MAX",
                self.watch.watch_missing_max,
            ),
            ("GATEWAY_GENESYS_WATCH_STUCK", self.watch.watch_stuck),
            ("GATEWAY_GENESYS_WATCH_RINGING", self.watch.watch_ringing),
            ("GATEWAY_GENESYS_WATCH_IDLE", self.watch.watch_idle),
            ("GATEWAY_GENESYS_WATCH_QUIET", self.watch.watch_quiet),
        ];
        if let Some((name, _)) = intervals.iter().find(|(_, time)| time.is_zero()) {
            return Err(ConfigError::Zero(name));
        }
        Ok(())
    }

    pub fn hosts(&self) -> Result<Hosts, ConfigError> {
        let region = self.region.as_deref().filter(|region| !region.is_empty());
        let domain = region.map(|region| {
            let domain = region::domain_of(region);
            domain.ok_or_else(|| ConfigError::UnknownRegion(region.to_owned()))
        });
        let domain = domain.transpose()?;
        let given = |url: &Option<String>| url.clone().filter(|url| !url.is_empty());
        let api = match (&given(&self.api_url), domain) {
            (Some(url), _) => address("GENESYSCLOUD_API_URL", url)?,
            (None, Some(domain)) => format!("https://api.{domain}"),
            (None, None) => return Err(ConfigError::Missing("GENESYSCLOUD_REGION")),
        };
        let login = match (&given(&self.login_url), domain) {
            (Some(url), _) => address("GENESYSCLOUD_LOGIN_URL", url)?,
            (None, Some(domain)) => format!("https://login.{domain}"),
            (None, None) => api.clone(),
        };
        Ok(Hosts { api, login })
    }

    /// The id and the secret of the OAuth client.
    pub fn credentials(&self) -> Result<(String, SecretString), ConfigError> {
        let id = self.client_id.clone().filter(|id| !id.is_empty());
        let id = id.ok_or(ConfigError::Missing("GENESYSCLOUD_OAUTHCLIENT_ID"))?;
        let secret = self.client_secret.clone();
        let secret = secret.ok_or(ConfigError::Missing("GENESYSCLOUD_OAUTHCLIENT_SECRET"))?;
        Ok((id, secret))
    }

    /// For a stand-in at `api_url` with the simulator's client, with timers in milliseconds.
    pub fn for_tests(api_url: &str) -> Self {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            config: GenesysConfig,
        }
        let flags = [
            "genesys",
            "--genesys-api-url",
            api_url,
            "--genesys-login-url",
            api_url,
            "--genesys-client-id",
            "simulator-client",
            "--genesys-client-secret",
            "simulator-secret",
        ];
        <Alone as clap::Parser>::parse_from(flags)
            .config
            .with_quick_timers()
    }

    /// The same with timers in milliseconds, and no limit to the calls.
    #[must_use]
    pub fn with_quick_timers(self) -> Self {
        let ms = Duration::from_millis;
        Self {
            ping_interval: ms(50),
            // Long enough for a busy machine: a socket that only waits for the processor is not lost.
            lost_after: ms(3_000),
            reconnect_min: ms(10),
            reconnect_max: ms(100),
            token_margin: ms(500),
            read_after: ms(200),
            answer_wait: ms(100),
            analytics_lag: ms(100),
            repair_margin: ms(500),
            journal_interval: ms(1_000),
            queue_refresh: ms(100),
            resubscribe: Duration::from_mins(1),
            request_timeout: ms(5_000),
            enrichment_interval: ms(50),
            settling_sweep: Duration::from_mins(1),
            retry_after_max: ms(1_000),
            rate_limit: 100_000,
            actions: ActionsConfig {
                close_wait: ms(5_000),
                close_poll: ms(20),
            },
            watch: WatchConfig {
                watch_unshown: ms(50),
                watch_unshown_max: ms(500),
                watch_missing_max: ms(500),
                watch_sweep: ms(200),
                ..self.watch
            },
            ..self
        }
    }
}

fn address(name: &'static str, value: &str) -> Result<String, ConfigError> {
    let is_http = url::Url::parse(value)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !is_http {
        let value = value.to_owned();
        return Err(ConfigError::NotAnAddress { name, value });
    }
    Ok(value.trim_end_matches('/').to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "clap's form of a value parser")]
fn queue_id(text: &str) -> Result<QueueId, String> {
    Ok(QueueId::from(text.trim()))
}

#[expect(clippy::unnecessary_wraps, reason = "clap's form of a value parser")]
fn user_id(text: &str) -> Result<UserId, String> {
    Ok(UserId::from(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(region: Option<&str>, api: Option<&str>, login: Option<&str>) -> GenesysConfig {
        GenesysConfig {
            region: region.map(str::to_owned),
            api_url: api.map(str::to_owned),
            login_url: login.map(str::to_owned),
            ..GenesysConfig::for_tests("http://127.0.0.1:1")
        }
    }

    fn check(config: &GenesysConfig, api: &str, login: &str) {
        let (api, login) = (api.to_owned(), login.to_owned());
        assert_eq!(config.hosts(), Ok(Hosts { api, login }));
    }

    #[test]
    fn a_region_gives_both_hosts() {
        for region in [
            "eu_central_1",
            "EU-Central-1",
            "mypurecloud.de",
            "https://api.mypurecloud.de/",
        ] {
            check(
                &config(Some(region), None, None),
                "https://api.mypurecloud.de",
                "https://login.mypurecloud.de",
            );
        }
    }

    #[test]
    fn addresses_outrank_the_region_and_the_api_s_serves_for_login() {
        let (api, login) = ("http://127.0.0.1:8090/", "http://127.0.0.1:8091/a/");
        check(
            &config(None, Some(api), None),
            "http://127.0.0.1:8090",
            "http://127.0.0.1:8090",
        );
        check(
            &config(Some("us_east_1"), Some(api), Some(login)),
            "http://127.0.0.1:8090",
            "http://127.0.0.1:8091/a",
        );
        check(
            &config(Some("us_east_1"), Some(api), None),
            "http://127.0.0.1:8090",
            "https://login.mypurecloud.com",
        );
    }

    #[test]
    fn wrong_settings_are_named_in_one_line() {
        let said = |config: &GenesysConfig| config.check().expect_err("it is wrong").to_string();
        let unknown = said(&config(Some("eu_central_9"), None, None));
        assert!(unknown.contains("GENESYSCLOUD_REGION") && unknown.contains("eu_central_9"));
        assert!(unknown.contains("eu_central_1, eu_central_2"), "{unknown}");
        assert_eq!(
            said(&config(None, None, None)),
            "GENESYSCLOUD_REGION is missing"
        );
        assert!(said(&config(None, Some("127.0.0.1:80"), None)).contains("GENESYSCLOUD_API_URL"));
        let tests = GenesysConfig::for_tests("http://127.0.0.1:1");
        assert_eq!(tests.check(), Ok(()));
        let no_secret = GenesysConfig {
            client_secret: None,
            ..tests.clone()
        };
        assert_eq!(
            said(&no_secret),
            "GENESYSCLOUD_OAUTHCLIENT_SECRET is missing"
        );
        let endless = GenesysConfig {
            queue_refresh: Duration::ZERO,
            ..tests.clone()
        };
        assert!(said(&endless).contains("GATEWAY_GENESYS_QUEUE_REFRESH"));
        let hasty = GenesysConfig {
            lost_after: tests.ping_interval,
            ..tests
        };
        assert!(said(&hasty).contains("GATEWAY_GENESYS_LOST_AFTER"));
    }

    #[test]
    fn flags_have_the_documented_defaults_and_the_secret_is_not_shown() {
        #[derive(Debug, clap::Parser)]
        struct Alone {
            #[command(flatten)]
            config: GenesysConfig,
        }
        let args = [
            "x",
            "--genesys-client-secret",
            "hunter2",
            "--queues",
            "a, b",
        ];
        let Alone { config } = clap::Parser::parse_from(args);
        assert_eq!(config.queues, [QueueId::from("a"), QueueId::from("b")]);
        assert_eq!(config.ping_interval, Duration::from_secs(5));
        assert_eq!(config.lost_after, Duration::from_secs(12));
        assert_eq!(config.queue_refresh, Duration::from_secs(30));
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
