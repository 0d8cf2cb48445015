//! A fixed number of places that lock apart, found by the hash of what is kept there.

use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(crate) struct Shards<T>(Box<[Mutex<T>]>);

impl<T: Default> Shards<T> {
    pub(crate) fn new(count: usize) -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(count.max(1)).collect())
    }

    pub(crate) fn lock(&self, tag: u64) -> Option<MutexGuard<'_, T>> {
        // The high half spreads over any number of shards.
        let at = ((tag >> 32) * self.0.len() as u64) >> 32;
        let shard = self.0.get(usize::try_from(at).ok()?)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    #[cfg(test)]
    pub(crate) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.0.iter().map(|shard| shard.lock().unwrap())
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}
