//! What a reader wants to see at least.

/// A cursor of the change log: the answer must reflect the log up to there. It is checked by the
/// one who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtLeast(pub String);
