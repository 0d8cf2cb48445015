//! Counts in memory: a bounded number of buckets, in shards that lock apart.
//!
//! All buckets of a key lie in one shard, so that one lock decides all of its limits.

mod table;

use table::Table;

use super::limits::Limits;
use super::order::{Order, Receipt};
#[cfg(feature = "redis")]
use super::rule::Moment;
use super::sync::{Mutex, MutexGuard, PoisonError};
use super::verdict::Verdict;

/// Buckets a shard is made for: small enough that a round over it takes about a microsecond, large
/// enough that the hash fills shards evenly.
const BUCKETS_PER_SHARD: usize = 1024;

/// On cache lines of its own, so that neighbours do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
struct Shard(Mutex<Table>);

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At most so many buckets.
#[derive(Debug)]
pub(super) struct Memory {
    shards: Box<[Shard]>,
}

/// What it has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    /// Requests charged.
    pub(super) admitted: u64,
    /// Those of them that shared the bucket of who finds no room.
    pub(super) overflowed: u64,
    pub(super) buckets: usize,
}

impl Memory {
    /// A store for at most `buckets`; it takes its memory as keys arrive.
    pub(super) fn new(buckets: usize) -> Self {
        let count = buckets.div_ceil(BUCKETS_PER_SHARD).next_power_of_two();
        let each = buckets / count;
        let larger = buckets % count;
        let shards = (0..count).map(|i| each + usize::from(i < larger));
        Self { shards: shards.map(|cap| Shard(Mutex::new(Table::new(cap)))).collect() }
    }

    /// Decides, and charges as the order says.
    #[inline]
    pub(super) fn charge(&self, order: &Order<'_>) -> Verdict {
        match self.shard(order.tag) {
            Some(mut table) => table.charge(order),
            None => Verdict::default(),
        }
    }

    /// Charges more (or gives back, where it is negative) than was asked for.
    pub(super) fn settle(&self, receipt: &Receipt, more: i64) {
        if let Some(mut table) = self.shard(receipt.tag) {
            table.settle(receipt, more);
        }
    }

    /// Charges whatever the limits say, at the time of the latest look in the shard of `tag`.
    pub(super) fn charge_late(&self, tag: u64, limits: &Limits, cost: u64) {
        if let Some(mut table) = self.shard(tag) {
            table.charge_late(tag, limits, cost);
        }
    }

    /// Charges each limit that admits it, whatever the others say.
    #[cfg(feature = "redis")]
    pub(super) fn charge_each(&self, tag: u64, limits: &Limits, at: Moment, cost: u64) {
        if let Some(mut table) = self.shard(tag) {
            table.charge_each(tag, limits, at, cost);
        }
    }

    pub(super) fn counted(&self) -> Counted {
        let mut counted = Counted::default();
        for shard in &self.shards {
            shard.lock().count(&mut counted);
        }
        counted
    }

    /// The shard that the buckets of a key lie in, locked; there is one for every key.
    #[inline]
    fn shard(&self, tag: u64) -> Option<MutexGuard<'_, Table>> {
        let mask = self.shards.len().wrapping_sub(1) as u64;
        Some(self.shards.get((tag & mask) as usize)?.lock())
    }

    #[cfg(test)]
    pub(super) fn buckets(&self) -> usize {
        self.tables(Table::taken)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.tables(Table::bytes) + size_of_val::<[Shard]>(&self.shards)
    }

    #[cfg(test)]
    fn tables(&self, of: impl Fn(&Table) -> usize) -> usize {
        self.shards.iter().map(|shard| of(&shard.lock())).sum()
    }
}
