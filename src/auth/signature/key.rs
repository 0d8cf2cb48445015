//! Keys that verify, parsed once.

use std::{fmt, sync::Arc};

use aws_lc_rs::{hmac, rsa, signature::ParsedPublicKey};

use super::SignatureAlgorithm;
use crate::{
    error::{ConfigError, Mistakes},
    pem,
};

/// The shortest shared secret, in bytes: as long as its hash (RFC 2104, section 3).
const LEAST_SECRET: usize = 32;
/// The greatest RSA modulus, in bytes: a larger one is a burden.
const MOST_MODULUS: usize = 1024;

/// A key that verifies signatures by one algorithm. Cheap to clone.
///
/// It is bound to its algorithm: a signature that names another one is refused, and an RSA key for
/// one padding never verifies the other.
///
/// # Example
/// ```
/// use tower_parapet::auth::signature::{SignatureAlgorithm, SignatureKey};
///
/// let key = SignatureKey::pem(
///     SignatureAlgorithm::Ed25519,
///     "-----BEGIN PUBLIC KEY-----\n\
///      MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n\
///      -----END PUBLIC KEY-----",
/// )?;
/// # let _ = key;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct SignatureKey(Arc<Inner>);

struct Inner {
    algorithm: SignatureAlgorithm,
    verifier: Verifier,
}

enum Verifier {
    Public(ParsedPublicKey),
    Shared(Box<hmac::Key>),
}

impl SignatureKey {
    /// A public key in PEM: `PUBLIC KEY`, or `RSA PUBLIC KEY` for RSA of 2048 to 8192 bits.
    ///
    /// # Errors
    /// When it is not such a key, not one for the algorithm, or when the algorithm is HMAC.
    pub fn pem(algorithm: SignatureAlgorithm, text: &str) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        let key = public(algorithm, text)
            .map_err(|(problem, remedy)| mistakes.push("pem", "", problem, remedy))
            .ok();
        mistakes.finish_with(key)
    }

    /// A secret of at least 32 bytes for HMAC with SHA-256, shared with the one who signs.
    ///
    /// # Errors
    /// When it is shorter.
    pub fn shared(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let verifier = Verifier::Shared(Box::new(shared(secret.as_ref())?));
        Ok(Self(Arc::new(Inner { algorithm: SignatureAlgorithm::HmacSha256, verifier })))
    }

    /// The one algorithm it verifies.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm
    }

    /// Whether this key made the signature; in constant time where the key is a secret.
    pub(super) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.0.verifier {
            Verifier::Public(key) => key.verify_sig(signed, signature).is_ok(),
            Verifier::Shared(key) => hmac::verify(key, signed, signature).is_ok(),
        }
    }
}

/// The key of a secret that a setter `shared` was given.
pub(super) fn shared(secret: &[u8]) -> Result<hmac::Key, ConfigError> {
    let mut mistakes = Mistakes::default();
    if secret.len() < LEAST_SECRET {
        let problem = "is shorter than 32 bytes, and can be guessed";
        mistakes.push("shared", "", problem, "generate it from 32 random bytes");
    }
    mistakes.finish()?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, secret))
}

type Problem = (&'static str, &'static str);

fn public(algorithm: SignatureAlgorithm, text: &str) -> Result<SignatureKey, Problem> {
    const REMEDY: &str = "give the public key as `-----BEGIN PUBLIC KEY-----`";
    let verification = algorithm
        .verification()
        .ok_or(("is for an algorithm that has no public key", "use `shared` for HMAC"))?;
    let (label, der) = pem::block(text).map_err(|problem| (problem, REMEDY))?;
    match label {
        "PUBLIC KEY" => {}
        "RSA PUBLIC KEY" if algorithm.is_rsa() => {}
        label if label.ends_with("PRIVATE KEY") => {
            return Err((
                "is a private key, which has no place in a service that verifies",
                REMEDY,
            ));
        }
        _ => return Err(("is not a public key for the algorithm", REMEDY)),
    }
    if algorithm.is_rsa() {
        let key = rsa::PublicKey::from_der(&der)
            .map_err(|_| ("is not an RSA key, which the algorithm needs", REMEDY))?;
        let bytes = key.modulus().big_endian_without_leading_zero();
        let bits = bytes.len() * 8 - bytes.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if bits < 2048 || bytes.len() > MOST_MODULUS {
            return Err((
                "is an RSA key of less than 2048 or more than 8192 bits",
                "use a key of 2048 bits or more",
            ));
        }
    }
    let key = ParsedPublicKey::new(verification, &**der).map_err(|_| {
        ("is not a key for the algorithm", "name the algorithm that the key is for")
    })?;
    Ok(SignatureKey(Arc::new(Inner { algorithm, verifier: Verifier::Public(key) })))
}

impl fmt::Debug for SignatureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignatureKey").field(&self.0.algorithm.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! pem {
        ($file:literal) => {
            include_str!(concat!("../../../tests/support/keys/", $file))
        };
    }

    #[test]
    fn a_key_is_taken_for_its_own_algorithm_only() {
        let keys = [
            (pem!("ed25519.pub.pem"), vec![SignatureAlgorithm::Ed25519]),
            (pem!("es256.pub.pem"), vec![SignatureAlgorithm::EcdsaP256Sha256]),
            (pem!("es384.pub.pem"), vec![SignatureAlgorithm::EcdsaP384Sha384]),
            (
                pem!("rs256.pub.pem"),
                vec![SignatureAlgorithm::RsaPssSha512, SignatureAlgorithm::RsaV15Sha256],
            ),
            (
                pem!("rs256.pkcs1.pem"),
                vec![SignatureAlgorithm::RsaPssSha512, SignatureAlgorithm::RsaV15Sha256],
            ),
        ];
        for (pem, good) in keys {
            for algorithm in SignatureAlgorithm::ALL {
                let key = SignatureKey::pem(algorithm, pem);
                assert_eq!(key.is_ok(), good.contains(&algorithm), "{} {pem}", algorithm.name());
            }
        }
    }

    #[test]
    fn weak_and_private_keys_are_refused() {
        for (pem, why) in [
            (pem!("rsa1024.pub.pem"), "2048"),
            (pem!("rs256.pem"), "private key"),
            ("", "PEM form"),
            ("-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----", "base64"),
            ("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", "not a public key"),
        ] {
            let error = SignatureKey::pem(SignatureAlgorithm::RsaPssSha512, pem).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        assert!(
            SignatureKey::pem(SignatureAlgorithm::EcdsaP256Sha256, pem!("secp256k1.pub.pem"))
                .is_err()
        );
        assert!(SignatureKey::shared([7; 31]).is_err());
        assert!(SignatureKey::shared([7; 32]).is_ok());
    }
}
