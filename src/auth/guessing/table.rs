//! A fixed number of names and what each owes.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::{clock::nanos, shards::Shards};

/// Names whose hash falls together; they share a lock, and the two cache lines beside it.
const WAYS: usize = 8;

/// A name by its tag, and the time at which it owes nothing any more; tag 0 is nobody.
type Debt = (u64, u64);

/// The generic cell rate algorithm over sets of names. All of its memory is taken at the start.
#[derive(Debug)]
pub(super) struct Table {
    sets: Shards<[Debt; WAYS]>,
    /// What one wrong secret costs, in nanoseconds.
    each: u64,
    /// What may be owed in all.
    most: u64,
    /// When no name owes anything any more; 0 where none ever did.
    settled: AtomicU64,
}

impl Table {
    pub(super) fn new(names: usize, each: Duration, burst: u32) -> Self {
        let each = nanos(each).max(1);
        Self {
            sets: Shards::new(names.div_ceil(WAYS)),
            each,
            most: each.saturating_mul(u64::from(burst.max(1))),
            settled: AtomicU64::new(0),
        }
    }

    #[cfg(any(test, feature = "api-key"))]
    pub(super) fn is_untouched(&self) -> bool {
        self.settled.load(Ordering::Relaxed) == 0
    }

    pub(super) fn is_forgotten(&self, now: Duration) -> bool {
        self.settled.load(Ordering::Relaxed) <= nanos(now)
    }

    pub(super) fn wait(&self, tag: u64, now: Duration) -> Option<Duration> {
        let set = self.sets.lock(tag)?;
        let until = set.iter().find(|(known, _)| *known == tag).map_or(0, |(_, until)| *until);
        self.left(until.saturating_sub(nanos(now)))
    }

    #[cfg(any(test, feature = "api-key"))]
    pub(super) fn charge(&self, tag: u64, now: Duration) {
        self.owe(tag, now, |owed| owed.saturating_add(self.each).min(self.most));
    }

    #[cfg(any(test, feature = "basic"))]
    pub(super) fn spend(&self, tag: u64, now: Duration) -> Result<(), Duration> {
        let mut refused = None;
        self.owe(tag, now, |owed| {
            refused = self.left(owed);
            if refused.is_some() { owed } else { owed.saturating_add(self.each) }
        });
        refused.map_or(Ok(()), Err)
    }

    #[cfg(any(test, feature = "basic"))]
    pub(super) fn refund(&self, tag: u64) {
        let Some(mut set) = self.sets.lock(tag) else { return };
        if let Some((_, until)) = set.iter_mut().find(|(known, _)| *known == tag) {
            *until = until.saturating_sub(self.each);
        }
    }

    /// How long until there is room for one more.
    fn left(&self, owed: u64) -> Option<Duration> {
        let over = owed.saturating_add(self.each).saturating_sub(self.most);
        (over > 0).then(|| Duration::from_nanos(over))
    }

    fn owe(&self, tag: u64, now: Duration, change: impl FnOnce(u64) -> u64) {
        let now = nanos(now);
        let Some(mut set) = self.sets.lock(tag) else { return };
        let own = set.iter().position(|(known, _)| *known == tag);
        let place = match own {
            Some(place) => set.get_mut(place),
            // Nobody's place, else one that owes nothing, else that of the one who owes least.
            None => {
                set.iter_mut().min_by_key(|(known, until)| if *known == 0 { 0 } else { *until })
            }
        };
        if let Some(debt) = place {
            let owed = if debt.0 == tag { debt.1.saturating_sub(now) } else { 0 };
            let until = now.saturating_add(change(owed));
            *debt = (tag, until);
            self.settled.fetch_max(until, Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.sets.bytes()
    }
}
