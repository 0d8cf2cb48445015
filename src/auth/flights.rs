//! Work that several requests wait for, done once.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, FutureExt, Shared, WeakShared};

/// What is under way, by what it is about; clones share it.
///
/// It goes on as long as somebody waits, and leaves its place when it ends or everybody is gone.
pub(super) struct Flights<K, T>(Arc<Mutex<Table<K, T>>>);

struct Table<K, T> {
    flights: HashMap<K, (u64, WeakShared<BoxFuture<'static, T>>)>,
    number: u64,
}

/// One piece of work's place among them, which it holds until it is dropped.
pub(super) struct Place<K: Eq + Hash, T> {
    flights: Flights<K, T>,
    key: K,
    number: u64,
}

/// Held while a result is kept, so that nobody disowns the work in between.
#[cfg(feature = "api-key")]
pub(super) struct Owned<'a, K, T>(
    #[allow(dead_code, reason = "a lock")] MutexGuard<'a, Table<K, T>>,
);

impl<K, T> Clone for Flights<K, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Table { flights: HashMap::new(), number: 0 })))
    }
}

impl<K, T> Flights<K, T> {
    fn table(&self) -> MutexGuard<'_, Table<K, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Flights<K, T> {
    /// Joins what is under way, or begins it where `admit`, knowing how much else there is, lets it. Neither asks
    /// anybody nor drops its place: both run under the lock.
    pub(super) fn join<A, E>(
        &self,
        key: K,
        admit: impl FnOnce(usize) -> Result<A, E>,
        begin: impl FnOnce(Place<K, T>, A) -> BoxFuture<'static, T>,
    ) -> Result<Shared<BoxFuture<'static, T>>, E> {
        let mut table = self.table();
        if let Some(flight) = table.flights.get(&key).and_then(|(_, flight)| flight.upgrade()) {
            return Ok(flight);
        }
        let admitted = admit(table.flights.len())?;
        table.number += 1;
        let number = table.number;
        let place = Place { flights: self.clone(), key: key.clone(), number };
        let flight = begin(place, admitted).shared();
        if let Some(weak) = flight.downgrade() {
            table.flights.insert(key, (number, weak));
        }
        Ok(flight)
    }

    /// Lets what is under way land without being kept.
    #[cfg(feature = "api-key")]
    pub(super) fn disown(&self, key: &K) {
        self.table().flights.remove(key);
    }

    /// Lets everything that is under way land without being kept.
    #[cfg(feature = "api-key")]
    pub(super) fn disown_all(&self) {
        self.table().flights.clear();
    }
}

impl<K: Eq + Hash, T> Place<K, T> {
    /// Whether this is still the work about its key: else somebody disowned it meanwhile.
    #[cfg(feature = "api-key")]
    pub(super) fn owned(&self) -> Option<Owned<'_, K, T>> {
        let table = self.flights.table();
        let is_own = table.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number);
        is_own.then_some(Owned(table))
    }
}

impl<K: Eq + Hash, T> Drop for Place<K, T> {
    fn drop(&mut self) {
        let mut table = self.flights.table();
        if table.flights.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            table.flights.remove(&self.key);
        }
    }
}

impl<K, T> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("len", &self.table().flights.len()).finish()
    }
}
