//! Signed texts that are no tokens.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, AlgorithmSet};
use super::fault::{Fault, quote};
use super::key::{Key, KeySet};
use super::settings::{allowed, bare};
use super::source::Source;
use super::token::{Compact, Header, is_type};
use crate::error::{ConfigError, Mistakes};

/// Verifies signed texts that are no access tokens: JSON Web Signatures in compact form, whatever
/// their payload ([RFC 7515](https://www.rfc-editor.org/rfc/rfc7515)).
///
/// A signed message of a partner, or a body with its signature in a header (detached). It reads
/// keys and headers as [`Jwt`](super::Jwt) does: algorithms are pinned by the keys, `crit` is
/// refused (and with it unencoded payloads, RFC 7797), `jku`, `jwk`, `x5u` are never followed. Who
/// signed is all that it tells: when, and for whom, is for the payload to say and for its reader to
/// check. The forms in JSON, with several signatures, are not read.
///
/// # Example
/// ```
/// use tower_parapet::auth::jwt::{Algorithm, Jws};
///
/// let partner = Jws::builder()
///     .jwks(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"2026",
///         "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)
///     .build()?;
/// // RFC 8037, appendix A.4.
/// let payload = partner.verify(
///     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6\
///      dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
/// )?;
/// assert_eq!(payload, b"Example of Ed25519 signing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Jws {
    keys: KeySet,
    algorithms: AlgorithmSet,
    types: Option<Vec<String>>,
}

impl Jws {
    /// Starts a verifier. Keys have no default.
    pub fn builder() -> JwsBuilder {
        JwsBuilder { sources: Vec::new(), algorithms: None, types: None }
    }

    /// The payload, if one of the keys signed it.
    ///
    /// # Errors
    ///
    /// It is malformed; its type or algorithm is not accepted; no key of the set signed it.
    pub fn verify(&self, compact: impl AsRef<[u8]>) -> Result<Vec<u8>, JwsError> {
        let compact = Compact::split(compact.as_ref())?;
        self.authentic(&compact, compact.signed)?;
        Ok(compact.payload()?)
    }

    /// Whether one of the keys signed this payload, of which the compact form has a signature and
    /// an empty place in the middle (RFC 7515, appendix F).
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify); it has a payload of its own.
    pub fn verify_detached(
        &self,
        compact: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> Result<(), JwsError> {
        let compact = Compact::split(compact.as_ref())?;
        if !compact.is_detached() {
            return Err(Fault::Malformed("it has a payload of its own").into());
        }
        let mut signed = compact.signed.to_vec();
        signed.extend_from_slice(URL_SAFE_NO_PAD.encode(payload).as_bytes());
        self.authentic(&compact, &signed)
    }

    fn authentic(&self, compact: &Compact<'_>, signed: &[u8]) -> Result<(), JwsError> {
        let header = compact.header()?;
        let header = Header::parse(&header)?;
        if let Some(types) = &self.types {
            let is_accepted = |typ: &str| types.iter().any(|name| is_type(typ, name));
            if !header.typ.as_deref().is_some_and(is_accepted) {
                let found = header.typ.as_deref().map_or_else(|| "no `typ`".to_owned(), quote);
                return Err(Fault::Type { found }.into());
            }
        }
        let algorithm = Algorithm::from_name(&header.alg)
            .filter(|algorithm| self.algorithms.contains(*algorithm))
            .ok_or_else(|| Fault::Algorithm {
                expected: self.algorithms.names(),
                found: quote(&header.alg),
            })?;
        let signature = compact.signature()?;
        self.keys.verify(header.kid.as_deref(), algorithm, signed, &signature)?;
        Ok(())
    }
}

impl fmt::Debug for Jws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jws").field("keys", &self.keys.keys()).finish_non_exhaustive()
    }
}

/// Why a signed text was refused. It holds nothing of the text but what its header says.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the signature is not accepted: {0}")]
pub struct JwsError(#[from] Fault);

/// Builds a [`Jws`]; see [`Jws::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct JwsBuilder {
    sources: Vec<Source>,
    algorithms: Option<Vec<Algorithm>>,
    types: Option<Vec<String>>,
}

impl JwsBuilder {
    /// Keys as the text of a JWK set (RFC 7517), as in
    /// [`JwtBuilder::jwks`](super::JwtBuilder::jwks). Calls of all key setters add up.
    pub fn jwks(mut self, set: impl Into<String>) -> Self {
        self.sources.push(Source::Jwks(set.into()));
        self
    }

    /// Keys from a file that holds a JWK set, read when the verifier is built.
    pub fn jwks_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::JwksFile(path.into()));
        self
    }

    /// One public key in PEM, as in
    /// [`JwtBuilder::public_key_pem`](super::JwtBuilder::public_key_pem).
    pub fn public_key_pem(mut self, pem: impl Into<String>) -> Self {
        self.sources.push(Source::Pem(pem.into()));
        self
    }

    /// A secret shared with the signer, at least as long as the hash. Whoever can verify by it can
    /// sign too, which between two parties may be what is wanted.
    pub fn shared_secret(mut self, algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Self {
        let secret = Zeroizing::new(secret.as_ref().to_vec());
        self.sources.push(Source::Secret(algorithm, secret));
        self
    }

    /// The only algorithms that are taken. Default: every one that the keys fit.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms.get_or_insert_default().extend(algorithms);
        self
    }

    /// The only values of the header `typ` that are taken, which then must be there; case and a
    /// leading `application/` do not matter. Default: any, or none.
    ///
    /// Name one where the same keys sign other things too, tokens say (RFC 8725, section 3.11).
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.types.get_or_insert_default().extend(types.into_iter().map(Into::into));
        self
    }

    /// The verifier.
    ///
    /// # Errors
    ///
    /// Every mistake at once: no keys; a file that cannot be read; a set without a usable key or
    /// with a private one; a weak key or secret; an algorithm without a key; a type without a name.
    pub fn build(self) -> Result<Jws, ConfigError> {
        let mut mistakes = Mistakes::default();
        let algorithms = allowed(self.algorithms.as_deref(), &self.sources, &mut mistakes);
        let (mut keys, mut skipped) = (Vec::new(), Vec::new());
        for source in &self.sources {
            source.read(algorithms, &mut keys, &mut skipped, &mut mistakes);
        }
        if self.sources.is_empty() {
            let remedy = "give the signer's keys with `jwks`, `jwks_file` or `public_key_pem`";
            mistakes.push("jwks", "", "no keys are given", remedy);
        }
        let types: Option<Vec<_>> =
            self.types.map(|types| types.iter().map(|typ| bare(typ)).collect());
        if types
            .as_ref()
            .is_some_and(|types| types.is_empty() || types.iter().any(String::is_empty))
        {
            mistakes.push("types", "", "names no type", "name one, or leave it out");
        }
        mistakes.finish()?;
        let algorithms = keys.iter().flat_map(|key: &Key| key.algorithms().iter()).collect();
        Ok(Jws { keys: KeySet::new(keys.into_iter().map(Arc::new).collect()), algorithms, types })
    }
}

impl fmt::Debug for JwsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwsBuilder").field("algorithms", &self.algorithms).finish_non_exhaustive()
    }
}
