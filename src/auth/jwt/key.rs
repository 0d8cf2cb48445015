//! Keys that verify, and which of them a token may be tried with.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};

use super::algorithm::{Algorithm, AlgorithmSet, Primitive};
use super::fault::{Fault, quote};

/// The most keys that are tried for one token: each costs a verification, paid to strangers.
const MAX_TRIES: usize = 4;

/// A public key, or a shared secret, with the algorithms it verifies.
pub(super) struct Key {
    id: Option<Box<str>>,
    fingerprint: Fingerprint,
    /// Parsed once, when the key is read: a token pays for its signature alone.
    verifiers: Vec<(Algorithm, Verifier)>,
}

/// Tells keys apart: name, algorithms and material, by the first half of a SHA-256.
///
/// Secrets of one algorithm have the same one, since nothing derived from a secret is kept about.
pub(super) type Fingerprint = u128;

enum Verifier {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

impl Key {
    /// A key on a curve, as an uncompressed point or the 32 bytes of Ed25519.
    pub(super) fn on_curve(
        id: Option<&str>,
        algorithms: AlgorithmSet,
        point: &[u8],
    ) -> Result<Self, &'static str> {
        Self::public(id, algorithms, &[point], |primitive| match primitive {
            Primitive::Curve(curve) => ParsedPublicKey::new(curve, point).ok(),
            _ => None,
        })
        .ok_or("is not a point on its curve")
    }

    /// An RSA key of big-endian numbers without leading zeros.
    pub(super) fn rsa(
        id: Option<&str>,
        algorithms: AlgorithmSet,
        modulus: &[u8],
        exponent: &[u8],
    ) -> Result<Self, &'static str> {
        let components = RsaPublicKeyComponents { n: modulus, e: exponent };
        Self::public(id, algorithms, &[modulus, exponent], |primitive| match primitive {
            Primitive::Rsa(parameters) => components.to_parsed_public_key(parameters).ok(),
            _ => None,
        })
        .ok_or("is an RSA key with an unusable modulus or exponent")
    }

    /// A secret for the one symmetric algorithm; `None` for another one.
    pub(super) fn shared(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        match algorithm.primitive() {
            Primitive::Hmac(hash) => {
                let key = Verifier::Shared(Box::new(hmac::Key::new(hash, secret)));
                let fingerprint = fingerprint(None, AlgorithmSet::from_iter([algorithm]), &[]);
                Some(Self { id: None, fingerprint, verifiers: vec![(algorithm, key)] })
            }
            _ => None,
        }
    }

    fn public(
        id: Option<&str>,
        algorithms: AlgorithmSet,
        material: &[&[u8]],
        parse: impl Fn(Primitive) -> Option<ParsedPublicKey>,
    ) -> Option<Self> {
        let verifier = |algorithm: Algorithm| {
            Some((algorithm, Verifier::Public(parse(algorithm.primitive())?)))
        };
        let verifiers = algorithms.iter().map(verifier).collect::<Option<_>>()?;
        let fingerprint = fingerprint(id, algorithms, material);
        Some(Self { id: id.map(Box::from), fingerprint, verifiers })
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(super) fn algorithms(&self) -> AlgorithmSet {
        self.verifiers.iter().map(|(algorithm, _)| *algorithm).collect()
    }

    /// The same key for those of its algorithms that are allowed; `None` if none is.
    pub(super) fn restrict(mut self, allowed: AlgorithmSet) -> Option<Self> {
        self.verifiers.retain(|(algorithm, _)| allowed.contains(*algorithm));
        (!self.verifiers.is_empty()).then_some(self)
    }

    fn verifier(&self, algorithm: Algorithm) -> Option<&Verifier> {
        self.verifiers.iter().find(|(of, _)| *of == algorithm).map(|(_, verifier)| verifier)
    }
}

fn fingerprint(id: Option<&str>, algorithms: AlgorithmSet, material: &[&[u8]]) -> Fingerprint {
    let mut context = Context::new(&SHA256);
    let names = algorithms.names();
    let parts = [id.unwrap_or_default().as_bytes(), names.as_bytes()];
    for part in parts.iter().chain(material) {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        context.update(part);
    }
    let head = context.finish().as_ref().first_chunk().copied().unwrap_or_default();
    Fingerprint::from_le_bytes(head)
}

impl Verifier {
    /// Whether this key made the signature; in constant time where the key is a secret.
    fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Public(key) => key.verify_sig(signed, signature).is_ok(),
            Self::Shared(key) => hmac::verify(key, signed, signature).is_ok(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms().names())
            .finish_non_exhaustive()
    }
}

/// All keys of one issuer, as of one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySet(Vec<Arc<Key>>);

impl KeySet {
    pub(super) fn new(keys: Vec<Arc<Key>>) -> Self {
        Self(keys)
    }

    pub(super) fn keys(&self) -> &[Arc<Key>] {
        &self.0
    }

    /// Whether a key has this name.
    pub(super) fn names(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id() == Some(id))
    }

    pub(super) fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.0.iter().any(|key| key.fingerprint == fingerprint)
    }

    /// Verifies with the key the token names, else with the few it could be, and tells which it was.
    ///
    /// A token that names a key is tried with the keys of that name (a set may hold two, of
    /// different types), or, if there is none, with those that have no name, as from a PEM. One
    /// that names none is tried with every key for its algorithm.
    pub(super) fn verify(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<Fingerprint, Fault> {
        let wanted = self.wanted(id);
        let candidates = || {
            let covered = self.0.iter().filter(|key| wanted.covers(key));
            covered.filter_map(|key| Some((key, key.verifier(algorithm)?)))
        };
        match candidates().count() {
            0 => Err(self.none(&wanted, id, algorithm)),
            1..=MAX_TRIES => candidates()
                .find(|(_, verifier)| verifier.verifies(signed, signature))
                .map(|(key, _)| key.fingerprint)
                .ok_or(Fault::Signature),
            more => Err(Fault::AmbiguousKey(more)),
        }
    }

    fn wanted<'a>(&self, id: Option<&'a str>) -> Wanted<'a> {
        match id {
            None => Wanted::Any,
            Some(id) if self.names(id) => Wanted::Named(id),
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
