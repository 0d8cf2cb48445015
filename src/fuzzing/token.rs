use std::{str, sync::LazyLock, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Request, header::AUTHORIZATION};
use serde_json::Value;

use crate::{
    Exchange, Principal,
    auth::{
        Attempt, Scheme,
        jwt::{Algorithm, Jwt},
    },
    clock::ManualClock,
};

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "orders";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Of RFC 8037, appendix A.2; nobody here has its private half.
const KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

static JWT: LazyLock<Jwt> = LazyLock::new(|| {
    let jwt = Jwt::builder().issuer(ISSUER).audience(AUDIENCE).jwks(KEYS).cache_capacity(100);
    jwt.dangerous().shared_secret(Algorithm::Hs256, SECRET).build().expect("a scheme")
});

/// A token: as it is, which nobody signed; or, where it has two lines, a header and claims that are
/// signed here, so that what stands behind the signature is reached too.
pub fn token(bytes: &[u8]) -> bool {
    let line = bytes.iter().position(|byte| *byte == b'\n');
    match line.and_then(|line| bytes.split_at_checked(line)) {
        None => {
            let taken = present(bytes);
            assert!(taken.is_none(), "taken without a signature: {taken:?}");
            false
        }
        Some((header, claims)) => {
            let claims = claims.get(1..).unwrap_or_default();
            let token = sign(header, claims);
            // Judged once, and remembered the second time.
            let taken = [present(token.as_bytes()), present(token.as_bytes())];
            let [first, second] = taken.map(|taken| taken.map(|it| it.subject().to_owned()));
            assert_eq!(first, second, "remembered as something else");
            first.inspect(|subject| judge(header, claims, subject)).is_some()
        }
    }
}

fn sign(header: &[u8], claims: &[u8]) -> String {
    let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(header), encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), signed.as_bytes());
    format!("{signed}.{}", encode(tag.as_ref()))
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
