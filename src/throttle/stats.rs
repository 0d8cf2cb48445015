use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::backend::Backend;
use super::guard::Throttle;
use super::limits::Limits;
use super::memory::Counted;
use super::verdict::Verdict;

/// What a throttle has done since it was built; see [`Throttle::stats`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests admitted and charged; on trial, those that would have been.
    pub admitted: u64,
    /// Requests refused because a limit was used up.
    pub refused: u64,
    /// Requests that a throttle on [trial](crate::compose::Shadow) would have refused.
    pub would_refuse: u64,
    /// Of those admitted, how many found no room for a bucket of their own and shared the overflow
    /// bucket of their shard. More than a few say that `max_keys` is too small, or that somebody
    /// makes up keys.
    pub overflowed: u64,
    /// Buckets held in memory, one for each key and limit; of those that are whole again, some.
    pub buckets: usize,
    /// Limit by limit, in the order they were written: those the throttle began with, then those of
    /// plans, routes and callers.
    pub limits: Vec<LimitStats>,
}

/// What one limit of a throttle has done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitStats {
    /// Its name, as clients are told.
    pub name: Arc<str>,
    /// Requests it refused, alone or with others.
    pub refused: u64,
    /// Requests it would have refused while on trial.
    pub would_refuse: u64,
}

/// Refusals, counted where they are made: they are off the fast path, so that two atomics do.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    live: AtomicU64,
    on_trial: AtomicU64,
}

impl Refusals {
    fn count(&self, is_on_trial: bool) {
        let counter = if is_on_trial { &self.on_trial } else { &self.live };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is counted beside the buckets.
#[derive(Debug, Default)]
pub(super) struct Tally {
    refusals: Refusals,
    /// Requests admitted by a store that others share; one in memory counts under its locks.
    admitted: AtomicU64,
}

impl Tally {
    #[cold]
    pub(super) fn refused(&self, limits: &Limits, verdict: &Verdict, is_on_trial: bool) {
        self.refusals.count(is_on_trial);
        let both = limits.each().iter().zip(verdict.standings());
        for (limit, _) in both.filter(|(_, standing)| !standing.admitted) {
            limit.refusals.count(is_on_trial);
        }
    }

    pub(super) fn admitted(&self) {
        self.admitted.fetch_add(1, Ordering::Relaxed);
    }
}

impl Throttle {
    /// What it has done since it was built, for metrics: clones count together.
    ///
    /// What is admitted is counted under the lock that decides, shard by shard, so that counting
    /// costs a request next to nothing; a snapshot visits every shard. Its figures are each exact,
    /// and taken one after the other. Requests that are only
    /// [explained](crate::Parapet::explain) are not counted.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::throttle::Throttle;
    ///
    /// let throttle = Throttle::per_minute(600).build()?;
    /// let stats = throttle.stats();
    /// assert_eq!((stats.admitted, stats.refused), (0, 0));
    /// assert_eq!(&*stats.limits[0].name, "client-per-minute");
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let tally = &self.0.tally;
        let counted = match &self.0.backend {
            Backend::Memory(memory) => memory.counted(),
            Backend::Shared(_) => Counted { admitted: read(&tally.admitted), ..Counted::default() },
        };
        let chosen = self.0.choice.iter().flat_map(|choice| choice.limits());
        let all = std::iter::once(&self.0.limits).chain(chosen).flat_map(|set| set.each());
        let of_limits = all.map(|limit| LimitStats {
            name: limit.name.clone(),
            refused: read(&limit.refusals.live),
            would_refuse: read(&limit.refusals.on_trial),
        });
        Stats {
            admitted: counted.admitted,
            refused: read(&tally.refusals.live),
            would_refuse: read(&tally.refusals.on_trial),
            overflowed: counted.overflowed,
            buckets: counted.buckets,
            limits: of_limits.collect(),
        }
    }
}
