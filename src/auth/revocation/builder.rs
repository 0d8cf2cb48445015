use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::list::{Backing, Inner, Shared};
use super::memory::Memory;
use super::{RevocationStore, Revocations};
use crate::auth::token::{IntoTokenCheck, TokenCheck};
use crate::clock::{Clock, SystemClock};
use crate::error::{ConfigError, Mistakes};

const CAPACITY: usize = 100_000;
const MOST: usize = 10_000_000;
const LIFETIME: Duration = Duration::from_secs(24 * 3600);
const MOST_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);
const SKEW: Duration = Duration::from_secs(60);
const MOST_SKEW: Duration = Duration::from_secs(300);
const STORE_DEADLINE: Duration = Duration::from_secs(1);
const MOST_REMEMBERED: Duration = Duration::from_secs(300);

/// Builds [`Revocations`]; see [`Revocations::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct RevocationsBuilder {
    capacity: Option<usize>,
    lifetime: Duration,
    skew: Duration,
    store: Option<Arc<dyn RevocationStore>>,
    on_failure: Option<OnFailure>,
    store_deadline: Duration,
    remember: Duration,
    outliving: bool,
    clock: Arc<dyn Clock>,
}

/// What is done with a token that the store says nothing about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnFailure {
    Refuse,
    Admit,
}

impl RevocationsBuilder {
    pub(super) fn new() -> Self {
        Self {
            capacity: None,
            lifetime: LIFETIME,
            skew: SKEW,
            store: None,
            on_failure: None,
            store_deadline: STORE_DEADLINE,
            remember: Duration::ZERO,
            outliving: false,
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// How many entries for tokens, sessions and identities the list in memory takes, at most
    /// 10,000,000. Default 100,000, about 100 bytes each. For issuers there is room for 1,000 more.
    pub fn capacity(mut self, entries: usize) -> Self {
        self.capacity = Some(entries);
        self
    }

    /// How long a token may be good for at most, from `iat` to `exp`; a year at most. Default 24 h.
    ///
    /// Entries for sessions, identities and issuers are kept for so long, so a token that is good for
    /// longer could come back once its entry is gone: it is refused, and so is one that does not say
    /// when it was issued. Write what the issuer gives, and the list stays short.
    pub fn longest_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The clock skew of the scheme, by which tokens outlive their `exp`, at most 5 min. Default 60 s.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// Keeps the list in a store that several processes share, in place of memory. Whether tokens are
    /// refused while it does not answer has to be said: [`fail_closed`](Self::fail_closed), or
    /// `dangerous().fail_open()`.
    pub fn with_store(mut self, store: impl RevocationStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// While the store does not answer, every token is refused: 503 with `Retry-After`.
    pub fn fail_closed(mut self) -> Self {
        self.on_failure = Some(OnFailure::Refuse);
        self
    }

    /// How long the store may take to answer; afterwards it counts as one that does not. Default 1 s.
    pub fn store_deadline(mut self, deadline: Duration) -> Self {
        self.store_deadline = deadline;
        self
    }

    /// For how long the store is not asked again about a token that it knew nothing of, at most
    /// 5 min: a revocation by another process takes so much longer to be heard. In whole
    /// milliseconds. Default: it is asked with every request.
    pub fn remember(mut self, time: Duration) -> Self {
        self.remember = time;
        self
    }

    /// Takes time from another clock, in tests for example: the one that the stack has.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Choices that weaken the protection. Each is reported by the self-audit.
    pub fn dangerous(self) -> DangerousRevocations {
        DangerousRevocations(self)
    }

    /// The list.
    ///
    /// # Errors
    ///
    /// Every mistake at once: a store without a word on what happens when it fails, or such a word
    /// without a store; a value out of its range.
    pub fn build(self) -> Result<Revocations, ConfigError> {
        let mut mistakes = Mistakes::default();
        self.check(&mut mistakes);
        mistakes.finish()?;
        Ok(self.finish())
    }

    fn finish(self) -> Revocations {
        let backing = match self.store {
            None => Backing::Memory(Memory::new(self.capacity.unwrap_or(CAPACITY))),
            Some(store) => Backing::Store(Shared::new(
                store,
                self.on_failure.unwrap_or(OnFailure::Refuse),
                self.store_deadline,
                self.remember,
            )),
        };
        Revocations(Arc::new(Inner {
            backing,
            lifetime: self.lifetime,
            skew: self.skew,
            outliving: self.outliving,
            clock: self.clock,
        }))
    }

    fn check(&self, mistakes: &mut Mistakes) {
        match (&self.store, self.on_failure) {
            (Some(_), None) => {
                let remedy = "write `.fail_closed()`, or `.dangerous().fail_open()`";
                mistakes.push("with_store", "", "says nothing about when it fails", remedy);
            }
            (None, Some(_)) => {
                let remedy = "leave it out, or add `.with_store(…)`";
                mistakes.push("fail_closed", "", "is about a store, and there is none", remedy);
            }
            _ => {}
        }
        if self.store.is_some() && self.capacity.is_some() {
            let remedy = "leave it out: how much fits is the store's to say";
            mistakes.push("capacity", "", "is about the list in memory", remedy);
        }
        if let Some(capacity) = self.capacity.filter(|entries| !(1..=MOST).contains(entries)) {
            let problem = "is not from 1 to 10000000";
            mistakes.push("capacity", capacity.to_string(), problem, "write how many entries fit");
        }
        let mut within = |setter: &'static str, value: Duration, most: Duration| {
            if value > most {
                let problem = format!("is more than {} s", most.as_secs());
                mistakes.push(setter, format!("{value:?}"), problem, "write a shorter time");
            }
        };
        within("longest_lifetime", self.lifetime, MOST_LIFETIME);
        within("clock_skew", self.skew, MOST_SKEW);
        within("remember", self.remember, MOST_REMEMBERED);
        if self.lifetime.is_zero() {
            let remedy = "write how long the issuer's tokens are good for";
            mistakes.push("longest_lifetime", "0ns", "lets no token through", remedy);
        }
        mistakes.refuse_zero("store_deadline", self.store_deadline);
    }
}

/// In memory, with the defaults.
impl Default for Revocations {
    fn default() -> Self {
        RevocationsBuilder::new().finish()
    }
}

impl IntoTokenCheck for RevocationsBuilder {
    fn into_token_check(self) -> Result<Arc<dyn TokenCheck>, ConfigError> {
        Ok(Arc::new(self.build()?))
    }
}

impl fmt::Debug for RevocationsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationsBuilder")
            .field("capacity", &self.capacity)
            .field("longest_lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// Choices of a [`RevocationsBuilder`] that weaken the protection; see
/// [`RevocationsBuilder::dangerous`].
#[must_use = "choose, and the builder comes back"]
#[derive(Debug)]
pub struct DangerousRevocations(RevocationsBuilder);

impl DangerousRevocations {
    /// While the store does not answer, tokens count as not revoked: who can keep it from answering
    /// gets a revoked token through.
    pub fn fail_open(mut self) -> RevocationsBuilder {
        self.0.on_failure = Some(OnFailure::Admit);
        self.0
    }

    /// Takes tokens that are good for longer than the list remembers, or do not say when they were
    /// issued: one of a session that was ended is good again once the entry is gone.
    pub fn outliving_tokens(mut self) -> RevocationsBuilder {
        self.0.outliving = true;
        self.0
    }
}
