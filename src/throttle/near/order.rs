//! Orders that outlive their request.

use std::sync::Arc;

use super::super::limits::Limits;
use super::super::order::{Digest, Mode, Order, Receipt};
use super::super::rule::Moment;
use super::super::verdict::Verdict;
use super::known::Need;

/// What a request is about, beyond its own time.
#[derive(Clone)]
pub(super) struct About {
    pub(super) tag: u64,
    pub(super) limits: Arc<Limits>,
    pub(super) cost: u64,
    pub(super) at: Moment,
}

/// An order that outlives its request.
#[derive(Clone)]
pub(super) struct Owned {
    pub(super) about: About,
    pub(super) digest: Digest,
    pub(super) mode: Mode,
}

impl About {
    pub(super) fn of(order: &Order<'_>) -> Self {
        let Order { tag, limits, cost, at, .. } = *order;
        Self { tag, limits: limits.clone(), cost, at }
    }

    pub(super) fn need(&self) -> Need<'_> {
        Need { limits: &self.limits, at: self.at, cost: self.cost }
    }
}

impl Owned {
    pub(super) fn of(order: &Order<'_>) -> Self {
        Self { about: About::of(order), digest: (order.digest)(), mode: order.mode }
    }

    pub(super) fn with<T>(&self, run: impl FnOnce(&Order<'_>) -> T) -> T {
        let About { tag, ref limits, cost, at } = self.about;
        run(&Order { tag, digest: &|| self.digest, limits, cost, mode: self.mode, at })
    }

    pub(super) fn receipt(&self, verdict: Verdict) -> Receipt {
        let About { tag, limits, at, .. } = self.about.clone();
        Receipt { tag, digest: Some(self.digest), limits, at, verdict }
    }
}
