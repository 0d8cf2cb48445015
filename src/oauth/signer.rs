//! A private key, ready to sign.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::auth::jwt::Algorithm;
use crate::pem::block;

/// The least RSA modulus, in bytes.
const LEAST_RSA: usize = 256;

/// Signs in the name of this service.
pub(crate) struct Signer {
    pair: Pair,
    algorithm: &'static str,
    id: Option<String>,
}

enum Pair {
    Curve(&'static str, Box<EcdsaKeyPair>),
    Edwards(Box<Ed25519KeyPair>),
    Rsa(&'static dyn RsaEncoding, Box<rsa::KeyPair>),
}

/// The library could not sign. It says no more.
#[derive(Debug, thiserror::Error)]
#[error("the private key could not sign")]
pub(crate) struct CannotSign;

impl Signer {
    /// A key on P-256 that nobody else has.
    pub(crate) fn generate() -> Result<Self, CannotSign> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        let pair = Pair::Curve("P-256", Box::new(pair.map_err(|_| CannotSign)?));
        Ok(Self { pair, algorithm: "ES256", id: None })
    }

    /// A key in PEM form, or what is wrong with it.
    pub(crate) fn from_pem(
        text: &str,
        id: Option<String>,
        wanted: Option<Algorithm>,
    ) -> Result<Self, &'static str> {
        let (label, der) = block(text)?;
        let (pair, algorithm) = match label {
            "PRIVATE KEY" => pkcs8(&der, wanted)?,
            "EC PRIVATE KEY" => curve(&der).ok_or("is not on P-256 or P-384")?,
            "RSA PRIVATE KEY" => {
                rsa_pair(rsa::KeyPair::from_der(&der).map_err(|_| "is not an RSA key")?, wanted)?
            }
            label if label.ends_with("PUBLIC KEY") => return Err("is a public key"),
            "CERTIFICATE" => return Err("is a certificate, not its private key"),
            "ENCRYPTED PRIVATE KEY" => return Err("is encrypted"),
            _ => return Err("is not a private key"),
        };
        match wanted {
            Some(wanted) if wanted.name() != algorithm => Err("does not sign with that algorithm"),
            _ => Ok(Self { pair, algorithm, id }),
        }
    }

    #[cfg(test)]
    pub(crate) fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// The public half as a JWK (RFC 7517), with the members that its thumbprint is of, and no more.
    pub(crate) fn public_jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Curve(name, pair) => {
                let point = pair.public_key().as_ref();
                let coordinates = point.split_first().map_or(&[][..], |(_, both)| both);
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                json!({"crv": name, "kty": "EC", "x": text(x), "y": text(y)})
            }
            Pair::Edwards(pair) => {
                json!({"crv": "Ed25519", "kty": "OKP", "x": text(pair.public_key().as_ref())})
            }
            Pair::Rsa(_, pair) => {
                let key = pair.public_key();
                let n = key.modulus();
                let e = key.exponent();
                json!({
                    "e": text(e.big_endian_without_leading_zero()),
                    "kty": "RSA",
                    "n": text(n.big_endian_without_leading_zero()),
                })
            }
        }
    }

    /// A compact JWS (RFC 7515) over the claims; `alg` and `kid` are added to the header.
    pub(crate) fn sign(
        &self,
        mut header: Map<String, Value>,
        claims: &Map<String, Value>,
    ) -> Result<String, CannotSign> {
        header.insert("alg".to_owned(), self.algorithm.into());
        if let Some(id) = &self.id {
            header.insert("kid".to_owned(), id.as_str().into());
        }
        let part = |object: &Map<String, Value>| {
            serde_json::to_vec(object).map(|text| URL_SAFE_NO_PAD.encode(text))
        };
        let mut token = part(&header).map_err(|_| CannotSign)?;
        token.push('.');
        token.push_str(&part(claims).map_err(|_| CannotSign)?);
        let signature = self.raw(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn raw(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Curve(_, pair) => {
                let signature = pair.sign(&random, message).map_err(|_| CannotSign)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Edwards(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(encoding, pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(*encoding, &random, message, &mut signature);
                signed.map(|()| signature).map_err(|_| CannotSign)
            }
        }
    }
}

/// The structure says which kind of key it holds, and each reader refuses the others'.
fn pkcs8(der: &[u8], wanted: Option<Algorithm>) -> Result<(Pair, &'static str), &'static str> {
    if let Some(found) = curve(der) {
        return Ok(found);
    }
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
        return Ok((Pair::Edwards(Box::new(pair)), "EdDSA"));
    }
    let pair = rsa::KeyPair::from_pkcs8(der)
        .map_err(|_| "is not a key on P-256 or P-384, an Ed25519 key or an RSA key")?;
    rsa_pair(pair, wanted)
}

fn curve(der: &[u8]) -> Option<(Pair, &'static str)> {
    let curves: [(&'static EcdsaSigningAlgorithm, _, _); 2] = [
        (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", "ES256"),
        (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", "ES384"),
    ];
    curves.into_iter().find_map(|(signing, name, algorithm)| {
        let pair = EcdsaKeyPair::from_private_key_der(signing, der).ok()?;
        Some((Pair::Curve(name, Box::new(pair)), algorithm))
    })
}

fn rsa_pair(
    pair: rsa::KeyPair,
    wanted: Option<Algorithm>,
) -> Result<(Pair, &'static str), &'static str> {
    if pair.public_modulus_len() < LEAST_RSA {
        return Err("is an RSA key of less than 2048 bits");
    }
    let (encoding, name): (&'static dyn RsaEncoding, _) = match wanted {
        Some(Algorithm::Rs256) => (&RSA_PKCS1_SHA256, "RS256"),
        None | Some(Algorithm::Ps256) => (&RSA_PSS_SHA256, "PS256"),
        Some(_) => return Err("does not sign with that algorithm"),
    };
    Ok((Pair::Rsa(encoding, Box::new(pair)), name))
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
