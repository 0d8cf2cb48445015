use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::check::{Dpop, Inner};
use super::demand::Demand;
use super::nonce::Nonces;
use super::refusal::Challenges;
use super::uri::PublicUri;
use crate::auth::jwt::Algorithm;
use crate::auth::jwt::jose;
use crate::auth::replay::{MemoryReplays, ReplayStore};
use crate::auth::token::{IntoTokenCheck, TokenCheck};
use crate::error::{ConfigError, Mistakes};

const MAX_AGE: Duration = Duration::from_secs(300);
const MOST_AGE: Duration = Duration::from_secs(3600);
const SKEW: Duration = Duration::from_secs(30);
const MOST_SKEW: Duration = Duration::from_secs(300);
const WINDOW: Duration = Duration::from_secs(300);
const LEAST_SECRET: usize = 32;
/// Proofs of five minutes at 3,000 requests a second.
const REMEMBERED: usize = 1_000_000;

/// Builds a [`Dpop`]; see [`Dpop::required`] and [`Dpop::optional`].
#[must_use = "a builder does nothing until it is built"]
pub struct DpopBuilder {
    demand: Demand,
    origins: Vec<String>,
    algorithms: Vec<Algorithm>,
    max_age: Duration,
    clock_skew: Duration,
    nonce: bool,
    nonce_lifetime: Duration,
    nonce_secret: Option<Zeroizing<Vec<u8>>>,
    store: Arc<dyn ReplayStore>,
}

impl DpopBuilder {
    pub(super) fn new(demand: Demand) -> Self {
        Self {
            demand,
            origins: Vec::new(),
            algorithms: Vec::new(),
            max_age: MAX_AGE,
            clock_skew: SKEW,
            nonce: false,
            nonce_lifetime: WINDOW,
            nonce_secret: None,
            store: Arc::new(MemoryReplays::new(REMEMBERED)),
        }
    }

    /// Where clients find the service, `https://api.example`, or `https://api.example/base` where a
    /// proxy in front takes `/base` off: a proof has to name a URI there. Several calls add up.
    ///
    /// Default: the host that the request itself names, by `https` where it came so. That is only as
    /// good as the host is: name the [hosts](crate::ParapetBuilder::hosts) of the stack then. A proxy
    /// that puts another host in the request makes this setter necessary.
    pub fn origin(mut self, uri: impl Into<String>) -> Self {
        self.origins.push(uri.into());
        self
    }

    /// The only algorithms a proof may be signed by. Default: every asymmetric one.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms.extend(algorithms);
        self
    }

    /// How old a proof may be, at most 1 h. Default 5 min. Each is remembered for as long.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// How far a client's clock may be ahead of ours, at most 5 min. Default 30 s.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// Asks for a nonce of ours in every proof (RFC 9449, section 9), so that proofs cannot be made
    /// in advance. A client without one is sent it with the refusal, in `DPoP-Nonce`, and later ones
    /// with its answers, shortly before they are needed. Default: not asked for.
    pub fn require_nonce(mut self) -> Self {
        self.nonce = true;
        self
    }

    /// How long one nonce is handed out, from 10 s to 1 h; it is taken for as long again. Default
    /// 5 min. Requires nonces.
    pub fn nonce_lifetime(mut self, lifetime: Duration) -> Self {
        self.nonce_lifetime = lifetime;
        self.require_nonce()
    }

    /// The secret that nonces are made from, at least 32 random bytes, the same for all processes
    /// that answer under one name. Default: random, made anew with every process, so that a client
    /// that is sent to another one has to ask twice. Requires nonces.
    pub fn nonce_secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.nonce_secret = Some(Zeroizing::new(secret.as_ref().to_vec()));
        self.require_nonce()
    }

    /// Where the proofs that were used are remembered: in a store that all processes behind one name
    /// share, so that a proof is good at one of them only. Default: in memory, a million of them, about
    /// 100 bytes each as they come, enough for 3,000 requests a second.
    ///
    /// When a store is full of proofs that could still be replayed, more are refused with 503: what
    /// one network may send in five minutes has to be far below that, so limit networks.
    pub fn with_store(mut self, store: impl ReplayStore) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// The check.
    ///
    /// # Errors
    ///
    /// Every mistake at once: an origin that is no `http` or `https` URI; a symmetric algorithm; a
    /// time out of its range; a secret that is too short.
    pub fn build(self) -> Result<Dpop, ConfigError> {
        let mut mistakes = Mistakes::default();
        let origins = self.origins(&mut mistakes);
        let algorithms = self.allowed(&mut mistakes);
        self.check_times(&mut mistakes);
        let nonces = self.nonces(&mut mistakes);
        mistakes.finish()?;
        Ok(Dpop(Arc::new(Inner {
            demand: self.demand,
            challenges: Challenges::new(&algorithms),
            origins,
            algorithms,
            max_age: self.max_age,
            clock_skew: self.clock_skew,
            nonces,
            store: self.store,
        })))
    }

    fn origins(&self, mistakes: &mut Mistakes) -> Vec<PublicUri> {
        let read = |text: &String| match PublicUri::parse(text) {
            Some(uri) => Some(uri),
            None => {
                let remedy = "write it as `https://api.example`";
                mistakes.push("origin", text, "is no http or https URI", remedy);
                None
            }
        };
        self.origins.iter().filter_map(read).collect()
    }

    fn allowed(&self, mistakes: &mut Mistakes) -> Vec<Algorithm> {
        if self.algorithms.is_empty() {
            return jose::asymmetric().collect();
        }
        let mut allowed: Vec<Algorithm> = Vec::new();
        for algorithm in &self.algorithms {
            if algorithm.is_symmetric() {
                let remedy = "name one with a public key, `ES256` say";
                mistakes.push("algorithms", algorithm.name(), "is symmetric", remedy);
            } else if !allowed.contains(algorithm) {
                allowed.push(*algorithm);
            }
        }
        allowed
    }

    fn check_times(&self, mistakes: &mut Mistakes) {
        let mut within = |setter, value: Duration, least: u64, most: Duration| {
            if value < Duration::from_secs(least) || value > most {
                let remedy = format!("write {least} s to {} s", most.as_secs());
                mistakes.push(setter, format!("{value:?}"), "is out of its range", remedy);
            }
        };
        within("max_age", self.max_age, 1, MOST_AGE);
        within("clock_skew", self.clock_skew, 0, MOST_SKEW);
        within("nonce_lifetime", self.nonce_lifetime, 10, MOST_AGE);
    }

    fn nonces(&self, mistakes: &mut Mistakes) -> Option<Nonces> {
        let mut random = [0; LEAST_SECRET];
        let secret = match &self.nonce_secret {
            Some(secret) if secret.len() < LEAST_SECRET => {
                let remedy = "generate at least 32 random bytes";
                mistakes.push("nonce_secret", "", "is too short", remedy);
                return None;
            }
            _ if !self.nonce => return None,
            Some(secret) => secret.as_slice(),
            None if getrandom::fill(&mut random).is_err() => {
                let remedy = "give a secret, or a source of randomness to the process";
                mistakes.push("nonce_secret", "", "cannot be made at random here", remedy);
                return None;
            }
            None => &random,
        };
        Some(Nonces::new(secret, self.nonce_lifetime))
    }
}

impl IntoTokenCheck for DpopBuilder {
    fn into_token_check(self) -> Result<Arc<dyn TokenCheck>, ConfigError> {
        Ok(Arc::new(self.build()?))
    }
}

impl fmt::Debug for DpopBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopBuilder")
            .field("demand", &self.demand)
            .field("origins", &self.origins)
            .field("nonce", &self.nonce)
            .finish_non_exhaustive()
    }
}
