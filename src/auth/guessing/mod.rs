//! Guessing against one name: wrong secrets for a user or a key, wherever they come from.
//!
//! A throttle that counts forged credentials slows down a network. Whoever has many networks is not
//! slowed by it, so the schemes with secrets of their own also count by the name that is guessed at: ten
//! wrong secrets at once, and then one every three minutes, are tried; the others are answered 429
//! `rate-limited`, before anything is computed.
//!
//! Whoever guesses could so keep the owner out. Therefore secrets that were found good before, since
//! the process started, are tried as ever, whoever else is guessing; the count never waits for longer than
//! three minutes; and it goes down with time alone, so that the owner's success gives nobody new guesses.
//!
//! Names are kept as keyed hashes in a table of fixed size. Unknown names are counted as known ones are,
//! so that the answer tells nobody which there are. Where many names are guessed at, those with the fewest
//! wrong guesses are forgotten first.

mod limit;
mod table;

#[cfg(test)]
mod tests;

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use http::{HeaderValue, header::RETRY_AFTER};

pub use limit::Guesses;

use crate::{
    error::Mistakes,
    rejection::{Reason, Rejection},
};
use table::Table;

const DETAIL: &str = "too many wrong secrets; come back after the time in `Retry-After`";

/// The count of one scheme.
#[derive(Debug)]
pub(super) struct Guessing {
    limit: Guesses,
    table: Table,
    secret: RandomState,
}

/// A guess about to be tried; it counts as wrong unless it is [given back](Guessing::give_back).
#[cfg(any(test, feature = "basic"))]
#[derive(Debug)]
#[must_use = "a guess that is not given back counts"]
pub(super) struct Guess(u64);

impl Guessing {
    pub(super) fn new(limit: Guesses, setter: &'static str, mistakes: &mut Mistakes) -> Self {
        limit.check(setter, mistakes);
        let table = Table::new(limit.names, limit.each(), limit.burst);
        Self { limit, table, secret: RandomState::new() }
    }

    /// Whether nobody guessed lately: nothing has to be asked, and no clock read.
    #[cfg(any(test, feature = "api-key"))]
    pub(super) fn is_quiet(&self) -> bool {
        self.table.is_untouched()
    }

    /// How long a name has to wait before another secret for it is tried.
    pub(super) fn wait(&self, name: &[u8], now: Duration) -> Option<Duration> {
        if self.table.is_forgotten(now) {
            return None;
        }
        self.table.wait(self.tag(name), now)
    }

    /// Counts a wrong secret.
    #[cfg(any(test, feature = "api-key"))]
    pub(super) fn charge(&self, name: &[u8], now: Duration) {
        self.table.charge(self.tag(name), now);
    }

    /// Counts a secret before it is known to be wrong, so that guesses that are tried side by side are
    /// counted too.
    #[cfg(any(test, feature = "basic"))]
    pub(super) fn guess(&self, name: &[u8], now: Duration) -> Result<Guess, Duration> {
        let tag = self.tag(name);
        self.table.spend(tag, now).map(|()| Guess(tag))
    }

    /// Takes back the count of a secret that was good, or was not tried.
    #[cfg(any(test, feature = "basic"))]
    pub(super) fn give_back(&self, guess: Guess) {
        self.table.refund(guess.0);
    }

    /// The refusal of a secret that is not tried.
    #[cold]
    pub(super) fn refuse(&self, wait: Duration, who: String) -> Rejection {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Rejection::new(Reason::RateLimited)
            .detail(DETAIL)
            .expected(self.limit.to_string())
            .found(format!("more for {who}; this one was not tried"))
            .header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    fn tag(&self, name: &[u8]) -> u64 {
        self.secret.hash_one(name).max(1)
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.table.bytes()
    }
}
