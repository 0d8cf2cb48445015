//! Where keys are looked up.

use std::{fmt, sync::Arc};

use super::stored::StoredKey;
use crate::{
    answer::Answer,
    auth::{StoreError, stored::MemoryStore},
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

/// Keys held in memory; clones share them.
///
/// A look-up takes one of 16 read locks for the time of a hash look-up. An insertion or revocation is seen by the
/// next request.
#[derive(Clone, Default)]
pub struct MemoryKeys(MemoryStore<StoredKey>);

impl MemoryKeys {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key, and gives back the one of the same id that it replaces.
    pub fn insert(&self, key: StoredKey) -> Option<Arc<StoredKey>> {
        self.0.insert(key)
    }

    /// Removes a key, and gives it back if there was one: from now on it is refused as if it had never been.
    pub fn revoke(&self, id: &str) -> Option<Arc<StoredKey>> {
        self.0.remove(id)
    }

    /// The key of that id, to be looked at or changed.
    pub fn get(&self, id: &str) -> Option<Arc<StoredKey>> {
        self.0.get(id)
    }

    /// All keys, in no order.
    pub fn keys(&self) -> Vec<Arc<StoredKey>> {
        self.0.all()
    }

    /// How many keys there are, expired ones included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl KeyStore for MemoryKeys {
    fn find(&self, id: &str) -> Answer<Result<Option<Arc<StoredKey>>, StoreError>> {
        Answer::Now(Ok(self.get(id)))
    }

    fn needs(&self) -> Needs {
        self.0.needs()
    }
}

impl Extend<StoredKey> for MemoryKeys {
    fn extend<I: IntoIterator<Item = StoredKey>>(&mut self, keys: I) {
        self.0.extend(keys);
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
        self.0.show("MemoryKeys", f)
    }
}
