use serde_json::{Value, json};

use super::super::Algorithm;
use super::super::testkit::{self as kit, NOW};
use super::{builder, present, refusal};
use crate::rejection::Reason;

/// A claim and its value; `null` takes it out.
type Case = (&'static str, fn() -> Value);

const GOOD: &[Case] = &[
    ("aud", || json!(["billing", "orders"])),
    ("exp", || json!(NOW - 59)),
    ("exp", || json!(NOW as f64 + 0.5)),
    ("exp", || json!(253_402_300_799u64)),
    ("nbf", || json!(null)),
    ("nbf", || json!(NOW + 60)),
    ("iat", || json!(null)),
    ("iat", || json!(NOW + 60)),
    ("iat", || json!(0)),
    ("scope", || json!(null)),
    ("scope", || json!(["orders:read"])),
    ("roles", || json!({"any": "shape"})),
    ("jti", || json!("abc")),
    ("typ", || json!("Bearer")),
    ("token_use", || json!("access")),
    ("nonce", || json!("Keycloak before 25, beside a scope")),
    ("sid", || json!("x")),
    ("auth_time", || json!(NOW)),
    ("acr", || json!("1")),
];

const BAD: &[Case] = &[
    ("iss", || json!(null)),
    ("iss", || json!("https://id.example/")),
    ("iss", || json!("HTTPS://id.example")),
    ("iss", || json!(["https://id.example"])),
    ("iss", || json!({"0": "https://id.example"})),
    ("aud", || json!(null)),
    ("aud", || json!("Orders")),
    ("aud", || json!("orders ")),
    ("aud", || json!("billing")),
    ("aud", || json!([])),
    ("aud", || json!(["billing"])),
    ("aud", || json!(["orders", 1])),
    ("aud", || json!([["orders"]])),
    ("aud", || json!({"orders": true})),
    ("aud", || json!(true)),
    ("exp", || json!(null)),
    ("exp", || json!("never")),
    ("exp", || json!((NOW + 600).to_string())),
    ("exp", || json!(true)),
    ("exp", || json!([NOW + 600])),
    ("exp", || json!(-1)),
    ("exp", || json!(-1.5)),
    ("exp", || json!((NOW + 600) * 1000)),
    ("exp", || json!(1e300)),
    ("exp", || json!(u64::MAX)),
    ("nbf", || json!(NOW + 61)),
    ("nbf", || json!("soon")),
    ("nbf", || json!(-1)),
    ("nbf", || json!((NOW - 10) * 1000)),
    ("iat", || json!(NOW + 61)),
    ("iat", || json!("now")),
    ("iat", || json!({})),
    ("sub", || json!(null)),
    ("sub", || json!("")),
    ("sub", || json!(7)),
    ("sub", || json!(["alice"])),
    ("scope", || json!(1)),
    ("scope", || json!({"orders:read": true})),
    ("scope", || json!(["orders:read", 1])),
    ("typ", || json!("ID")),
    ("typ", || json!("refresh")),
    ("typ", || json!("Offline")),
    ("typ", || json!("Logout")),
    ("token_use", || json!("id")),
    ("token_use", || json!(1)),
    ("events", || json!({"http://schemas.openid.net/event/backchannel-logout": {}})),
    ("at_hash", || json!("x")),
    ("c_hash", || json!("x")),
    ("s_hash", || json!("x")),
    ("cnf", || json!({"jkt": "x"})),
];

#[test]
fn every_claim_rule_holds() {
    let jwt = builder().build().unwrap();
    for (name, value) in GOOD {
        let claims = kit::claims_with(name, value());
        assert!(present(&jwt, &kit::sign(&claims)).is_ok(), "{claims}");
    }
    for (name, value) in BAD {
        let claims = kit::claims_with(name, value());
        let (reason, record) = refusal(&jwt, &kit::sign(&claims));
        assert_eq!(reason, Reason::InvalidCredentials, "{claims}: {record}");
        assert!(!record.contains("malformed") && !record.contains("signature"), "{record}");
    }
}

#[test]
fn exp_is_over_at_the_very_second_the_skew_ends() {
    let jwt = builder().clock_skew(std::time::Duration::ZERO).build().unwrap();
    let at = |exp: Value| present(&jwt, &kit::sign(&kit::claims_with("exp", exp)));
    assert!(at(json!(NOW + 1)).is_ok());
    assert_eq!(at(json!(NOW)).unwrap_err().reason(), Reason::ExpiredCredentials);
    let (_, record) = refusal(&jwt, &kit::sign(&kit::claims_with("exp", json!(NOW - 90))));
    assert!(record.starts_with("the token expired 90 s ago"), "{record}");
}

#[test]
fn claims_that_are_no_object_are_refused() {
    let jwt = builder().build().unwrap();
    for payload in ["", "[]", "null", "\"x\"", "1", "{", "foo", "{}{}", "{}"] {
        let token = kit::sign_text(Algorithm::Es256, r#"{"alg":"ES256"}"#, payload);
        assert_eq!(refusal(&jwt, &token).0, Reason::InvalidCredentials, "{payload}");
    }
}

#[test]
fn scopes_come_from_scope_or_scp_as_words_or_list() {
    let jwt = builder().build().unwrap();
    let scopes = |claims: Value| {
        let principal = present(&jwt, &kit::sign(&claims)).unwrap();
        principal.scopes().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(scopes(kit::claims_with("scope", json!(" a  b "))), ["a", "b"]);
    assert_eq!(scopes(kit::claims_with("scope", json!(["a b", "c"]))), ["a b", "c"]);
    let mut claims = kit::claims_with("scope", Value::Null);
    claims["scp"] = json!("User.Read Mail.Read");
    assert_eq!(scopes(claims.clone()), ["User.Read", "Mail.Read"]);
    claims["scp"] = json!(["openid", "a"]);
    assert_eq!(scopes(claims.clone()), ["openid", "a"]);
    claims["scope"] = json!("only");
    assert_eq!(scopes(claims), ["only"]);
}

#[test]
fn roles_and_scopes_are_found_by_name_or_pointer() {
    let mut claims = kit::claims();
    claims["realm_access"] = json!({"roles": ["admin"], "a/b": ["slash"]});
    claims["cognito:groups"] = json!(["staff"]);
    claims["https://api.example/roles"] = json!("a b");
    let token = kit::sign(&claims);
    for (claim, roles) in [
        ("/realm_access/roles", vec!["admin"]),
        ("/realm_access/a~1b", vec!["slash"]),
        ("/cognito:groups", vec!["staff"]),
        ("cognito:groups", vec!["staff"]),
        ("https://api.example/roles", vec!["a", "b"]),
        ("/nowhere/at/all", vec![]),
        ("nowhere", vec![]),
    ] {
        let jwt = builder().roles_claim(claim).scopes_claim(claim).build().unwrap();
        let principal = present(&jwt, &token).unwrap();
        assert_eq!(principal.roles().collect::<Vec<_>>(), roles, "{claim}");
        assert_eq!(principal.scopes().collect::<Vec<_>>(), roles, "{claim}");
    }
    let jwt = builder().roles_claim("/realm_access").build().unwrap();
    assert!(refusal(&jwt, &token).1.contains("`/realm_access`"));
}

#[test]
fn a_nonce_without_any_sign_of_an_access_token_marks_an_id_token() {
    let jwt = builder().build().unwrap();
    let mut claims = kit::claims_with("scope", Value::Null);
    claims["nonce"] = json!("n");
    assert!(refusal(&jwt, &kit::sign(&claims)).1.contains("`nonce`"));
    let explicit = json!({"alg": "ES256", "typ": "at+jwt"});
    assert!(present(&jwt, &kit::sign_as(Algorithm::Es256, &explicit, &claims)).is_ok());
    claims["typ"] = json!("Bearer");
    assert!(present(&jwt, &kit::sign(&claims)).is_ok());
}

#[test]
fn what_weakens_the_rules_must_be_asked_for() {
    let bound = kit::sign(&kit::claims_with("cnf", json!({"jkt": "x"})));
    let strict = builder().build().unwrap();
    assert!(refusal(&strict, &bound).1.contains("`cnf`"));
    let jwt = builder().dangerous().ignore_confirmation().build().unwrap();
    assert!(present(&jwt, &bound).is_ok());

    let mut cognito = kit::claims_with("aud", Value::Null);
    cognito["client_id"] = json!("orders");
    cognito["token_use"] = json!("access");
    assert!(present(&strict, &kit::sign(&cognito)).is_err());
    let jwt = builder().dangerous().client_id_as_audience().build().unwrap();
    assert!(present(&jwt, &kit::sign(&cognito)).is_ok());
    cognito["client_id"] = json!("billing");
    assert!(present(&jwt, &kit::sign(&cognito)).is_err());
    cognito["client_id"] = json!(["orders"]);
    assert!(present(&jwt, &kit::sign(&cognito)).is_err());
    cognito["client_id"] = json!("orders");
    cognito["aud"] = json!("billing");
    assert!(present(&jwt, &kit::sign(&cognito)).is_err(), "an audience that is there counts");
}

#[test]
fn a_client_speaks_for_itself_only_if_asked_for_and_never_as_a_user() {
    let mut claims = kit::claims_with("sub", Value::Null);
    claims["azp"] = json!("robot");
    assert!(present(&builder().build().unwrap(), &kit::sign(&claims)).is_err());
    let jwt = builder().subject_from_client().build().unwrap();
    assert_eq!(present(&jwt, &kit::sign(&claims)).unwrap().subject(), "client:robot");
    claims["client_id"] = json!("machine");
    assert_eq!(present(&jwt, &kit::sign(&claims)).unwrap().subject(), "client:machine");
    claims["sub"] = json!("");
    assert!(present(&jwt, &kit::sign(&claims)).is_err());
    assert_eq!(present(&jwt, &kit::sign(&kit::claims())).unwrap().subject(), "alice");
}

#[test]
fn access_tokens_of_well_known_providers_pass() {
    let extra = [
        json!({"typ": "Bearer", "azp": "web", "sid": "x", "acr": "1", "nonce": "n",
            "realm_access": {"roles": ["user"]}, "resource_access": {"account": {"roles": []}},
            "email_verified": false, "preferred_username": "alice", "session_state": "x"}),
        json!({"azp": "abc", "gty": "client-credentials", "aud": ["orders", "https://x/userinfo"],
            "permissions": ["read:orders"]}),
        json!({"ver": "2.0", "tid": "t", "oid": "o", "azp": "a", "azpacr": "1", "scp": "access",
            "aio": "x", "rh": "x", "uti": "x", "roles": ["Orders.Read"], "appid": "a"}),
        json!({"token_use": "access", "client_id": "c", "username": "alice", "version": 2,
            "origin_jti": "x", "event_id": "x", "auth_time": NOW, "cognito:groups": ["a"]}),
        json!({"ver": 1, "jti": "AT.x", "cid": "c", "uid": "u", "scp": ["openid"]}),
        json!({"kubernetes.io": {"namespace": "n", "serviceaccount": {"name": "s"}}, "jti": "x"}),
    ];
    let jwt = builder().build().unwrap();
    for extra in extra {
        let mut claims = kit::claims();
        claims.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": "k", "x5t": "x", "nonce": "n"});
        let token = kit::sign_as(Algorithm::Es256, &header, &claims);
        assert!(present(&jwt, &token).is_ok(), "{claims}");
    }
}
