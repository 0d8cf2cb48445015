//! What a request is answered while the store is lost.

use http::{HeaderValue, header};

use crate::error::Mistakes;
use crate::redis::RedisError;
use crate::rejection::{Reason, Rejection};

use super::super::limits::Limits;
use super::super::verdict::{Source, Verdict};
use super::counts::Asked;
use super::share::Share;

/// What was chosen, as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Closed,
    Open,
    Share(u32),
}

/// The same, with what it needs.
pub(super) enum Lost {
    Closed,
    Open,
    Share(Share),
}

impl Choice {
    pub(super) fn check(self, limits: &Limits, mistakes: &mut Mistakes) {
        if let Self::Share(processes) = self {
            Share::check(processes, limits, mistakes);
        }
    }

    pub(super) fn with(self, buckets: usize) -> Lost {
        match self {
            Self::Closed => Lost::Closed,
            Self::Open => Lost::Open,
            Self::Share(processes) => Lost::Share(Share::new(processes, buckets)),
        }
    }

    /// For the manifest.
    pub(super) fn summary(self) -> String {
        match self {
            Self::Closed => "closed when it is lost".into(),
            Self::Open => "open when it is lost".into(),
            Self::Share(n) => format!("a {n}th each by memory when it is lost"),
        }
    }
}

impl Lost {
    /// The answer without the store.
    ///
    /// # Errors
    /// The refusal, where that was chosen.
    pub(super) fn decide(&self, asked: &Asked, error: RedisError) -> Result<Verdict, Rejection> {
        match self {
            Self::Closed => Err(refusal(error)),
            Self::Open => Ok(Verdict::default().from(Source::Nobody)),
            Self::Share(share) => share.decide(asked).ok_or_else(|| refusal(error)),
        }
    }

    /// What the store admitted, so that a share knows of it.
    pub(super) fn admitted(&self, asked: &Asked) {
        if let Self::Share(share) = self {
            share.took(asked);
        }
    }

    pub(super) fn settle(&self, asked: &Asked, more: i64) {
        if let Self::Share(share) = self {
            share.settle(asked, more);
        }
    }

    pub(super) fn charge_late(&self, asked: &Asked) {
        if let Self::Share(share) = self {
            share.charge_late(asked);
        }
    }
}

/// Nobody is to blame, and nobody is let in.
#[cold]
fn refusal(error: RedisError) -> Rejection {
    let wait = error.retry_after().unwrap_or_default();
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Rejection::new(Reason::Unavailable)
        .detail("limits cannot be checked right now")
        .header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
        .expected("a store of counts that answers")
        .found("one that does not")
        .cause(error)
}
