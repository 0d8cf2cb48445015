//! Counts in memory: a bounded number of buckets, in shards that lock apart.
//!
//! All buckets of a key lie in one shard, so that one lock decides all of its limits.

mod table;

use table::Table;

use super::limits::Limits;
use super::order::{Order, Receipt};
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
    pub(super) fn charge(&self, order: &Order<'_>) -> Verdict {
        self.locked(order.tag, |table| table.charge(order)).unwrap_or_default()
    }

    /// Charges more (or gives back, where it is negative) than was asked for.
    pub(super) fn settle(&self, receipt: &Receipt, more: i64) {
        self.locked(receipt.tag, |table| table.settle(receipt, more));
    }

    /// Charges whatever the limits say, at the time of the latest look in the shard of `tag`.
    pub(super) fn charge_late(&self, tag: u64, limits: &Limits, cost: u64) {
        self.locked(tag, |table| table.charge_late(tag, limits, cost));
    }

    fn locked<T>(&self, tag: u64, run: impl FnOnce(&mut Table) -> T) -> Option<T> {
        let mask = self.shards.len().wrapping_sub(1) as u64;
        Some(run(&mut self.shards.get((tag & mask) as usize)?.lock()))
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
