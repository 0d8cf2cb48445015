//! What the provider said a moment ago.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::fault::Fault;
use super::rules::Known;

/// SHA-256 of a token's bytes. The token itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    /// `None` only if the hash had another length than 32 bytes.
    pub(super) fn of(token: &[u8]) -> Option<Self> {
        digest(&SHA256, token).as_ref().first_chunk().copied().map(Self)
    }
}

/// Keyed anew in each process, since strangers choose which tokens are looked up.
type Hasher = std::hash::RandomState;
type Store<T> = Cache<Digest, Timed<T>, UnitWeighter, Hasher, DefaultLifecycle<Digest, Timed<T>>>;

/// Something that counts until a monotonic time.
#[derive(Clone)]
struct Timed<T> {
    value: T,
    until: Duration,
}

/// Tokens that count, and apart from them those that do not: made-up ones push no good one out.
pub(super) struct Memory {
    good: Store<Known>,
    bad: Store<Fault>,
    pub(super) good_for: Duration,
    pub(super) bad_for: Duration,
}

/// What is remembered of a token.
pub(super) enum Remembered {
    Good(Known),
    /// It was good when it was last asked about.
    Stale(Known),
    Bad(Fault),
    Nothing,
}

impl Memory {
    pub(super) fn new(capacity: usize, good_for: Duration, bad_for: Duration) -> Self {
        Self { good: store(capacity), bad: store(capacity), good_for, bad_for }
    }

    pub(super) fn find(&self, token: &Digest, now: Duration) -> Remembered {
        let stale = match self.good.get(token) {
            Some(Timed { value, until }) if now < until => return Remembered::Good(value),
            stale => stale,
        };
        match (self.bad.get(token), stale) {
            (Some(Timed { value, until }), _) if now < until => Remembered::Bad(value),
            (_, Some(stale)) => Remembered::Stale(stale.value),
            _ => Remembered::Nothing,
        }
    }

    pub(super) fn keep_good(&self, token: Digest, known: Known, now: Duration) {
        let until = now.saturating_add(self.good_for);
        self.bad.remove(&token);
        self.good.insert(token, Timed { value: known, until });
    }

    pub(super) fn keep_bad(&self, token: Digest, fault: Fault, now: Duration) {
        let until = now.saturating_add(self.bad_for);
        self.good.remove(&token);
        self.bad.insert(token, Timed { value: fault, until });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.good.len(), self.bad.len())
    }
}

fn store<T: Clone>(capacity: usize) -> Store<T> {
    let weight = u64::try_from(capacity).unwrap_or(u64::MAX);
    let hasher = Hasher::new();
    Cache::with(capacity, weight, UnitWeighter, hasher, DefaultLifecycle::default())
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("good", &self.good.len())
            .field("bad", &self.bad.len())
            .finish_non_exhaustive()
    }
}
