//! Bearer tokens that the tests sign themselves.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

use std::sync::LazyLock;

use serde_json::Value;
use tower_parapet::{auth::jwt::JwtBuilder, testing::TestIssuer};

static ISSUER: LazyLock<TestIssuer> =
    LazyLock::new(|| TestIssuer::new("https://id.example").audience("orders"));

/// Takes the tokens of [`alice`], of one issuer for one audience.
pub fn jwt() -> JwtBuilder {
    ISSUER.jwt()
}

/// A token of `alice` that ends at `exp`, with scopes. It says nothing of the system's clock.
pub fn alice(exp: u64, scope: &str) -> String {
    ISSUER.token().subject("alice").without("iat").claim("exp", exp).scope(scope).sign()
}

/// A token with these claims and no others.
pub fn sign(claims: &Value) -> String {
    let bare = ["iss", "sub", "aud", "iat", "exp"];
    let bare = bare.into_iter().fold(ISSUER.token(), |token, claim| token.without(claim));
    let claims = claims.as_object().unwrap();
    claims.iter().fold(bare, |token, (name, value)| token.claim(name, value.clone())).sign()
}
