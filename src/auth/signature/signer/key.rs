//! Keys that sign.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        self as lc, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding, RsaKeyPair,
    },
};

use super::super::{SignatureAlgorithm, key::shared};
use crate::{
    error::{ConfigError, Mistakes},
    pem,
};

/// A key that signs requests by one algorithm. Cheap to clone; it is never printed.
///
/// # Example
/// ```
/// use tower_parapet::auth::signature::SigningKey;
///
/// let key = SigningKey::shared([7; 32])?;
/// # let _ = key;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey(Arc<Inner>);

struct Inner {
    algorithm: SignatureAlgorithm,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Shared(Box<hmac::Key>),
}

impl SigningKey {
    /// A private key in PEM: `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` or `RSA PRIVATE KEY`.
    ///
    /// # Errors
    /// When it is not such a key, not one for the algorithm, or when the algorithm is HMAC.
    pub fn pem(algorithm: SignatureAlgorithm, text: &str) -> Result<Self, ConfigError> {
        const REMEDY: &str = "give the private key as `-----BEGIN PRIVATE KEY-----`, unencrypted";
        let mut mistakes = Mistakes::default();
        let pair =
            pair(algorithm, text).map_err(|problem| mistakes.push("pem", "", problem, REMEDY)).ok();
        mistakes.finish_with(pair.map(|pair| Self(Arc::new(Inner { algorithm, pair }))))
    }

    /// A secret of at least 32 bytes for HMAC with SHA-256, shared with the one who verifies.
    ///
    /// # Errors
    /// When it is shorter.
    pub fn shared(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let pair = Pair::Shared(Box::new(shared(secret.as_ref())?));
        Ok(Self(Arc::new(Inner { algorithm: SignatureAlgorithm::HmacSha256, pair })))
    }

    /// The algorithm it signs by.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm
    }

    /// The signature; `None` where the library fails, which it does not for a key it has taken.
    pub(super) fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.0.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, text, &mut signature).ok().map(|()| signature)
            }
            Pair::Ecdsa(pair) => pair.sign(&random, text).ok().map(|made| made.as_ref().to_vec()),
            Pair::Ed25519(pair) => Some(pair.sign(text).as_ref().to_vec()),
            Pair::Shared(key) => Some(hmac::sign(key, text).as_ref().to_vec()),
        }
    }
}

fn pair(algorithm: SignatureAlgorithm, text: &str) -> Result<Pair, &'static str> {
    const NOT_FOR: &str = "is not a private key for the algorithm";
    let (label, der) = pem::block(text)?;
    let rsa = |encoding| {
        let pair = match label {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
            _ => RsaKeyPair::from_pkcs8(&der),
        };
        pair.map(|pair| Pair::Rsa(Box::new(pair), encoding)).map_err(|_| NOT_FOR)
    };
    let ecdsa = |curve: &'static EcdsaSigningAlgorithm| {
        let pair = match label {
            "EC PRIVATE KEY" => EcdsaKeyPair::from_private_key_der(curve, &der),
            _ => EcdsaKeyPair::from_pkcs8(curve, &der),
        };
        pair.map(Pair::Ecdsa).map_err(|_| NOT_FOR)
    };
    match algorithm {
        SignatureAlgorithm::RsaPssSha512 => rsa(&lc::RSA_PSS_SHA512),
        SignatureAlgorithm::RsaV15Sha256 => rsa(&lc::RSA_PKCS1_SHA256),
        SignatureAlgorithm::EcdsaP256Sha256 => ecdsa(&lc::ECDSA_P256_SHA256_FIXED_SIGNING),
        SignatureAlgorithm::EcdsaP384Sha384 => ecdsa(&lc::ECDSA_P384_SHA384_FIXED_SIGNING),
        SignatureAlgorithm::Ed25519 => {
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map(Pair::Ed25519).map_err(|_| NOT_FOR)
        }
        SignatureAlgorithm::HmacSha256 => Err("is for an algorithm of shared secrets"),
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.0.algorithm.name()).finish()
    }
}
