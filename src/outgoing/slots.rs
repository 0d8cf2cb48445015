//! The tokens there are: one for each grant, renewed before it ends.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::dpop::Prover;
use super::endpoint::TokenEndpoint;
use super::error::{Fault, TokenError};
use super::grant::Grant;
use super::token::Token;
use crate::breaker::Breaker;
use crate::flights::Flights;

const TARGET: &str = "tower_parapet::outgoing";

/// How many grants are kept. A service has a handful.
const MOST_GRANTS: usize = 64;

/// An issuer that refused is not asked the same again so soon.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// A service that refuses every token does not make us fetch one with each call.
const BETWEEN_DISCARDS: Duration = Duration::from_secs(10);

/// All tokens from one issuer.
pub(super) struct Slots {
    pub(super) endpoint: TokenEndpoint,
    pub(super) prover: Option<Prover>,
    pub(super) breaker: Breaker,
    pub(super) flights: Flights<Grant, Result<Arc<Token>, TokenError>>,
    slots: Mutex<HashMap<Grant, Arc<Slot>>>,
}

/// The token of one grant.
#[derive(Default)]
struct Slot {
    token: ArcSwapOption<Token>,
    /// Somebody fetches the next one in the background.
    is_renewing: AtomicBool,
    refused: Mutex<Option<(TokenError, Duration)>>,
    /// When a token was thrown away last, in milliseconds and one.
    discarded: AtomicU64,
}

impl Slots {
    pub(super) fn new(endpoint: TokenEndpoint, prover: Option<Prover>) -> Self {
        Self {
            endpoint,
            prover,
            breaker: Breaker::default(),
            flights: Flights::default(),
            slots: Mutex::default(),
        }
    }

    /// A token that still counts: at once where there is one.
    pub(super) async fn token(self: &Arc<Self>, grant: &Grant) -> Result<Arc<Token>, TokenError> {
        let (slot, now) = (self.slot(grant), self.endpoint.now());
        if let Some(token) = slot.token.load_full().filter(|token| !token.is_over(now)) {
            if token.is_due(now) {
                self.renew(grant, &slot, now);
            }
            return Ok(token);
        }
        slot.refuses(now)?;
        self.fly(grant, slot).await
    }

    /// Throws a token away that its service refuses; whether to try another one.
    pub(super) fn discard(&self, grant: &Grant, refused: &Arc<Token>) -> bool {
        let slot = self.slot(grant);
        let current = slot.token.load_full();
        if !current.as_ref().is_some_and(|current| Arc::ptr_eq(current, refused)) {
            // Another call was told before, and the next token is there or on its way.
            return true;
        }
        let now = u64::try_from(self.endpoint.now().as_millis()).unwrap_or(u64::MAX);
        let least = u64::try_from(BETWEEN_DISCARDS.as_millis()).unwrap_or(u64::MAX);
        let is_time = |last: u64| last == 0 || now.saturating_sub(last - 1) >= least;
        let claimed = slot.discarded.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| {
            is_time(last).then(|| now.saturating_add(1))
        });
        if claimed.is_ok() {
            slot.token.compare_and_swap(&current, None);
        }
        claimed.is_ok()
    }

    /// Fetches the next one while this one is used.
    fn renew(self: &Arc<Self>, grant: &Grant, slot: &Arc<Slot>, now: Duration) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.breaker.check(now).is_err()
            || slot.refuses(now).is_err()
            || slot.is_renewing.swap(true, Ordering::SeqCst)
        {
            return;
        }
        let flight = self.fly(grant, slot.clone());
        let renewal = Renewal(slot.clone());
        let issuer = self.endpoint.endpoint.to_string();
        runtime.spawn(async move {
            if let Err(error) = flight.await {
                let why = error.told();
                tracing::warn!(target: TARGET, issuer, why, "a token could not be renewed");
            }
            drop(renewal);
        });
    }

    fn fly(
        self: &Arc<Self>,
        grant: &Grant,
        slot: Arc<Slot>,
    ) -> impl Future<Output = Result<Arc<Token>, TokenError>> + Send + 'static {
        self.flights.join(grant.clone(), || {
            let (own, grant) = (self.clone(), grant.clone());
            async move { own.fetch(&grant, &slot).await }
        })
    }

    async fn fetch(&self, grant: &Grant, slot: &Slot) -> Result<Arc<Token>, TokenError> {
        let admitted = self.breaker.admit(self.endpoint.now());
        let pass = admitted.map_err(|open| Fault::Open(open.retry_after))?;
        match self.endpoint.ask(grant, self.prover.as_ref()).await {
            Ok(token) => {
                pass.succeeded();
                let token = Arc::new(token);
                slot.token.store(Some(token.clone()));
                *lock(&slot.refused) = None;
                Ok(token)
            }
            Err(error) => {
                let now = self.endpoint.now();
                if error.is_unavailable() {
                    pass.failed(now);
                } else {
                    // It answers, if not with a token for this grant; others may fare better.
                    pass.succeeded();
                    let until = now.saturating_add(REFUSED_FOR);
                    *lock(&slot.refused) = Some((error.clone(), until));
                }
                Err(error)
            }
        }
    }

    fn slot(&self, grant: &Grant) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(grant) {
            return slot.clone();
        }
        if slots.len() >= MOST_GRANTS {
            let now = self.endpoint.now();
            slots.retain(|_, slot| slot.token.load().as_ref().is_some_and(|t| !t.is_over(now)));
        }
        if slots.len() >= MOST_GRANTS {
            let any = slots.keys().next().cloned();
            any.and_then(|grant| slots.remove(&grant));
        }
        slots.entry(grant.clone()).or_default().clone()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.slots).len()
    }
}

impl Slot {
    fn refuses(&self, now: Duration) -> Result<(), TokenError> {
        match &*lock(&self.refused) {
            Some((error, until)) if now < *until => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

/// Ends with the task, however that ends.
struct Renewal(Arc<Slot>);

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.is_renewing.store(false, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
