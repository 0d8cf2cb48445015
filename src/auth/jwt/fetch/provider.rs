//! The issuer's key service, seen from here: one flight at a time, and who waits for it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::document::{Document, FetchError, Fetched};
use super::keeper;
use super::settings::Timing;
use super::state::{Moment, State};
use crate::auth::jwt::algorithm::AlgorithmSet;
use crate::auth::jwt::fault::Fault;
use crate::auth::jwt::health::{KeyHealth, KeyState};
use crate::auth::jwt::keyring::{Change, Claimed, Keyring};
use crate::auth::jwt::undecided::{Undecided, Why};
use crate::clock::{SharedClock, within};

/// Requests that wait for one flight. Strangers can make requests wait.
const MOST_WAITING: usize = 1024;
/// A request makes sure of the keeper this often.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
const TARGET: &str = "tower_parapet::keys";

/// What fetches the keys of one issuer.
pub(in crate::auth::jwt) struct Provider {
    issuer: String,
    allowed: AlgorithmSet,
    document: Arc<Document>,
    timing: Timing,
    clock: SharedClock,
    /// Never held across a wait.
    state: Mutex<State>,
    /// Calls the keeper: there is something to fetch, or nobody left to fetch for.
    call: Arc<Notify>,
    landed: watch::Sender<u64>,
    waiting: Arc<AtomicUsize>,
    is_kept: AtomicBool,
}

/// What the keeper does next.
pub(super) enum Next {
    Fly(Arc<Document>, AlgorithmSet),
    /// Until this time since the epoch, or until it is called.
    Wait(Duration),
}

impl Provider {
    pub(super) fn new(
        issuer: &str,
        allowed: AlgorithmSet,
        document: Document,
        timing: Timing,
        clock: SharedClock,
    ) -> Self {
        Self {
            issuer: issuer.to_owned(),
            allowed,
            document: Arc::new(document),
            timing,
            clock,
            state: Mutex::default(),
            call: Arc::default(),
            landed: watch::Sender::new(0),
            waiting: Arc::default(),
            is_kept: AtomicBool::new(false),
        }
    }

    /// Sees to it that somebody looks after the keys; `false` outside of a runtime.
    pub(in crate::auth::jwt) fn start(&self, ring: &Arc<Keyring>) -> bool {
        if self.is_kept.swap(true, Ordering::AcqRel) {
            return true;
        }
        match Handle::try_current() {
            Ok(runtime) => {
                let keeping = keeper::keep(ring, self.call.clone(), self.clock.clone());
                drop(runtime.spawn(keeping));
                true
            }
            Err(_) => {
                self.is_kept.store(false, Ordering::Release);
                false
            }
        }
    }

    /// Looks after what a request relies on, and tells how soon the next one should.
    pub(in crate::auth::jwt) fn look(&self, ring: &Arc<Keyring>) -> Duration {
        self.start(ring);
        let now = self.clock.0.now();
        let stale_at = self.expire(ring, now);
        stale_at.map_or(LOOK_AGAIN, |at| at.saturating_sub(now).min(LOOK_AGAIN))
    }

    pub(in crate::auth::jwt) fn miss(
        &self,
        ring: &Arc<Keyring>,
        kid: Option<&str>,
        claimed: Claimed,
        fault: Fault,
    ) -> Fault {
        let told = self.state().miss(kid, claimed, fault, &self.timing, self.moment());
        if let Fault::Fetching(_) = told {
            if !self.start(ring) {
                return self.no_runtime();
            }
            self.call.notify_one();
        }
        told
    }

    #[cold]
    fn no_runtime(&self) -> Fault {
        let mut state = self.state();
        state.fail("there is no tokio runtime".into());
        state.land(&self.timing, None, Duration::ZERO);
        let retry_after = state.left(&self.timing, self.clock.0.now());
        let error = state.error.clone();
        Fault::Undecided(Undecided { why: Why::NoKeys, retry_after, error })
    }

    pub(in crate::auth::jwt) fn landed(&self, flight: u64) -> Option<BoxFuture<'static, ()>> {
        let seat = Seat::take(&self.waiting)?;
        let mut landed = self.landed.subscribe();
        let patience = self.timing.patience;
        Some(Box::pin(async move {
            let _seat = seat;
            let arrival = landed.wait_for(|last| *last >= flight);
            // Where nobody flies any more, or not in time, the next look will tell.
            let _ = within(patience, arrival).await;
        }))
    }

    pub(super) fn next(&self, ring: &Arc<Keyring>) -> Next {
        let now = self.clock.0.now();
        let stale_at = self.expire(ring, now);
        let mut state = self.state();
        if !state.is_flying && state.due > now {
            let wake = stale_at.map_or(state.due, |at| at.min(state.due));
            return Next::Wait(self.clock.0.unix().saturating_add(wake.saturating_sub(now)));
        }
        if !state.is_flying {
            state.take_off(self.moment());
        }
        Next::Fly(self.document.clone(), self.allowed)
    }

    pub(super) fn land(&self, ring: &Keyring, outcome: Result<Fetched, FetchError>) {
        let flight = match outcome {
            Ok(fetched) => self.land_with(ring, fetched),
            Err(error) => self.land_without(&error.to_string()),
        };
        self.landed.send_replace(flight);
    }

    fn land_with(&self, ring: &Keyring, fetched: Fetched) -> u64 {
        let change = ring.replace(fetched.keys);
        let mut state = self.state();
        let began = state.tried.unwrap_or_else(|| self.moment());
        let failures = state.failures;
        let set = ring.set();
        state.succeed(began, !change.is_empty(), |unknown| {
            set.keys().iter().map(|key| unknown.name(key.id())).collect()
        });
        let spread = spread(self.timing.refresh.min(fetched.max_age.unwrap_or(Duration::MAX)));
        state.land(&self.timing, fetched.max_age, spread);
        let has_new_remarks = state.skipped != fetched.skipped;
        state.skipped = fetched.skipped;
        let skipped = has_new_remarks.then(|| state.skipped.join(", "));
        let flight = state.flights;
        drop(state);
        self.tell(&change, failures, skipped.as_deref());
        flight
    }

    fn tell(&self, change: &Change, failures: u64, skipped: Option<&str>) {
        let issuer = self.issuer.as_str();
        if !change.is_empty() {
            let (added, removed) = (change.added.join(", "), change.removed.join(", "));
            tracing::info!(target: TARGET, issuer, added, removed, "the issuer's keys have changed");
        }
        if failures > 0 {
            tracing::info!(target: TARGET, issuer, failures, "the issuer's keys are fetched again");
        }
        if let Some(skipped) = skipped.filter(|skipped| !skipped.is_empty()) {
            tracing::warn!(target: TARGET, issuer, skipped, "keys of the issuer are not used");
        }
    }

    fn land_without(&self, error: &str) -> u64 {
        let mut state = self.state();
        state.fail(error.into());
        state.land(&self.timing, None, Duration::ZERO);
        let (flight, failures) = (state.flights, state.failures);
        drop(state);
        let issuer = self.issuer.as_str();
        tracing::warn!(target: TARGET, issuer, failures, error, "the issuer's keys cannot be fetched");
        flight
    }

    /// The keeper is gone, with its runtime or by a panic; a flight with it.
    pub(super) fn abandon(&self) {
        self.is_kept.store(false, Ordering::Release);
        let is_flying = self.state().is_flying;
        if is_flying {
            let flight = self.land_without("the runtime it ran in has ended");
            self.landed.send_replace(flight);
        }
    }

    /// Takes keys away that could not be renewed for too long; tells when those in use will be.
    fn expire(&self, ring: &Keyring, now: Duration) -> Option<Duration> {
        let mut state = self.state();
        let stale_at = state.stale_at(&self.timing)?;
        if now < stale_at {
            return Some(stale_at);
        }
        state.fetched = None;
        state.is_lost = true;
        ring.replace(Vec::new());
        drop(state);
        let issuer = self.issuer.as_str();
        tracing::error!(
            target: TARGET, issuer,
            "the issuer's keys could not be renewed for too long and are used no longer",
        );
        None
    }

    pub(in crate::auth::jwt) fn describe(&self, health: &mut KeyHealth) {
        let state = self.state();
        let Moment { now, unix } = self.moment();
        let at = |monotonic: Duration| match monotonic.checked_sub(now) {
            Some(ahead) => unix.saturating_add(ahead),
            None => unix.saturating_sub(now.saturating_sub(monotonic)),
        };
        health.state = match state.fetched {
            None if state.is_lost => KeyState::Lost,
            None => KeyState::Waiting,
            Some(_) if state.failures > 0 => KeyState::Stale,
            Some(_) => KeyState::Fresh,
        };
        health.source = Some(self.document.name());
        health.fetched_at = state.fetched.map(|fetched| fetched.unix);
        health.stale_at = state.stale_at(&self.timing).map(at);
        health.next_fetch = Some(at(if state.is_flying { now } else { state.due }));
        health.fetches = state.flights;
        health.failures = state.failures;
        health.error = state.error.as_deref().map(str::to_owned);
        health.skipped.clone_from(&state.skipped);
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.0.now(), unix: self.clock.0.unix() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the keeper notice that it has nobody left.
impl Drop for Provider {
    fn drop(&mut self) {
        self.call.notify_one();
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("issuer", &self.issuer)
            .field("document", &self.document.name())
            .finish_non_exhaustive()
    }
}

/// A place among those that wait.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(waiting: &Arc<AtomicUsize>) -> Option<Self> {
        let seat = Self(waiting.clone());
        (waiting.fetch_add(1, Ordering::Relaxed) < MOST_WAITING).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Up to a tenth of the interval, so that a fleet that was started at once does not fetch at once.
fn spread(interval: Duration) -> Duration {
    let share = getrandom::u32().unwrap_or_default() % 1024;
    (interval / 10).saturating_mul(share) / 1024
}
