//! The keys of one issuer over time: those that were given, and those that are fetched.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::claims::Rules;
use super::fault::Fault;
use super::fetch::Provider;
use super::health::KeyHealth;
use super::key::{Fingerprint, Key, KeySet};
use crate::json;

/// Finds the key of a token without a lock, whatever goes on behind it.
#[derive(Debug)]
pub(super) struct Keyring {
    set: ArcSwap<KeySet>,
    /// How often a set came that lacked a key of the one before.
    revocations: AtomicU64,
    /// From which second since the epoch on a request makes sure that somebody looks after the keys.
    look_at: AtomicU64,
    /// Given with the configuration: they stay.
    fixed: Vec<Arc<Key>>,
    provider: Option<Provider>,
}

/// Which key has verified a token, and how many had been taken back by then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    key: Fingerprint,
    revocations: u64,
}

/// What a token says of its signature.
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) kid: Option<&'a str>,
    pub(super) algorithm: Algorithm,
    pub(super) text: &'a [u8],
    pub(super) signature: &'a [u8],
}

/// What a token whose key is unknown claims: enough to ask the issuer about the key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claimed {
    /// `None` where it does not say.
    pub(super) issued_at: Option<Duration>,
}

impl Rules {
    /// What a token that nobody has verified claims, if it could be taken once its key is known.
    pub(super) fn claimed(&self, payload: &[u8], now: Duration) -> Option<Claimed> {
        let claims = json::object(payload).ok()?;
        let is_own = claims.get("iss").and_then(Value::as_str) == Some(self.issuer.as_str());
        let window = self.lifetime.window(&claims).ok().filter(|_| is_own)?;
        let is_over = now >= window.until.saturating_add(self.skew);
        let issued_at = Some(window.from).filter(|from| !from.is_zero());
        (!is_over).then_some(Claimed { issued_at })
    }
}

impl Keyring {
    /// Those that were given, and where there is a provider, those that it publishes.
    pub(super) fn new(fixed: Vec<Key>, provider: Option<Provider>) -> Arc<Self> {
        let fixed: Vec<_> = fixed.into_iter().map(Arc::new).collect();
        let look_at = if provider.is_some() { 0 } else { u64::MAX };
        let ring = Arc::new(Self {
            set: ArcSwap::from_pointee(KeySet::new(fixed.clone())),
            revocations: AtomicU64::new(0),
            look_at: AtomicU64::new(look_at),
            fixed,
            provider,
        });
        if let Some(provider) = &ring.provider {
            provider.start(&ring);
        }
        ring
    }

    /// The set of this moment.
    pub(super) fn set(&self) -> Arc<KeySet> {
        self.set.load_full()
    }

    pub(super) fn provider(&self) -> Option<&Provider> {
        self.provider.as_ref()
    }

    /// Verifies a signature. Where no key has the token's name, what the token claims decides
    /// whether its issuer is asked; `None`: it is not one of its tokens in any case.
    pub(super) fn verify(
        self: &Arc<Self>,
        token: Signed<'_>,
        now: Duration,
        claimed: impl Fn() -> Option<Claimed>,
    ) -> Result<Mark, Fault> {
        self.look(now);
        loop {
            // Before the set: one that is older than the number is found out, never the other way.
            let revocations = self.revocations.load(Ordering::Acquire);
            let set = self.set.load();
            match set.verify(token.kid, token.algorithm, token.text, token.signature) {
                Ok(key) => return Ok(Mark { key, revocations }),
                Err(fault) => {
                    let fault = self.miss(&set, token.kid, fault, &claimed);
                    // Nobody is refused by a set that has been replaced meanwhile.
                    let is_told = matches!(fault, Fault::Fetching(_));
                    if is_told || Arc::ptr_eq(&set, &self.set.load()) {
                        return Err(fault);
                    }
                }
            }
        }
    }

    /// Whether the key that verified a token is still good.
    pub(super) fn vouches(self: &Arc<Self>, mark: Mark, now: Duration) -> bool {
        self.look(now);
        self.revocations.load(Ordering::Acquire) == mark.revocations
            || self.set.load().contains(mark.key)
    }

    /// Completes when the flight of that number has landed, or too long after. `None` where too many
    /// wait already.
    pub(super) fn landed(&self, flight: u64) -> Option<BoxFuture<'static, ()>> {
        self.provider.as_ref()?.landed(flight)
    }

    #[cold]
    fn miss(
        self: &Arc<Self>,
        set: &KeySet,
        kid: Option<&str>,
        fault: Fault,
        claimed: &impl Fn() -> Option<Claimed>,
    ) -> Fault {
        let Some(provider) = &self.provider else { return fault };
        let is_known = kid.is_some_and(|kid| set.names(kid));
        // One key of several without a name may be the one that is missing.
        let may_be_missing = matches!(fault, Fault::UnknownKey { .. } | Fault::Signature)
            || matches!(fault, Fault::KeyAlgorithm { .. });
        if is_known || !may_be_missing {
            return fault;
        }
        match claimed() {
            Some(claimed) => provider.miss(self, kid, claimed, fault),
            None => fault,
        }
    }

    fn look(self: &Arc<Self>, now: Duration) {
        if now.as_secs() >= self.look_at.load(Ordering::Relaxed) {
            self.have_a_look(now);
        }
    }

    /// Makes sure that somebody looks after the keys.
    pub(super) fn tend(self: &Arc<Self>) {
        if let Some(provider) = &self.provider {
            provider.look(self);
        }
    }

    #[cold]
    fn have_a_look(self: &Arc<Self>, now: Duration) {
        if let Some(provider) = &self.provider {
            let pause = provider.look(self);
            let next = now.saturating_add(pause).as_secs().max(now.as_secs() + 1);
            self.look_at.store(next, Ordering::Relaxed);
        }
    }

    /// Puts fetched keys in the place of those before, and tells what has changed.
    pub(super) fn replace(&self, fetched: Vec<Arc<Key>>) -> Change {
        let before = self.set();
        let keys = self.fixed.iter().cloned().chain(fetched).collect();
        let after = Arc::new(KeySet::new(keys));
        self.set.store(after.clone());
        let change = Change { added: without(&after, &before), removed: without(&before, &after) };
        if !change.removed.is_empty() {
            self.revocations.fetch_add(1, Ordering::Release);
        }
        change
    }

    /// How the keys are.
    pub(super) fn health(&self, issuer: &str) -> KeyHealth {
        let mut health = KeyHealth::fixed(issuer, &self.set());
        if let Some(provider) = &self.provider {
            provider.describe(&mut health);
        }
        health
    }
}

/// What a new set has that the one before had not, and the other way round, by name.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
}

impl Change {
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

fn without(set: &KeySet, other: &KeySet) -> Vec<String> {
    let rest = set.keys().iter().filter(|key| !other.contains(key.fingerprint()));
    rest.map(|key| key.id().unwrap_or("a key without a name").to_owned()).collect()
}
