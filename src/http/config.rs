//! Settings of the front door.

use std::net::SocketAddr;
use std::time::Duration;

use super::documents::DocumentsConfig;
use super::rate::RateConfig;
use super::seats::SeatsConfig;
use crate::duration::duration;
use crate::judge::Limits;

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Front door")]
pub struct HttpConfig {
    /// Address to listen on.
    #[arg(long, env = "GATEWAY_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Serve the web demo at `/`.
    #[arg(long, env = "GATEWAY_WEB_DEMO")]
    pub web_demo: bool,

    /// Other origins that the web demo may call, such as the simulator's.
    #[arg(
        long,
        env = "GATEWAY_WEB_DEMO_CONNECT",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub web_demo_connect: Vec<String>,

    /// Origins whose pages may call the gateway, such as `https://dcm.example`; `*` is every page.
    /// The gateway's own pages always may. Without authentication the gateway answers under the hosts
    /// of these origins, IP addresses and localhost, and refuses other names.
    #[arg(
        long,
        env = "GATEWAY_ALLOWED_ORIGINS",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub allowed_origins: Vec<String>,

    /// Answer introspection to everybody, and suggest names in errors. Without it only who
    /// administers may ask for the schema.
    #[arg(long, env = "GATEWAY_INTROSPECTION")]
    pub introspection: bool,

    /// Longest time that a query or mutation may take.
    #[arg(long, env = "GATEWAY_EXECUTION_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub execution_timeout: Duration,

    /// Longest request body, in bytes.
    #[arg(long, env = "GATEWAY_MAX_BODY", value_name = "BYTES", default_value_t = 256 * 1024)]
    pub max_body: usize,

    /// Longest result over HTTP, and longest event of an event stream, in bytes; instead of a longer
    /// one comes an error.
    #[arg(long, env = "GATEWAY_MAX_RESULT", value_name = "BYTES", default_value_t = 16 * 1024 * 1024)]
    pub max_result: usize,

    /// Time in which a client must have sent the head of a request: after it has connected, and after
    /// each answer. Make it longer than a proxy keeps idle connections.
    #[arg(long, env = "GATEWAY_HEADER_TIMEOUT", value_name = "TIME", default_value = "75s", value_parser = duration)]
    pub header_timeout: Duration,

    /// Time in which a client must have sent its whole request body.
    #[arg(long, env = "GATEWAY_BODY_TIMEOUT", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub body_timeout: Duration,

    /// Time in which the readiness checks must have answered; then the database counts as down.
    #[arg(long, env = "GATEWAY_READINESS_TIMEOUT", value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub readiness_timeout: Duration,

    /// Pause after which an idle event stream carries a comment, so that proxies keep it open.
    #[arg(long, env = "GATEWAY_SSE_KEEP_ALIVE", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub sse_keep_alive: Duration,

    /// Time in which a client must send `connection_init` after the WebSocket handshake.
    #[arg(long, env = "GATEWAY_WS_INIT_TIMEOUT", value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub ws_init_timeout: Duration,

    /// Pause between the pings that the gateway sends on every WebSocket.
    #[arg(long, env = "GATEWAY_WS_PING_INTERVAL", value_name = "TIME", default_value = "12s", value_parser = duration)]
    pub ws_ping_interval: Duration,

    /// Time in which a ping must be answered while nothing waits to be sent.
    #[arg(long, env = "GATEWAY_WS_PONG_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub ws_pong_timeout: Duration,

    /// Time after which a connection that takes no byte, while something waits for it, is given up.
    #[arg(long, env = "GATEWAY_STALL_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub stall_timeout: Duration,

    /// Send buffer that the system keeps per connection, in bytes.
    #[arg(
        long,
        env = "GATEWAY_SEND_BUFFER",
        value_name = "BYTES",
        default_value_t = 64 * 1024
    )]
    pub send_buffer: u32,

    /// Time that a WebSocket gets to answer the gateway's close message.
    #[arg(long, env = "GATEWAY_WS_CLOSE_TIMEOUT", value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub ws_close_timeout: Duration,

    /// Most operations that one WebSocket may run at a time.
    #[arg(
        long,
        env = "GATEWAY_WS_MAX_OPERATIONS",
        value_name = "N",
        default_value_t = 1_000
    )]
    pub ws_max_operations: usize,

    /// Longest message taken from a WebSocket, in bytes.
    #[arg(long, env = "GATEWAY_WS_MAX_MESSAGE", value_name = "BYTES", default_value_t = 256 * 1024)]
    pub ws_max_message: usize,

    /// Longest message sent on a WebSocket, in bytes; an operation whose result is longer ends with
    /// an error.
    #[arg(long, env = "GATEWAY_WS_MAX_RESULT", value_name = "BYTES", default_value_t = 16 * 1024 * 1024)]
    pub ws_max_result: usize,

    #[command(flatten)]
    pub limits: Limits,
    #[command(flatten)]
    pub documents: DocumentsConfig,
    #[command(flatten)]
    pub rate: RateConfig,
    #[command(flatten)]
    pub seats: SeatsConfig,
}

impl Default for HttpConfig {
    fn default() -> Self {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            config: HttpConfig,
        }
        <Alone as clap::Parser>::parse_from(["http"]).config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_flags() {
        let config = HttpConfig::default();
        assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
        assert!(!config.web_demo);
        assert_eq!(config.ws_init_timeout, Duration::from_secs(3));
        assert_eq!(config.stall_timeout, Duration::from_secs(30));
        assert_eq!(config.sse_keep_alive, Duration::from_secs(10));
    }
}
