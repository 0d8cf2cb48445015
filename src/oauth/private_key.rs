//! A private key as it is given to a builder.

use std::fmt;

use zeroize::Zeroizing;

use super::signer::Signer;
use crate::auth::jwt::Algorithm;
use crate::error::Mistakes;

/// A private key that signs for this service: client assertions (RFC 7523), DPoP proofs (RFC 9449).
///
/// Text in PEM form: `PRIVATE KEY` (PKCS#8, RFC 5208), `EC PRIVATE KEY` (RFC 5915) or
/// `RSA PRIVATE KEY` (RFC 8017). On P-256, P-384 or Ed25519 the key says the algorithm; with RSA it
/// is PS256 unless another is named. The text is wiped once the builder is done with it, and never
/// printed.
///
/// # Example
/// ```
/// use tower_parapet::oauth::PrivateKey;
///
/// # fn key() -> Result<PrivateKey, std::io::Error> {
/// let pem = std::fs::read_to_string("client.key.pem")?;
/// let key = PrivateKey::pem(pem).id("2026-01");
/// # Ok(key) }
/// ```
#[derive(Clone)]
pub struct PrivateKey {
    pem: Zeroizing<String>,
    id: Option<String>,
    algorithm: Option<Algorithm>,
}

impl PrivateKey {
    /// A key in PEM form. It is read when the builder that takes it builds.
    pub fn pem(text: impl Into<String>) -> Self {
        Self { pem: Zeroizing::new(text.into()), id: None, algorithm: None }
    }

    /// The `kid` under which the other side knows the public half. Default none.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The algorithm it signs with; needed for RSA alone, where RS256 is the other choice. Default
    /// PS256 for RSA, and the one of the curve otherwise.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// The key, ready to sign; `None` with a mistake under the setter's name.
    pub(crate) fn into_signer(
        self,
        setter: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<Signer> {
        match Signer::from_pem(&self.pem, self.id, self.algorithm) {
            Ok(signer) => Some(signer),
            Err(problem) => {
                let remedy = "give a PEM block with a private key on P-256 or P-384, Ed25519, or \
                              RSA of 2048 bits or more";
                mistakes.push(setter, "", problem, remedy);
                None
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("id", &self.id).finish_non_exhaustive()
    }
}
