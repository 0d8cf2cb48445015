use std::str;

use serde_json::Value;

use crate::auth::jwt::Jwt;

/// A JWK set of whoever answers in the issuer's place.
pub fn jwks(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    let built = Jwt::builder().issuer("https://id.example").audience("orders").jwks(text).build();
    if built.is_ok() {
        let set: Value = serde_json::from_str(text).expect("JSON");
        let keys = set.get("keys").and_then(Value::as_array).expect("an array");
        // What names no type is no key, and what is symmetric is left out anyway.
        let is_pair =
            |key: &&Value| key.get("kty").is_some_and(|kty| kty.is_string() && kty != "oct");
        let mut pairs = keys.iter().filter(is_pair);
        assert!(pairs.all(|key| key.get("d").is_none()), "a private key was taken");
    }
    built.is_ok()
}
