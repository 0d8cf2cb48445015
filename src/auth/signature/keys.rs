//! Whose key a signature names.

use std::{collections::HashMap, fmt, sync::Arc};

use arc_swap::ArcSwap;

use super::SignatureKey;
use crate::{answer::Answer, auth::StoreError, context::Principal};

/// A key, and who is calling when it signed.
#[derive(Clone, Debug)]
pub struct KnownKey {
    key: SignatureKey,
    principal: Principal,
}

impl KnownKey {
    /// A key of a caller. The principal is handed on as it is; by habit its scheme is `signature`.
    pub fn new(key: SignatureKey, principal: Principal) -> Self {
        Self { key, principal }
    }

    /// The key.
    pub fn key(&self) -> &SignatureKey {
        &self.key
    }

    /// Who signs with it.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// Finds keys by the `keyid` of a signature.
///
/// What is asked for is a stranger's word: at most 256 characters of printable ASCII. It is asked
/// before the signature is verified, so a look-up that costs something should be bounded.
pub trait SignatureKeys: Send + Sync + 'static {
    /// The key of that name; `None` where there is none. At once where it can be.
    fn find(&self, keyid: &str) -> Answer<Result<Option<Arc<KnownKey>>, StoreError>>;
}

impl<K: SignatureKeys + ?Sized> SignatureKeys for Arc<K> {
    fn find(&self, keyid: &str) -> Answer<Result<Option<Arc<KnownKey>>, StoreError>> {
        (**self).find(keyid)
    }
}

/// Keys in memory. Clones share them; they may change while requests are served.
#[derive(Clone, Default)]
pub struct MemorySignatureKeys {
    keys: Arc<ArcSwap<HashMap<Box<str>, Arc<KnownKey>>>>,
}

impl MemorySignatureKeys {
    /// No keys yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key, in place of another one of that name.
    pub fn insert(&self, keyid: impl Into<String>, key: SignatureKey, principal: Principal) {
        let (keyid, known) =
            (keyid.into().into_boxed_str(), Arc::new(KnownKey::new(key, principal)));
        self.keys.rcu(|keys| {
            let mut keys = HashMap::clone(keys);
            keys.insert(keyid.clone(), known.clone());
            keys
        });
    }

    /// Takes a key out: what it signed counts no longer.
    pub fn revoke(&self, keyid: &str) {
        self.keys.rcu(|keys| {
            let mut keys = HashMap::clone(keys);
            keys.remove(keyid);
            keys
        });
    }
}

impl SignatureKeys for MemorySignatureKeys {
    fn find(&self, keyid: &str) -> Answer<Result<Option<Arc<KnownKey>>, StoreError>> {
        Answer::Now(Ok(self.keys.load().get(keyid).cloned()))
    }
}

impl fmt::Debug for MemorySignatureKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySignatureKeys").field("keys", &self.keys.load().len()).finish()
    }
}
