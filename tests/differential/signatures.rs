//! HTTP message signatures, with `http-message-signatures` of npm at the other end.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Request, Version, request::Parts};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use sfv::{Dictionary, Parser};
use tower_parapet::{
    auth::signature::{Message, SignatureAlgorithm, SignatureKey, Signatures, Signer, SigningKey},
    clock::ManualClock,
};

use crate::{
    mutation::{self, Mutation, damage, mutations},
    node::{self, Node},
    service::NOW,
};

static PEER: Mutex<Option<Peer>> = Mutex::new(None);

struct Peer {
    node: Node,
    keys: Value,
}

fn with_peer(test: impl FnOnce(&mut Peer)) {
    if !node::is_here() {
        return;
    }
    let mut peer = PEER.lock().unwrap_or_else(PoisonError::into_inner);
    test(peer.get_or_insert_with(|| {
        let mut node = Node::start("signatures.mjs", &[]);
        let keys = node.ask(&json!({"op": "keys"}));
        Peer { node, keys }
    }));
}

impl Peer {
    fn secret(&self) -> Vec<u8> {
        STANDARD.decode(self.keys["hmac-sha256"]["secret"].as_str().unwrap()).unwrap()
    }

    fn pem(&self, algorithm: SignatureAlgorithm, half: &str) -> &str {
        self.keys[algorithm.name()][half].as_str().unwrap()
    }

    fn verifying(&self, algorithm: SignatureAlgorithm) -> SignatureKey {
        match algorithm {
            SignatureAlgorithm::HmacSha256 => SignatureKey::shared(self.secret()),
            _ => SignatureKey::pem(algorithm, self.pem(algorithm, "public")),
        }
        .unwrap()
    }

    fn signing(&self, algorithm: SignatureAlgorithm) -> SigningKey {
        match algorithm {
            SignatureAlgorithm::HmacSha256 => SigningKey::shared(self.secret()),
            _ => SigningKey::pem(algorithm, self.pem(algorithm, "private")),
        }
        .unwrap()
    }

    /// Signs a request in place.
    fn sign(
        &mut self,
        algorithm: SignatureAlgorithm,
        head: &mut Parts,
        fields: &[&str],
        params: Value,
    ) {
        let question = json!({
            "op": "sign", "alg": algorithm.name(), "fields": fields, "params": params,
            "message": message(head),
        });
        let answer = self.node.ask(&question);
        for name in ["Signature", "Signature-Input"] {
            let value = answer["headers"][name].as_str();
            let value = value.unwrap_or_else(|| panic!("{question}: {answer}"));
            let name: HeaderName = name.parse().unwrap();
            head.headers.insert(name, value.parse().unwrap());
        }
    }

    fn verify(&mut self, head: &Parts) -> Value {
        self.node.ask(&json!({"op": "verify", "message": message(head)}))
    }
}

fn message(head: &Parts) -> Value {
    let mut headers: HashMap<&str, Vec<&str>> = HashMap::new();
    for (name, value) in &head.headers {
        headers.entry(name.as_str()).or_default().push(value.to_str().unwrap());
    }
    json!({"method": head.method.as_str(), "url": head.uri.to_string(), "headers": headers})
}

fn request(method: &str, url: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    // As they stand in HTTP/2: no line says it all.
    request.version(Version::HTTP_2).body(()).unwrap().into_parts().0
}

/// Requests, and what of each both sides can sign.
fn requests() -> Vec<(Parts, Vec<&'static str>)> {
    let get = request("GET", "https://api.example/", &[]);
    let query = request(
        "DELETE",
        "https://api.example:8443/a/b%2Fc/?x=1&y=a%20b&x=%C3%A9&z",
        &[("accept", "text/plain;q=0.5"), ("accept", "application/json")],
    );
    let post = request(
        "POST",
        "http://API.Example:80/orders?",
        &[
            ("content-type", "application/json"),
            ("content-digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
            ("x-odd", "  a,  b ,c  "),
            ("x-empty", ""),
            ("priority", " u=1,    i;x=1;y=2,   c=(a   b   c)"),
        ],
    );
    vec![
        (get, vec!["@method", "@authority", "@path", "@query", "@scheme", "@target-uri"]),
        (
            query,
            vec![
                "@method",
                "@authority",
                "@path",
                "@query",
                "@request-target",
                "accept",
                "\"accept\";bs",
                "\"@query-param\";name=\"y\"",
            ],
        ),
        (
            post,
            vec![
                "@method",
                "@authority",
                "@scheme",
                "content-type",
                "content-digest",
                "x-odd",
                "x-empty",
                "\"priority\";sf",
                "\"priority\";key=\"u\"",
                "\"x-odd\";bs",
            ],
        ),
    ]
}

fn check(head: &Parts, key: &SignatureKey) -> Result<(), String> {
    let all = Signatures::of(&head.headers).map_err(|fault| fault.to_string())?;
    let signed = all.get("sig").map_err(|fault| fault.to_string())?;
    signed.verify(key, &Message::request(head)).map_err(|fault| fault.to_string())
}

#[test]
fn signatures_of_theirs_verify_here() {
    with_peer(|peer| {
        for algorithm in SignatureAlgorithm::ALL {
            let key = peer.verifying(algorithm);
            for (head, fields) in requests() {
                let each = fields.iter().map(std::slice::from_ref);
                for covered in each.chain([&fields[..], &[]]) {
                    let mut head = head.clone();
                    let params = json!({"created": NOW, "expires": NOW + 60, "nonce": "a \"b\" \\",
                        "alg": algorithm.name(), "tag": "orders"});
                    peer.sign(algorithm, &mut head, covered, params);
                    let checked = check(&head, &key);
                    checked
                        .unwrap_or_else(|no| panic!("{algorithm:?} {covered:?}: {no}: {head:?}"));
                }
            }
        }
    });
}

#[test]
fn signatures_of_ours_verify_there() {
    with_peer(|peer| {
        for algorithm in SignatureAlgorithm::ALL {
            for (mut head, fields) in requests() {
                head.headers.remove("content-digest");
                let fields = fields.into_iter().filter(|field| *field != "content-digest");
                let signer = Signer::builder(algorithm.name(), peer.signing(algorithm))
                    .components(fields)
                    .tag("orders")
                    .label("sig")
                    .expires_after(Duration::from_secs(60))
                    .with_clock(ManualClock::at_unix(Duration::from_secs(NOW)))
                    .build()
                    .unwrap();
                signer.sign(&mut head, b"").unwrap();
                assert_eq!(peer.verify(&head), json!({"verified": true}), "{algorithm:?} {head:?}");
                check(&head, &peer.verifying(algorithm)).unwrap();
                signer.sign(&mut head, b"{}").unwrap();
                assert_eq!(peer.verify(&head), json!({"verified": true}), "{algorithm:?} {head:?}");
            }
        }
    });
}

/// What a damaged request still says: the fields as they are read, blanks aside.
fn meaning(head: &Parts) -> Option<(Dictionary, Dictionary, Vec<String>)> {
    let field =
        |name: &str| Parser::new(head.headers.get(name)?.as_bytes()).parse::<Dictionary>().ok();
    let rest = ["content-type", "x-odd", "priority", "content-digest"].map(|name| {
        let value = head.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        String::from_utf8_lossy(value.trim_ascii()).into_owned()
    });
    let host = head.uri.authority()?.as_str().to_ascii_lowercase();
    let host = host.trim_end_matches(":80").to_owned();
    let path = head.uri.path_and_query()?.to_string();
    let rest = [head.method.to_string(), host, path].into_iter().chain(rest).collect();
    Some((field("signature-input")?, field("signature")?, rest))
}

/// A damaged field of the request, or its method, or its path.
fn broken(valid: &Parts, other: &Parts, part: usize, mutations: &[Mutation]) -> Option<Parts> {
    let mut head = valid.clone();
    let names = ["signature-input", "signature", "content-type", "x-odd", "content-digest"];
    match names.get(part) {
        Some(name) => {
            let field = |head: &Parts| head.headers[*name].as_bytes().to_vec();
            let value = damage(&field(valid), &field(other), mutations);
            head.headers.insert(*name, HeaderValue::from_bytes(&value).ok()?);
        }
        None if part == names.len() => {
            let method = damage(valid.method.as_str().as_bytes(), b"DELETE", mutations);
            head.method = http::Method::from_bytes(&method).ok()?;
        }
        None => {
            let path = damage(b"http://api.example/orders?", b"https://other.example/x", mutations);
            head.uri = String::from_utf8(path).ok()?.parse().ok()?;
        }
    }
    Some(head)
}

#[test]
fn no_damaged_signature_is_taken() {
    with_peer(|peer| {
        let (head, _) = requests().pop().unwrap();
        let covered = ["@method", "@target-uri", "content-type", "x-odd", "content-digest"];
        let mut signed = Vec::new();
        for algorithm in SignatureAlgorithm::ALL {
            let mut pair = [head.clone(), head.clone()];
            for (head, nonce) in pair.iter_mut().zip(["one", "two"]) {
                head.uri = "http://api.example/orders?".parse().unwrap();
                peer.sign(algorithm, head, &covered, json!({"created": NOW, "nonce": nonce}));
                check(head, &peer.verifying(algorithm)).unwrap();
            }
            signed.push((pair, peer.verifying(algorithm)));
        }
        let config = mutation::config();
        let count = SignatureAlgorithm::ALL.len();
        let cases = (0..count, 0..count, 0..7usize, mutations());
        let result = TestRunner::new(config).run(&cases, |(which, foreign, part, mutations)| {
            let ([valid, _], key) = &signed[which];
            let Some(damaged) = broken(valid, &signed[foreign].0[1], part, &mutations) else {
                return Err(TestCaseError::reject("no request"));
            };
            prop_assume!(meaning(&damaged).is_none_or(|it| Some(it) != meaning(valid)));
            prop_assert!(check(&damaged, key).is_err(), "{damaged:?}");
            Ok(())
        });
        result.unwrap();
    });
}
