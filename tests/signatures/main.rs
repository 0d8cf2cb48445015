//! HTTP message signatures through the real stack.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod coverage;
mod digests;
mod fixtures;
mod mutation;
mod sockets;
mod stores;
#[path = "../support/mod.rs"]
mod support;
mod times;

use std::time::Duration;

use axum::Router;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use support::Records;
use tower::ServiceExt;
use tower_parapet::{
    Body, Guarded, Parapet, Policy, Principal, Reason, Record, Rejection,
    auth::signature::{
        MemorySignatureKeys, MessageSignatures, MessageSignaturesBuilder, SignatureAlgorithm,
        SignatureKey, Signer, SignerBuilder, SigningKey,
    },
    clock::ManualClock,
};

const NOW: u64 = 1_800_000_000;
const BODY: &str = r#"{"item":7}"#;

macro_rules! pem {
    ($file:literal) => {
        include_str!(concat!("../support/keys/", $file))
    };
}
use pem;

fn clock() -> ManualClock {
    ManualClock::at_unix(Duration::from_secs(NOW))
}

fn robot() -> Principal {
    Principal::builder("partners", "robot").scheme("signature").build()
}

/// One key for each algorithm, by its name.
fn keys() -> MemorySignatureKeys {
    let keys = MemorySignatureKeys::new();
    let secret = SignatureKey::shared([7; 32]).unwrap();
    keys.insert("hmac-sha256", secret, robot());
    for (algorithm, pem) in [
        (SignatureAlgorithm::RsaPssSha512, pem!("rs256.pub.pem")),
        (SignatureAlgorithm::RsaV15Sha256, pem!("rs256.pub.pem")),
        (SignatureAlgorithm::EcdsaP256Sha256, pem!("es256.pub.pem")),
        (SignatureAlgorithm::EcdsaP384Sha384, pem!("es384.pub.pem")),
        (SignatureAlgorithm::Ed25519, pem!("ed25519.pub.pem")),
    ] {
        keys.insert(algorithm.name(), SignatureKey::pem(algorithm, pem).unwrap(), robot());
    }
    keys
}

fn signing(algorithm: SignatureAlgorithm) -> SigningKey {
    let pem = match algorithm {
        SignatureAlgorithm::HmacSha256 => return SigningKey::shared([7; 32]).unwrap(),
        SignatureAlgorithm::EcdsaP256Sha256 => pem!("es256.pem"),
        SignatureAlgorithm::EcdsaP384Sha384 => pem!("es384.pem"),
        SignatureAlgorithm::Ed25519 => pem!("ed25519.pem"),
        _ => pem!("rs256.pem"),
    };
    SigningKey::pem(algorithm, pem).unwrap()
}

fn signer_by(algorithm: SignatureAlgorithm) -> SignerBuilder {
    Signer::builder(algorithm.name(), signing(algorithm)).with_clock(clock())
}

fn signer() -> SignerBuilder {
    signer_by(SignatureAlgorithm::Ed25519)
}

fn scheme() -> MessageSignaturesBuilder {
    MessageSignatures::builder(keys()).origin("https://api.example")
}

/// A service that says who calls and what came, and its records.
struct Service {
    app: Guarded<Router>,
    records: Records,
    clock: ManualClock,
}

impl Service {
    fn new(scheme: MessageSignaturesBuilder) -> Self {
        Self::with(|parapet| parapet.authenticate(scheme))
    }

    fn with(
        set: impl FnOnce(tower_parapet::ParapetBuilder) -> tower_parapet::ParapetBuilder,
    ) -> Self {
        let (records, clock) = (Records::default(), clock());
        let parapet = Parapet::builder()
            .route("/orders/{*rest}", Policy::authenticated())
            .route("/open/{*rest}", Policy::optional())
            .observe(records.clone())
            .with_clock(clock.clone());
        let parapet = set(parapet).build().unwrap();
        let echo = async |request: Request<Body>| {
            let caller = request.extensions().get::<tower_parapet::Context>();
            let caller = caller.and_then(|context| context.principal()).map_or_else(
                || "nobody".to_owned(),
                |caller| format!("{} {} {}", caller.issuer(), caller.subject(), caller.scheme()),
            );
            let body = request.into_body().collect().await.unwrap().to_bytes();
            format!("{caller}: {}", String::from_utf8_lossy(&body))
        };
        let app = parapet.protect(Router::new().fallback(echo));
        Self { app, records, clock }
    }

    async fn ask(&self, mut request: Request<String>) -> Response<Body> {
        // As a client of HTTP/1.1 sends it: the host in its field, the path as the target.
        request.headers_mut().entry("host").or_insert(HeaderValue::from_static("api.example"));
        let target = request.uri().path_and_query().cloned();
        *request.uri_mut() = http::Uri::from(target.unwrap());
        self.app.clone().oneshot(request.map(Body::from)).await.unwrap()
    }

    /// What is answered, and the record, which is there once the answer is read.
    async fn record(&self, response: Response<Body>) -> (String, Record) {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let record = self.records.all().pop().unwrap();
        (String::from_utf8_lossy(&body).into_owned(), record)
    }

    async fn says(&self, request: Request<String>) -> String {
        let response = self.ask(request).await;
        let status = response.status();
        let (text, record) = self.record(response).await;
        let found = record.rejection.as_ref().and_then(Rejection::private_found);
        assert_eq!(status, StatusCode::OK, "{found:?}");
        text
    }

    /// Why a request is refused, by the reason and by what the record has as found.
    async fn refuses(&self, request: Request<String>) -> (Reason, String) {
        let response = self.ask(request).await;
        let reason = response.extensions().get::<Reason>().copied();
        let status = response.status();
        let reason = reason.unwrap_or_else(|| panic!("not refused: {status}"));
        if status == StatusCode::UNAUTHORIZED {
            assert!(response.headers().contains_key("www-authenticate"));
            assert!(response.headers().contains_key("accept-signature"));
        }
        let (text, record) = self.record(response).await;
        let found = record.rejection.as_ref().and_then(Rejection::private_found);
        let found = found.unwrap_or_default().to_owned();
        assert!(found.is_empty() || !text.contains(&found), "the answer tells why: {text}");
        assert_eq!(record.principal.map(|who| who.subject().to_owned()), None, "{found}");
        (reason, found)
    }
}

fn post(target: &str, body: &str) -> Request<String> {
    Request::post(format!("https://api.example{target}"))
        .header("content-type", "application/json")
        .body(body.to_owned())
        .unwrap()
}

fn get(target: &str) -> Request<String> {
    Request::get(format!("https://api.example{target}")).body(String::new()).unwrap()
}

fn sign(signer: SignerBuilder, request: Request<String>) -> Request<String> {
    let (mut head, body) = request.into_parts();
    signer.build().unwrap().sign(&mut head, body.as_bytes()).unwrap();
    Request::from_parts(head, body)
}

fn with(mut request: Request<String>, name: &'static str, value: &str) -> Request<String> {
    request.headers_mut().insert(name, HeaderValue::try_from(value).unwrap());
    request
}

#[tokio::test]
async fn a_request_signed_by_any_registered_algorithm_is_its_callers() {
    let service = Service::new(scheme());
    for algorithm in SignatureAlgorithm::ALL {
        let request = sign(signer_by(algorithm), post("/orders/7?open=1", BODY));
        let said = service.says(request).await;
        assert_eq!(said, format!("partners robot signature: {BODY}"), "{}", algorithm.name());
    }
    let records = service.records.wait_for(6);
    assert!(records.iter().all(|record| record.principal.is_some() && record.notes.is_empty()));
}

#[tokio::test]
async fn without_a_signature_the_answer_says_what_to_sign() {
    let service = Service::new(scheme().tag("orders").require("content-type"));
    let response = service.ask(get("/orders/7")).await;
    assert_eq!(response.extensions().get(), Some(&Reason::MissingCredentials));
    let header = |name: &str| response.headers()[name].to_str().unwrap();
    assert_eq!(header("www-authenticate"), r#"Signature header="Signature-Input""#);
    assert_eq!(
        header("accept-signature"),
        r#"sig=("@method" "@authority" "@path" "@query" "content-type" "content-digest");created;tag="orders""#
    );
    assert_eq!(header("want-content-digest"), "sha-256=10, sha-512=9");
    assert_eq!(service.says(get("/open/7")).await, "nobody: ");
}

#[tokio::test]
async fn each_header_that_tells_how_to_come_in_is_told_once() {
    let service = Service::new(scheme());
    let forged = with(sign(signer(), post("/orders/7", BODY)), "signature", "sig=:AAAA:");
    let late = sign(signer(), post("/orders/7", BODY)).map(|_| "other".to_owned());
    for request in [get("/orders/7"), forged, late] {
        let response = service.ask(request).await;
        for name in ["www-authenticate", "accept-signature", "want-content-digest"] {
            assert_eq!(response.headers().get_all(name).iter().count(), 1, "{name}");
        }
    }
}

#[tokio::test]
async fn bad_signatures_are_refused_on_optional_routes_too() {
    let service = Service::new(scheme());
    let forged = with(sign(signer(), get("/open/7")), "signature", "sig=:AAAA:");
    assert_eq!(service.refuses(forged).await.0, Reason::InvalidCredentials);
}

#[tokio::test]
async fn half_a_signature_is_a_bad_one() {
    let service = Service::new(scheme());
    for name in ["signature", "signature-input", "content-digest"] {
        let mut request = sign(signer(), post("/orders/7", BODY));
        request.headers_mut().remove(name);
        assert_eq!(service.refuses(request).await.0, Reason::InvalidCredentials, "{name}");
    }
}

#[tokio::test]
async fn a_signature_beside_another_credential_is_ambiguous() {
    let service = Service::new(scheme());
    let request = with(sign(signer(), get("/orders/7")), "authorization", "Bearer x");
    let response = service.ask(request).await;
    assert_eq!(response.extensions().get(), Some(&Reason::AmbiguousCredentials));
}

#[tokio::test]
async fn of_several_signatures_the_label_or_the_tag_tells_which_counts() {
    let two = || {
        let other = sign(signer().label("proxy").tag("transit"), get("/orders/7"));
        let mut request = sign(signer().label("mine").tag("orders"), get("/orders/7"));
        for name in ["signature", "signature-input"] {
            let value = other.headers()[name].clone();
            request.headers_mut().append(http::HeaderName::from_static(name), value);
        }
        request
    };
    let response = Service::new(scheme()).ask(two()).await;
    assert_eq!(response.extensions().get(), Some(&Reason::AmbiguousCredentials));
    for scheme in [scheme().label("mine"), scheme().tag("orders"), scheme().label("proxy")] {
        assert_eq!(Service::new(scheme).says(two()).await, "partners robot signature: ");
    }
    let elsewhere = || scheme().label("mine").tag("transit");
    assert_eq!(Service::new(elsewhere()).refuses(two()).await.0, Reason::MissingCredentials);
    let response = Service::new(elsewhere()).ask(two().map(|_| String::new())).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_signature_for_another_purpose_leaves_other_schemes_alone() {
    let service = Service::new(scheme().tag("orders"));
    let request = sign(signer().tag("transit"), get("/open/7"));
    assert_eq!(service.says(request).await, "nobody: ");
}

#[tokio::test]
async fn a_key_that_was_revoked_counts_no_longer() {
    let keys = keys();
    let service = Service::new(MessageSignatures::builder(keys.clone()));
    let request = || sign(signer().without_nonce(), get("/orders/7"));
    assert_eq!(service.says(request()).await, "partners robot signature: ");
    keys.revoke("ed25519");
    let (reason, found) = service.refuses(request()).await;
    assert_eq!((reason, &*found), (Reason::InvalidCredentials, "the unknown key `ed25519`"));
}

#[tokio::test]
async fn the_settings_are_told_and_what_weakens_them_is_found() {
    let finding = |scheme: MessageSignaturesBuilder| {
        let parapet = Parapet::builder().authenticate(scheme).build().unwrap();
        let findings = parapet.findings();
        let codes = findings.iter().map(|finding| finding.code.to_owned());
        codes.filter(|code| code.contains("signature")).collect::<Vec<_>>()
    };
    assert_eq!(finding(scheme()), ["signature-replay"]);
    assert!(finding(scheme().require_nonce()).is_empty());
    let thin = scheme().require_nonce().dangerous().components(["@method"]);
    assert_eq!(finding(thin), ["thin-signature"]);
    let unsigned = scheme().require_nonce().dangerous().unsigned_content();
    assert_eq!(finding(unsigned), ["thin-signature"]);
    let summary = tower_parapet::Guard::summary(&scheme().build().unwrap()).into_owned();
    assert_eq!(
        summary,
        r#"over "@method" "@authority" "@path" "@query", content by its digest, 300 s old at most"#
    );
}

#[test]
fn every_mistake_of_the_settings_is_told_at_once() {
    let scheme = scheme()
        .require("@status")
        .require("@nothing")
        .label("Not A Label")
        .tag("")
        .origin("api.example")
        .max_age(Duration::from_secs(7200))
        .clock_skew(Duration::from_secs(301));
    let error = scheme.build().unwrap_err().to_string();
    for setter in ["require", "label", "tag", "origin", "max_age", "clock_skew"] {
        assert!(error.contains(&format!("`{setter}`")), "{setter}: {error}");
    }
    let signer = signer().label("A").tag("é").component("@status").expires_after(Duration::ZERO);
    let error = signer.build().unwrap_err().to_string();
    for setter in ["label", "tag", "component", "expires_after"] {
        assert!(error.contains(&format!("`{setter}`")), "{setter}: {error}");
    }
}
