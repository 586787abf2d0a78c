//! What is written, and how much at once.

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Write path")]
pub struct IngestConfig {
    /// Which conversations become rows: every one of a followed queue, or only those registered or
    /// linked
    #[arg(long, env = "GATEWAY_TRACK", value_enum, default_value_t = Track::Queues)]
    pub track: Track,
    /// How many events may wait to be written
    #[arg(long, env = "GATEWAY_INGEST_QUEUE", default_value_t = 4096)]
    pub ingest_queue: usize,
    /// How many events one transaction takes at most
    #[arg(long, env = "GATEWAY_INGEST_BATCH", default_value_t = 256)]
    pub ingest_batch: usize,
    /// How many conversations are kept in memory to save reading them again
    #[arg(long, env = "GATEWAY_INGEST_CACHE", default_value_t = 20_000)]
    pub ingest_cache: usize,
    /// How long to wait before a write that failed is tried again, in milliseconds
    #[arg(long, env = "GATEWAY_INGEST_RETRY_MS", default_value_t = 500)]
    pub ingest_retry_ms: u64,
    /// How long the database may take for one transaction before it counts as gone and the write is tried
    /// again, in milliseconds
    #[arg(
        long,
        env = "GATEWAY_INGEST_WRITE_TIMEOUT_MS",
        default_value_t = 60_000
    )]
    pub ingest_write_timeout_ms: u64,
    /// How long a notification that shows that earlier ones were missed waits for its conversation
    /// to be read from Genesys, in milliseconds; after that it is told with `gapBefore`
    #[arg(long, env = "GATEWAY_INGEST_PATIENCE_MS", default_value_t = 30_000)]
    pub ingest_patience_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Track {
    /// Every conversation of a followed queue.
    Queues,
    /// Only those registered or linked; the others are followed in memory until they end.
    Registered,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            track: Track::Queues,
            ingest_queue: 4096,
            ingest_batch: 256,
            ingest_cache: 20_000,
            ingest_retry_ms: 500,
            ingest_write_timeout_ms: 60_000,
            ingest_patience_ms: 30_000,
        }
    }
}
