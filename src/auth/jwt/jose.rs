//! What other schemes need of JOSE: signed texts that bring their own key, read as strictly as tokens.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::algorithm::{Algorithm, AlgorithmSet};
use super::fault::Fault;
use super::jwk::{self, Unusable};
use super::key::KeySet;
use super::token::{Compact, MAX_BYTES};
use crate::json;

/// A JWS in the compact form, nothing of it believed.
#[derive(Clone, Copy, Debug)]
pub(in crate::auth) struct Jws<'a>(Compact<'a>);

impl<'a> Jws<'a> {
    /// Splits it. What goes wrong is said in words that fit any signed text: "it is not signed".
    pub(in crate::auth) fn split(text: &'a [u8]) -> Result<Self, &'static str> {
        if text.len() > MAX_BYTES {
            return Err("it is longer than 8 KiB");
        }
        Compact::split(text).map(Self).map_err(how)
    }

    pub(in crate::auth) fn header(&self) -> Result<Map<String, Value>, &'static str> {
        json::object(&self.0.header().map_err(how)?)
            .map_err(|_| "its header is not one JSON object with unique names")
    }

    /// The payload, if the key made the signature.
    pub(in crate::auth) fn verify(&self, key: &PublicKey) -> Result<Vec<u8>, Unverified> {
        let signature = self.0.signature().map_err(|fault| Unverified::Malformed(how(fault)))?;
        key.keys
            .verify(None, key.algorithm, self.0.signed, &signature)
            .map_err(|_| Unverified::Signature)?;
        self.0.payload().map_err(|fault| Unverified::Malformed(how(fault)))
    }
}

/// Why there is no payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Unverified {
    Malformed(&'static str),
    Signature,
}

fn how(fault: Fault) -> &'static str {
    match fault {
        Fault::Malformed(how) => how,
        _ => "it cannot be read",
    }
}

/// A public key that a stranger sent, for one algorithm.
pub(in crate::auth) struct PublicKey {
    algorithm: Algorithm,
    keys: KeySet,
}

impl PublicKey {
    /// Reads a JWK for the algorithm it is used with.
    ///
    /// # Errors
    ///
    /// What is wrong with it: it is private, symmetric, weak, for something else, or not understood.
    pub(in crate::auth) fn of_jwk(
        jwk: &Map<String, Value>,
        algorithm: Algorithm,
    ) -> Result<Self, &'static str> {
        let key = jwk::read(jwk, Some(algorithm)).map_err(|unusable| match unusable {
            Unusable::Private => "holds a private key",
            Unusable::Skip(why) => why,
        })?;
        let key = key
            .restrict(AlgorithmSet::from_iter([algorithm]))
            .ok_or("does not fit the algorithm")?;
        Ok(Self { algorithm, keys: KeySet::new(vec![Arc::new(key)]) })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The algorithm of a JOSE name.
pub(in crate::auth) fn algorithm(name: &str) -> Option<Algorithm> {
    Algorithm::from_name(name)
}

/// Every algorithm whose signatures anybody can check, and only the holder of the key can make.
pub(in crate::auth) fn asymmetric() -> impl Iterator<Item = Algorithm> {
    AlgorithmSet::ALL.iter().filter(|algorithm| !algorithm.is_symmetric())
}

/// What a thumbprint is the hash of (RFC 7638, section 3.2); `None` for a kind of key that is not
/// known. The JWK was read before, so its members need no escapes.
pub(in crate::auth) fn thumbprint_text(jwk: &Map<String, Value>) -> Option<String> {
    let text = |name: &str| {
        let text = jwk.get(name)?.as_str()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.bytes().all(is_plain).then_some(text)
    };
    Some(match text("kty")? {
        "EC" => {
            let (crv, x, y) = (text("crv")?, text("x")?, text("y")?);
            format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
        }
        "OKP" => {
            let (crv, x) = (text("crv")?, text("x")?);
            format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#)
        }
        "RSA" => {
            let (e, n) = (text("e")?, text("n")?);
            format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
        }
        _ => return None,
    })
}
