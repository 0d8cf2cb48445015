use std::time::Duration;

use serde_json::{Map, Value, json};

use super::token::{Expected, LogoutToken};
use crate::rejection::{Reason, Rejection};

const NOW: u64 = 1_700_000_000;
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const SKEW: Duration = Duration::from_secs(60);

/// As in section 2.4 of the specification, with an `exp`.
fn claims() -> Map<String, Value> {
    let claims = json!({
        "iss": "https://server.example.com",
        "sub": "248289761001",
        "aud": "s6BhdRkqt3",
        "iat": NOW,
        "exp": NOW + 120,
        "jti": "bWJq",
        "sid": "08a5019c-17e1-4977-8f42-65a12843ea02",
        "events": { (EVENT): {} }
    });
    let Value::Object(claims) = claims else { panic!("not an object") };
    claims
}

fn check(claims: &Map<String, Value>) -> Result<LogoutToken, Rejection> {
    let clients = vec!["other".to_owned(), "s6BhdRkqt3".to_owned()];
    let expected = Expected { clients, requires_type: false };
    expected.check(claims, Duration::from_secs(NOW), SKEW)
}

#[test]
fn the_example_of_the_specification_is_taken() {
    let token = check(&claims()).unwrap();
    assert_eq!(token.id, "bWJq");
    assert_eq!(token.session.as_deref(), Some("08a5019c-17e1-4977-8f42-65a12843ea02"));
    assert_eq!(token.subject.as_deref(), Some("248289761001"));
    assert_eq!(token.issued_at, Duration::from_secs(NOW));
}

#[test]
fn what_else_is_a_logout_token() {
    for (name, value) in [
        ("aud", json!(["s6BhdRkqt3"])),
        ("aud", json!(["somebody", "other"])),
        ("sub", Value::Null),
        ("sid", Value::Null),
        ("exp", json!(NOW - 59)),
        ("iat", json!(NOW + 60)),
        ("iat", json!(1_700_000_000.5)),
        ("events", json!({ (EVENT): {}, "revoke_offline_access": false })),
        ("events", json!({ (EVENT): { "more": 1 } })),
        ("typ", json!("Logout")),
    ] {
        let mut claims = claims();
        match value {
            Value::Null => drop(claims.remove(name)),
            value => drop(claims.insert(name.to_owned(), value)),
        }
        assert!(check(&claims).is_ok(), "{claims:?}");
    }
}

#[test]
fn what_lacks_anything_is_none() {
    let without = ["aud", "iat", "exp", "jti", "events"].map(|name| (name, Value::Null));
    let with = [
        ("aud", json!("s6BhdRkqt")),
        ("aud", json!(["s6BhdRkqt3", 7])),
        ("aud", json!([])),
        ("aud", json!({ "s6BhdRkqt3": 1 })),
        ("nonce", json!("n-0S6_WzA2Mj")),
        ("nonce", json!(null)),
        ("iat", json!("now")),
        ("iat", json!(NOW + 61)),
        ("iat", json!(-1)),
        ("exp", json!(NOW - 60)),
        ("exp", json!("never")),
        ("exp", json!(1e300)),
        ("jti", json!("")),
        ("jti", json!(7)),
        ("sid", json!("")),
        ("sid", json!(7)),
        ("sub", json!({})),
        ("events", json!([EVENT])),
        ("events", json!(EVENT)),
        ("events", json!({ (EVENT): [] })),
        ("events", json!({ (EVENT): null })),
        ("events", json!({ (EVENT): "yes" })),
        ("events", json!({ "http://schemas.openid.net/event/backchannel-logout/": {} })),
        ("events", json!({})),
    ];
    for (name, value) in without.into_iter().chain(with) {
        let mut claims = claims();
        match &value {
            Value::Null if name != "nonce" => drop(claims.remove(name)),
            value => drop(claims.insert(name.to_owned(), value.clone())),
        }
        let refused = check(&claims).unwrap_err();
        assert_eq!(refused.reason(), Reason::BadLogoutToken, "{name}: {value}");
        assert!(refused.private_expected().is_some() && refused.private_found().is_some());
        assert_eq!(refused.public_detail(), "");
    }
    let mut nobody = claims();
    nobody.remove("sub");
    nobody.remove("sid");
    assert!(check(&nobody).is_err());
}

#[test]
fn the_type_may_be_asked_for() {
    let expected = |requires_type| Expected { clients: Vec::new(), requires_type };
    for (typ, is_taken, is_explicit) in [
        (None, true, false),
        (Some("jwt"), true, false),
        (Some("logout+jwt"), true, true),
        (Some("at+jwt"), false, false),
        (Some("secevent+jwt"), false, false),
        (Some("dpop+jwt"), false, false),
    ] {
        assert_eq!(expected(false).takes_type(typ), is_taken, "{typ:?}");
        assert_eq!(expected(true).takes_type(typ), is_explicit, "{typ:?}");
    }
}
