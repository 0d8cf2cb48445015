//! Signs tokens for the tests. The keys are public, and for nothing else.

use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use serde_json::{Value, json};

use super::Algorithm;

macro_rules! keys {
    ($($name:ident = $file:literal;)+) => {
        $(pub(super) const $name: &str =
            include_str!(concat!("../../../tests/support/keys/", $file));)+
    };
}

keys! {
    ES256 = "es256.pem";
    ES256_PUB = "es256.pub.pem";
    ES384 = "es384.pem";
    ES384_PUB = "es384.pub.pem";
    ES512 = "es512.pem";
    ES512_PUB = "es512.pub.pem";
    ED25519 = "ed25519.pem";
    ED25519_PUB = "ed25519.pub.pem";
    RSA = "rs256.pem";
    RSA_PUB = "rs256.pub.pem";
    RSA_PKCS1_PUB = "rs256.pkcs1.pem";
    RSA1024_PUB = "rsa1024.pub.pem";
    SECP256K1_PUB = "secp256k1.pub.pem";
}

pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const SECRET: &[u8; 64] =
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Claims of a token that is good at `NOW`.
pub(super) fn claims() -> Value {
    json!({
        "iss": "https://id.example",
        "sub": "alice",
        "aud": "orders",
        "exp": NOW + 600,
        "nbf": NOW - 10,
        "iat": NOW - 10,
        "scope": "orders:read orders:write",
    })
}

/// The claims with one of them replaced, or taken out by `null`.
pub(super) fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn key(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::Es256 => EncodingKey::from_ec_pem(ES256.as_bytes()).unwrap(),
        Algorithm::Es384 => EncodingKey::from_ec_pem(ES384.as_bytes()).unwrap(),
        Algorithm::Es512 => EncodingKey::from_ec_pem(ES512.as_bytes()).unwrap(),
        Algorithm::EdDsa => EncodingKey::from_ed_pem(ED25519.as_bytes()).unwrap(),
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => EncodingKey::from_secret(SECRET),
        _ => EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap(),
    }
}

/// The algorithm of that name in the crate that signs.
fn native(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    algorithm.name().parse().unwrap()
}

/// A compact token over the very texts given.
pub(super) fn sign_text(algorithm: Algorithm, header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = match algorithm {
        Algorithm::Es512 => sign_p521(signed.as_bytes()),
        _ => {
            let factory = DEFAULT_PROVIDER.signer_factory;
            let signer = factory(&native(algorithm), &key(algorithm)).unwrap();
            signer.try_sign(signed.as_bytes()).unwrap()
        }
    };
    format!("{signed}.{}", encode(signature))
}

/// The one curve that the crate which signs does not know.
fn p521() -> EcdsaKeyPair {
    let body: String = ES512.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P521_SHA512_FIXED_SIGNING, &der).unwrap()
}

fn sign_p521(signed: &[u8]) -> Vec<u8> {
    let random = aws_lc_rs::rand::SystemRandom::new();
    p521().sign(&random, signed).unwrap().as_ref().to_vec()
}

/// The public key of an algorithm in PEM.
pub(super) fn public_pem(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Es256 => ES256_PUB,
        Algorithm::Es384 => ES384_PUB,
        Algorithm::Es512 => ES512_PUB,
        Algorithm::EdDsa => ED25519_PUB,
        _ => RSA_PUB,
    }
}

pub(super) fn sign_as(algorithm: Algorithm, header: &Value, claims: &Value) -> String {
    sign_text(algorithm, &header.to_string(), &claims.to_string())
}

/// An ES256 token with these claims.
pub(super) fn sign(claims: &Value) -> String {
    sign_as(Algorithm::Es256, &json!({"alg": "ES256", "typ": "JWT"}), claims)
}

/// The JWK of a test key, from its PEM.
pub(super) fn jwk(algorithm: Algorithm, members: Value) -> Value {
    let utils = &DEFAULT_PROVIDER.key_utils;
    let key = key(algorithm);
    let mut jwk = match algorithm {
        Algorithm::Es512 => {
            let pair = p521();
            let (x, y) = pair.public_key().as_ref()[1..].split_at(66);
            json!({"kty": "EC", "crv": "P-521", "x": encode(x), "y": encode(y)})
        }
        Algorithm::Es256 | Algorithm::Es384 => {
            let (_, x, y) =
                (utils.ec_pub_components_from_private_key)(key.as_bytes(), native(algorithm))
                    .unwrap();
            let crv = if algorithm == Algorithm::Es256 { "P-256" } else { "P-384" };
            json!({"kty": "EC", "crv": crv, "x": encode(x), "y": encode(y)})
        }
        Algorithm::EdDsa => {
            let curve = jsonwebtoken::jwk::EllipticCurve::Ed25519;
            let x = (utils.ed_pub_components_from_private_key)(key.as_bytes(), &curve).unwrap();
            json!({"kty": "OKP", "crv": "Ed25519", "x": encode(x)})
        }
        _ => {
            let (n, e) = (utils.rsa_pub_components_from_private_key)(key.as_bytes()).unwrap();
            json!({"kty": "RSA", "n": encode(n), "e": encode(e)})
        }
    };
    let extra = members.as_object().unwrap().clone();
    jwk.as_object_mut().unwrap().extend(extra);
    jwk
}

/// A P-256 key that signed nothing.
pub(super) fn another_jwk(kid: &str) -> Value {
    let curve = &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = aws_lc_rs::signature::EcdsaKeyPair::generate(curve).unwrap();
    let point = aws_lc_rs::signature::KeyPair::public_key(&key).as_ref();
    let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y})
}
