//! Callers whom only the body proves.

use aws_lc_rs::hmac;
use http::Request;
use tower_parapet::{
    Body, Exchange, Flow, Guard, Outcome, Phase, Policy, Principal, Rejection,
    auth::{
        signature::{MemorySignatureKeys, MessageSignatures, SignatureKey, Signer, SigningKey},
        webhook::Webhook,
    },
    throttle::{Key, Throttle},
};

use super::{House, is, stack};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

pub fn delivery(secret: &str, body: &str) -> Request<Body> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let request = Request::post("/hook").header("x-hub-signature-256", format!("sha256={hex}"));
    request.body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn forged_deliveries_use_up_nothing_of_the_sender_they_claim_to_be_of() {
    let house = House::of(
        stack()
            .route("POST /hook", Policy::authenticated_by(Webhook::github(SECRET)))
            .throttle(Throttle::per_hour(2).by(Key::Principal)),
    );
    for number in 0..10 {
        let forged = delivery("another secret of thirty-two byte", &number.to_string());
        assert_eq!(house.says(forged).await, is(401, "invalid-credentials"));
    }
    assert_eq!(house.says(delivery(SECRET, "a")).await, is(200, "github"));
    assert_eq!(house.says(delivery(SECRET, "b")).await, is(200, "github"));
    assert_eq!(house.says(delivery(SECRET, "c")).await, is(429, "rate-limited"));
    let records = house.records.wait_for(13);
    assert_eq!(records.iter().filter(|record| record.principal.is_some()).count(), 3);
}

/// Answers in the handler's stead, from what it knows of the caller.
struct Remembers;

impl Guard for Remembers {
    fn name(&self) -> &'static str {
        "remembers"
    }

    fn phase(&self) -> Phase {
        Phase::Content
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let caller = exchange.principal().map(|caller| caller.subject().to_owned());
        let told = Body::from(format!("what {} is told", caller.unwrap_or_default()));
        Ok(Flow::Respond(Box::new(http::Response::new(told))))
    }
}

#[tokio::test]
async fn an_answer_of_a_guard_is_for_whom_the_body_proves_and_for_nobody_else() {
    let policy = Policy::authenticated_by(Webhook::github(SECRET)).guard(Remembers);
    let house = House::of(stack().route("POST /hook", policy));
    let forged = delivery("another secret of thirty-two byte", "a");
    assert_eq!(house.says(forged).await, is(401, "invalid-credentials"));
    assert_eq!(house.says(delivery(SECRET, "a")).await, is(200, "what github is told"));
    let outcomes = house.records.wait_for(2).into_iter().map(|record| record.outcome);
    assert_eq!(outcomes.collect::<Vec<_>>(), [Outcome::Rejected, Outcome::Responded]);
}

fn signed(method: &str, body: &'static str, sent: &'static str) -> Request<Body> {
    let signer = Signer::builder("k", SigningKey::shared([7; 32]).unwrap()).build().unwrap();
    let uri = "http://api.example/in";
    let request = Request::builder().method(method).uri(uri).header("host", "api.example");
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    signer.sign(&mut head, body.as_bytes()).unwrap();
    head.uri = "/in".parse().unwrap();
    Request::from_parts(head, Body::from(sent))
}

fn partners() -> House {
    let keys = MemorySignatureKeys::new();
    let robot = Principal::builder("partners", "robot").build();
    keys.insert("k", SignatureKey::shared([7; 32]).unwrap(), robot);
    let scheme = MessageSignatures::builder(keys).origin("http://api.example");
    House::of(stack().authenticate(scheme).throttle(Throttle::per_hour(2).by(Key::Principal)))
}

#[tokio::test]
async fn content_that_nobody_signed_reaches_no_handler_whatever_the_method() {
    let house = partners();
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "POST", "PUT", "TRACE"] {
        let refused = house.send(signed(method, "", "smuggled")).await;
        assert!(refused.status().is_client_error(), "{method}: {}", refused.status());
        drop(refused);
    }
    let records = house.records.wait_for(7);
    assert!(records.iter().all(|record| record.outcome == Outcome::Rejected), "{records:?}");
    assert!(records.iter().all(|record| record.principal.is_none()));
    // None of them has cost the partner anything.
    for _ in 0..2 {
        assert_eq!(house.says(signed("POST", "x", "x")).await, is(200, "robot"));
    }
    assert_eq!(house.says(signed("POST", "x", "x")).await, is(429, "rate-limited"));
}

#[tokio::test]
async fn a_tunnel_is_not_opened_by_a_signature_that_does_not_cover_its_path() {
    let key = SigningKey::shared([7; 32]).unwrap();
    let signer = Signer::builder("k", key).components(["@method", "@authority"]).build().unwrap();
    let house = partners();
    for version in [http::Version::HTTP_11, http::Version::HTTP_2] {
        let request = Request::connect("http://api.example/in").version(version);
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        signer.sign(&mut head, b"").unwrap();
        let stream = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
        let refused = house.send(Request::from_parts(head, Body::from_stream(stream))).await;
        assert!(refused.status().is_client_error(), "{version:?} {}", refused.status());
    }
}

#[tokio::test]
async fn an_explanation_does_not_take_a_claim_for_a_proof() {
    use tower_parapet::testing::TestRequest;
    let policy = Policy::authenticated_by(Webhook::github(SECRET)).guard(Remembers);
    let house = House::of(stack().route("POST /hook", policy));
    for (secret, is_refused) in [("another secret of thirty-two byte", true), (SECRET, false)] {
        let (head, _) = delivery(secret, "a").into_parts();
        let request = Request::from_parts(head, ()).host("api.example");
        let request = request.peer(([127, 0, 0, 1], 50_000));
        let told = house.parapet.explain(&request).body("a").await;
        assert_eq!(told.rejection().is_some(), is_refused, "{told}");
    }
    // Neither was taken for the delivery.
    assert_eq!(house.says(delivery(SECRET, "a")).await.0, 200);
    assert_eq!(house.records.wait_for(1).len(), 1);
}
