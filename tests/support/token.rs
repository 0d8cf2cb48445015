//! Bearer tokens that the tests sign themselves.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::aws_lc};
use serde_json::{Value, json};
use tower_parapet::auth::jwt::{Jwt, JwtBuilder};

const PRIVATE: &str = include_str!("keys/es256.pem");
const PUBLIC: &str = include_str!("keys/es256.pub.pem");

/// Takes what [`sign`] signs, of one issuer for one audience.
pub fn jwt() -> JwtBuilder {
    Jwt::builder().issuer("https://id.example").audience("orders").public_key_pem(PUBLIC)
}

/// A token of `alice` that ends at `exp`, with scopes.
pub fn alice(exp: u64, scope: &str) -> String {
    sign(&json!({
        "iss": "https://id.example", "sub": "alice", "aud": "orders", "exp": exp, "scope": scope,
    }))
}

pub fn sign(claims: &Value) -> String {
    let header = json!({ "alg": "ES256", "typ": "at+jwt" }).to_string();
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(header), encode(claims.to_string()));
    let key = EncodingKey::from_ec_pem(PRIVATE.as_bytes()).unwrap();
    let signer = (aws_lc::DEFAULT_PROVIDER.signer_factory)(&Algorithm::ES256, &key).unwrap();
    let signature = signer.try_sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
