//! Keys that are kept elsewhere, and remembered here for a while.

mod builder;
mod flight;
mod lookup;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use quick_cache::sync::Cache;

pub use builder::CachedKeysBuilder;
pub use lookup::KeyLookup;

use super::{KeyStore, StoredKey};
use crate::{answer::Answer, auth::StoreError, clock::Clock, flights::Flights};
use flight::Landed;

/// A store over any look-up: a database, another service; clones share what is remembered.
///
/// A key that is remembered is found at once. Whoever asks for one that is not, or not any more, waits for the
/// look-up, of which there is one at a time for each id however many ask. An id that nobody has is remembered too, for
/// a shorter time and apart, so that made-up ids push out no key. A look-up that fails or takes too long is 503,
/// unless [`stale`](CachedKeysBuilder::stale) says for how long the last answer will do.
///
/// A key that is revoked elsewhere is good here until it is looked up again, a minute at most by default:
/// [`forget`](Self::forget) it to make that now.
///
/// # Example
/// ```
/// use tower_parapet::auth::{StoreError, api_key::{ApiKeys, CachedKeys, StoredKey}};
///
/// # #[derive(Clone)] struct Database;
/// # impl Database {
/// #     async fn row(&self, _: &str) -> Result<Option<String>, std::io::Error> { Ok(None) }
/// # }
/// # let database = Database;
/// let store = CachedKeys::of(move |id: String| {
///     let database = database.clone();
///     async move {
///         let Some(row) = database.row(&id).await.map_err(StoreError::new)? else { return Ok(None) };
///         serde_json::from_str::<StoredKey>(&row).map(Some).map_err(StoreError::new)
///     }
/// })
/// .build()?;
/// let keys = ApiKeys::builder(store.clone()).build()?;
/// # let _ = keys;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct CachedKeys(Arc<Inner>);

struct Inner {
    lookup: Box<dyn KeyLookup>,
    clock: Arc<dyn Clock>,
    ttl: Duration,
    unknown_ttl: Duration,
    stale: Duration,
    timeout: Duration,
    known: Cache<Box<str>, Known>,
    unknown: Cache<Box<str>, Duration>,
    parallel: usize,
    flights: Flights<Arc<str>, Landed>,
}

/// A key, when it was looked up, and until when that will do, by the monotonic clock.
#[derive(Clone)]
struct Known {
    key: Arc<StoredKey>,
    since: Duration,
    until: Duration,
}

impl CachedKeys {
    /// Begins a store over a look-up, a closure say.
    pub fn of(lookup: impl KeyLookup) -> CachedKeysBuilder {
        CachedKeysBuilder::new(Box::new(lookup))
    }

    /// Forgets a key, so that the next request looks it up: for whoever learns that it was revoked or changed. A
    /// look-up under way is not remembered either.
    pub fn forget(&self, id: &str) {
        self.0.flights.disown(&Arc::from(id));
        self.0.known.remove(id);
        self.0.unknown.remove(id);
    }

    /// Forgets all keys.
    pub fn clear(&self) {
        self.0.flights.disown_all();
        self.0.known.clear();
        self.0.unknown.clear();
    }

    /// How many keys are remembered, those included that will be looked up again.
    pub fn len(&self) -> usize {
        self.0.known.len()
    }

    /// Whether no key is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl KeyStore for CachedKeys {
    fn find(&self, id: &str) -> Answer<Result<Option<Arc<StoredKey>>, StoreError>> {
        let now = self.0.clock.now();
        if let Some(known) = self.0.known.get(id)
            && now < known.until
        {
            return Answer::Now(Ok(Some(known.key)));
        }
        if self.0.unknown.get(id).is_some_and(|until| now < until) {
            return Answer::Now(Ok(None));
        }
        let landed = flight::join(&self.0, id);
        Answer::later(async move { landed.await.map_err(StoreError::new) })
    }
}

impl fmt::Debug for CachedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedKeys").field("len", &self.len()).finish_non_exhaustive()
    }
}
