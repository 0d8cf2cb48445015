//! Where keys are looked up.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::stored::StoredKey;
use crate::{
    answer::Answer,
    auth::StoreError,
    guard::Needs,
    inspect::{Findings, Readiness},
};

/// A look-up of stored keys by their public id.
///
/// It is asked once per request that presents a readable key, on the task that serves the request: it answers at
/// once from memory, or later after I/O. [`CachedKeys`](super::CachedKeys) makes one of any look-up.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of API keys",
    note = "use `MemoryKeys`, `FileKeys` or `CachedKeys`, or implement `KeyStore::find` for a store of your own"
)]
pub trait KeyStore: Send + Sync + 'static {
    /// The key of that id, or `None` when there is none (any more).
    ///
    /// # Errors
    /// When the store cannot tell. The request is then refused with 503, never with 401: the caller is not to blame.
    fn find(&self, id: &str) -> Answer<Result<Option<Arc<StoredKey>>, StoreError>>;

    /// What must be known of a request before its keys can be judged: [`Needs::CLIENT`] where some may be used
    /// from certain networks only, so that a stack without a source of addresses does not build. Default
    /// nothing; such a key is then refused with 503 wherever its client is not known.
    fn needs(&self) -> Needs {
        Needs::NONE
    }

    /// What the self-audit has to say about it. Default nothing.
    fn findings(&self, report: &mut Findings) {
        let _ = report;
    }

    /// What it still waits for before it can tell. Default nothing.
    fn ready(&self, readiness: &mut Readiness) {
        let _ = readiness;
    }
}

impl<K: KeyStore + ?Sized> KeyStore for Arc<K> {
    fn find(&self, id: &str) -> Answer<Result<Option<Arc<StoredKey>>, StoreError>> {
        (**self).find(id)
    }

    fn needs(&self) -> Needs {
        (**self).needs()
    }

    fn findings(&self, report: &mut Findings) {
        (**self).findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        (**self).ready(readiness);
    }
}

/// What keys ask of a stack, as far as they are known when it is built.
pub(super) fn needs_of<'a>(mut keys: impl Iterator<Item = &'a Arc<StoredKey>>) -> Needs {
    if keys.any(|key| key.is_bound_to_addresses()) { Needs::CLIENT } else { Needs::NONE }
}

const SHARDS: usize = 16;

type Shard = HashMap<Arc<str>, Arc<StoredKey>>;

/// Keys held in memory; clones share them.
///
/// A look-up takes one of 16 read locks for the time of a hash look-up. An insertion or revocation is seen by the
/// next request.
#[derive(Clone, Default)]
pub struct MemoryKeys {
    shards: Arc<[RwLock<Shard>; SHARDS]>,
}

impl MemoryKeys {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key, and gives back the one of the same id that it replaces.
    pub fn insert(&self, key: StoredKey) -> Option<Arc<StoredKey>> {
        let key = Arc::new(key);
        self.write(key.id())?.insert(Arc::from(key.id()), key)
    }

    /// Removes a key, and gives it back if there was one: from now on it is refused as if it had never been.
    pub fn revoke(&self, id: &str) -> Option<Arc<StoredKey>> {
        self.write(id)?.remove(id)
    }

    /// The key of that id, to be looked at or changed.
    pub fn get(&self, id: &str) -> Option<Arc<StoredKey>> {
        self.shard(id).and_then(|shard| read(shard).get(id).map(Arc::clone))
    }

    /// All keys, in no order.
    pub fn keys(&self) -> Vec<Arc<StoredKey>> {
        let shards = self.shards.iter();
        shards.flat_map(|shard| Vec::from_iter(read(shard).values().cloned())).collect()
    }

    /// How many keys there are, expired ones included.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).len()).sum()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, id: &str) -> Option<&RwLock<Shard>> {
        // Ids are random, so their last character spreads them; a store of chosen ids is merely less even.
        let last = id.bytes().next_back().unwrap_or_default();
        self.shards.get(usize::from(last) % SHARDS)
    }

    fn write(&self, id: &str) -> Option<RwLockWriteGuard<'_, Shard>> {
        let shard = self.shard(id)?;
        Some(shard.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

impl KeyStore for MemoryKeys {
    fn find(&self, id: &str) -> Answer<Result<Option<Arc<StoredKey>>, StoreError>> {
        Answer::Now(Ok(self.get(id)))
    }

    fn needs(&self) -> Needs {
        let needs = self.shards.iter().map(|shard| needs_of(read(shard).values()));
        needs.fold(Needs::NONE, Needs::and)
    }
}

impl Extend<StoredKey> for MemoryKeys {
    fn extend<I: IntoIterator<Item = StoredKey>>(&mut self, keys: I) {
        for key in keys {
            self.insert(key);
        }
    }
}

impl FromIterator<StoredKey> for MemoryKeys {
    fn from_iter<I: IntoIterator<Item = StoredKey>>(keys: I) -> Self {
        let mut store = Self::new();
        store.extend(keys);
        store
    }
}

impl fmt::Debug for MemoryKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryKeys").field("len", &self.len()).finish_non_exhaustive()
    }
}
