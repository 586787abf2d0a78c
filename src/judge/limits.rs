//! How much one request may ask for.

#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Request limits")]
pub struct Limits {
    /// Most tokens of a document.
    #[arg(
        long,
        env = "GATEWAY_MAX_TOKENS",
        value_name = "N",
        default_value_t = 5_000
    )]
    pub max_tokens: u64,

    /// Deepest nesting of fields, fragments expanded.
    #[arg(
        long,
        env = "GATEWAY_MAX_DEPTH",
        value_name = "N",
        default_value_t = 15
    )]
    pub max_depth: u64,

    /// Most aliases of an operation, fragments expanded.
    #[arg(
        long,
        env = "GATEWAY_MAX_ALIASES",
        value_name = "N",
        default_value_t = 200
    )]
    pub max_aliases: u64,

    /// Most fields at the root of an operation.
    #[arg(
        long,
        env = "GATEWAY_MAX_ROOT_FIELDS",
        value_name = "N",
        default_value_t = 30
    )]
    pub max_root_fields: u64,

    /// Most directives of an operation, fragments expanded.
    #[arg(
        long,
        env = "GATEWAY_MAX_DIRECTIVES",
        value_name = "N",
        default_value_t = 100
    )]
    pub max_directives: u64,

    /// Most fields and fragments of a document, each fragment counted wherever it is spread.
    #[arg(
        long,
        env = "GATEWAY_MAX_SELECTIONS",
        value_name = "N",
        default_value_t = 3_000
    )]
    pub max_selections: u64,

    /// Highest complexity of an operation: its fields, those within a page as often as the page is
    /// long.
    #[arg(
        long,
        env = "GATEWAY_MAX_COMPLEXITY",
        value_name = "N",
        default_value_t = 500_000
    )]
    pub max_complexity: u64,
}
