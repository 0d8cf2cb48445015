//! Tokens that were verified before: the signature is not checked twice, the time is.

use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::claims::Accepted;

/// SHA-256 of a token's bytes. The token itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    /// `None` only if the hash had another length than 32 bytes.
    pub(super) fn of(token: &[u8]) -> Option<Self> {
        digest(&SHA256, token).as_ref().first_chunk().copied().map(Self)
    }
}

impl Digest {
    /// A part of it that has no say in where [`Verified`] keeps a token.
    pub(super) fn last_word(&self) -> u64 {
        u64::from_le_bytes(self.0.last_chunk().copied().unwrap_or_default())
    }
}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let head = self.0.first_chunk().copied().unwrap_or_default();
        state.write_u64(u64::from_le_bytes(head));
    }
}

/// Takes a digest's first word as it is: nobody can choose it, and only verified tokens get in.
#[derive(Default)]
struct FirstWord(u64);

impl Hasher for FirstWord {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

type Store = Cache<
    Digest,
    Accepted,
    UnitWeighter,
    BuildHasherDefault<FirstWord>,
    DefaultLifecycle<Digest, Accepted>,
>;

/// A bounded set of verified tokens, each with the mark of its key.
pub(super) struct Verified(Store);

impl Verified {
    pub(super) fn new(capacity: usize) -> Self {
        let weight = u64::try_from(capacity).unwrap_or(u64::MAX);
        Self(Cache::with(
            capacity,
            weight,
            UnitWeighter,
            BuildHasherDefault::default(),
            DefaultLifecycle::default(),
        ))
    }

    /// Whether it is there, without a sign of use.
    pub(super) fn holds(&self, digest: &Digest) -> bool {
        self.0.contains_key(digest)
    }

    pub(super) fn find(&self, digest: &Digest) -> Option<Accepted> {
        self.0.get(digest)
    }

    pub(super) fn insert(&self, digest: Digest, accepted: Accepted) {
        self.0.insert(digest, accepted);
    }

    pub(super) fn capacity(&self) -> usize {
        usize::try_from(self.0.capacity()).unwrap_or(usize::MAX)
    }

    /// Forgets a token whose key is no longer good.
    pub(super) fn remove(&self, digest: &Digest) {
        self.0.remove(digest);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("len", &self.0.len()).finish_non_exhaustive()
    }
}
