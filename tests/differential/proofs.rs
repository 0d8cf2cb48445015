//! DPoP proofs that `jose` signed.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderName, header::AUTHORIZATION};
use proptest::prelude::*;
use serde_json::{Value, json};
use tower_parapet::auth::{dpop::Dpop, jwt::Jwt};

use crate::{
    jose::{Jose, with_jose},
    mutation::{self, damage, mutations},
    service::{AUDIENCE, ISSUER, NOW, Service},
    tokens::ASYMMETRIC,
};

const DPOP: HeaderName = HeaderName::from_static("dpop");
const HERE: &str = "https://api.example/";

/// Takes tokens that are bound to a key, from whoever has it.
fn service(jose: &Jose) -> Service {
    let jwt = Jwt::builder().issuer(ISSUER).audience(AUDIENCE);
    let jwt = jwt.jwks(json!({"keys": [jose.key("ES256")]}).to_string());
    Service::of(vec![jwt.sender_constrained(Dpop::required().origin("https://api.example"))])
}

/// A token for the holder of a key, and the hash that its proofs name.
fn bound(jose: &mut Jose, jkt: &str) -> (String, String) {
    let claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "exp": NOW + 600, "iat": NOW,
        "client_id": "shop", "jti": "1", "cnf": {"jkt": jkt},
    });
    let token = jose.sign("ES256", &json!({"typ": "at+jwt"}), &claims);
    let hash = digest::digest(&digest::SHA256, token.as_bytes());
    (token, URL_SAFE_NO_PAD.encode(hash))
}

fn ask(service: &Service, token: &str, proof: &[u8]) -> Result<Value, Value> {
    service.ask_by(&[(AUTHORIZATION, format!("DPoP {token}").as_bytes()), (DPOP, proof)])
}

fn claims(ath: &str) -> Value {
    json!({"jti": "once", "htm": "GET", "htu": HERE, "iat": NOW, "ath": ath})
}

#[test]
fn proofs_of_jose_verify_under_every_algorithm() {
    with_jose(|jose| {
        let service = service(jose);
        for (alg, _) in ASYMMETRIC {
            let jkt = jose.thumbprint(alg);
            let (token, ath) = bound(jose, &jkt);
            let mut claims = claims(&ath);
            claims["jti"] = json!(format!("once under {alg}"));
            let proof = jose.proof(alg, &json!({}), &claims);
            let told = ask(&service, &token, proof.as_bytes());
            assert_eq!(told.unwrap_or_else(|no| panic!("{alg}: {no}"))["sub"], "alice");
            let again = ask(&service, &token, proof.as_bytes());
            assert!(again.is_err(), "{alg}: taken twice");
        }
    });
}

#[test]
fn a_proof_for_anything_else_is_refused() {
    with_jose(|jose| {
        let service = service(jose);
        for (alg, _) in ASYMMETRIC {
            let jkt = jose.thumbprint(alg);
            let (token, ath) = bound(jose, &jkt);
            let other = [
                ("htm", json!("POST")),
                ("htu", json!("https://api.example/other")),
                ("htu", json!("http://api.example/")),
                ("htu", json!("https://other.example/")),
                ("iat", json!(NOW - 301)),
                ("iat", json!(NOW + 31)),
                ("ath", json!(jkt)),
                ("ath", json!(null)),
                ("jti", json!(null)),
                ("jti", json!("")),
            ];
            for (claim, value) in other {
                let mut claims = claims(&ath);
                claims[claim] = value.clone();
                claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
                let proof = jose.proof(alg, &json!({}), &claims);
                let told = ask(&service, &token, proof.as_bytes());
                assert!(told.is_err(), "{alg}: {claim} {value}");
            }
            let proof = jose.proof(alg, &json!({"typ": "JWT"}), &claims(&ath));
            assert!(ask(&service, &token, proof.as_bytes()).is_err(), "{alg}: another type");
            let foreign = if alg == "ES384" { "RS256" } else { "ES384" };
            let proof = jose.proof(foreign, &json!({}), &claims(&ath));
            assert!(ask(&service, &token, proof.as_bytes()).is_err(), "{alg}: another key");
        }
    });
}

#[test]
fn no_damaged_proof_is_taken() {
    with_jose(|jose| {
        let algs = ["ES256", "ES384", "RS256", "PS256", "Ed25519"];
        let mut proofs = Vec::new();
        for alg in algs {
            let jkt = jose.thumbprint(alg);
            let (token, ath) = bound(jose, &jkt);
            let pair = [1, 2].map(|_| jose.proof(alg, &json!({}), &claims(&ath)).into_bytes());
            assert!(ask(&service(jose), &token, &pair[0]).is_ok(), "{alg}");
            proofs.push((token, pair));
        }
        // This one has seen none of them, so that nothing is refused as a replay.
        let service = service(jose);
        let config = mutation::config();
        let cases = (0..algs.len(), 0..algs.len(), mutations());
        let mut runner = proptest::test_runner::TestRunner::new(config);
        let result = runner.run(&cases, |(which, foreign, mutations)| {
            let (token, pair) = &proofs[which];
            let damaged = damage(&pair[0], &proofs[foreign].1[1], &mutations);
            let is_whole =
                proofs.iter().any(|(_, pair)| pair.iter().any(|it| *it == damaged.trim_ascii()));
            prop_assume!(!is_whole);
            prop_assert!(ask(&service, token, &damaged).is_err());
            Ok(())
        });
        result.unwrap();
    });
}
