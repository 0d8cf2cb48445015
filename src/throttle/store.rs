//! The bounded store governor keeps its states in.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;

use super::table::{Moment, Table};

/// Keys a shard is made for: small enough that a round over it takes about a microsecond, large
/// enough that the hash fills shards evenly.
const KEYS_PER_SHARD: usize = 1024;

/// One question to the store, and room for the part of the answer governor does not return.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    tag: u64,
    moment: Moment,
    owed: Cell<u64>,
}

impl Probe {
    pub(super) fn new(tag: u64, moment: Moment) -> Self {
        Self { tag, moment, owed: Cell::new(0) }
    }

    /// Ticks until the bucket is whole again, after the decision.
    pub(super) fn owed(&self) -> u64 {
        self.owed.get()
    }
}

// governor asks of a key what a map would need; what tells two keys apart is the tag.
impl PartialEq for Probe {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag
    }
}

impl Eq for Probe {}

impl Hash for Probe {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tag.hash(state);
    }
}

/// On cache lines of its own, so that neighbours do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
struct Shard(Mutex<Table>);

/// At most so many buckets, in shards that lock apart.
#[derive(Debug)]
pub(super) struct Store {
    shards: Box<[Shard]>,
}

impl Store {
    /// A store for at most `max_keys` keys; it takes its memory as keys arrive.
    pub(super) fn new(max_keys: usize) -> Self {
        let count = max_keys.div_ceil(KEYS_PER_SHARD).next_power_of_two();
        let each = max_keys / count;
        let larger = max_keys % count;
        let shards = (0..count).map(|i| each + usize::from(i < larger));
        Self { shards: shards.map(|cap| Shard(Mutex::new(Table::new(cap)))).collect() }
    }

    fn shard(&self, tag: u64) -> Option<&Shard> {
        let mask = self.shards.len().wrapping_sub(1) as u64;
        self.shards.get((tag & mask) as usize)
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.tables(Table::taken)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.tables(Table::bytes) + size_of_val::<[Shard]>(&self.shards)
    }

    #[cfg(test)]
    fn tables(&self, of: impl Fn(&Table) -> usize) -> usize {
        self.shards
            .iter()
            .map(|shard| of(&shard.0.lock().unwrap_or_else(PoisonError::into_inner)))
            .sum()
    }
}

impl StateStore for Store {
    type Key = Probe;

    fn measure_and_replace<T, F, E>(&self, probe: &Probe, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let decide = |owed: Option<u64>| {
            decide(owed.map(Nanos::from)).map(|(value, owes)| (value, owes.as_u64()))
        };
        let Some(shard) = self.shard(probe.tag) else {
            // A store has at least one shard; without one there is nothing to remember in.
            return decide(None).map(|(value, _)| value);
        };
        let (verdict, owed) = {
            let mut table = shard.0.lock().unwrap_or_else(PoisonError::into_inner);
            table.measure(probe.tag, probe.moment, decide)
        };
        probe.owed.set(owed);
        verdict
    }
}
