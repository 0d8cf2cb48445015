//! A cap for each key. A key with nothing in flight and nobody waiting takes no room.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::context::Priority;
use crate::throttle::sync::Mutex;

use super::hall::{Entered, Place};
use super::lock::lock;
use super::pool::{Ceilings, Pool};
use super::terms::{Shed, Terms, Waits};
use super::waiter::Wakers;

const KEYS_PER_SHARD: usize = 1024;
const MOST_SHARDS: usize = 64;

/// Which pool a request is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    tag: u64,
    /// The pool that new keys share while the shard is full.
    is_shared: bool,
}

#[derive(Debug)]
pub(super) struct Keyed {
    shards: Box<[Shard]>,
    ceilings: Ceilings,
    waits: Option<Waits>,
    /// How many wait, under all keys.
    waiting: AtomicUsize,
}

/// On cache lines of its own, so that neighbours do not slow each other down.
#[derive(Debug)]
#[repr(align(128))]
struct Shard(Mutex<Pools>);

#[derive(Debug)]
struct Pools {
    keys: HashMap<u64, Pool, BuildHasherDefault<Tagged>>,
    most: usize,
    shared: Pool,
}

/// Tags are hashes already.
#[derive(Default)]
struct Tagged(u64);

impl Hasher for Tagged {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, tag: u64) {
        // The shard was chosen by the lowest bits, and the map uses both ends.
        self.0 = tag.rotate_right(16);
    }
}

impl Keyed {
    pub(super) fn new(terms: Terms, most: usize) -> Self {
        let count = most.div_ceil(KEYS_PER_SHARD).next_power_of_two().min(MOST_SHARDS);
        let (each, larger) = (most / count, most % count);
        let shards = (0..count).map(|index| {
            let most = each + usize::from(index < larger);
            Shard(Mutex::new(Pools { keys: HashMap::default(), most, shared: Pool::default() }))
        });
        Self {
            shards: shards.collect(),
            ceilings: Ceilings::of(terms.limit, terms.shares),
            waits: terms.waits,
            waiting: AtomicUsize::new(0),
        }
    }

    pub(super) fn enter(&self, tag: u64, class: Priority, now: Duration) -> (Seat, Entered) {
        let elsewhere = Seat { tag, is_shared: true };
        let Some(shard) = self.shard(tag) else { return (elsewhere, Entered::Not(Shed::Full)) };
        let mut pools = lock(&shard.0);
        let (is_shared, pool) = pools.at(tag);
        let entered = if pool.enter(class, self.ceilings) {
            Entered::Now
        } else {
            self.wait(pool, class, now)
        };
        (Seat { tag, is_shared }, entered)
    }

    fn wait(&self, pool: &mut Pool, class: Priority, now: Duration) -> Entered {
        let Some(waits) = self.waits else { return Entered::Not(Shed::Full) };
        let is_standing = waits.is_standing(pool.stood(now));
        // A key has as many places as it leaves free, so that there are some for others.
        let own = pool.waiting();
        let reserve = |all: usize| (all + own < waits.length).then_some(all + 1);
        let reserved = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, reserve);
        if reserved.is_err() {
            return Entered::Not(Shed::QueueFull);
        }
        let Some((turn, waiter)) = pool.wait(class, 0, now) else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Entered::Not(Shed::Full);
        };
        Entered::Waits(Place { class, turn, waiter }, waits.patience(is_standing))
    }

    /// Why a request would not be let in at once, nor wait.
    pub(super) fn peek(&self, tag: u64, class: Priority) -> Result<(), Shed> {
        let Some(shard) = self.shard(tag) else { return Err(Shed::Full) };
        let pools = lock(&shard.0);
        let is_full = pools.keys.len() >= pools.most;
        let pool = pools.keys.get(&tag).or(is_full.then_some(&pools.shared));
        let Some(pool) = pool.filter(|pool| !pool.admits(class, self.ceilings)) else {
            return Ok(());
        };
        match self.waits {
            Some(waits) if self.waiting() + pool.waiting() < waits.length => Ok(()),
            Some(_) => Err(Shed::QueueFull),
            None => Err(Shed::Full),
        }
    }

    pub(super) fn release(&self, seat: Seat) {
        self.in_pool(seat, |pool, wakers| pool.release(self.ceilings, wakers));
    }

    pub(super) fn leave(&self, seat: Seat, place: &Place) {
        self.in_pool(seat, |pool, wakers| {
            pool.leave(place.class, place.turn, &place.waiter, self.ceilings, wakers)
        });
    }

    fn in_pool(&self, seat: Seat, run: impl FnOnce(&mut Pool, &mut Wakers) -> usize) {
        let Some(shard) = self.shard(seat.tag) else { return };
        let mut wakers = Wakers::default();
        let mut pools = lock(&shard.0);
        let pool = match seat.is_shared {
            true => Some(&mut pools.shared),
            false => pools.keys.get_mut(&seat.tag),
        };
        let Some(pool) = pool else { return };
        let gone = run(pool, &mut wakers);
        if pool.is_idle() && !seat.is_shared {
            pools.forget(seat.tag);
        }
        if gone > 0 {
            self.waiting.fetch_sub(gone, Ordering::Relaxed);
        }
        drop(pools);
        wakers.wake();
    }

    fn shard(&self, tag: u64) -> Option<&Shard> {
        let mask = self.shards.len().wrapping_sub(1) as u64;
        self.shards.get((tag & mask) as usize)
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.shards.iter().map(|shard| lock(&shard.0).keys.capacity()).sum()
    }

    /// How many are in flight, and under how many keys.
    pub(super) fn in_flight(&self) -> (u32, usize) {
        self.shards.iter().fold((0, 0), |(in_flight, keys), shard| {
            let pools = lock(&shard.0);
            let all = pools.keys.values().chain([&pools.shared]).map(Pool::in_flight);
            (in_flight + all.sum::<u32>(), keys + pools.keys.len())
        })
    }
}

impl Pools {
    /// The pool of a key, and whether it is the one that newcomers share.
    fn at(&mut self, tag: u64) -> (bool, &mut Pool) {
        if self.keys.len() < self.most || self.keys.contains_key(&tag) {
            return (false, self.keys.entry(tag).or_default());
        }
        (true, &mut self.shared)
    }

    /// Gives the room of a crowd back once it is gone.
    fn forget(&mut self, tag: u64) {
        self.keys.remove(&tag);
        let capacity = self.keys.capacity();
        if capacity > KEYS_PER_SHARD && self.keys.len() < capacity / 8 {
            self.keys.shrink_to(capacity / 4);
        }
    }
}
