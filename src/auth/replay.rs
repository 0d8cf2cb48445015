//! What may be used once: proofs, nonces, deliveries.
//!
//! A signed thing that was seen before is a replay, however good its signature. Whoever verifies one
//! asks a [`ReplayStore`] last of all, once everything else held, so that nobody can use up
//! another's.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use super::StoreError;
use crate::answer::Answer;

/// The hash of what may be used once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplayKey([u8; 32]);

impl ReplayKey {
    /// SHA-256 over a word for the kind of thing, and its parts, each after its length, so that no
    /// two lists of parts read alike.
    pub fn of(kind: &'static str, parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in [kind.as_bytes()].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        Self(context.finish().as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// The 32 bytes, for a store of one's own.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayKey(…)")
    }
}

/// Remembers what was used, until it would be refused for its age anyway.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store against replays",
    note = "use `MemoryReplays`, or implement `ReplayStore` for a store that several processes share"
)]
pub trait ReplayStore: Send + Sync + 'static {
    /// Marks it as used; true the first time. It has to be remembered until then, and may be
    /// forgotten afterwards. Both times are since the Unix epoch. Of several calls at once for the
    /// same key exactly one is told true.
    ///
    /// # Errors
    /// When the store cannot tell, also because it is full. The request is then refused with 503.
    fn consume(
        &self,
        key: ReplayKey,
        until: Duration,
        now: Duration,
    ) -> Answer<Result<bool, StoreError>>;
}

impl<R: ReplayStore + ?Sized> ReplayStore for Arc<R> {
    fn consume(
        &self,
        key: ReplayKey,
        until: Duration,
        now: Duration,
    ) -> Answer<Result<bool, StoreError>> {
        (**self).consume(key, until, now)
    }
}

const SHARDS: usize = 16;

/// The most that one call forgets: enough to keep up, and never a pause.
const FORGET: usize = 8;

/// A store in the memory of one process; clones share it.
///
/// Where it is full of what is still to be remembered, nothing more is taken: forgetting would let a
/// replay through. An entry takes about 100 bytes.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_parapet::auth::replay::{MemoryReplays, ReplayKey, ReplayStore};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryReplays::new(100_000);
/// let key = ReplayKey::of("proof", &[b"e1j3V_bKic8-LAEB"]);
/// let (now, until) = (Duration::from_secs(1_700_000_000), Duration::from_secs(1_700_000_300));
/// assert!(store.consume(key, until, now).wait().await?);
/// assert!(!store.consume(key, until, now).wait().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryReplays {
    shards: Arc<[Mutex<Shard>; SHARDS]>,
    shard_capacity: usize,
}

#[derive(Default)]
struct Shard {
    used: HashMap<ReplayKey, Duration>,
    ends: BinaryHeap<Reverse<(Duration, ReplayKey)>>,
}

impl MemoryReplays {
    /// How many are remembered where nothing else is said.
    pub const CAPACITY: usize = 100_000;

    /// A store for so many at once, spread over 16 parts of the same size; at least one in each.
    pub fn new(capacity: usize) -> Self {
        Self { shards: Arc::default(), shard_capacity: capacity.div_ceil(SHARDS).max(1) }
    }

    /// How many are remembered, those whose time is over and that were not yet forgotten included.
    pub fn len(&self) -> usize {
        let len =
            |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).used.len();
        self.shards.iter().map(len).sum()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn mark(&self, key: ReplayKey, until: Duration, now: Duration) -> Result<bool, StoreError> {
        let [first, ..] = key.0;
        let Some(shard) = self.shards.get(usize::from(first) % SHARDS) else {
            return Err(StoreError::new("no such shard"));
        };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.forget(now);
        if shard.used.get(&key).is_some_and(|until| *until > now) {
            return Ok(false);
        }
        if shard.used.len() >= self.shard_capacity {
            return Err(StoreError::new("the store against replays is full"));
        }
        shard.used.insert(key, until);
        shard.ends.push(Reverse((until, key)));
        Ok(true)
    }
}

impl Shard {
    fn forget(&mut self, now: Duration) {
        for _ in 0..FORGET {
            match self.ends.peek() {
                Some(Reverse((until, _))) if *until <= now => {}
                _ => return,
            }
            if let Some(Reverse((until, key))) = self.ends.pop()
                && self.used.get(&key) == Some(&until)
            {
                self.used.remove(&key);
            }
        }
    }
}

impl Default for MemoryReplays {
    fn default() -> Self {
        Self::new(Self::CAPACITY)
    }
}

impl ReplayStore for MemoryReplays {
    fn consume(
        &self,
        key: ReplayKey,
        until: Duration,
        now: Duration,
    ) -> Answer<Result<bool, StoreError>> {
        Answer::Now(self.mark(key, until, now))
    }
}

impl fmt::Debug for MemoryReplays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplays").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn key(number: u64) -> ReplayKey {
        ReplayKey::of("test", &[&number.to_be_bytes()])
    }

    #[test]
    fn a_thing_is_used_once_until_its_time_is_over() {
        let store = MemoryReplays::new(100);
        let until = NOW + Duration::from_secs(10);
        assert!(store.mark(key(1), until, NOW).unwrap());
        assert!(!store.mark(key(1), until, NOW).unwrap());
        assert!(!store.mark(key(1), until, until - Duration::from_nanos(1)).unwrap());
        assert!(store.mark(key(1), until + NOW, until).unwrap());
        assert!(!store.mark(key(1), until + NOW, until).unwrap());
    }

    #[test]
    fn a_full_store_takes_nothing_more_and_forgets_nothing_too_early() {
        let store = MemoryReplays::new(160);
        let until = NOW + Duration::from_secs(10);
        let taken: Vec<_> =
            (0..1_000).filter(|number| store.mark(key(*number), until, NOW).is_ok()).collect();
        assert!(taken.len() <= 160 && store.len() == taken.len());
        assert!(taken.iter().all(|number| !store.mark(key(*number), until, NOW).unwrap()));
        let later = until + Duration::from_secs(1);
        let again =
            (1_000..2_000).filter(|number| store.mark(key(*number), later + NOW, later).is_ok());
        assert!(again.count() > 100 && store.len() <= 160);
    }

    #[test]
    fn parts_are_told_apart_by_their_lengths() {
        assert_ne!(ReplayKey::of("a", &[b"bc", b"d"]), ReplayKey::of("a", &[b"b", b"cd"]));
        assert_ne!(ReplayKey::of("a", &[b"b"]), ReplayKey::of("ab", &[]));
    }
}
