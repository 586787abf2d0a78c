//! The values of `extensions.code`: what a client decides by. The README's "Errors" says what each asks
//! of it.

pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
pub const CONFLICT: &str = "CONFLICT";
pub const CURSOR_EXPIRED: &str = "CURSOR_EXPIRED";
pub const CURSOR_UNKNOWN: &str = "CURSOR_UNKNOWN";
pub const FORBIDDEN: &str = "FORBIDDEN";
pub const GENESYS_ERROR: &str = "GENESYS_ERROR";
pub const INTERNAL: &str = "INTERNAL";
pub const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";
pub const NOT_FOUND: &str = "NOT_FOUND";
pub const RATE_LIMITED: &str = "RATE_LIMITED";
pub const SUBSCRIPTION_ENDED: &str = "SUBSCRIPTION_ENDED";
pub const TIMEOUT: &str = "TIMEOUT";
pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
pub const UNAVAILABLE: &str = "UNAVAILABLE";
