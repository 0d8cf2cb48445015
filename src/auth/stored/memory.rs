//! Records in memory.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::{Records, Stored, needs};
use crate::guard::Needs;

const SHARDS: usize = 16;

/// Records in memory, behind one of 16 locks each; clones share them.
pub(in crate::auth) struct MemoryStore<T> {
    shards: Arc<[RwLock<Records<T>>; SHARDS]>,
}

impl<T: Stored> MemoryStore<T> {
    pub(in crate::auth) fn insert(&self, record: T) -> Option<Arc<T>> {
        let record = Arc::new(record);
        self.write(record.name())?.insert(Box::from(record.name()), record)
    }

    pub(in crate::auth) fn extend(&self, records: impl IntoIterator<Item = T>) {
        for record in records {
            self.insert(record);
        }
    }

    pub(in crate::auth) fn remove(&self, name: &str) -> Option<Arc<T>> {
        self.write(name)?.remove(name)
    }

    pub(in crate::auth) fn get(&self, name: &str) -> Option<Arc<T>> {
        self.shard(name).and_then(|shard| read(shard).get(name).map(Arc::clone))
    }

    pub(in crate::auth) fn all(&self) -> Vec<Arc<T>> {
        let shards = self.shards.iter();
        shards.flat_map(|shard| Vec::from_iter(read(shard).values().cloned())).collect()
    }

    pub(in crate::auth) fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).len()).sum()
    }

    pub(in crate::auth) fn needs(&self) -> Needs {
        let needs = self.shards.iter().map(|shard| needs(&read(shard)));
        needs.fold(Needs::NONE, Needs::and)
    }

    pub(in crate::auth) fn show(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name).field("len", &self.len()).finish_non_exhaustive()
    }

    fn shard(&self, name: &str) -> Option<&RwLock<Records<T>>> {
        // Ids are random, so their last character spreads them; a store of chosen names is merely less even.
        let last = name.bytes().next_back().unwrap_or_default();
        self.shards.get(usize::from(last) % SHARDS)
    }

    fn write(&self, name: &str) -> Option<RwLockWriteGuard<'_, Records<T>>> {
        let shard = self.shard(name)?;
        Some(shard.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read<T>(shard: &RwLock<Records<T>>) -> RwLockReadGuard<'_, Records<T>> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Clone for MemoryStore<T> {
    fn clone(&self) -> Self {
        Self { shards: self.shards.clone() }
    }
}

impl<T> Default for MemoryStore<T> {
    fn default() -> Self {
        Self { shards: Arc::default() }
    }
}
