//! How the scheme is set up.

use std::{fmt, num::NonZero, sync::Arc, time::Duration};

use http::HeaderValue;

use super::{
    gate::Gate,
    guard::{Basic, Inner},
    phc::Work,
    recall::Recall,
    store::UserStore,
    verify::Verifier,
};
use crate::{
    auth::{
        guessing::{Guesses, Guessing},
        realm, scheme_builder,
    },
    error::{ConfigError, Mistakes},
    flights::Flights,
};

/// Builds a [`Basic`]; see [`Basic::builder`].
pub struct BasicBuilder {
    store: Arc<dyn UserStore>,
    realm: String,
    parallel: usize,
    wait: Duration,
    remember: Duration,
    capacity: usize,
    guesses: Guesses,
    nobody: Work,
}

impl BasicBuilder {
    pub(super) fn new(store: Arc<dyn UserStore>) -> Self {
        Self {
            store,
            realm: "api".to_owned(),
            parallel: std::thread::available_parallelism().map_or(1, NonZero::get),
            wait: Duration::from_secs(1),
            remember: Duration::from_secs(60),
            capacity: 10_000,
            guesses: Guesses::default(),
            nobody: Work::DEFAULT,
        }
    }

    /// What the user name and password are for, which browsers show to people. Default `api`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// How many passwords are hashed at once, each in the memory that its hash names, 19 MiB as a rule; and as many
    /// again of users whose password was good before. Default: one for each core.
    pub fn parallel(mut self, hashes: usize) -> Self {
        self.parallel = hashes;
        self
    }

    /// How long a request waits for its turn before it is refused with 503. Default one second; at most 64 wait for
    /// each that is being hashed.
    pub fn wait(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    /// For how long a password that was found good is not hashed again. Default one minute; zero hashes it for
    /// every request.
    ///
    /// What is kept is an HMAC-SHA-256 of the password under a key that is drawn at the start and never leaves the
    /// process: whoever can read the memory of the process can guess fast, as they could read what is sent to it. It
    /// is of no use any more once the user's stored hash changes.
    pub fn remember(mut self, time: Duration) -> Self {
        self.remember = time;
        self
    }

    /// How many good passwords are remembered. Default 10 000, about 1 MiB.
    pub fn capacity(mut self, passwords: usize) -> Self {
        self.capacity = passwords;
        self
    }

    /// How many wrong passwords are tried for one user, from all networks together. Default ten at once, and then
    /// one every three minutes.
    pub fn guesses(mut self, limit: Guesses) -> Self {
        self.guesses = limit;
        self
    }

    #[cfg(test)]
    pub(super) fn nobody(mut self, work: Work) -> Self {
        self.nobody = work;
        self
    }

    /// The scheme.
    ///
    /// # Errors
    /// When the realm has characters that cannot stand in a header, when nothing could be hashed or remembered, when
    /// a limit on guesses is zero, or when the system has no randomness to give.
    pub fn build(self) -> Result<Basic, ConfigError> {
        let mut mistakes = Mistakes::default();
        let challenge = realm::challenge("Basic", &self.realm, &mut mistakes);
        let challenge = challenge
            .and_then(|begun| HeaderValue::try_from(format!("{begun}, charset=\"UTF-8\"")).ok());
        let counts = [("parallel", self.parallel), ("capacity", self.capacity)];
        for (setter, _) in counts.into_iter().filter(|(_, count)| *count == 0) {
            mistakes.push(setter, "0", "lets nobody through", "write at least 1");
        }
        mistakes.refuse_zero("wait", self.wait);
        let guessing = Guessing::new(self.guesses, "guesses", &mut mistakes);
        let recall = Recall::new(self.capacity, self.remember).map_err(|error| {
            let remedy = "give the process access to the system's random source";
            mistakes.push("build", "", format!("has no randomness: {error}"), remedy);
        });
        let (challenge, recall) = mistakes.finish_with(challenge.zip(recall.ok()))?;
        let verifier = Verifier {
            recall,
            guessing,
            familiar: Gate::new(self.parallel, self.wait),
            strangers: Gate::new(self.parallel, self.wait),
            nobody: Verifier::nobody(self.nobody),
            flights: Flights::default(),
        };
        let (store, realm, verifier) = (self.store, self.realm, Arc::new(verifier));
        Ok(Basic::of(Inner { store, realm, challenge, verifier }))
    }
}

scheme_builder!(BasicBuilder);

impl fmt::Debug for BasicBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicBuilder").field("realm", &self.realm).finish_non_exhaustive()
    }
}
