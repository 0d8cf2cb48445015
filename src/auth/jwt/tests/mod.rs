//! The scheme as a whole, from header to principal.

mod cache;
mod claims;
mod config;
mod header;
mod issuers;
mod keys;
mod lifetime;
mod mutation;
mod presets;

use std::time::Duration;

use http::Request;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};

use super::testkit::{self as kit, NOW};
use super::{Jwt, JwtBuilder};
use crate::auth::{Attempt, Scheme};
use crate::clock::ManualClock;
use crate::context::Principal;
use crate::guard::Exchange;
use crate::rejection::{Reason, Rejection};

/// Issuer, audience and the ES256 key of the kit.
pub(super) fn builder() -> JwtBuilder {
    named().public_key_pem(kit::ES256_PUB)
}

/// Issuer and audience, no keys.
pub(super) fn named() -> JwtBuilder {
    Jwt::builder().issuer("https://id.example").audience("orders")
}

pub(super) fn exchange(authorization: &[&str]) -> Exchange {
    let mut request = Request::builder();
    for value in authorization {
        request = request.header(AUTHORIZATION, *value);
    }
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    Exchange::test(request.body(()).unwrap(), clock)
}

pub(super) fn present(jwt: &impl Scheme, token: &str) -> Result<Principal, Rejection> {
    let mut exchange = exchange(&[&format!("Bearer {token}")]);
    assert!(jwt.is_presented(&exchange));
    match jwt.authenticate(&mut exchange)? {
        Attempt::Verified(principal) => Ok(principal),
        other => panic!("{other:?}"),
    }
}

/// What the record would say of the refusal.
pub(super) fn refusal(jwt: &impl Scheme, token: &str) -> (Reason, String) {
    let rejection = present(jwt, token).unwrap_err();
    let cause = rejection.private_cause().unwrap().to_string();
    let expected = rejection.private_expected().unwrap_or("-");
    let found = rejection.private_found().unwrap_or("-");
    (rejection.reason(), format!("{cause} | {expected} | {found}"))
}

#[test]
fn a_good_token_becomes_a_principal_with_scopes_and_claims() {
    let jwt = builder().build().unwrap();
    let principal = present(&jwt, &kit::sign(&kit::claims())).unwrap();
    assert_eq!((principal.issuer(), principal.subject()), ("https://id.example", "alice"));
    assert_eq!(principal.scheme(), "jwt");
    assert_eq!(principal.scopes().collect::<Vec<_>>(), ["orders:read", "orders:write"]);
    assert_eq!(principal.claims().unwrap()["aud"], "orders");
    assert_eq!(principal.expires_at(), Some(Duration::from_secs(NOW + 600)));
}

#[test]
fn no_bearer_token_is_absence_not_refusal() {
    let jwt = builder().build().unwrap();
    let token = kit::sign(&kit::claims());
    for values in [
        vec![],
        vec!["Basic YTpi".to_owned()],
        vec![token.clone()],
        vec![format!("Bearer:{token}")],
        vec![format!("Bearer\t{token}")],
        vec![format!("DPoP {token}")],
        vec![format!("BearerX {token}")],
    ] {
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        let mut exchange = exchange(&values);
        assert!(!jwt.is_presented(&exchange), "{values:?}");
        assert!(matches!(jwt.authenticate(&mut exchange), Ok(Attempt::Absent)), "{values:?}");
    }
}

#[test]
fn the_scheme_name_is_read_in_any_case_and_with_more_spaces() {
    let jwt = builder().build().unwrap();
    let token = kit::sign(&kit::claims());
    for prefix in ["Bearer ", "bearer ", "BEARER ", "bEaReR    "] {
        let mut exchange = exchange(&[&format!("{prefix}{token}")]);
        let attempt = jwt.authenticate(&mut exchange);
        assert!(matches!(attempt, Ok(Attempt::Verified(_))), "{prefix}");
    }
}

#[test]
fn two_authorization_headers_are_refused_even_if_one_is_good() {
    let jwt = builder().build().unwrap();
    let good = format!("Bearer {}", kit::sign(&kit::claims()));
    for values in [[&*good, &*good], [&*good, "Basic YTpi"], ["Basic YTpi", &*good]] {
        let mut exchange = exchange(&values);
        assert!(jwt.is_presented(&exchange));
        let rejection = jwt.authenticate(&mut exchange).unwrap_err();
        assert_eq!(rejection.reason(), Reason::AmbiguousCredentials);
    }
    let mut third = exchange(&["Basic YTpi", "Basic YTpi", &good]);
    assert!(jwt.authenticate(&mut third).is_err());
}

#[test]
fn what_is_no_token_is_refused_as_malformed() {
    let jwt = builder().build().unwrap();
    let token = kit::sign(&kit::claims());
    let long = format!("{}.{}", "a".repeat(8 * 1024), token);
    for bad in [
        "",
        "garbage",
        ".",
        "..",
        "a.b.c",
        "null",
        "undefined",
        "Bearer a.b.c",
        &format!("{token}, {token}"),
        &format!("{token}="),
        &format!("\"{token}\""),
        &format!("{token}."),
        &format!(".{token}"),
        &format!("{token} x"),
        &long,
        &token.replace('.', ". "),
        &token.replace('.', "\u{2e}\u{2e}"),
    ] {
        let (reason, record) = refusal(&jwt, bad);
        assert_eq!(reason, Reason::InvalidCredentials, "{bad}");
        assert!(record.starts_with("the token is malformed"), "{bad}: {record}");
    }
}

#[test]
fn a_refusal_carries_the_challenge_and_nothing_of_the_token() {
    let jwt = builder().realm("shop").build().unwrap();
    let plain = jwt.challenges();
    assert_eq!(plain, ["Bearer realm=\"shop\""], "no error without credentials");

    let token = kit::sign(&kit::claims_with("aud", "billing-7f3a".into()));
    let rejection = present(&jwt, &token).unwrap_err();
    let challenge = rejection.headers().iter().find(|(name, _)| *name == WWW_AUTHENTICATE);
    let challenge = challenge.unwrap().1.to_str().unwrap();
    assert_eq!(
        challenge,
        "Bearer realm=\"shop\", error=\"invalid_token\", \
         error_description=\"the token is not valid here\""
    );
    assert!(!rejection.public_detail().contains("billing"));
    assert_eq!(rejection.private_found(), Some("`billing-7f3a`"));
    assert_eq!(rejection.private_expected(), Some("`orders`"));
    let signature = token.rsplit('.').next().unwrap();
    for text in [format!("{rejection:?}"), rejection.private_cause().unwrap().to_string()] {
        assert!(!text.contains(signature) && !text.contains(&token), "{text}");
    }
}

#[test]
fn expired_but_genuine_is_told_apart_from_forged() {
    let jwt = builder().build().unwrap();
    let old = kit::sign(&kit::claims_with("exp", (NOW - 60).into()));
    assert_eq!(refusal(&jwt, &old).0, Reason::ExpiredCredentials);
    let (signed, signature) = old.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    assert_eq!(refusal(&jwt, &forged).0, Reason::InvalidCredentials);
    let mut elsewhere = kit::claims_with("exp", (NOW - 60).into());
    elsewhere["aud"] = "billing".into();
    assert_eq!(refusal(&jwt, &kit::sign(&elsewhere)).0, Reason::InvalidCredentials);
}

#[test]
fn the_manifest_line_names_issuer_audience_and_algorithms_and_no_key() {
    let jwt = builder().audience("orders-v2").build().unwrap();
    assert_eq!(
        jwt.summary(),
        "bearer tokens of https://id.example for orders or orders-v2, 1 key (ES256)"
    );
    assert!(!format!("{jwt:?}{:?}", builder()).contains("MFkw"));
}
