//! Look-ups under way, one for each id.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt};

use super::{Inner, Known};
use crate::{
    auth::{api_key::StoredKey, stored::renewed},
    clock::within,
    flights::Place,
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

pub(super) type Landed = Result<Option<Arc<StoredKey>>, Failure>;

/// Waits for the look-up of an id, and begins it where nobody has.
pub(super) fn join(inner: &Arc<Inner>, id: &str) -> BoxFuture<'static, Landed> {
    let most = inner.parallel;
    let admit = |others| match others >= most {
        true => Err(failure(format!("{most} look-ups are under way, and that is the limit"))),
        false => Ok(()),
    };
    let joined = inner.flights.join_if(Arc::from(id), admit, |place, ()| {
        let (inner, id) = (inner.clone(), Arc::from(id));
        let landing = Landing { inner, id, place };
        async move { landing.fly().await }.boxed()
    });
    match joined {
        Ok(flight) => flight.boxed(),
        Err(failure) => std::future::ready(Err(failure)).boxed(),
    }
}

/// One look-up.
struct Landing {
    inner: Arc<Inner>,
    id: Arc<str>,
    place: Place<Arc<str>, Landed>,
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
        let key = renewed(before, key);
        if let Some(_owned) = self.place.owned() {
            unknown.remove(&*self.id);
            let until = now.saturating_add(*ttl);
            known.insert(Box::from(&*self.id), Known { key: key.clone(), since: now, until });
        }
        key
    }

    fn remember_nobody(&self, now: Duration) {
        let Inner { known, unknown, unknown_ttl, .. } = &*self.inner;
        if let Some(_owned) = self.place.owned() {
            known.remove(&*self.id);
            unknown.insert(Box::from(&*self.id), now.saturating_add(*unknown_ttl));
        }
    }

    /// The last answer, where it will do.
    fn make_do(&self, failure: Failure, now: Duration) -> Landed {
        let Inner { known, ttl, stale, .. } = &*self.inner;
        let Some(_owned) = self.place.owned() else { return Err(failure) };
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
