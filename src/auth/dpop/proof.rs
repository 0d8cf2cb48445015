//! The proof itself (RFC 9449, section 4): read strictly, signed by the key it brings.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};

use super::flaw::{Flaw, quote};
use crate::auth::jwt::Algorithm;
use crate::auth::jwt::jose::{self, Jws, PublicKey, Unverified};
use crate::auth::token::numeric_date;
use crate::json;

/// The longest `jti` and `nonce` that are looked at, in bytes.
const MAX_ID: usize = 256;

/// A proof of which the header was read, and nothing was verified.
#[derive(Debug)]
pub(crate) struct Claimed<'a> {
    jws: Jws<'a>,
    key: PublicKey,
    /// The key's name (RFC 7638).
    thumbprint: [u8; 32],
}

/// What the holder of the key has signed.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(super) thumbprint: [u8; 32],
    pub(super) id: String,
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) issued_at: Duration,
    pub(super) not_before: Option<Duration>,
    pub(super) expires_at: Option<Duration>,
    pub(super) token_hash: Option<String>,
    pub(super) nonce: Option<String>,
}

impl<'a> Claimed<'a> {
    /// Reads the header and the key in it.
    pub(crate) fn read(text: &'a [u8], allowed: &[Algorithm]) -> Result<Self, Flaw> {
        let jws = Jws::split(text).map_err(Flaw::Malformed)?;
        let header = jws.header().map_err(Flaw::Malformed)?;
        if header.get("typ").and_then(Value::as_str) != Some("dpop+jwt") {
            return Err(Flaw::Type);
        }
        // No extension is understood (RFC 7515, section 4.1.11).
        if header.contains_key("crit") {
            return Err(Flaw::Malformed("`crit` is not understood"));
        }
        let name = header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let algorithm = jose::algorithm(name)
            .filter(|algorithm| allowed.contains(algorithm))
            .ok_or_else(|| Flaw::Algorithm { expected: names(allowed), found: quote(name) })?;
        let jwk = header.get("jwk").and_then(Value::as_object);
        let jwk = jwk.ok_or(Flaw::Key("is not in its header"))?;
        let key = PublicKey::of_jwk(jwk, algorithm).map_err(Flaw::Key)?;
        let text = jose::thumbprint_text(jwk).ok_or(Flaw::Key("has no thumbprint"))?;
        Ok(Self { jws, key, thumbprint: sha256(text.as_bytes()) })
    }

    pub(super) fn thumbprint(&self) -> &[u8; 32] {
        &self.thumbprint
    }

    /// Checks the signature, and reads the claims after it.
    pub(crate) fn verify(self) -> Result<Proof, Flaw> {
        let payload = self.jws.verify(&self.key).map_err(|unverified| match unverified {
            Unverified::Malformed(how) => Flaw::Malformed(how),
            Unverified::Signature => Flaw::Signature,
        })?;
        let claims = json::object(&payload)
            .map_err(|_| Flaw::Malformed("its claims are not one JSON object with unique names"))?;
        let claims = Claims(claims);
        Ok(Proof {
            thumbprint: self.thumbprint,
            id: claims.text("jti", MAX_ID)?,
            method: claims.text("htm", MAX_ID)?,
            uri: claims.text("htu", usize::MAX)?,
            issued_at: claims.time("iat")?.ok_or_else(|| claims.flaw("iat", TIME))?,
            not_before: claims.time("nbf")?,
            expires_at: claims.time("exp")?,
            token_hash: claims.optional_text("ath")?,
            nonce: claims.optional_text("nonce")?,
        })
    }
}

const TIME: &str = "seconds since 1970";

struct Claims(Map<String, Value>);

impl Claims {
    fn flaw(&self, name: &'static str, expected: &'static str) -> Flaw {
        let found = match self.0.get(name) {
            None => "nothing".to_owned(),
            Some(Value::String(text)) => quote(text),
            Some(value) => quote(&value.to_string()),
        };
        Flaw::Claim { name, expected: expected.into(), found }
    }

    fn text(&self, name: &'static str, limit: usize) -> Result<String, Flaw> {
        match self.0.get(name) {
            Some(Value::String(text)) if !text.is_empty() && text.len() <= limit => {
                Ok(text.clone())
            }
            _ => Err(self.flaw(name, "a string that is not empty, and not long")),
        }
    }

    fn optional_text(&self, name: &'static str) -> Result<Option<String>, Flaw> {
        if self.0.contains_key(name) { self.text(name, MAX_ID).map(Some) } else { Ok(None) }
    }

    fn time(&self, name: &'static str) -> Result<Option<Duration>, Flaw> {
        let Some(found) = self.0.get(name) else { return Ok(None) };
        numeric_date(found).map(Some).ok_or_else(|| self.flaw(name, TIME))
    }
}

/// The names of algorithms, for a message: `ES256, EdDSA`.
pub(super) fn names(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(", ")
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().first_chunk().copied().unwrap_or_default()
}
