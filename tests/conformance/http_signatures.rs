//! The test vectors of RFC 9421 and RFC 9530.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Request, Response, request, response};
use serde_json::Value;
use tower_parapet::auth::signature::{
    Digests, Message, SignatureAlgorithm, SignatureFault, SignatureKey, Signatures,
};

use crate::corpus::{Tally, folder};

/// As the README of the corpus counts them.
const VALID: usize = 17;
const INVALID: usize = 4;
const DIGESTS: usize = 22;

#[test]
fn every_signature_and_digest_of_the_http_signatures_corpus_is_judged_as_labelled() {
    let Some(folder) = folder("http-signatures") else {
        return;
    };
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let mut tally = Tally::new("http-signatures");
    let vectors = read("vectors.json");
    let mut counts = [0; 2];
    for case in vectors["signatures"].as_array().unwrap() {
        let name = text(&case["id"]);
        let is_valid = match text(&case["expect"]) {
            "valid" => true,
            "invalid" => false,
            other => panic!("{name} expects {other}"),
        };
        counts[usize::from(!is_valid)] += 1;
        let judged = judge(&vectors, case);
        tally.judge(&format!("{name}: {judged:?}"), judged.is_ok() == is_valid);
    }
    assert_eq!(counts, [VALID, INVALID]);
    let digests = read("digest-vectors.json");
    for case in digests["digests"].as_array().unwrap() {
        let name = text(&case["id"]);
        if let Some(reason) = case["leave_out"].as_str() {
            tally.leave_out(name, reason);
            continue;
        }
        let content = STANDARD.decode(text(&case["input_base64"])).unwrap();
        let judged = Digests::parse(text(&case["value"]).as_bytes());
        if text(&case["status"]) == "deprecated" {
            assert!(judged.is_err(), "{name} proves nothing");
            tally
                .leave_out(name, "a deprecated algorithm, which is passed over and proves nothing");
            continue;
        }
        let judged = judged.and_then(|digests| digests.check(&content));
        let is_match = text(&case["expect"]) == "match";
        tally.judge(&format!("{name}: {judged:?}"), judged.is_ok() == is_match);
    }
    assert_eq!(tally.read(), VALID + INVALID + DIGESTS);
    assert_eq!(tally.left_out(), 2 + 6);
    tally.finish();
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn judge(vectors: &Value, case: &Value) -> Result<(), SignatureFault> {
    let algorithm = SignatureAlgorithm::from_name(text(&case["algorithm"])).unwrap();
    let key = &vectors["keys"][text(&case["keyid"])];
    let key = match key["secret_base64"].as_str() {
        Some(secret) => SignatureKey::shared(STANDARD.decode(secret).unwrap()).unwrap(),
        None => SignatureKey::pem(algorithm, text(&key["public_pem"])).unwrap(),
    };
    assert_eq!(key.algorithm(), algorithm);
    let (input, signature) = (text(&case["signature_input"]), text(&case["signature"]));
    let signed = Signatures::parse(input.as_bytes(), signature.as_bytes())?;
    let signed = signed.get(text(&case["label"]))?;
    let message = &vectors["messages"][text(&case["message"])];
    let asked = message["request"].as_str().map(|id| request(&vectors["messages"][id]));
    let asked = asked.as_ref().map(Message::request);
    match text(&message["kind"]) {
        "request" => check(case, &signed, &key, &Message::request(&request(message))),
        _ => {
            let answer = response(message);
            let answer = Message::response(&answer);
            let answer = asked.map_or(answer, |asked| answer.in_reply_to(&asked));
            check(case, &signed, &key, &answer)
        }
    }
}

/// The signature, and that what is signed is letter by letter what the RFC prints.
fn check(
    case: &Value,
    signed: &tower_parapet::auth::signature::Signed,
    key: &SignatureKey,
    message: &Message<'_>,
) -> Result<(), SignatureFault> {
    let base = signed.base(message)?;
    assert_eq!(base, text(&case["signature_base_from_message"]));
    if let Some(printed) = case["signature_base"].as_str().filter(|_| case["expect"] == "valid") {
        assert_eq!(base, printed);
    }
    signed.verify(key, message)
}

fn request(message: &Value) -> request::Parts {
    let request = Request::builder().method(text(&message["method"])).uri(text(&message["target"]));
    let request =
        headers(message).fold(request, |request, (name, value)| request.header(name, value));
    request.body(()).unwrap().into_parts().0
}

fn response(message: &Value) -> response::Parts {
    let status = u16::try_from(message["status"].as_u64().unwrap()).unwrap();
    let response = headers(message)
        .fold(Response::builder().status(status), |response, (name, value)| {
            response.header(name, value)
        });
    response.body(()).unwrap().into_parts().0
}

fn headers(message: &Value) -> impl Iterator<Item = (&str, &str)> {
    let pairs = message["headers"].as_array().unwrap().iter();
    pairs.map(|pair| (text(&pair[0]), text(&pair[1])))
}
