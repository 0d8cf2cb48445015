//! The algorithms that RFC 9421 registers.

use aws_lc_rs::signature::{self as lc, VerificationAlgorithm};

/// A signature algorithm, named as in [RFC 9421, section 6.2.2][table].
///
/// [table]: https://www.rfc-editor.org/rfc/rfc9421#section-6.2.2
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// RSA PSS with SHA-512 and a salt of 64 bytes.
    RsaPssSha512,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaV15Sha256,
    /// HMAC with SHA-256: whoever can verify can also sign.
    HmacSha256,
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384Sha384,
    /// Ed25519.
    Ed25519,
}

impl SignatureAlgorithm {
    /// All of them, in the order of the RFC.
    pub const ALL: [Self; 6] = [
        Self::RsaPssSha512,
        Self::RsaV15Sha256,
        Self::HmacSha256,
        Self::EcdsaP256Sha256,
        Self::EcdsaP384Sha384,
        Self::Ed25519,
    ];

    /// The name in the parameter `alg`, `ecdsa-p256-sha256` say.
    pub fn name(self) -> &'static str {
        match self {
            Self::RsaPssSha512 => "rsa-pss-sha512",
            Self::RsaV15Sha256 => "rsa-v1_5-sha256",
            Self::HmacSha256 => "hmac-sha256",
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Self::EcdsaP384Sha384 => "ecdsa-p384-sha384",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The algorithm of that name; letters count as they are.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    pub(super) fn is_rsa(self) -> bool {
        matches!(self, Self::RsaPssSha512 | Self::RsaV15Sha256)
    }

    /// What verifies with a public key; `None` for the one that has none.
    pub(super) fn verification(self) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match self {
            Self::RsaPssSha512 => &lc::RSA_PSS_2048_8192_SHA512,
            Self::RsaV15Sha256 => &lc::RSA_PKCS1_2048_8192_SHA256,
            Self::HmacSha256 => return None,
            Self::EcdsaP256Sha256 => &lc::ECDSA_P256_SHA256_FIXED,
            Self::EcdsaP384Sha384 => &lc::ECDSA_P384_SHA384_FIXED,
            Self::Ed25519 => &lc::ED25519,
        })
    }
}
