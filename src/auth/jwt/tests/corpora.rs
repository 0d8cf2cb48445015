//! Outside vectors for the signature layer: their payloads are no claims, so the public guard
//! cannot judge them.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::{Algorithm, Jwt, JwtBuilder};
use super::named;

/// As the corpora's README says: the environment, else beside the crate; required in CI.
fn corpora() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora");
    let place = std::env::var_os("PARAPET_CORPORA").map_or(beside, PathBuf::from);
    if place.join("README.md").exists() {
        return Some(place);
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "corpora not found");
    println!("skipped: corpora not found");
    None
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A scheme for one JWK or a set, with the key's own algorithm as the only one.
fn scheme(key: &Value) -> Option<Jwt> {
    let add = |builder: JwtBuilder, key: &Value| match key["kty"].as_str() {
        Some("oct") => {
            let secret = URL_SAFE_NO_PAD.decode(key["k"].as_str().unwrap()).unwrap();
            let algorithm = Algorithm::from_name(key["alg"].as_str().unwrap()).unwrap();
            builder.dangerous().shared_secret(algorithm, secret)
        }
        _ => {
            let mut key = key.clone();
            let members = key.as_object_mut().unwrap();
            members.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
            builder.jwks(json!({ "keys": [key] }).to_string())
        }
    };
    let builder = match key["keys"].as_array() {
        Some(keys) => keys.iter().fold(named(), add),
        None => add(named(), key),
    };
    builder.build().ok()
}

fn opens(key: &Value, token: &str) -> bool {
    scheme(key).is_some_and(|jwt| jwt.inner.verifier.authentic(token.as_bytes()).is_ok())
}

#[test]
fn wycheproof_jws_vectors_are_judged_as_labelled() {
    let Some(corpora) = corpora() else { return };
    let suite = read(&corpora.join("wycheproof-jws/json_web_crypto_test.json"));
    // Correct signatures that the suite refuses by a policy of keys that is not ours: a modulus
    // of the ROCA generator, and a set that holds a secret beside public keys.
    let left_out = [46, 47];
    let (mut passed, mut failed, mut left) = (0, Vec::new(), 0);
    for group in suite["testGroups"].as_array().unwrap() {
        let key = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        for case in group["tests"].as_array().unwrap().iter().filter(|c| c.get("jws").is_some()) {
            let id = case["tcId"].as_u64().unwrap();
            // The JSON serialisation is no compact token.
            let token = case["jws"].as_str().map_or_else(|| case["jws"].to_string(), str::to_owned);
            if left_out.contains(&id) {
                println!("left out: {id} {}", case["comment"]);
                left += 1;
            } else if opens(key, &token) == (case["result"] == "valid") {
                passed += 1;
            } else {
                failed.push(format!("{id} {}", case["comment"]));
            }
        }
    }
    println!("wycheproof-jws: {passed} passed, {} failed", failed.len());
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!((passed, left), (47, 2));
}

#[test]
fn the_worked_examples_of_the_jose_cookbook_verify() {
    let Some(corpora) = corpora() else { return };
    let cookbook = corpora.join("jose-cookbook");
    // Signed by algorithms and in forms that are supported; 4_1 to 4_4 and Ed25519.
    for file in [
        "jws/4_1.rsa_v15_signature.json",
        "jws/4_2.rsa-pss_signature.json",
        "jws/4_4.hmac-sha2_integrity_protection.json",
        "curve25519/jws.json",
    ] {
        let example = read(&cookbook.join(file));
        let mut key = example["input"]["key"].clone();
        key["alg"] = example["input"]["alg"].clone();
        let token = example["output"]["compact"].as_str().unwrap();
        assert!(opens(&key, token), "{file}");
    }
    // ES512, and `b64: false`, are not supported and therefore refused.
    for file in ["jws/4_3.ecdsa_signature.json", "rfc7797/4.2.hmac-sha2_b64_false.json"] {
        let example = read(&cookbook.join(file));
        let mut key = example["input"]["key"].clone();
        key["alg"] = json!("HS256");
        if let Some(token) = example["output"]["compact"].as_str() {
            assert!(!opens(&key, token), "{file}");
        }
    }
}
