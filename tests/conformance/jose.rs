//! The worked examples of RFC 7520, RFC 7797 and RFC 8037, through [`Jws`](tower_parapet::auth::jwt::Jws).

use std::fs;

use serde_json::{Value, json};
use tower_parapet::auth::jwt::Jws;

use crate::corpus::{Tally, folder};
use crate::jws::{read, verifier};

/// As the README of the corpus counts them.
const FILES: [(&str, usize); 4] = [("jws", 8), ("jwk", 6), ("rfc7797", 2), ("curve25519", 2)];

const IN_JSON: &str = "the forms in JSON are not read, only the compact one";

/// What is not offered, and therefore not judged.
const LEFT_OUT: [(&str, &str); 5] = [
    ("4_6.protecting_specific_header_fields.json", IN_JSON),
    ("4_7.protecting_content_only.json", IN_JSON),
    ("4_8.multiple_signatures.json", IN_JSON),
    ("4.2.hmac-sha2_b64_false.json", IN_JSON),
    ("ecdh-es.json", "a key agreement, not a signature"),
];

#[test]
fn the_worked_examples_of_the_jose_cookbook_verify() {
    let Some(folder) = folder("jose-cookbook") else {
        return;
    };
    let mut tally = Tally::new("jose-cookbook");
    for (part, count) in FILES {
        let mut names: Vec<_> = fs::read_dir(folder.join(part))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), count, "{part}");
        for name in names {
            let example = read(&folder.join(part).join(&name));
            let case = format!("{part}/{name}");
            if let Some((_, reason)) = LEFT_OUT.iter().find(|(file, _)| *file == name) {
                tally.leave_out(&case, reason);
            } else if part == "jwk" {
                tally.judge(&case, is_read_as_it_should(&name, &example));
            } else {
                tally.judge(&case, is_judged_as_it_should(&name, &example));
            }
        }
    }
    assert_eq!((tally.passed(), tally.left_out()), (13, LEFT_OUT.len()));
    tally.finish();
}

/// Public keys are taken, private ones and secrets are not.
fn is_read_as_it_should(name: &str, key: &Value) -> bool {
    let is_public = name.contains("public");
    Jws::builder().jwks(json!({ "keys": [key] }).to_string()).build().is_ok() == is_public
}

/// It verifies as it stands and with nothing changed.
fn is_judged_as_it_should(name: &str, example: &Value) -> bool {
    let mut key = example["input"]["key"].clone();
    key["alg"] = example["input"]["alg"].clone();
    let jws = verifier(&key).unwrap();
    let payload = example["input"]["payload"].as_str().unwrap();
    let compact = example["output"]["compact"].as_str().unwrap();
    let good = |compact: &str, payload: &str| match compact.contains("..") {
        true => jws.verify_detached(compact, payload).is_ok(),
        false => jws.verify(compact).is_ok_and(|found| found == payload.as_bytes()),
    };
    // `b64: false` stands in `crit`, and no extension is understood (RFC 7797, section 6).
    if name.contains("b64_false") {
        return !good(compact, payload);
    }
    let (before, signature) = compact.rsplit_once('.').unwrap();
    let changed: String = signature.chars().rev().collect();
    good(compact, payload)
        && !good(&format!("{before}.{changed}"), payload)
        && !good(compact, &format!("{payload}x"))
}
