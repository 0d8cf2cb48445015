//! Signature algorithms, by their JOSE names.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{self as lc, RsaParameters, VerificationAlgorithm};

/// A signature algorithm for tokens, named as in [RFC 7518] and [RFC 8037].
///
/// The `Hs*` ones are symmetric: whoever can verify can also sign. They are refused unless a
/// secret was given through [`dangerous`](super::JwtBuilder::dangerous).
///
/// [RFC 7518]: https://www.rfc-editor.org/rfc/rfc7518#section-3.1
/// [RFC 8037]: https://www.rfc-editor.org/rfc/rfc8037#section-3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    Rs512,
    /// RSA PSS with SHA-256.
    Ps256,
    /// RSA PSS with SHA-384.
    Ps384,
    /// RSA PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519, under its header names `EdDSA` and `Ed25519`.
    EdDsa,
    /// HMAC with SHA-256: a shared secret of at least 32 bytes.
    Hs256,
    /// HMAC with SHA-384: a shared secret of at least 48 bytes.
    Hs384,
    /// HMAC with SHA-512: a shared secret of at least 64 bytes.
    Hs512,
}

impl Algorithm {
    pub(super) const ALL: [Self; 13] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// The name in a token's header and in a key's `alg`, such as `ES256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// Whether verifying needs the very secret that signs.
    pub fn is_symmetric(self) -> bool {
        self.least_secret().is_some()
    }

    /// Names are case-sensitive (RFC 7515, section 4.1.1); `none` is nobody's name here.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            // RFC 9864 names the curve.
            "Ed25519" => Some(Self::EdDsa),
            _ => Self::ALL.into_iter().find(|algorithm| algorithm.name() == name),
        }
    }

    /// The shortest secret RFC 7518, section 3.2 admits, in bytes.
    pub(super) fn least_secret(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            _ => None,
        }
    }

    pub(super) fn primitive(self) -> Primitive {
        match self {
            Self::Rs256 => Primitive::Rsa(&lc::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Primitive::Rsa(&lc::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Primitive::Rsa(&lc::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Primitive::Rsa(&lc::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Primitive::Rsa(&lc::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Primitive::Rsa(&lc::RSA_PSS_2048_8192_SHA512),
            Self::Es256 => Primitive::Curve(&lc::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => Primitive::Curve(&lc::ECDSA_P384_SHA384_FIXED),
            Self::Es512 => Primitive::Curve(&lc::ECDSA_P521_SHA512_FIXED),
            Self::EdDsa => Primitive::Curve(&lc::ED25519),
            Self::Hs256 => Primitive::Hmac(hmac::HMAC_SHA256),
            Self::Hs384 => Primitive::Hmac(hmac::HMAC_SHA384),
            Self::Hs512 => Primitive::Hmac(hmac::HMAC_SHA512),
        }
    }
}

/// What does the mathematics of an algorithm.
pub(super) enum Primitive {
    Rsa(&'static RsaParameters),
    Curve(&'static dyn VerificationAlgorithm),
    Hmac(hmac::Algorithm),
}

/// Which algorithms a key or a verifier accepts, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AlgorithmSet(u16);

impl AlgorithmSet {
    pub(super) const ALL: Self = Self::of(&Algorithm::ALL);
    pub(super) const RSA: Self = Self::of(&[
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ]);
    pub(super) const ES256: Self = Self::of(&[Algorithm::Es256]);
    pub(super) const ES384: Self = Self::of(&[Algorithm::Es384]);
    pub(super) const ES512: Self = Self::of(&[Algorithm::Es512]);
    pub(super) const EDDSA: Self = Self::of(&[Algorithm::EdDsa]);

    const fn of(list: &[Algorithm]) -> Self {
        let mut bits = 0;
        let mut rest = list;
        while let Some((algorithm, tail)) = rest.split_first() {
            bits |= 1 << *algorithm as u16;
            rest = tail;
        }
        Self(bits)
    }

    /// Those that a published key may be for.
    pub(super) fn without_symmetric(self) -> Self {
        self.iter().filter(|algorithm| !algorithm.is_symmetric()).collect()
    }

    pub(super) fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & Self::of(&[algorithm]).0 != 0
    }

    pub(super) fn insert(&mut self, algorithm: Algorithm) {
        self.0 |= Self::of(&[algorithm]).0;
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.contains(*algorithm))
    }

    /// The names for a message: `ES256, RS256`.
    pub(super) fn names(self) -> String {
        self.iter().map(Algorithm::name).collect::<Vec<_>>().join(", ")
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(list: I) -> Self {
        let mut set = Self::default();
        list.into_iter().for_each(|algorithm| set.insert(algorithm));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_found_by_its_own_name_only() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
            assert_eq!(
                algorithm.is_symmetric(),
                matches!(algorithm.primitive(), Primitive::Hmac(_)),
                "{algorithm:?}"
            );
        }
        for name in ["none", "None", "es256", "ES521", "ES256K", "", "RS256 ", "HS1"] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let set: AlgorithmSet = [Algorithm::Es256, Algorithm::Hs512].into_iter().collect();
        assert!(set.contains(Algorithm::Es256) && set.contains(Algorithm::Hs512));
        assert!(!set.contains(Algorithm::Hs256));
        assert_eq!(set.names(), "ES256, HS512");
    }
}
