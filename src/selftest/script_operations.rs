//! Operations that the rules run on a gateway.

/// Yields at once, then goes on.
pub(super) const TELLING: &str = "subscription { feedStatusChanged { state } }";
/// Goes on without ever yielding: an empty list matches nothing.
pub(super) const STILL: &str =
    "subscription { conversationStatusChanged(filter: { conversationIds: [] }) { cursor } }";
