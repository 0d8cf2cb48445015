//! What the bans of a process came to.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only grow.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) offences: Tick,
    pub(super) banned: Tick,
    pub(super) learned: Tick,
    pub(super) lifted: Tick,
    pub(super) refused: Tick,
    pub(super) overflowed: Tick,
}

/// One of them.
#[derive(Debug, Default)]
pub(super) struct Tick(AtomicU64);

impl Tick {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
