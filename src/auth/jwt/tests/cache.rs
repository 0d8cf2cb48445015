use std::time::Duration;

use super::super::Jwt;
use super::super::testkit::{self as kit, NOW};
use super::{builder, named, present};

fn at(jwt: &Jwt, token: &str, seconds: u64) -> Result<(), String> {
    let now = Duration::from_secs(seconds);
    jwt.inner.verifier.verify(token.as_bytes(), now).map(|_| ()).map_err(|fault| fault.to_string())
}

fn remembered(jwt: &Jwt) -> usize {
    jwt.inner.verifier.verified.as_ref().map_or(0, |verified| verified.len())
}

#[test]
fn a_verified_token_is_remembered_and_a_refused_one_is_not() {
    let jwt = builder().build().unwrap();
    let token = kit::sign(&kit::claims());
    for _ in 0..3 {
        assert!(present(&jwt, &token).is_ok());
    }
    assert_eq!(remembered(&jwt), 1);
    assert!(present(&jwt, "a.b.c").is_err());
    assert!(present(&jwt, &kit::sign(&kit::claims_with("aud", "x".into()))).is_err());
    assert_eq!(remembered(&jwt), 1);
}

#[test]
fn a_remembered_token_still_ends_and_begins_in_time() {
    let jwt = builder().build().unwrap();
    let token = kit::sign(&kit::claims());
    assert_eq!(at(&jwt, &token, NOW), Ok(()));
    assert_eq!(at(&jwt, &token, NOW + 600 + 59), Ok(()));
    for _ in 0..2 {
        assert_eq!(at(&jwt, &token, NOW + 660).unwrap_err(), "the token expired 60 s ago");
    }
    assert!(at(&jwt, &token, NOW - 71).unwrap_err().contains("not valid for another 61 s"));
    assert_eq!(at(&jwt, &token, NOW), Ok(()));
}

#[test]
fn one_byte_more_or_less_is_another_token() {
    let jwt = builder().build().unwrap();
    let token = kit::sign(&kit::claims());
    assert!(present(&jwt, &token).is_ok());
    let mut shorter = token.clone();
    shorter.pop();
    assert!(present(&jwt, &shorter).is_err());
    assert!(present(&jwt, &format!("{token}A")).is_err());
}

#[test]
fn memory_is_bounded_and_can_be_switched_off() {
    let jwt = named().public_key_pem(kit::ED25519_PUB).cache_capacity(64).build().unwrap();
    for n in 0..300 {
        let claims = kit::claims_with("sub", format!("user-{n}").into());
        let header = serde_json::json!({"alg": "EdDSA"});
        let token = kit::sign_as(super::super::Algorithm::EdDsa, &header, &claims);
        assert!(present(&jwt, &token).is_ok());
    }
    assert!((1..=64).contains(&remembered(&jwt)), "{}", remembered(&jwt));

    let jwt = builder().cache_capacity(0).build().unwrap();
    let token = kit::sign(&kit::claims());
    assert!(present(&jwt, &token).is_ok() && present(&jwt, &token).is_ok());
    assert!(jwt.inner.verifier.verified.is_none());
}

#[test]
fn two_schemes_remember_apart() {
    let ours = builder().build().unwrap();
    let theirs = Jwt::builder()
        .issuer("https://id.example")
        .audience("billing")
        .public_key_pem(kit::ES256_PUB)
        .build()
        .unwrap();
    let token = kit::sign(&kit::claims());
    assert!(present(&ours, &token).is_ok());
    assert!(present(&theirs, &token).is_err());
}
