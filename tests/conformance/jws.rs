//! The signatures of C2SP/wycheproof's JSON web crypto, through [`Jws`].

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower_parapet::auth::jwt::{Algorithm, Jws, JwsBuilder};

use crate::corpus::{Tally, folder};

/// As the README of the corpus counts them: all, with a JWS, and valid ones among these.
const CASES: [usize; 3] = [83, 49, 4];

/// Correct signatures that the suite refuses by a policy of keys.
const BY_POLICY: [(u64, &str); 2] = [
    (46, "a correct signature, by a key that a generator with a flaw has made (ROCA)"),
    (47, "a correct signature, by a set that holds a secret beside public keys"),
];

#[test]
fn every_signature_of_the_wycheproof_corpus_is_judged_as_labelled() {
    let Some(folder) = folder("wycheproof-jws") else {
        return;
    };
    let suite = read(&folder.join("json_web_crypto_test.json"));
    let mut tally = Tally::new("wycheproof-jws");
    let (mut counts, mut encrypted) = ([0; 3], 0);
    for group in suite["testGroups"].as_array().unwrap() {
        let key = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        for case in group["tests"].as_array().unwrap() {
            counts[0] += 1;
            let Some(jws) = case.get("jws") else {
                encrypted += 1;
                continue;
            };
            counts[1] += 1;
            let id = case["tcId"].as_u64().unwrap();
            let is_valid = case["result"] == "valid";
            counts[2] += usize::from(is_valid);
            let name = format!("{id} {}", case["comment"].as_str().unwrap());
            // One is in the form of JSON, which is no compact one and has to be refused as such.
            let text = jws.as_str().map_or_else(|| jws.to_string(), str::to_owned);
            match BY_POLICY.iter().find(|(of, _)| *of == id) {
                Some((_, reason)) => tally.leave_out(&name, reason),
                None => tally.judge(&name, opens(key, &text) == is_valid),
            }
        }
    }
    assert_eq!(counts, CASES);
    assert_eq!((tally.passed(), tally.left_out()), (47, 2));
    tally.tell_also(&format!("{encrypted} cases are encryption (JWE), which is not offered"));
    tally.finish();
}

/// Whether the payload is what was signed, with the key's own algorithm as the only one.
fn opens(key: &Value, text: &str) -> bool {
    verifier(key).is_some_and(|jws| jws.verify(text).is_ok_and(|payload| payload == b"foo"))
}

/// A verifier by one JWK or a set, of which a service has the public halves.
pub(crate) fn verifier(key: &Value) -> Option<Jws> {
    let keys = match key["keys"].as_array() {
        Some(keys) => keys.as_slice(),
        None => std::slice::from_ref(key),
    };
    keys.iter().fold(Jws::builder(), add).build().ok()
}

fn add(builder: JwsBuilder, key: &Value) -> JwsBuilder {
    if key["kty"] == "oct" {
        let secret = URL_SAFE_NO_PAD.decode(key["k"].as_str().unwrap()).unwrap();
        assert_eq!(key["alg"], "HS256");
        return builder.shared_secret(Algorithm::Hs256, secret);
    }
    let mut key = key.clone();
    let private = ["d", "p", "q", "dp", "dq", "qi"];
    key.as_object_mut().unwrap().retain(|name, _| !private.contains(&name.as_str()));
    builder.jwks(json!({ "keys": [key] }).to_string())
}

pub(crate) fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}
