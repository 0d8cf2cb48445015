//! Ten thousand ways to change a signed request, and any request at all.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRng, TestRunner},
};
use tower_parapet::auth::signature::{
    Digests, Message, SignatureAlgorithm, SignatureKey, Signatures,
};

use super::{BODY, Service, pem, post, scheme, sign, signer, signer_by, with};

const MUTATIONS: usize = 10_000;

/// A part of a request as text, to be changed and put back.
#[derive(Clone, Copy, Debug)]
enum Place {
    Method,
    Target,
    Body,
    Field(&'static str),
}

const PLACES: [Place; 8] = [
    Place::Method,
    Place::Target,
    Place::Body,
    Place::Field("signature"),
    Place::Field("signature-input"),
    Place::Field("content-digest"),
    Place::Field("content-type"),
    Place::Field("x-tenant"),
];

fn mutate(text: &str, rng: &mut TestRng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = rng.random_range(0..=bytes.len());
    let byte = rng.random_range(b'!'..=b'~');
    match rng.random_range(0..5) {
        0 => bytes.insert(at, byte),
        1 if at < bytes.len() => drop(bytes.remove(at)),
        2 if at < bytes.len() => bytes[at] = byte,
        3 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..7),
        _ => {
            let end = rng.random_range(at..=bytes.len());
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn of_ten_thousand_changed_requests_none_is_accepted() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut rng = TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let service = Service::new(scheme().require("content-type").require("x-tenant"));
    let goods: Vec<_> = SignatureAlgorithm::ALL
        .into_iter()
        .map(|algorithm| {
            let request = with(post("/orders/7?open=1&sort=up", BODY), "x-tenant", "acme");
            sign(signer_by(algorithm).without_nonce().component("x-tenant"), request)
        })
        .collect();
    let mut tried = 0;
    while tried < MUTATIONS {
        let good = &goods[rng.random_range(0..goods.len())];
        let place = PLACES[rng.random_range(0..PLACES.len())];
        let mut request = good.clone();
        let is_changed = match place {
            Place::Method => {
                let text = mutate(good.method().as_str(), &mut rng);
                let method = text.parse::<http::Method>().ok().filter(|it| it != good.method());
                method.map(|method| *request.method_mut() = method).is_some()
            }
            Place::Target => {
                let text = mutate(&good.uri().to_string(), &mut rng);
                let uri = text.parse::<http::Uri>().ok();
                // The scheme and the host are those of the origin that was set; see below.
                let changed = uri.filter(|uri| uri.path_and_query() != good.uri().path_and_query());
                changed.map(|uri| *request.uri_mut() = uri).is_some()
            }
            Place::Body => {
                *request.body_mut() = mutate(good.body(), &mut rng);
                request.body() != good.body()
            }
            Place::Field(name) => {
                let old = good.headers()[name].to_str().unwrap();
                let value = http::HeaderValue::try_from(mutate(old, &mut rng)).ok();
                let value = value.filter(|value| value.to_str().unwrap().trim() != old);
                value.map(|value| request.headers_mut().insert(name, value)).is_some()
            }
        };
        // What is written in another way and means the same is no change.
        if !is_changed || is_same_in_meaning(good, &request) {
            continue;
        }
        tried += 1;
        let shown = format!("{place:?}: {request:?}");
        let status = runtime.block_on(service.ask(request)).status().as_u16();
        assert!((400..500).contains(&status), "{status} for {shown}");
    }
    for good in goods {
        let body = runtime.block_on(service.says(good));
        assert!(body.ends_with(BODY));
    }
    println!("signatures: {tried} changed requests, none accepted");
}

/// Whether both signatures read as the same: spaces and a label do not count, for one.
fn is_same_in_meaning(one: &http::Request<String>, other: &http::Request<String>) -> bool {
    let rest = |request: &http::Request<String>| {
        let mut headers = request.headers().clone();
        headers.remove("signature");
        headers.remove("signature-input");
        (request.method().clone(), request.uri().clone(), headers, request.body().clone())
    };
    let (Ok(read), Ok(changed)) = (Signatures::of(one.headers()), Signatures::of(other.headers()))
    else {
        return false;
    };
    let label = changed.labels().next().unwrap().to_owned();
    rest(one) == rest(other)
        && changed.labels().count() == 1
        && match (read.get("sig"), changed.get(&label)) {
            (Ok(one), Ok(other)) => format!("{one:?}") == format!("{other:?}"),
            _ => false,
        }
}

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

fn request() -> impl Strategy<Value = http::Request<String>> {
    let method = prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "PURGE"]);
    let path = "(/[A-Za-z0-9._~!$&'()*+,;=:@-]{0,8}){1,4}";
    let query = prop::option::of("[A-Za-z0-9._~!$&'()*+,;=:@/?%-]{0,24}");
    let host = "[A-Za-z][A-Za-z0-9-]{0,8}\\.example(:[1-9][0-9]{1,3})?";
    let fields = prop::collection::vec("[ !-~]{0,24}", 0..4);
    (method, path, query, host, fields, ".{0,64}").prop_map(
        |(method, path, query, host, fields, body)| {
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            let request = http::Request::builder()
                .method(method)
                .uri(format!("https://{host}{path}{query}"))
                .header("x-tenant", "acme");
            let request =
                fields.iter().fold(request, |request, value| request.header("x-more", value));
            request.body(body).unwrap()
        },
    )
}

#[test]
fn whatever_was_signed_verifies_and_its_digest_holds() {
    let mut runner = TestRunner::new(config(256));
    let key = SignatureKey::pem(SignatureAlgorithm::Ed25519, pem!("ed25519.pub.pem")).unwrap();
    runner
        .run(&request(), |request| {
            let more = request.headers().contains_key("x-more");
            let signer = signer().component("@target-uri").component("x-tenant;bs");
            let signer = if more { signer.component("x-more") } else { signer };
            let (mut head, body) = sign(signer, request).into_parts();
            let signatures = Signatures::of(&head.headers).unwrap();
            let signed = signatures.get("sig").unwrap();
            signed.verify(&key, &Message::request(&head)).unwrap();
            if !body.is_empty() {
                Digests::of(&head.headers).unwrap().check(body.as_bytes()).unwrap();
            }
            head.headers.append("x-tenant", "other".parse().unwrap());
            prop_assert!(signed.verify(&key, &Message::request(&head)).is_err());
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_bytes_make_the_parsers_panic() {
    let mut runner = TestRunner::new(config(512));
    let fields = prop::collection::vec(any::<u8>(), 0..256);
    let likely = "[a-z0-9@\"();=:, -]{0,128}".prop_map(String::into_bytes);
    let any_bytes = prop_oneof![fields, likely].boxed();
    runner
        .run(&(any_bytes.clone(), any_bytes), |(input, signature)| {
            if let Ok(signatures) = Signatures::parse(&input, &signature) {
                for label in signatures.labels() {
                    let _ = signatures.get(label);
                }
            }
            let _ = Digests::parse(&input);
            if let Ok(text) = std::str::from_utf8(&input) {
                let _ = text.parse::<tower_parapet::auth::signature::Component>();
            }
            Ok(())
        })
        .unwrap();
}
