use std::{fmt, sync::Arc, time::Duration};

use quick_cache::sync::Cache;

use super::{CachedKeys, Inner, KeyLookup};
use crate::{
    clock::{Clock, SystemClock},
    error::{ConfigError, Mistakes},
    flights::Flights,
};

/// Builds a [`CachedKeys`]; see [`CachedKeys::of`].
pub struct CachedKeysBuilder {
    lookup: Box<dyn KeyLookup>,
    clock: Arc<dyn Clock>,
    ttl: Duration,
    unknown_ttl: Duration,
    stale: Duration,
    timeout: Duration,
    capacity: usize,
    parallel: usize,
}

impl CachedKeysBuilder {
    pub(super) fn new(lookup: Box<dyn KeyLookup>) -> Self {
        Self {
            lookup,
            clock: Arc::new(SystemClock::default()),
            ttl: Duration::from_secs(60),
            unknown_ttl: Duration::from_secs(5),
            stale: Duration::ZERO,
            timeout: Duration::from_secs(5),
            capacity: 10_000,
            parallel: 64,
        }
    }

    /// How long a key is good before it is looked up again, and so how long it outlives its revocation at most.
    /// Default one minute.
    pub fn ttl(mut self, time: Duration) -> Self {
        self.ttl = time;
        self
    }

    /// How long an id is taken for unknown before it is looked up again. Default five seconds.
    pub fn unknown_ttl(mut self, time: Duration) -> Self {
        self.unknown_ttl = time;
        self
    }

    /// For how long, beyond the time of [`ttl`](Self::ttl), the last answer will do while look-ups fail. A key that
    /// was revoked meanwhile is taken for as long. Default not at all: 503.
    pub fn stale(mut self, time: Duration) -> Self {
        self.stale = time;
        self
    }

    /// How long a look-up may take. Default five seconds.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// How many keys are remembered, and a quarter as many unknown ids. Default 10 000.
    pub fn capacity(mut self, keys: usize) -> Self {
        self.capacity = keys;
        self
    }

    /// How many look-ups may be under way; beyond them requests are refused with 503. Default 64.
    pub fn parallel(mut self, look_ups: usize) -> Self {
        self.parallel = look_ups;
        self
    }

    /// Takes time from another clock, in tests for example.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The store.
    ///
    /// # Errors
    /// When the timeout, the capacity or the number of look-ups is zero.
    pub fn build(self) -> Result<CachedKeys, ConfigError> {
        let mut mistakes = Mistakes::default();
        mistakes.refuse_zero("timeout", self.timeout);
        let counts = [("capacity", self.capacity), ("parallel", self.parallel)];
        for (setter, _) in counts.into_iter().filter(|(_, count)| *count == 0) {
            mistakes.push(setter, "0", "lets no key through", "write at least 1");
        }
        mistakes.finish()?;
        Ok(CachedKeys(Arc::new(Inner {
            lookup: self.lookup,
            clock: self.clock,
            ttl: self.ttl,
            unknown_ttl: self.unknown_ttl,
            stale: self.stale,
            timeout: self.timeout,
            known: Cache::new(self.capacity),
            unknown: Cache::new(self.capacity.div_ceil(4)),
            parallel: self.parallel,
            flights: Flights::default(),
        })))
    }
}

impl fmt::Debug for CachedKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedKeysBuilder")
            .field("ttl", &self.ttl)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
