//! Look-ups under way, one for each id.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt, Shared, WeakShared};

use super::{Inner, Known};
use crate::{
    auth::api_key::{StoredKey, record::KeyRecord},
    clock::within,
};

/// Why a look-up came to nothing, for all who wait for it.
#[derive(Debug, Clone)]
pub(super) struct Failure(Arc<str>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

fn failure(text: impl Into<Arc<str>>) -> Failure {
    Failure(text.into())
}

/// After a failure that an old answer covers, the store is left alone for so long.
const PAUSE: Duration = Duration::from_secs(1);

type Landed = Result<Option<Arc<StoredKey>>, Failure>;
type Flight = Shared<BoxFuture<'static, Landed>>;

/// Look-ups that somebody waits for.
pub(super) struct Flights {
    most: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    flights: HashMap<Arc<str>, (u64, WeakShared<BoxFuture<'static, Landed>>)>,
    number: u64,
}

impl Flights {
    pub(super) fn new(most: usize) -> Self {
        Self { most, table: Mutex::default() }
    }

    /// Lets what is under way for an id land without being remembered.
    pub(super) fn disown(&self, id: &str) {
        self.table().flights.remove(id);
    }

    pub(super) fn disown_all(&self) {
        self.table().flights.clear();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the look-up of an id, and begins it where nobody has.
pub(super) fn join(inner: &Arc<Inner>, id: &str) -> Flight {
    let id: Arc<str> = Arc::from(id);
    let mut table = inner.flights.table();
    if let Some(flight) = table.flights.get(&id).and_then(|(_, flight)| flight.upgrade()) {
        return flight;
    }
    if table.flights.len() >= inner.flights.most {
        let text = format!("{} look-ups are under way, and that is the limit", inner.flights.most);
        return std::future::ready(Err(failure(text))).boxed().shared();
    }
    table.number += 1;
    let number = table.number;
    let landing = Landing { inner: inner.clone(), id: id.clone(), number };
    let flight = async move { landing.fly().await }.boxed().shared();
    if let Some(weak) = flight.downgrade() {
        table.flights.insert(id, (number, weak));
    }
    flight
}

/// One look-up; dropped with its place in the table, also when all who waited are gone.
struct Landing {
    inner: Arc<Inner>,
    id: Arc<str>,
    number: u64,
}

impl Landing {
    async fn fly(self) -> Landed {
        let Inner { lookup, timeout, clock, .. } = &*self.inner;
        let looked = within(*timeout, lookup.look_up(&self.id)).await;
        let now = clock.now();
        match looked {
            Some(Ok(Some(key))) if *key.id() != *self.id => {
                Err(failure(format!("asked for key {}, it gave key {}", self.id, key.id())))
            }
            Some(Ok(Some(key))) => Ok(Some(self.remember(key, now))),
            Some(Ok(None)) => {
                self.remember_nobody(now);
                Ok(None)
            }
            Some(Err(error)) => self.make_do(failure(describe(&error)), now),
            None => {
                let late = format!("no answer within {} ms", timeout.as_millis());
                self.make_do(failure(late), now)
            }
        }
    }

    fn remember(&self, key: StoredKey, now: Duration) -> Arc<StoredKey> {
        let Inner { known, unknown, ttl, .. } = &*self.inner;
        let before = known.get(&*self.id).map(|before| before.key);
        // One that did not change keeps what is remembered of it.
        let same = before.filter(|before| KeyRecord::of(before) == KeyRecord::of(&key));
        let key = same.unwrap_or_else(|| Arc::new(key));
        if let Some(_table) = self.owned() {
            unknown.remove(&*self.id);
            let until = now.saturating_add(*ttl);
            known.insert(Box::from(&*self.id), Known { key: key.clone(), since: now, until });
        }
        key
    }

    fn remember_nobody(&self, now: Duration) {
        let Inner { known, unknown, unknown_ttl, .. } = &*self.inner;
        if let Some(_table) = self.owned() {
            known.remove(&*self.id);
            unknown.insert(Box::from(&*self.id), now.saturating_add(*unknown_ttl));
        }
    }

    /// The last answer, where it will do.
    fn make_do(&self, failure: Failure, now: Duration) -> Landed {
        let Inner { known, ttl, stale, .. } = &*self.inner;
        let Some(_table) = self.owned() else { return Err(failure) };
        let old = known.get(&*self.id);
        let end = |old: &Known| old.since.saturating_add(*ttl).saturating_add(*stale);
        let Some(old) = old.filter(|old| now < end(old)) else {
            return Err(failure);
        };
        tracing::warn!(
            target: "tower_parapet::auth",
            "key {} could not be looked up ({failure}); the last answer will do for now",
            self.id
        );
        let key = old.key.clone();
        let until = now.saturating_add(PAUSE).min(end(&old));
        known.insert(Box::from(&*self.id), Known { until, ..old });
        Ok(Some(key))
    }

    /// The table, if this is still the look-up for its id: else somebody forgot the key meanwhile.
    fn owned(&self) -> Option<MutexGuard<'_, Table>> {
        let table = self.inner.flights.table();
        let is_own = table.flights.get(&self.id).is_some_and(|(number, _)| *number == self.number);
        is_own.then_some(table)
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut table = self.inner.flights.table();
        if table.flights.get(&self.id).is_some_and(|(number, _)| *number == self.number) {
            table.flights.remove(&self.id);
        }
    }
}

fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let told = next.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = next.source();
    }
    text
}
