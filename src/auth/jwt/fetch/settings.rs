//! How often, how long, from where: checked before anything is fetched.

use std::sync::Arc;
use std::time::Duration;

use super::document::{Document, Location};
use super::provider::Provider;
use crate::auth::jwt::algorithm::AlgorithmSet;
use crate::clock::{SharedClock, SystemClock};
use crate::error::Mistakes;
use crate::remote::{Discovery, Remote, RemoteUrl};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MOST_COOLDOWN: Duration = Duration::from_secs(5 * 60);

/// When keys are fetched, and for how long they are good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) refresh: Duration,
    pub(super) cooldown: Duration,
    pub(super) stale: Duration,
    /// How long a request waits for keys.
    pub(super) patience: Duration,
}

/// What a builder was told.
pub(in crate::auth::jwt) struct Fetching {
    pub(super) locations: Vec<Asked>,
    pub(super) remote: Option<Remote>,
    pub(super) refresh: Duration,
    pub(super) cooldown: Duration,
    pub(super) stale: Duration,
    pub(super) clock: SharedClock,
}

pub(super) enum Asked {
    Url(String),
    Discovery,
}

impl Default for Fetching {
    fn default() -> Self {
        Self {
            locations: Vec::new(),
            remote: None,
            refresh: Duration::from_secs(10 * 60),
            cooldown: Duration::from_secs(30),
            stale: DAY,
            clock: SharedClock(Arc::new(SystemClock::default())),
        }
    }
}

impl Fetching {
    pub(in crate::auth::jwt) const REMEDY: &'static str = "give the issuer's keys with `discover`, `jwks_url`, `jwks`, `jwks_file` or \
         `public_key_pem`";

    pub(in crate::auth::jwt) fn is_asked_for(&self) -> bool {
        !self.locations.is_empty()
    }

    /// As if `discover` had been called: what is known about a provider is that it has a document.
    pub(in crate::auth::jwt) fn imply_discovery(&mut self) {
        self.locations.push(Asked::Discovery);
    }

    /// What fetches the keys of an issuer; `None` where nothing was asked for, or by mistake.
    pub(in crate::auth::jwt) fn provider(
        &self,
        issuer: &str,
        allowed: AlgorithmSet,
        mistakes: &mut Mistakes,
    ) -> Option<Provider> {
        let timing = self.timing(mistakes);
        let location = match self.locations.as_slice() {
            [] => return None,
            [Asked::Url(text)] => Location::Set(RemoteUrl::given("jwks_url", text, mistakes)?),
            [Asked::Discovery] => Location::Issuer(Discovery::given("discover", issuer, mistakes)?),
            [_, ..] => {
                let remedy = "give one of `jwks_url` and `discover`, once";
                mistakes.push("jwks_url", "", "is a second place to fetch keys from", remedy);
                return None;
            }
        };
        let remote = match &self.remote {
            Some(remote) => remote.clone(),
            None => mistakes.absorb("with_remote", Remote::builder().build())?,
        };
        let timing = Timing { patience: remote.timeout() * 2, ..timing };
        let document = Document::new(remote, location);
        Some(Provider::new(issuer, allowed, document, timing, self.clock.clone()))
    }

    fn timing(&self, mistakes: &mut Mistakes) -> Timing {
        let Self { refresh, cooldown, stale, .. } = *self;
        if !(Duration::from_secs(1)..=MOST_COOLDOWN).contains(&cooldown) {
            let value = format!("{cooldown:?}");
            mistakes.push("key_cooldown", value, "is out of range", "write 1 s to 5 min");
        }
        if refresh < cooldown || refresh > DAY {
            let remedy = "write `key_cooldown` to 24 h";
            mistakes.push("key_refresh", format!("{refresh:?}"), "is out of range", remedy);
        }
        if stale < refresh || stale > DAY {
            let remedy = "write `key_refresh` to 24 h";
            mistakes.push("stale_keys", format!("{stale:?}"), "is out of range", remedy);
        }
        Timing { refresh, cooldown, stale, patience: Duration::ZERO }
    }
}
