//! Proofs that we hold the key a token is bound to (RFC 9449, section 4.2).

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Method};
use serde_json::{Map, Value};

use crate::oauth::{CannotSign, Signer, unique};

/// Signs a proof for each request.
#[derive(Debug)]
pub(super) struct Prover {
    signer: Signer,
    /// `typ` and `jwk`, which are the same each time.
    header: Map<String, Value>,
}

/// What a proof is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof<'a> {
    pub(super) method: &'a Method,
    /// The request's target without query and fragment.
    pub(super) target: &'a str,
    /// The hash of the token it goes with; none for the token endpoint.
    pub(super) token: Option<&'a str>,
    pub(super) nonce: Option<&'a str>,
    pub(super) unix: Duration,
}

impl Prover {
    pub(super) fn new(signer: Signer) -> Self {
        let header = Map::from_iter([
            ("typ".to_owned(), "dpop+jwt".into()),
            ("jwk".to_owned(), signer.public_jwk()),
        ]);
        Self { signer, header }
    }

    pub(super) fn prove(&self, proof: Proof<'_>) -> Result<HeaderValue, CannotSign> {
        let mut claims = Map::new();
        let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        say("jti", unique()?.into());
        say("htm", proof.method.as_str().into());
        say("htu", proof.target.into());
        say("iat", proof.unix.as_secs().into());
        if let Some(hash) = proof.token {
            say("ath", hash.into());
        }
        if let Some(nonce) = proof.nonce {
            say("nonce", nonce.into());
        }
        let signed = self.signer.sign(self.header.clone(), &claims)?;
        HeaderValue::try_from(signed).map_err(|_| CannotSign)
    }
}

/// `ath`: what a proof says of the token beside it.
pub(super) fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_names_the_request_the_token_and_the_nonce() {
        let signer = Signer::generate().unwrap();
        let jwk = signer.public_jwk();
        let prover = Prover::new(signer);
        let prove = |token, nonce| {
            let proof = Proof {
                method: &Method::POST,
                target: "https://stock.example/items",
                token,
                nonce,
                unix: Duration::from_secs(1_800_000_000),
            };
            let text = prover.prove(proof).unwrap();
            let mut parts = text.to_str().unwrap().split('.').map(|part| {
                let part = URL_SAFE_NO_PAD.decode(part).unwrap();
                serde_json::from_slice::<Value>(&part).unwrap_or_default()
            });
            (parts.next().unwrap(), parts.next().unwrap())
        };
        let (header, claims) = prove(None, None);
        assert_eq!(header["typ"], "dpop+jwt");
        assert_eq!(header["jwk"], jwk);
        assert_eq!((&claims["htm"], &claims["iat"]), (&"POST".into(), &1_800_000_000.into()));
        assert_eq!(claims["htu"], "https://stock.example/items");
        assert!(claims.get("ath").is_none() && claims.get("nonce").is_none());
        let hash = hash("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
        let (_, other) = prove(Some(&hash), Some("eyJ7S"));
        // The example of RFC 9449, section 7.1.
        assert_eq!(other["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        assert_eq!(other["nonce"], "eyJ7S");
        assert_ne!(other["jti"], claims["jti"]);
    }
}
