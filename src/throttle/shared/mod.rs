//! Limits that several processes share, counted in Redis or Valkey.
//!
//! # Threat
//!
//! Ten replicas that count by themselves admit ten times the limit. A store they share is one more
//! thing to lose: where nobody has chosen what happens then, either every request fails, or every
//! limit is gone, and whoever can keep the store busy decides which. Keys that clients write would
//! let them choose their bucket, and fill the store.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | a request | – | one call for all limits of its key, decided together; charged to all or to none |
//! | the store cannot be asked, [`Shared::closed`] | 503 | `unavailable`, with `Retry-After` |
//! | the same, [`Shared::local_share`] | as ever | each process admits its part of the limit by its own memory |
//! | the same, [`DangerousShared::open`] | – | let through, and no limit is told |
//!
//! It cannot be asked when it does not answer in time, cannot write (`OOM`, `READONLY`), answers
//! otherwise than the script does, or has failed so often that nobody asks it for a while (see
//! [`redis`](crate::redis)). Each such answer is noted in the record as `store-lost` and counted in
//! [`Shared::lost_answers`]; readiness waits for the store, whatever was chosen, and the self-audit tells of it. Where limits go
//! on without it, a balancer that takes out whoever is not ready has to be told otherwise: the guide
//! shows it for Kubernetes.
//!
//! # What is counted
//!
//! The same rules as in memory, in the same integers, by the server's clock in microseconds: a
//! process whose clock is wrong does not matter. One Redis key a bucket holds all limits of a
//! throttle's key, and goes by itself when it says no more than a fresh one. Its name is the prefix
//! and 128 bits of a SHA-256 of the key, as a hash tag, and 64 of the limits: nothing a client
//! wrote reaches Redis, and other limits begin with other buckets.
//!
//! Where the server's clock is set back, what is left of a bucket's time goes on from there: it is
//! neither refilled nor held up. Where it is set forward, that time has passed. Periods of a
//! calendar are this process's, and the server's clock chooses among those of a quarter of an hour
//! around its own; further apart, the store counts as lost.
//!
//! A rate is counted in parts of which a request has as many as its period has nanoseconds, both
//! divided by what they have in common: up to 2⁵² of them for a whole burst, since Lua counts in
//! floats. `build()` refuses what is beyond, and windows that are not whole microseconds.
//!
//! # Example
//!
//! ```
//! use tower_parapet::Redis;
//! use tower_parapet::throttle::{Key, Limit, Shared, Throttle};
//!
//! let redis = Redis::builder("rediss://redis.internal").build()?;
//! // Four processes: while the store is lost, each admits a quarter.
//! let shared = Shared::local_share(redis.clone(), 4);
//! Throttle::per_minute(600)
//!     .and(Limit::per_day(100_000))
//!     .by(Key::Principal)
//!     .shared(shared)
//!     .build()?;
//! // Logins are refused rather than guessed at.
//! Throttle::per_minute(10).named("login").shared(Shared::closed(redis)).build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | while the store is lost | none: it has to be chosen |
//! | [`deny_cache`](Shared::deny_cache) | refusals are kept for 1 s at most |
//! | [`leases`](Shared::leases) | none; where there are, [`lease_hold`](Shared::lease_hold) is 1 s |
//! | [`hot_keys`](Shared::hot_keys) | 4096, about 2 MiB |
//! | connection, timeouts, prefix | those of the [`Redis`](crate::redis) client |
//!
//! # Bounds while the store is lost
//!
//! A part is the exact fraction of a rate, and its burst, or a window's quota, rounded down:
//! together the processes stay within the limit. Each process keeps an account of what the store
//! admitted through it, so that its part begins less what it has used of it; where one process had
//! used less than its part, and another one more, up to one more burst is admitted. A store that
//! comes back does not know what was admitted meanwhile: then up to another burst comes through,
//! and no more where it comes back without what it held. In a window it is as many quotas.
//! [`Throttle::overshoot`](crate::throttle::Throttle::overshoot) computes both.
//!
//! # What is kept near
//!
//! A key that was refused is refused without a call until the wait the store told is over, for 1 s
//! at most ([`Shared::deny_cache`]): that never admits more. Where it is asked for
//! ([`Shared::leases`]), a process borrows tokens of a key in batches and spends them without a
//! call. While the store is lost they are spent to their end, and then what was chosen decides; no
//! batch is borrowed of a share. A process that ends loses what it holds: that much less is
//! admitted, until it has come back or the window is over.
//!
//! # What this does not do
//!
//! A call that timed out may have been charged all the same, and is not taken back. Redis has but
//! a wall clock. Valkey speaks the same protocol, and is not tested.

mod counts;
mod ledger;
mod lost;
mod near;
mod share;
mod terms;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Mistakes;
use crate::redis::Redis;

use super::ledger::Ledger;
use super::limits::Limits;
use super::near::{Near, Settings};
use counts::Counts;
use ledger::RedisLedger;
use lost::Choice;
use terms::Terms;

/// A store of counts that processes share, and what happens while it is lost. See the
/// [module](self) for both.
///
/// Clones are the same one.
#[derive(Clone)]
pub struct Shared {
    redis: Redis,
    choice: Choice,
    near: Settings,
    answered: Arc<AtomicU64>,
}

impl Shared {
    /// While the store is lost, requests are refused with 503: for limits that stand between an
    /// attacker and a password.
    pub fn closed(redis: Redis) -> Self {
        Self::new(redis, Choice::Closed)
    }

    /// While the store is lost, each of `processes` admits its part of each limit by its own
    /// memory, of at most [`max_keys`](super::ThrottleBuilder::max_keys) keys. Too large a number
    /// admits less, too small a one more.
    pub fn local_share(redis: Redis, processes: u32) -> Self {
        Self::new(redis, Choice::Share(processes))
    }

    /// What weakens security; the self-audit reports it.
    pub fn dangerous(redis: Redis) -> DangerousShared {
        DangerousShared(redis)
    }

    /// How many requests were answered while the store was lost, by all throttles that have this
    /// one.
    pub fn lost_answers(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn new(redis: Redis, choice: Choice) -> Self {
        Self { redis, choice, near: Settings::default(), answered: Arc::default() }
    }

    pub(super) fn check(&self, limits: &Limits, mistakes: &mut Mistakes) {
        Terms::check(limits, mistakes);
        self.choice.check(limits, mistakes);
        self.near.check(mistakes);
    }

    pub(super) fn ledger(&self, buckets: usize) -> Arc<dyn Ledger> {
        let counts = Counts::new(self.redis.clone());
        let ledger = RedisLedger::new(counts, self.choice, buckets, self.answered.clone());
        match self.near.is_idle() {
            true => Arc::new(ledger),
            false => Arc::new(Near::new(Arc::new(ledger), self.near)),
        }
    }

    /// For the manifest.
    pub(super) fn summary(&self) -> String {
        let (name, choice, near) = (self.redis.name(), self.choice.summary(), self.near.summary());
        format!("shared through redis at {name}, {choice}{near}")
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("redis", &self.redis).field("lost", &self.choice).finish()
    }
}

/// What weakens a [`Shared`]; see [`Shared::dangerous`].
#[derive(Clone, Debug)]
#[must_use = "it does nothing by itself"]
pub struct DangerousShared(Redis);

impl DangerousShared {
    /// While the store is lost, every request is let through: whoever keeps it busy lifts the
    /// limit.
    pub fn open(self) -> Shared {
        Shared::new(self.0, Choice::Open)
    }
}
