use std::{sync::LazyLock, time::Duration};

use http::{HeaderValue, Request, header::AUTHORIZATION};
use serde_json::Value;

use super::{
    NOW,
    jws::{SECRET, by_secret, two_parts},
};
use crate::{
    Exchange, Principal,
    auth::{
        Attempt, Scheme,
        jwt::{Algorithm, Jwt},
    },
    clock::ManualClock,
};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "orders";

/// Of RFC 7517, appendix A.1; nobody here has its private half.
const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"1",
    "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

static JWT: LazyLock<Jwt> = LazyLock::new(|| {
    let jwt = Jwt::builder().issuer(ISSUER).audience(AUDIENCE).jwks(KEYS).cache_capacity(100);
    jwt.dangerous().shared_secret(Algorithm::Hs256, SECRET).build().expect("a scheme")
});

/// A token: as it is, which nobody signed; or, where it has two lines, a header and claims that are
/// signed here.
pub fn token(bytes: &[u8]) -> bool {
    let Some((header, claims)) = two_parts(bytes) else {
        let taken = present(bytes);
        assert!(taken.is_none(), "taken without a signature: {taken:?}");
        return false;
    };
    let token = by_secret(header, claims);
    // Judged once, and remembered the second time.
    let taken = [present(token.as_bytes()), present(token.as_bytes())];
    let [first, second] = taken.map(|taken| taken.map(|it| it.subject().to_owned()));
    assert_eq!(first, second, "remembered as something else");
    first.inspect(|subject| judge(header, claims, subject)).is_some()
}

fn present(token: &[u8]) -> Option<Principal> {
    let value = HeaderValue::from_bytes(&[b"Bearer ", token].concat()).ok()?;
    let request = Request::builder().header(AUTHORIZATION, value).body(()).ok()?;
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    match JWT.authenticate(&mut Exchange::test(request, clock)) {
        Ok(Attempt::Verified(principal)) => Some(principal),
        _ => None,
    }
}

/// The rules once more, read by another parser and in other words.
fn judge(header: &[u8], claims: &[u8], subject: &str) {
    let header: Value = serde_json::from_slice(header).expect("a header in JSON");
    assert_eq!(header.get("alg"), Some(&Value::from("HS256")));
    assert!(header.get("crit").is_none(), "`crit` was read past");
    if let Some(typ) = header.get("typ") {
        let typ = typ.as_str().expect("a type in letters").to_ascii_lowercase();
        assert!(matches!(typ.trim_start_matches("application/"), "jwt" | "at+jwt"), "{typ}");
    }

    let claims: Value = serde_json::from_slice(claims).expect("claims in JSON");
    assert_eq!(claims.get("iss"), Some(&Value::from(ISSUER)));
    assert_eq!(claims.get("sub"), Some(&Value::from(subject)));
    let aud = claims.get("aud").expect("an audience");
    let ours = Value::from(AUDIENCE);
    assert!(*aud == ours || aud.as_array().is_some_and(|all| all.contains(&ours)), "{aud}");
    let second = |claim| claims.get(claim).map(|at| at.as_f64().expect("a time in numbers"));
    assert!(second("exp").expect("an end") > (NOW - 61) as f64, "expired");
    assert!(second("nbf").unwrap_or_default() <= (NOW + 61) as f64, "not yet");
    assert!(claims.get("cnf").is_none(), "a bond was read past");
}
