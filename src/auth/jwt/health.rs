//! How the keys of an issuer are, for people and gauges.

use std::time::Duration;

use super::key::KeySet;

/// The keys of one issuer at one moment; see [`Jwt::keys`](super::Jwt::keys).
///
/// All times are since the Unix epoch, by the clock of the scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHealth {
    pub(super) issuer: String,
    pub(super) ids: Vec<String>,
    pub(super) usable: usize,
    pub(super) state: KeyState,
    pub(super) source: Option<String>,
    pub(super) fetched_at: Option<Duration>,
    pub(super) stale_at: Option<Duration>,
    pub(super) next_fetch: Option<Duration>,
    pub(super) fetches: u64,
    pub(super) failures: u64,
    pub(super) error: Option<String>,
    pub(super) skipped: Vec<String>,
}

/// Whether keys are there, and how old they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// They came with the configuration, and stay.
    Fixed,
    /// None were fetched yet: tokens are answered with 503.
    Waiting,
    /// The last fetch brought them.
    Fresh,
    /// The last fetch failed; those of the one before are used.
    Stale,
    /// No fetch has brought any for too long, so that none are used: tokens are answered with 503.
    Lost,
}

impl KeyState {
    /// A stable word, `fresh` say.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Waiting => "waiting",
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Lost => "lost",
        }
    }
}

impl KeyHealth {
    pub(super) fn fixed(issuer: &str, set: &KeySet) -> Self {
        let ids = set.keys().iter().filter_map(|key| key.id());
        Self {
            issuer: issuer.to_owned(),
            ids: ids.map(str::to_owned).collect(),
            usable: set.keys().len(),
            state: KeyState::Fixed,
            source: None,
            fetched_at: None,
            stale_at: None,
            next_fetch: None,
            fetches: 0,
            failures: 0,
            error: None,
            skipped: Vec::new(),
        }
    }

    /// Whose keys they are, as in `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// How they are.
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// Whether tokens can be verified.
    pub fn is_usable(&self) -> bool {
        self.usable > 0 && !matches!(self.state, KeyState::Waiting | KeyState::Lost)
    }

    /// How many keys verify.
    pub fn len(&self) -> usize {
        self.usable
    }

    /// Whether no key verifies.
    pub fn is_empty(&self) -> bool {
        self.usable == 0
    }

    /// Their names (`kid`), in the order of the set; a key may have none.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Where they are fetched from; `None` where they came with the configuration.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// When the fetch began that brought them.
    pub fn fetched_at(&self) -> Option<Duration> {
        self.fetched_at
    }

    /// When they will be used no longer, unless a fetch succeeds before.
    pub fn stale_at(&self) -> Option<Duration> {
        self.stale_at
    }

    /// When they are fetched next at the latest.
    pub fn next_fetch(&self) -> Option<Duration> {
        self.next_fetch
    }

    /// How many fetches were begun.
    pub fn fetches(&self) -> u64 {
        self.fetches
    }

    /// How many fetches failed since the last that did not.
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// What became of the last fetch, if it failed.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The keys of the set that are not used, each with its reason.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// For the manifest: what is there, and whether it is good.
    pub(super) fn words(&self) -> String {
        let keys = match self.usable {
            1 => "1 key".to_owned(),
            many => format!("{many} keys"),
        };
        match (&self.source, self.state) {
            (None, _) => keys,
            (Some(source), KeyState::Waiting) => format!("keys from {source}, none yet"),
            (Some(source), state) => format!("{keys} from {source}, {}", state.as_str()),
        }
    }
}
