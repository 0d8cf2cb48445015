//! The list in the memory of one process.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use super::key::{Revocation, RevocationKey, RevocationKind};
use super::marks::Marks;

const SHARDS: usize = 64;

/// How many issuers there can be entries for, beside the capacity: the way out that has room.
pub(super) const ISSUERS: usize = 1_000;

/// Numbers for the states of all lists of the process: none occurs twice, so that a token that was
/// good under one says nothing about another list.
static STATES: AtomicU64 = AtomicU64::new(1);

/// Takes the first bytes of a key as they are: keys are hashes already.
#[derive(Default)]
struct FirstWord(u64);

impl Hasher for FirstWord {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // The length of an array comes first, and is always the same.
        if let Some(word) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*word);
        }
    }

    fn write_usize(&mut self, _: usize) {}
}

#[derive(Default)]
struct Shard {
    entries: HashMap<RevocationKey, Revocation, BuildHasherDefault<FirstWord>>,
    /// No entry ends before.
    next_end: u64,
}

/// A bounded set of entries. Those that are still needed are never dropped.
pub(super) struct Memory {
    shards: Vec<RwLock<Shard>>,
    /// By kind.
    counts: [AtomicUsize; RevocationKind::ALL.len()],
    capacity: usize,
    state: AtomicU64,
}

/// There is no room, and everything that is there is still needed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Memory {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            shards: std::iter::repeat_with(RwLock::default).take(SHARDS).collect(),
            counts: Default::default(),
            capacity,
            state: AtomicU64::new(STATES.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// The first entry that refuses a token. A token that was found to be good is good until the list
    /// gains an entry.
    pub(super) fn find(&self, marks: &Marks, now: u64) -> Option<Revocation> {
        // Before the look at the entries: what is added meanwhile makes another state.
        let state = self.state.load(Ordering::Acquire);
        if marks.good_at.load(Ordering::Relaxed) == state {
            return None;
        }
        let found = self.look(marks, now);
        if found.is_none() {
            marks.good_at.store(state, Ordering::Relaxed);
        }
        found
    }

    fn look(&self, marks: &Marks, now: u64) -> Option<Revocation> {
        let has = |kind: RevocationKind| self.count(kind) > 0;
        let keys = [
            marks.token.filter(|_| has(RevocationKind::Token)),
            marks.session.filter(|_| has(RevocationKind::Session)),
            Some(marks.identity).filter(|_| has(RevocationKind::Identity)),
            Some(marks.issuer).filter(|_| has(RevocationKind::Issuer)),
        ];
        let mut entries = keys.into_iter().flatten().filter_map(|key| self.get(key));
        // One that is over, and not forgotten yet, hides none that still counts.
        entries.find(|entry| now < entry.ends && entry.covers(marks.issued_at))
    }

    pub(super) fn get(&self, key: RevocationKey) -> Option<Revocation> {
        let shard = self.shard(key)?.read().unwrap_or_else(PoisonError::into_inner);
        shard.entries.get(&key).copied()
    }

    pub(super) fn insert(&self, entry: Revocation, now: u64) -> Result<(), Full> {
        let taken = self.put(entry, now).or_else(|Full| {
            self.forget(now);
            self.put(entry, now)
        });
        if taken.is_ok() {
            // Read-modify-write, so that whoever sees a later state sees the entries of all before.
            let state = STATES.fetch_add(1, Ordering::Relaxed);
            self.state.fetch_max(state, Ordering::AcqRel);
        }
        taken
    }

    fn put(&self, entry: Revocation, now: u64) -> Result<(), Full> {
        let Some(shard) = self.shard(entry.key) else { return Err(Full) };
        let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
        self.forget_in(&mut shard, now);
        let Shard { entries, next_end } = &mut *shard;
        match entries.entry(entry.key) {
            Entry::Occupied(mut known) => {
                let merged = known.get().merged(entry);
                known.insert(merged);
            }
            Entry::Vacant(place) => {
                self.reserve(entry.kind)?;
                place.insert(entry);
                *next_end = (*next_end).min(entry.ends);
            }
        }
        Ok(())
    }

    /// Counts an entry before it is there, so that there are never more than fit.
    fn reserve(&self, kind: RevocationKind) -> Result<(), Full> {
        let Some(count) = self.counts.get(kind as usize) else { return Err(Full) };
        let before = count.fetch_add(1, Ordering::Relaxed);
        let is_free = match kind {
            RevocationKind::Issuer => before < ISSUERS,
            _ => self.len_without_issuers() <= self.capacity,
        };
        if is_free {
            return Ok(());
        }
        count.fetch_sub(1, Ordering::Relaxed);
        Err(Full)
    }

    pub(super) fn remove(&self, key: RevocationKey) -> Option<Revocation> {
        let mut shard = self.shard(key)?.write().unwrap_or_else(PoisonError::into_inner);
        let removed = shard.entries.remove(&key)?;
        self.discount(removed.kind);
        Some(removed)
    }

    /// Drops what no token can be refused by any longer.
    pub(super) fn forget(&self, now: u64) {
        for shard in &self.shards {
            self.forget_in(&mut shard.write().unwrap_or_else(PoisonError::into_inner), now);
        }
    }

    fn forget_in(&self, shard: &mut Shard, now: u64) {
        if now < shard.next_end {
            return;
        }
        shard.entries.retain(|_, entry| {
            let is_needed = now < entry.ends;
            if !is_needed {
                self.discount(entry.kind);
            }
            is_needed
        });
        shard.next_end = shard.entries.values().map(|entry| entry.ends).min().unwrap_or(u64::MAX);
    }

    fn discount(&self, kind: RevocationKind) {
        if let Some(count) = self.counts.get(kind as usize) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn count(&self, kind: RevocationKind) -> usize {
        self.counts.get(kind as usize).map_or(0, |count| count.load(Ordering::Acquire))
    }

    fn len_without_issuers(&self) -> usize {
        let kinds = RevocationKind::ALL.into_iter();
        kinds.filter(|kind| *kind != RevocationKind::Issuer).map(|kind| self.count(kind)).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.len_without_issuers() + self.count(RevocationKind::Issuer)
    }

    /// Whether nothing more fits but entries for issuers.
    pub(super) fn is_full(&self) -> bool {
        self.len_without_issuers() >= self.capacity
    }

    pub(super) fn entries(&self, now: u64) -> Vec<Revocation> {
        let mut entries = Vec::with_capacity(self.len());
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            entries.extend(shard.entries.values().filter(|entry| now < entry.ends).copied());
        }
        entries.sort_by_key(|entry| (entry.kind as usize, entry.key));
        entries
    }

    fn shard(&self, key: RevocationKey) -> Option<&RwLock<Shard>> {
        let [.., last] = *key.as_bytes();
        self.shards.get(usize::from(last) % SHARDS)
    }
}
