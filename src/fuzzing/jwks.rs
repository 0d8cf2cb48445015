use std::str;

use crate::auth::jwt::Jwt;

/// A JWK set of whoever answers in the issuer's place.
pub fn jwks(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    let built = Jwt::builder().issuer("https://id.example").audience("orders").jwks(text).build();
    if built.is_ok() {
        let set: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let keys = set.get("keys").and_then(|keys| keys.as_array()).expect("an array");
        assert!(keys.iter().all(|key| key.get("d").is_none()), "a private key was taken");
    }
    built.is_ok()
}
