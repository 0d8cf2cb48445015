//! Tokens that `jose` signed.

use serde_json::{Value, json};
use tower_parapet::auth::jwt::{Algorithm, Jws, Jwt, JwtBuilder};

use crate::{
    jose::{Jose, with_jose},
    service::{AUDIENCE, ISSUER, NOW, Service},
};

/// Every algorithm under every name it has in a header.
pub const ASYMMETRIC: [(&str, Algorithm); 11] = [
    ("RS256", Algorithm::Rs256),
    ("RS384", Algorithm::Rs384),
    ("RS512", Algorithm::Rs512),
    ("PS256", Algorithm::Ps256),
    ("PS384", Algorithm::Ps384),
    ("PS512", Algorithm::Ps512),
    ("ES256", Algorithm::Es256),
    ("ES384", Algorithm::Es384),
    ("ES512", Algorithm::Es512),
    ("EdDSA", Algorithm::EdDsa),
    ("Ed25519", Algorithm::EdDsa),
];
const SYMMETRIC: [(&str, Algorithm); 3] =
    [("HS256", Algorithm::Hs256), ("HS384", Algorithm::Hs384), ("HS512", Algorithm::Hs512)];

fn named() -> JwtBuilder {
    Jwt::builder().issuer(ISSUER).audience(AUDIENCE)
}

/// The key as `jose` exports it: without `alg`, `use` and `kid`.
pub fn verifier(jose: &Jose, alg: &str) -> JwtBuilder {
    named().jwks(json!({"keys": [jose.key(alg)]}).to_string())
}

fn shared(jose: &Jose, (alg, algorithm): (&str, Algorithm)) -> JwtBuilder {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let secret = URL_SAFE_NO_PAD.decode(jose.key(alg)["k"].as_str().unwrap()).unwrap();
    named().dangerous().shared_secret(algorithm, secret)
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "exp": NOW + 600, "nbf": NOW, "iat": NOW,
        "jti": "1", "client_id": "shop", "scope": "orders:read orders:write",
    })
}

/// Claims of every shape that JSON has.
fn shapes() -> Vec<Value> {
    let variants = [
        json!({}),
        json!({"aud": ["x", AUDIENCE, "y"], "scope": null, "scp": ["orders:read", "orders:write"]}),
        json!({"sub": "\u{1f9f1} \"quoted\" \\ \u{0}\n é 漢字"}),
        json!({"exp": (NOW + 600) as f64 + 0.5, "nbf": NOW as f64 - 0.25}),
        json!({"deep": {"a": [{"b": [[], {}, null, true, -1.5e-7, (1_u64 << 53) - 1, -7]}]}}),
        json!({"long": "x".repeat(3000)}),
        json!({"": "", "é": 1, "a/b~c": {"": 0}}),
    ];
    variants
        .into_iter()
        .map(|variant| {
            let mut claims = claims();
            let object = claims.as_object_mut().unwrap();
            object.extend(variant.as_object().unwrap().clone());
            object.retain(|_, value| !value.is_null());
            claims
        })
        .collect()
}

/// Each shape is taken, and comes to the handler as it was signed.
fn takes_all(jose: &mut Jose, alg: &str, scheme: JwtBuilder) {
    let service = Service::of(vec![scheme]);
    for header in [json!({}), json!({"typ": "JWT"}), json!({"typ": "at+jwt", "kid": "new"})] {
        for claims in shapes() {
            let token = jose.sign(alg, &header, &claims);
            let told = service.ask(token.as_bytes());
            let told = told.unwrap_or_else(|problem| panic!("{alg} {header} {claims}: {problem}"));
            assert_eq!(told["sub"], claims["sub"], "{alg}");
            assert_eq!(told["claims"], claims, "{alg}");
            assert_eq!(told["scopes"], json!(["orders:read", "orders:write"]), "{alg}");
        }
    }
}

#[test]
fn tokens_of_jose_verify_under_every_algorithm() {
    with_jose(|jose| {
        for (alg, _) in ASYMMETRIC {
            let scheme = verifier(jose, alg);
            takes_all(jose, alg, scheme);
        }
        for pair in SYMMETRIC {
            let scheme = shared(jose, pair);
            takes_all(jose, pair.0, scheme);
        }
    });
}

#[test]
fn one_set_of_all_keys_verifies_the_tokens_of_each() {
    with_jose(|jose| {
        let key = |(alg, _): &(&str, Algorithm)| {
            let mut key = jose.key(alg).clone();
            key["kid"] = json!(alg);
            key["alg"] = json!(alg);
            key["use"] = json!("sig");
            key
        };
        let keys: Vec<_> = ASYMMETRIC.iter().map(key).collect();
        let service = Service::of(vec![named().jwks(json!({ "keys": keys }).to_string())]);
        for (alg, _) in ASYMMETRIC {
            let token = jose.sign(alg, &json!({"kid": alg}), &claims());
            assert!(service.ask(token.as_bytes()).is_ok(), "{alg}");
        }
    });
}

#[test]
fn a_token_verifies_with_no_key_but_its_own() {
    with_jose(|jose| {
        let services: Vec<_> =
            ASYMMETRIC.map(|(alg, _)| (alg, Service::of(vec![verifier(jose, alg)]))).into();
        for (alg, _) in ASYMMETRIC {
            let token = jose.sign(alg, &json!({}), &claims());
            for (other, service) in services.iter().filter(|(other, _)| *other != alg) {
                assert!(service.ask(token.as_bytes()).is_err(), "{alg} with the key of {other}");
            }
        }
    });
}

#[test]
fn an_algorithm_that_is_not_allowed_is_refused_although_its_key_is_here() {
    with_jose(|jose| {
        for (alg, algorithm) in ASYMMETRIC {
            let others = ASYMMETRIC.map(|(_, other)| other).into_iter();
            let others = others.filter(|other| *other != algorithm);
            let rs256 = json!({"keys": [jose.key(alg), jose.key("RS256"), jose.key("ES256")]});
            let scheme = named().jwks(rs256.to_string()).algorithms(others);
            let token = jose.sign(alg, &json!({}), &claims());
            assert!(Service::of(vec![scheme]).ask(token.as_bytes()).is_err(), "{alg}");
        }
    });
}

#[test]
fn texts_that_jose_signed_verify_with_and_without_their_payload() {
    with_jose(|jose| {
        for (alg, _) in ASYMMETRIC {
            let keys = json!({"keys": [jose.key(alg)]}).to_string();
            let jws = Jws::builder().jwks(keys).build().unwrap();
            for text in ["", "a", "{}", "\u{0} not JSON, é 漢字\n", &"long ".repeat(500)] {
                let compact = jose.sign_text(alg, text);
                assert_eq!(jws.verify(&compact).unwrap(), text.as_bytes(), "{alg}");
                let parts: Vec<_> = compact.split('.').collect();
                let detached = format!("{}..{}", parts[0], parts[2]);
                assert!(jws.verify_detached(&detached, text).is_ok(), "{alg} {text}");
                assert!(jws.verify_detached(&detached, format!("{text}x")).is_err(), "{alg}");
            }
        }
    });
}
