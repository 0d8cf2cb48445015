use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sha2::{Digest, Sha256};

/// One request's claim to a key: what a store knows it by.
///
/// Nothing of it can be read back: the key, the caller and the request are hashes (SHA-256).
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    pub(super) key: [u8; 16],
    pub(super) caller: [u8; 16],
    pub(super) request: [u8; 32],
    pub(super) owner: [u8; 16],
    pub(super) lock: Duration,
    pub(super) keep: Duration,
}

impl Claim {
    /// The key, together with its caller and its route: what an entry is found by.
    pub fn key(&self) -> &[u8; 16] {
        &self.key
    }

    /// Whose it is, for a store that divides its room among callers.
    pub fn caller(&self) -> &[u8; 16] {
        &self.caller
    }

    /// The request's method, path, query and body: another request under the same key has another one.
    pub fn request(&self) -> &[u8; 32] {
        &self.request
    }

    /// A number of this very claim, in whatever process: who has another one must not change the entry.
    pub fn owner(&self) -> &[u8; 16] {
        &self.owner
    }

    /// How long the key is locked at most, should nobody say how the request ended.
    pub fn lock(&self) -> Duration {
        self.lock
    }

    /// How long the answer is kept.
    pub fn keep(&self) -> Duration {
        self.keep
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("lock", &self.lock)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

/// A number that no other claim has, by chance of 2⁻¹²⁸ across processes.
pub(super) fn owner() -> [u8; 16] {
    static PROCESS: LazyLock<[u64; 2]> =
        LazyLock::new(|| [RandomState::new().hash_one(0_u8), RandomState::new().hash_one(1_u8)]);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let [high, low] = *PROCESS;
    let process = u128::from(high) << 64 | u128::from(low);
    process.wrapping_add(u128::from(NEXT.fetch_add(1, Ordering::Relaxed))).to_be_bytes()
}

/// Hashes texts with their lengths, so that no two lists of texts are the same bytes.
pub(super) struct Hash(Sha256);

impl Hash {
    pub(super) fn of(what: &'static str) -> Self {
        Self(Sha256::new_with_prefix(what)).text(b"")
    }

    pub(super) fn text(mut self, text: &[u8]) -> Self {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
        self
    }

    pub(super) fn long(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    pub(super) fn short(self) -> [u8; 16] {
        self.long().first_chunk().copied().unwrap_or_default()
    }
}
