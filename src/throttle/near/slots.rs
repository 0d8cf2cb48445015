//! The slots of the keys that matter: a bounded number, in sets that lock apart, of which each gives
//! the place of the key least asked for to a new one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::known::Leftover;
use super::slot::Slot;

/// Places a key may take.
const WAYS: usize = 8;

#[derive(Debug)]
struct Place {
    tag: u64,
    set: u64,
    slot: Slot,
}

/// A set is made when its first key comes.
type Set = Vec<Place>;

#[derive(Debug)]
pub(super) struct Slots {
    sets: Box<[Mutex<Set>]>,
    /// The set whose leftovers are looked for next.
    hand: AtomicUsize,
}

impl Slots {
    /// Room for at least `keys`.
    pub(super) fn new(keys: usize) -> Self {
        let sets = keys.div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Mutex::default()).collect(), hand: AtomicUsize::new(0) }
    }

    fn set(&self, tag: u64, id: u64) -> Option<MutexGuard<'_, Set>> {
        let mask = self.sets.len().wrapping_sub(1);
        // The low bits of a tag choose the shard of a store in memory.
        let at = ((tag >> 24) ^ id) as usize & mask;
        self.sets.get(at).map(|set| set.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs with the slot of a key, where it has one.
    pub(super) fn find<T>(&self, tag: u64, id: u64, run: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        let mut set = self.set(tag, id)?;
        let place = set.iter_mut().find(|place| place.tag == tag && place.set == id)?;
        Some(run(&mut place.slot))
    }

    /// Runs with the slot of a key, which is given one where there is room or a key asks less;
    /// and says what that one left over.
    pub(super) fn enter<T>(
        &self,
        tag: u64,
        id: u64,
        now: u64,
        tick: u64,
        run: impl FnOnce(&mut Slot) -> T,
    ) -> (Option<T>, Option<Leftover>) {
        let Some(mut set) = self.set(tag, id) else { return (None, None) };
        if let Some(place) = set.iter_mut().find(|place| place.tag == tag && place.set == id) {
            let leftover = place.slot.leftover(now);
            return (Some(run(&mut place.slot)), leftover);
        }
        let mut fresh = Place { tag, set: id, slot: Slot::new(now, tag) };
        if set.len() < WAYS {
            let answer = run(&mut fresh.slot);
            set.push(fresh);
            return (Some(answer), None);
        }
        let coldest = set
            .iter_mut()
            .filter(|place| !place.slot.is_precious(now))
            .min_by_key(|place| place.slot.demand.at(now, tick));
        let Some(coldest) = coldest else { return (None, None) };
        let leftover = coldest.slot.leftover(now);
        let answer = run(&mut fresh.slot);
        *coldest = fresh;
        (Some(answer), leftover)
    }

    /// What the leases of the next set left over.
    pub(super) fn collect(&self, now: u64) -> Vec<Leftover> {
        let at = self.hand.fetch_add(1, Ordering::Relaxed) % self.sets.len().max(1);
        let Some(set) = self.sets.get(at) else { return Vec::new() };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        set.iter_mut().filter_map(|place| place.slot.leftover(now)).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let len = |set: &Mutex<Set>| set.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.sets.iter().map(len).sum()
    }
}
