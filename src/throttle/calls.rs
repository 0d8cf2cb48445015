use std::sync::atomic::{AtomicU64, Ordering};

/// How often a store that processes share was asked, and how often it did not have to be: since the
/// throttle was built, in this process. [`Throttle::store_calls`](super::Throttle::store_calls)
/// reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCalls {
    asked: u64,
    borrowed: u64,
    leased: u64,
    denied: u64,
    returned: u64,
}

impl StoreCalls {
    /// Requests the store was asked about, one by one.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// Batches the store was asked for, those it refused included.
    pub fn borrowed(&self) -> u64 {
        self.borrowed
    }

    /// Requests that were spent from a lease.
    pub fn leased(&self) -> u64 {
        self.leased
    }

    /// Requests that were refused because the key was known to be used up.
    pub fn denied(&self) -> u64 {
        self.denied
    }

    /// Leases of which something was given back.
    pub fn returned(&self) -> u64 {
        self.returned
    }
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) asked: AtomicU64,
    pub(super) borrowed: AtomicU64,
    pub(super) leased: AtomicU64,
    pub(super) denied: AtomicU64,
    pub(super) returned: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> StoreCalls {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreCalls {
            asked: read(&self.asked),
            borrowed: read(&self.borrowed),
            leased: read(&self.leased),
            denied: read(&self.denied),
            returned: read(&self.returned),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
