//! What cannot be told about a token because of ourselves: no refusal of it, but of the moment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a token cannot be judged now, and when it may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Undecided {
    pub(super) why: Why,
    pub(super) retry_after: Duration,
    /// What became of the last fetch.
    pub(super) error: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// None were ever fetched.
    NoKeys,
    /// Those that were are too old to be relied on.
    Stale,
    /// The token names a key that may be newer than the set, which cannot be fetched yet again.
    Rotation,
    /// So many wait for the keys that one more would wait for nothing.
    Crowded,
}

impl Why {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::NoKeys => "no keys yet",
            Self::Stale => "keys that could not be renewed for too long",
            Self::Rotation => "a key that may be newer than the set",
            Self::Crowded => "too many that wait for them",
        }
    }
}

impl Undecided {
    /// Whole seconds, at least one, for `Retry-After`.
    pub(super) fn seconds(&self) -> u64 {
        let up = u64::from(self.retry_after.subsec_nanos() > 0);
        self.retry_after.as_secs().saturating_add(up).max(1)
    }
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the token cannot be verified now: there are {}", self.why.text())?;
        match &self.error {
            Some(error) => write!(f, "; the last fetch failed: {error}"),
            None => Ok(()),
        }
    }
}
