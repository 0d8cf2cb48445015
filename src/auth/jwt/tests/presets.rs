use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::testkit as kit;
use super::super::{Algorithm, Jwt, JwtBuilder};
use super::present;

macro_rules! shape {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/tokens/fixtures/", $name, ".json"))
    };
}

/// A preset, and a token that it takes.
type Case = (fn() -> JwtBuilder, &'static str);

const CASES: [Case; 8] = [
    (
        || Jwt::keycloak("https://id.example/realms/shop").audience("orders"),
        shape!("keycloak-access"),
    ),
    (|| Jwt::auth0("shop.eu.auth0.com").audience("https://orders.example"), shape!("auth0-access")),
    (
        || {
            let directory = Jwt::entra("2f9d0f0a-3c1b-4b6e-9f57-6a1c0c8d1e22");
            directory.audience("6e74172b-be56-4843-9ff4-e66a39bb12e3")
        },
        shape!("entra-user"),
    ),
    (
        || Jwt::entra_v1("2f9d0f0a-3c1b-4b6e-9f57-6a1c0c8d1e22").audience("api://orders"),
        shape!("entra-v1-user"),
    ),
    (
        || {
            let pool = Jwt::cognito("eu-central-1", "eu-central-1_Ab12Cd34E");
            pool.client("3n4b5urk1ft4fl3mg5e62d9ado")
        },
        shape!("cognito-access"),
    ),
    (
        || Jwt::okta("https://shop.okta.com/oauth2/default").audience("api://default"),
        shape!("okta-access"),
    ),
    (
        || {
            let callers = Jwt::google().client("checkout@shop-prod.iam.gserviceaccount.com");
            callers.audience("https://orders.example")
        },
        shape!("google-service"),
    ),
    (
        || Jwt::kubernetes("https://kubernetes.default.svc.cluster.local").audience("orders"),
        shape!("kubernetes-projected"),
    ),
];

fn verifier(case: &Case) -> Jwt {
    case.0().public_key_pem(kit::RSA_PUB).build().unwrap()
}

fn shape(case: &Case) -> (Value, Value) {
    let mut shape: Value = serde_json::from_str(case.1).unwrap();
    (shape["header"].take(), shape["claims"].take())
}

#[test]
fn no_mark_of_another_kind_of_token_is_overlooked_whoever_the_provider() {
    for case in &CASES {
        let (jwt, (header, claims)) = (verifier(case), shape(case));
        let judge =
            |claims: &Value| present(&jwt, &kit::sign_as(Algorithm::Rs256, &header, claims));
        assert!(judge(&claims).is_ok(), "{claims}");
        for (name, value) in [
            ("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}})),
            ("at_hash", json!("x")),
            ("c_hash", json!("x")),
            ("s_hash", json!("x")),
            ("typ", json!("ID")),
            ("typ", json!("Refresh")),
            ("typ", json!("Logout")),
            ("token_use", json!("id")),
            ("cnf", json!({"jkt": "x"})),
        ] {
            let mut marked = claims.clone();
            marked[name] = value;
            assert!(judge(&marked).is_err(), "{marked}");
        }
    }
}

#[test]
fn whatever_a_preset_is_given_is_still_required() {
    for case in &CASES {
        let (jwt, (header, claims)) = (verifier(case), shape(case));
        for name in ["iss", "sub", "exp"] {
            let mut less = claims.clone();
            less.as_object_mut().unwrap().remove(name).unwrap();
            assert!(present(&jwt, &kit::sign_as(Algorithm::Rs256, &header, &less)).is_err());
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z:. ]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("(roles|account|[a-z]{0,3})", inner, 0..3)
                .prop_map(|map| Value::from(serde_json::Map::from_iter(map))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_claim_of_any_shape_grants_nothing_that_is_not_in_the_token(
        which in 0..CASES.len(),
        claim in any::<prop::sample::Index>(),
        value in value(),
    ) {
        let case = &CASES[which];
        let (header, mut claims) = shape(case);
        let names: Vec<_> = claims.as_object().unwrap().keys().cloned().collect();
        claims[claim.get(&names)] = value;
        let token = kit::sign_as(Algorithm::Rs256, &header, &claims);
        if let Ok(caller) = present(&verifier(case), &token) {
            let text = claims.to_string();
            let granted = caller.scopes().chain(caller.roles());
            for name in granted.chain(caller.tenant()).chain(caller.client_id()) {
                prop_assert!(text.contains(name), "{} is not in {}", name, text);
            }
            prop_assert!(!caller.subject().is_empty() && caller.issuer() == claims["iss"]);
        }
    }
}
