use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    answer::{Answer, StoreError},
    error::{ConfigError, Mistakes},
    inspect::{Findings, rule},
};

use super::{Begun, Claim, IdempotencyStore, StoredResponse};

/// What a key that is under way takes, in bytes.
const LOCKED: usize = 256;
const MOST_ENTRIES: usize = 1 << 24;

/// Keys and answers in the memory of this process, at most so many and so large.
///
/// What is still valid is never forgotten to make room: where the store is full, another key is refused
/// with 503, and where one caller has used up their part of it, with 429. An answer for which there is no
/// room is kept without its body. Clones share the store.
///
/// # Example
/// ```
/// use tower_parapet::idempotency::MemoryResponses;
///
/// let responses = MemoryResponses::builder().entries(10_000).bytes(16 << 20).build()?;
/// # let _ = responses;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct MemoryResponses(Arc<Shared>);

struct Shared {
    bounds: Bounds,
    entries: Mutex<Entries>,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    entries: usize,
    bytes: usize,
    per_caller: usize,
}

impl Bounds {
    fn have_room(&self, used: Used) -> bool {
        used.entries < self.entries && used.bytes + LOCKED <= self.bytes
    }

    /// The same part of the bytes as of the entries.
    fn bytes_per_caller(&self) -> usize {
        let bytes = self.bytes as u128 * self.per_caller as u128 / self.entries.max(1) as u128;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<[u8; 16], Entry>,
    /// When each of them ends.
    ends: BTreeSet<(Duration, [u8; 16])>,
    callers: HashMap<[u8; 16], Used>,
    used: Used,
}

#[derive(Clone, Copy, Default)]
struct Used {
    entries: usize,
    bytes: usize,
}

struct Entry {
    request: [u8; 32],
    owner: [u8; 16],
    caller: [u8; 16],
    ends: Duration,
    bytes: usize,
    /// Nothing while it is under way.
    response: Option<Arc<StoredResponse>>,
}

impl Default for MemoryResponses {
    fn default() -> Self {
        Self::new(MemoryResponsesBuilder::default().bounds())
    }
}

impl MemoryResponses {
    /// Starts with the defaults.
    pub fn builder() -> MemoryResponsesBuilder {
        MemoryResponsesBuilder::default()
    }

    fn new(bounds: Bounds) -> Self {
        Self(Arc::new(Shared { bounds, entries: Mutex::default() }))
    }

    /// How many keys there are, under way or answered.
    pub fn len(&self) -> usize {
        self.lock().used.entries
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What they take, about, in bytes.
    pub fn bytes(&self) -> usize {
        self.lock().used.bytes
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, claim: &Claim, now: Duration) -> Begun {
        let bounds = &self.0.bounds;
        let mut entries = self.lock();
        entries.forget_until(now);
        if let Some(entry) = entries.by_key.get(&claim.key) {
            return match &entry.response {
                _ if entry.request != claim.request => Begun::Another,
                Some(response) => Begun::Done(response.clone()),
                None => Begun::UnderWay,
            };
        }
        if !bounds.have_room(entries.used) {
            return Begun::Full(entries.next_end(now));
        }
        let of_caller = entries.callers.get(&claim.caller).copied().unwrap_or_default();
        if of_caller.entries >= bounds.per_caller
            || of_caller.bytes + LOCKED > bounds.bytes_per_caller()
        {
            return Begun::UsedUp(entries.next_end(now));
        }
        entries.insert(claim, now.saturating_add(claim.lock), LOCKED, None);
        Begun::First
    }

    fn keep(&self, claim: &Claim, response: Arc<StoredResponse>, now: Duration) {
        let bounds = &self.0.bounds;
        let mut entries = self.lock();
        entries.forget_until(now);
        match entries.by_key.get(&claim.key) {
            Some(entry) if entry.owner != claim.owner => return,
            Some(_) => entries.remove(&claim.key),
            // The lock ended before the request did, and nobody came.
            None if !bounds.have_room(entries.used) => return,
            None => {}
        }
        let of_caller = entries.callers.get(&claim.caller).copied().unwrap_or_default();
        let fits = |size: usize| {
            entries.used.bytes + size <= bounds.bytes
                && of_caller.bytes + size <= bounds.bytes_per_caller()
        };
        let response =
            if fits(response.size()) { response } else { Arc::new(response.without_body()) };
        let ends = now.saturating_add(claim.keep);
        entries.insert(claim, ends, response.size(), Some(response));
    }
}

impl Entries {
    fn insert(
        &mut self,
        claim: &Claim,
        ends: Duration,
        bytes: usize,
        response: Option<Arc<StoredResponse>>,
    ) {
        let Claim { key, caller, request, owner, .. } = *claim;
        self.ends.insert((ends, key));
        for used in [&mut self.used, self.callers.entry(caller).or_default()] {
            used.entries += 1;
            used.bytes += bytes;
        }
        self.by_key.insert(key, Entry { request, owner, caller, ends, bytes, response });
    }

    fn remove(&mut self, key: &[u8; 16]) {
        let Some(entry) = self.by_key.remove(key) else { return };
        self.ends.remove(&(entry.ends, *key));
        self.used.entries = self.used.entries.saturating_sub(1);
        self.used.bytes = self.used.bytes.saturating_sub(entry.bytes);
        if let Some(used) = self.callers.get_mut(&entry.caller) {
            used.entries = used.entries.saturating_sub(1);
            used.bytes = used.bytes.saturating_sub(entry.bytes);
            if used.entries == 0 {
                self.callers.remove(&entry.caller);
            }
        }
    }

    /// Each entry is forgotten once: the work is that of having taken it in.
    fn forget_until(&mut self, now: Duration) {
        while let Some((ends, key)) = self.ends.first().copied().filter(|(ends, _)| *ends <= now) {
            self.remove(&key);
            self.ends.remove(&(ends, key));
        }
    }

    /// How long until there may be room again.
    fn next_end(&self, now: Duration) -> Duration {
        self.ends.first().map_or(Duration::ZERO, |(ends, _)| ends.saturating_sub(now))
    }
}

impl IdempotencyStore for MemoryResponses {
    fn begin(&self, claim: &Claim, now: Duration) -> Answer<Result<Begun, StoreError>> {
        Answer::Now(Ok(self.claim(claim, now)))
    }

    fn complete(
        &self,
        claim: &Claim,
        response: Arc<StoredResponse>,
        now: Duration,
    ) -> Answer<Result<(), StoreError>> {
        self.keep(claim, response, now);
        Answer::Now(Ok(()))
    }

    fn release(&self, claim: &Claim) -> Answer<Result<(), StoreError>> {
        let mut entries = self.lock();
        let is_own = entries
            .by_key
            .get(&claim.key)
            .is_some_and(|entry| entry.owner == claim.owner && entry.response.is_none());
        if is_own {
            entries.remove(&claim.key);
        }
        Answer::Now(Ok(()))
    }

    fn findings(&self, report: &mut Findings) {
        let used = self.lock().used;
        if !self.0.bounds.have_room(used) {
            let evidence = format!("{} keys and {} bytes are in use", used.entries, used.bytes);
            report.add(&rule::IDEMPOTENCY_FULL, "idempotency", evidence);
        }
    }

    fn summary(&self) -> Cow<'static, str> {
        let Bounds { entries, bytes, per_caller } = self.0.bounds;
        Cow::Owned(format!(
            "in memory, at most {entries} keys and {bytes} bytes, {per_caller} keys a caller"
        ))
    }
}

impl fmt::Debug for MemoryResponses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryResponses").field("bounds", &self.0.bounds).finish_non_exhaustive()
    }
}

/// Builds [`MemoryResponses`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct MemoryResponsesBuilder {
    entries: usize,
    bytes: usize,
    per_caller: Option<usize>,
}

impl Default for MemoryResponsesBuilder {
    fn default() -> Self {
        Self { entries: 100_000, bytes: 64 << 20, per_caller: None }
    }
}

impl MemoryResponsesBuilder {
    /// How many keys there are at most. Default 100 000.
    pub fn entries(mut self, entries: usize) -> Self {
        self.entries = entries;
        self
    }

    /// What they take at most, about, in bytes. Default 64 MiB.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// How many of the keys may be one caller's, who has the same part of the bytes. Default an
    /// eighth, so that nobody fills the store alone.
    pub fn entries_per_caller(mut self, entries: usize) -> Self {
        self.per_caller = Some(entries);
        self
    }

    fn bounds(&self) -> Bounds {
        let per_caller = self.per_caller.unwrap_or(self.entries.div_ceil(8));
        Bounds { entries: self.entries, bytes: self.bytes, per_caller }
    }

    /// The store.
    ///
    /// # Errors
    /// When a value cannot be used; the error lists every one of them.
    pub fn build(self) -> Result<MemoryResponses, ConfigError> {
        let mut mistakes = Mistakes::default();
        let Self { entries, bytes, .. } = self;
        let bounds = self.bounds();
        if !(1..=MOST_ENTRIES).contains(&entries) {
            let remedy = format!("write 1 to {MOST_ENTRIES}");
            mistakes.push("entries", entries.to_string(), "is out of range", remedy);
        } else if bytes / LOCKED < entries {
            let remedy = format!("write at least {}, {LOCKED} for each entry", entries * LOCKED);
            mistakes.push("bytes", bytes.to_string(), "has no room for the entries", remedy);
        }
        if bounds.per_caller == 0 || bounds.per_caller > entries {
            let remedy = "write 1 to the number of entries";
            let value = bounds.per_caller.to_string();
            if entries > 0 {
                mistakes.push("entries_per_caller", value, "is out of range", remedy);
            }
        }
        mistakes.finish().map(|()| MemoryResponses::new(bounds))
    }
}
