//! What is remembered from fetch to fetch, and what follows from it.

use std::sync::Arc;
use std::time::Duration;

use super::settings::Timing;
use super::unknown::{Name, Unknown};
use crate::auth::jwt::fault::Fault;
use crate::auth::jwt::keyring::Claimed;
use crate::auth::jwt::undecided::{Undecided, Why};

const SOONEST: Duration = Duration::from_secs(60);
/// The first pause while there are no keys at all; it doubles up to the cooldown.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MOST_ASKING: usize = 128;

/// When something happened, by both clocks: one is never set, the other is what tokens speak of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: Duration,
    pub(super) unix: Duration,
}

/// All times but those of a [`Moment`] are monotonic.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The number of the last flight.
    pub(super) flights: u64,
    /// It has begun, or is about to, and has not landed.
    pub(super) is_flying: bool,
    pub(super) tried: Option<Moment>,
    /// When the fetch began that brought the keys in use; `None`: there are none.
    pub(super) fetched: Option<Moment>,
    pub(super) is_lost: bool,
    pub(super) failures: u64,
    pub(super) error: Option<Arc<str>>,
    /// When the next flight begins by itself.
    pub(super) due: Duration,
    pub(super) skipped: Vec<String>,
    pub(super) unknown: Unknown,
    /// The names that the flight is to bring, as far as they are counted.
    pub(super) asking: Vec<Name>,
}

impl State {
    /// Begins a flight.
    pub(super) fn take_off(&mut self, moment: Moment) -> u64 {
        self.flights += 1;
        self.is_flying = true;
        self.tried = Some(moment);
        self.flights
    }

    /// What becomes of a token with an unknown key: joins a flight, begins one, or is told.
    pub(super) fn miss(
        &mut self,
        kid: Option<&str>,
        claimed: Claimed,
        fault: Fault,
        timing: &Timing,
        moment: Moment,
    ) -> Fault {
        let name = self.unknown.name(kid);
        if self.fetched.is_some_and(|fetched| self.is_settled(name, claimed, fetched, moment)) {
            return fault;
        }
        if self.is_flying {
            // One that may have been made since cannot be told by this flight that its key is not there.
            if claimed.was_there(self.tried) {
                self.ask(name);
            }
            return Fault::Fetching(self.flights);
        }
        let left = self.left(timing, moment.now);
        if left.is_zero() {
            let flight = self.take_off(moment);
            self.ask(name);
            return Fault::Fetching(flight);
        }
        let why = match self.fetched {
            None if self.is_lost => Why::Stale,
            None => Why::NoKeys,
            // It came from before the set that does not have its key, or has nothing to tell by.
            Some(fetched) if kid.is_none() || !claimed.may_be_newer(fetched, timing.cooldown) => {
                return fault;
            }
            Some(_) => Why::Rotation,
        };
        Fault::Undecided(Undecided { why, retry_after: left, error: self.error.clone() })
    }

    /// Whether the issuer was asked about this key after the token was made, and did not have it.
    fn is_settled(&self, name: Name, claimed: Claimed, fetched: Moment, moment: Moment) -> bool {
        self.unknown.holds(name, moment.now)
            && claimed.issued_at.is_none_or(|at| at.as_secs() <= fetched.unix.as_secs())
    }

    fn ask(&mut self, name: Name) {
        if self.asking.len() < MOST_ASKING && !self.asking.contains(&name) {
            self.asking.push(name);
        }
    }

    /// How long until another flight may begin.
    pub(super) fn left(&self, timing: &Timing, now: Duration) -> Duration {
        match self.tried {
            None => Duration::ZERO,
            Some(tried) => tried.now.saturating_add(self.pause(timing)).saturating_sub(now),
        }
    }

    fn pause(&self, timing: &Timing) -> Duration {
        if self.fetched.is_some() {
            return timing.cooldown;
        }
        let doubled = u32::try_from(self.failures.saturating_sub(1).min(16)).unwrap_or(16);
        FIRST_PAUSE.saturating_mul(1 << doubled).min(timing.cooldown)
    }

    /// A flight has brought a set that has the keys of these names.
    pub(super) fn succeed(
        &mut self,
        moment: Moment,
        has_changed: bool,
        has: impl Fn(&Unknown) -> Vec<Name>,
    ) {
        self.fetched = Some(moment);
        self.is_lost = false;
        self.failures = 0;
        self.error = None;
        if has_changed {
            self.unknown.clear();
        }
        let has = has(&self.unknown);
        for name in std::mem::take(&mut self.asking) {
            if !has.contains(&name) {
                self.unknown.add(name, moment.now);
            }
        }
    }

    pub(super) fn fail(&mut self, error: Arc<str>) {
        self.failures += 1;
        self.error = Some(error);
        self.asking.clear();
    }

    /// Ends the flight, and says when the next one begins by itself.
    pub(super) fn land(&mut self, timing: &Timing, max_age: Option<Duration>, spread: Duration) {
        self.is_flying = false;
        let began = self.tried.map_or(Duration::ZERO, |tried| tried.now);
        let pause = if self.failures > 0 {
            let doubled = u32::try_from(self.failures.min(16)).unwrap_or(16) - 1;
            let patient = self.pause(timing).saturating_mul(1 << doubled);
            if self.fetched.is_some() { patient.min(timing.refresh) } else { self.pause(timing) }
        } else {
            let said = max_age.unwrap_or(timing.refresh).max(SOONEST);
            said.min(timing.refresh).max(timing.cooldown).saturating_sub(spread)
        };
        self.due = began.saturating_add(pause.max(self.pause(timing)));
    }

    /// When the keys will have been in use for too long.
    pub(super) fn stale_at(&self, timing: &Timing) -> Option<Duration> {
        self.fetched.map(|fetched| fetched.now.saturating_add(timing.stale))
    }
}

impl Claimed {
    /// Whether the token says that it was made before a flight began.
    fn was_there(self, flight: Option<Moment>) -> bool {
        let began = flight.map(|began| began.unix.as_secs());
        self.issued_at.zip(began).is_some_and(|(at, began)| at.as_secs() < began)
    }

    /// Whether the token may have been signed by a key that was not there yet, seen from the fetch.
    fn may_be_newer(self, fetched: Moment, cooldown: Duration) -> bool {
        self.issued_at.is_none_or(|at| at.saturating_add(cooldown) >= fetched.unix)
    }
}
