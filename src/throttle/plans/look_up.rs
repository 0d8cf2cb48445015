//! Plans that are looked up, and remembered for a while.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quick_cache::sync::Cache;

use crate::answer::{Answer, StoreError};
use crate::clock::within;
use crate::context::Principal;
use crate::flights::{Flights, Place as Berth};
use crate::rejection::Rejection;

use super::super::choice::{Place, Selector};
use super::super::key::Facts;
use super::super::sip::Secret;
use super::selectors::Names;
use super::source::PlanSource;

/// After a failure the source is not asked about the same caller for so long.
const PAUSE: Duration = Duration::from_secs(1);

const EXPECTED: &str = "a source of plans that answers";

/// A caller by two hashes under secrets of this process, so that it is known without being kept.
type CallerId = [u64; 2];

type Looked = Result<Option<String>, StoreError>;

/// What a look-up came to, for all who wait for it: a place, or why there is none.
type Landed = Result<usize, Failure>;

#[derive(Clone, Debug)]
struct Failure(Arc<str>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// What is remembered of a caller, until a time of the monotonic clock.
#[derive(Clone)]
struct Known {
    landed: Landed,
    until: Duration,
}

pub(super) struct LookUp(Arc<Inner>);

struct Inner {
    source: Arc<dyn PlanSource>,
    names: Names,
    fallback: Place,
    ttl: Duration,
    timeout: Duration,
    parallel: usize,
    known: Cache<CallerId, Known>,
    flights: Flights<CallerId, Landed>,
    secrets: [Secret; 2],
}

pub(super) struct Settings {
    pub(super) source: Arc<dyn PlanSource>,
    pub(super) names: Names,
    pub(super) fallback: Place,
    pub(super) ttl: Duration,
    pub(super) timeout: Duration,
    pub(super) capacity: usize,
    pub(super) parallel: usize,
}

impl LookUp {
    pub(super) fn new(settings: Settings) -> Self {
        let Settings { source, names, fallback, ttl, timeout, capacity, parallel } = settings;
        Self(Arc::new(Inner {
            source,
            names,
            fallback,
            ttl,
            timeout,
            parallel,
            known: Cache::new(capacity),
            flights: Flights::default(),
            secrets: [Secret::random(), Secret::random()],
        }))
    }
}

impl Selector for LookUp {
    fn select(&self, facts: Facts<'_>, now: Duration) -> Answer<Result<Place, Rejection>> {
        let Some(principal) = facts.principal() else { return Answer::Now(Ok(None)) };
        let id = self.0.id(principal);
        if let Some(known) = self.0.known.get(&id).filter(|known| now < known.until) {
            return Answer::Now(self.0.place(known.landed));
        }
        let asked = match self.0.source.plan_of(principal) {
            Answer::Now(looked) => return Answer::Now(self.0.place(self.0.landed(looked))),
            Answer::Later(asked) => asked,
        };
        match self.0.join(id, asked, now) {
            Ok(landed) => {
                let inner = self.0.clone();
                Answer::later(async move { inner.place(landed.await) })
            }
            Err(failure) => Answer::Now(self.0.place(Err(failure))),
        }
    }
}

impl Inner {
    fn id(&self, principal: &Principal) -> CallerId {
        self.secrets.map(|secret| {
            let mut hash = secret.hasher();
            hash.text(principal.issuer().as_bytes());
            hash.text(principal.subject().as_bytes());
            hash.finish()
        })
    }

    fn landed(&self, looked: Looked) -> Landed {
        match looked {
            Ok(name) => Ok(self.names.place(name.as_deref())),
            Err(error) => Err(Failure(error.to_string().into())),
        }
    }

    fn place(&self, landed: Landed) -> Result<Place, Rejection> {
        match (landed, self.fallback) {
            (Ok(place), _) => Ok(Some(place)),
            (Err(_), Some(fallback)) => Ok(Some(fallback)),
            (Err(failure), None) => Err(StoreError::new(failure).refusal(EXPECTED)),
        }
    }

    /// Waits for the look-up of a caller, and begins it where nobody has.
    fn join(
        self: &Arc<Self>,
        id: CallerId,
        asked: BoxFuture<'static, Looked>,
        now: Duration,
    ) -> Result<impl Future<Output = Landed> + Send + 'static, Failure> {
        let most = self.parallel;
        let admit = |others| match others >= most {
            true => Err(full(most)),
            false => Ok(()),
        };
        self.flights.join_if(id, admit, |berth, ()| {
            let inner = self.clone();
            async move { inner.fly(id, asked, now, berth).await }.boxed()
        })
    }

    async fn fly(
        &self,
        id: CallerId,
        asked: BoxFuture<'static, Looked>,
        now: Duration,
        berth: Berth<CallerId, Landed>,
    ) -> Landed {
        let landed = match within(self.timeout, asked).await {
            Some(looked) => self.landed(looked),
            None => {
                let late = format!("no answer within {} ms", self.timeout.as_millis());
                Err(Failure(late.into()))
            }
        };
        let keep = match &landed {
            Ok(_) => self.ttl,
            Err(failure) => {
                tracing::warn!(
                    target: "tower_parapet::throttle",
                    "the plan of a caller could not be looked up: {failure}"
                );
                self.ttl.min(PAUSE)
            }
        };
        if let Some(_owned) = berth.owned() {
            let until = now.saturating_add(keep);
            self.known.insert(id, Known { landed: landed.clone(), until });
        }
        landed
    }
}

#[cold]
fn full(most: usize) -> Failure {
    Failure(format!("{most} look-ups are under way, and that is the limit").into())
}
