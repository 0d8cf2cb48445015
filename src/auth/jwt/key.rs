//! Keys that verify, and which of them a token may be tried with.

use std::fmt;

use jsonwebtoken::DecodingKey;
// Named, never the process-wide default: with two providers linked there is no default, and
// asking for it panics.
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;

use super::algorithm::{Algorithm, AlgorithmSet};
use super::fault::{Fault, quote};

/// The most keys that are tried for one token: each costs a verification, paid to strangers.
const MAX_TRIES: usize = 4;

/// A public key, or a shared secret, with the algorithms it verifies.
pub(super) struct Key {
    id: Option<Box<str>>,
    algorithms: AlgorithmSet,
    material: DecodingKey,
}

impl Key {
    pub(super) fn new(id: Option<&str>, algorithms: AlgorithmSet, material: DecodingKey) -> Self {
        Self { id: id.map(Box::from), algorithms, material }
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(super) fn algorithms(&self) -> AlgorithmSet {
        self.algorithms
    }

    /// The same key for those of its algorithms that are allowed; `None` if none is.
    pub(super) fn restrict(mut self, allowed: AlgorithmSet) -> Option<Self> {
        self.algorithms = self.algorithms.intersect(allowed);
        (!self.algorithms.is_empty()).then_some(self)
    }

    /// Whether this key made the signature. The provider's verifier cannot be shared between
    /// threads, so it is made anew: a copy of the key, small beside the mathematics.
    pub(super) fn verifies(
        &self,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &Vec<u8>,
    ) -> bool {
        (DEFAULT_PROVIDER.verifier_factory)(&algorithm.native(), &self.material)
            .is_ok_and(|verifier| verifier.verify(signed, signature).is_ok())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms.names())
            .finish_non_exhaustive()
    }
}

/// All keys of one issuer.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<Key>);

impl KeySet {
    pub(super) fn new(keys: Vec<Key>) -> Self {
        Self(keys)
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.0
    }

    /// Verifies with the key the token names, else with the few it could be.
    ///
    /// A token that names a key is tried with the keys of that name (a set may hold two, of
    /// different types), or, if there is none, with those that have no name, as from a PEM. One
    /// that names none is tried with every key for its algorithm.
    pub(super) fn verify(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &Vec<u8>,
    ) -> Result<(), Fault> {
        let wanted = self.wanted(id);
        let candidates = || {
            self.0
                .iter()
                .filter(|key| wanted.covers(key))
                .filter(|key| key.algorithms.contains(algorithm))
        };
        match candidates().count() {
            0 => Err(self.none(&wanted, id, algorithm)),
            1..=MAX_TRIES if candidates().any(|key| key.verifies(algorithm, signed, signature)) => {
                Ok(())
            }
            1..=MAX_TRIES => Err(Fault::Signature),
            more => Err(Fault::AmbiguousKey(more)),
        }
    }

    fn wanted<'a>(&self, id: Option<&'a str>) -> Wanted<'a> {
        match id {
            None => Wanted::Any,
            Some(id) if self.0.iter().any(|key| key.id() == Some(id)) => Wanted::Named(id),
            Some(_) => Wanted::Nameless,
        }
    }

    fn none(&self, wanted: &Wanted<'_>, id: Option<&str>, algorithm: Algorithm) -> Fault {
        if self.0.iter().any(|key| wanted.covers(key)) {
            Fault::KeyAlgorithm { found: algorithm.name().to_owned() }
        } else {
            Fault::UnknownKey { found: id.map_or_else(|| "no `kid`".to_owned(), quote) }
        }
    }
}

enum Wanted<'a> {
    Any,
    Named(&'a str),
    Nameless,
}

impl Wanted<'_> {
    fn covers(&self, key: &Key) -> bool {
        match self {
            Self::Any => true,
            Self::Named(id) => key.id() == Some(*id),
            Self::Nameless => key.id().is_none(),
        }
    }
}
