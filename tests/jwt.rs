//! Bearer tokens over the real stack: a router, a socket, records.
#![cfg(all(feature = "axum", feature = "jwt"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod support;

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::CryptoProvider, crypto::aws_lc};
use serde_json::{Value, json};
use support::{Answer, Records, request, serve};
use tower::ServiceExt;
use tower_parapet::{
    Parapet, Peer, Policy, Principal, Reason,
    auth::{
        Authenticate,
        jwt::{Jwt, JwtBuilder},
    },
    clock::ManualClock,
};

const NOW: u64 = 1_800_000_000;
const ES256: &str = include_str!("support/keys/es256.pem");
const ES256_PUB: &str = include_str!("support/keys/es256.pub.pem");
const ED25519: &str = include_str!("support/keys/ed25519.pem");

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "sub": "alice", "aud": ["orders"],
        "exp": NOW + 600, "iat": NOW, "scope": "orders:read",
    })
}

/// `null` takes the claim out.
fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

fn sign_by(provider: &CryptoProvider, header: &str, claims: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(header), encode(claims));
    let key = EncodingKey::from_ec_pem(ES256.as_bytes()).unwrap();
    let signer = (provider.signer_factory)(&Algorithm::ES256, &key).unwrap();
    let signature = signer.try_sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn sign(claims: &Value) -> String {
    let header = r#"{"alg":"ES256","typ":"at+jwt","kid":"2026"}"#;
    sign_by(&aws_lc::DEFAULT_PROVIDER, header, &claims.to_string())
}

/// The public key of the tests as a JWK without `alg`.
fn jwk() -> Value {
    let utils = &aws_lc::DEFAULT_PROVIDER.key_utils;
    let key = EncodingKey::from_ec_pem(ES256.as_bytes()).unwrap();
    let (_, x, y) =
        (utils.ec_pub_components_from_private_key)(key.as_bytes(), Algorithm::ES256).unwrap();
    let encode = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
    json!({"kty": "EC", "crv": "P-256", "kid": "2026", "x": encode(x), "y": encode(y)})
}

fn named() -> JwtBuilder {
    Jwt::builder().issuer("https://id.example").audience("orders")
}

async fn start(jwt: JwtBuilder) -> (SocketAddr, Records, ManualClock) {
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    let records = Records::default();
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .guard(Authenticate::with(jwt.build().unwrap()))
        .route("/maybe", Policy::optional())
        .observe(records.clone())
        .with_clock(clock.clone())
        .build()
        .unwrap();
    let whoami = |caller: Option<Principal>| async move {
        let Some(caller) = caller else { return "nobody".to_owned() };
        let scopes: Vec<_> = caller.scopes().collect();
        format!("{} {} {scopes:?} {}", caller.issuer(), caller.subject(), caller.claims().is_some())
    };
    let app = Router::new().route("/orders", get(whoami)).route("/maybe", get(whoami));
    (serve(parapet.protect(app)).await, records, clock)
}

async fn ask(address: SocketAddr, token: &str) -> Answer {
    request(address, "GET", "/orders", &[("authorization", &format!("Bearer {token}"))], b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_token_reaches_the_handler_as_principal_with_claims() {
    let (address, records, _) = start(named().public_key_pem(ES256_PUB)).await;
    for _ in 0..2 {
        let answer = ask(address, &sign(&claims())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.text(), r#"https://id.example alice ["orders:read"] true"#);
    }
    assert_eq!(records.wait_for(2).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_forged_and_expired_tokens_are_told_apart_and_never_echoed() {
    let (address, records, clock) = start(named().public_key_pem(ES256_PUB)).await;
    let plain = request(address, "GET", "/orders", &[], b"").await;
    assert_eq!((plain.status, &*plain.code()), (401, "missing-credentials"));
    assert_eq!(plain.header("www-authenticate"), Some("Bearer realm=\"api\""));

    let token = sign(&claims());
    let (head, signature) = token.rsplit_once('.').unwrap();
    let reversed: String = signature.chars().rev().collect();
    let forged = ask(address, &format!("{head}.{reversed}")).await;
    assert_eq!((forged.status, &*forged.code()), (401, "invalid-credentials"));
    let challenge = forged.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");

    assert_eq!(ask(address, &token).await.status, 200);
    clock.advance(Duration::from_secs(660));
    let expired = ask(address, &token).await;
    assert_eq!((expired.status, &*expired.code()), (401, "expired-credentials"));

    for answer in [&plain, &forged, &expired] {
        let whole = format!("{answer:?}{}", answer.text());
        assert!(!whole.contains(signature) && !whole.contains(&reversed), "{whole}");
    }
    let kept = records.wait_for(4);
    let reasons: Vec<_> = kept.iter().map(|r| r.rejection.as_ref().map(|r| r.reason())).collect();
    assert_eq!(
        reasons,
        [
            Some(Reason::MissingCredentials),
            Some(Reason::InvalidCredentials),
            None,
            Some(Reason::ExpiredCredentials)
        ]
    );
    assert!(!format!("{kept:?}").contains(signature));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_two_issuers_work_side_by_side_and_neither_signs_for_the_other() {
    let ours = named().public_key_pem(ES256_PUB);
    let theirs = Jwt::builder()
        .issuer("https://partner.example")
        .audience("orders")
        .public_key_pem(include_str!("support/keys/ed25519.pub.pem"));
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    let parapet = Parapet::builder().authenticate(theirs).authenticate(ours).with_clock(clock);
    let app =
        Router::new().route("/orders", get(async |caller: Principal| caller.issuer().to_owned()));
    let address = serve(parapet.build().unwrap().protect(app)).await;
    let answer = ask(address, &sign(&claims())).await;
    assert_eq!((answer.status, &*answer.text()), (200, "https://id.example"));
    let forged = ask(address, &sign(&claims_with("iss", json!("https://partner.example")))).await;
    assert_eq!((forged.status, &*forged.code()), (401, "invalid-credentials"));
    let expired = ask(address, &sign(&claims_with("exp", json!(NOW - 600)))).await;
    assert_eq!((expired.status, &*expired.code()), (401, "expired-credentials"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_authorization_headers_get_400() {
    let (address, ..) = start(named().public_key_pem(ES256_PUB)).await;
    let bearer = format!("Bearer {}", sign(&claims()));
    let headers = [("authorization", &*bearer), ("authorization", &*bearer)];
    let answer = request(address, "GET", "/orders", &headers, b"").await;
    assert_eq!((answer.status, &*answer.code()), (400, "ambiguous-credentials"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_query_is_never_read() {
    let (address, ..) = start(named().public_key_pem(ES256_PUB)).await;
    let target = format!("/orders?access_token={}", sign(&claims()));
    let answer = request(address, "GET", &target, &[], b"").await;
    assert_eq!((answer.status, &*answer.code()), (401, "missing-credentials"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optional_route_admits_no_token_and_refuses_a_bad_one() {
    let (address, ..) = start(named().public_key_pem(ES256_PUB)).await;
    let without = request(address, "GET", "/maybe", &[], b"").await;
    assert_eq!((without.status, &*without.text()), (200, "nobody"));
    let bad = [("authorization", "Bearer a.b.c")];
    assert_eq!(request(address, "GET", "/maybe", &bad, b"").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_token_is_refused() {
    let (address, ..) = start(named().public_key_pem(ES256_PUB)).await;
    let token = sign(&claims_with("padding", "x".repeat(8 * 1024).into()));
    let answer = ask(address, &token).await;
    assert!(matches!(answer.status, 401 | 431), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_type_voids_no_key_set_and_an_absent_alg_is_inferred() {
    let set = json!({"keys": [
        {"kty": "AKP", "alg": "ML-DSA-65", "kid": "pq", "pub": "AA"},
        {"kty": "EC", "crv": "secp256k1", "kid": "k1", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "kid": "enc", "use": "enc", "x": "AA"},
        jwk(),
    ]});
    let (address, ..) = start(named().jwks(set.to_string())).await;
    assert_eq!(ask(address, &sign(&claims())).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn exp_iss_and_aud_are_required_and_nbf_and_iat_are_typed_and_checked() {
    let (address, ..) = start(named().public_key_pem(ES256_PUB)).await;
    for (name, value) in [
        ("exp", Value::Null),
        ("exp", json!("never")),
        ("exp", json!((NOW + 600).to_string())),
        ("iss", Value::Null),
        ("iss", json!(["https://id.example"])),
        ("iss", json!("https://evil.example")),
        ("aud", Value::Null),
        ("aud", json!("billing")),
        ("aud", json!({"orders": 1})),
        ("nbf", json!(NOW + 3600)),
        ("nbf", json!("later")),
        ("iat", json!(NOW + 3600)),
        ("iat", json!(false)),
        ("sub", Value::Null),
    ] {
        let answer = ask(address, &sign(&claims_with(name, value.clone()))).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (401, "invalid-credentials"),
            "{name} {value}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_names_are_refused_in_header_and_claims() {
    let (address, ..) = start(named().public_key_pem(ES256_PUB)).await;
    let provider = &aws_lc::DEFAULT_PROVIDER;
    let good = claims().to_string();
    let twice = format!("{{\"sub\":\"root\",{}", good.strip_prefix('{').unwrap());
    for (header, payload) in [
        (r#"{"alg":"ES256"}"#, &twice),
        (r#"{"alg":"ES256","alg":"ES256"}"#, &good),
        (r#"{"alg":"none","alg":"ES256"}"#, &good),
    ] {
        let answer = ask(address, &sign_by(provider, header, payload)).await;
        assert_eq!(answer.status, 401, "{header} {payload}");
    }
    assert_eq!(ask(address, &sign_by(provider, r#"{"alg":"ES256"}"#, &good)).await.status, 200);
}

/// This test build links aws-lc and RustCrypto, see the dev-dependencies: naming both is the proof.
#[tokio::test(flavor = "multi_thread")]
async fn with_two_crypto_providers_linked_the_first_token_is_verified_without_a_panic() {
    use jsonwebtoken::crypto::rust_crypto;

    let (address, ..) = start(named().public_key_pem(ES256_PUB)).await;
    for provider in [&aws_lc::DEFAULT_PROVIDER, &rust_crypto::DEFAULT_PROVIDER] {
        let token = sign_by(provider, r#"{"alg":"ES256"}"#, &claims().to_string());
        assert_eq!(ask(address, &token).await.status, 200);
    }
    assert_eq!(ask(address, "a.b.c").await.status, 401);
    // Nobody asked for, or set, the process-wide default: it can still be chosen.
    assert!(rust_crypto::DEFAULT_PROVIDER.install_default().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheme_is_a_layer_by_itself() {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let claims = claims_with("exp", json!(seconds.as_secs() + 600));
    let mut claims = claims;
    claims["iat"] = json!(seconds.as_secs());
    let jwt = named().public_key_pem(ES256_PUB).build().unwrap();
    let app = Router::new().route("/", get(async || "in")).layer(jwt);
    let call = |authorization: Option<String>| {
        let mut request = http::Request::builder().uri("/");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap())
    };
    assert_eq!(call(None).await.unwrap().status(), 401);
    assert_eq!(call(Some("Bearer x".to_owned())).await.unwrap().status(), 401);
    assert_eq!(call(Some(format!("Bearer {}", sign(&claims)))).await.unwrap().status(), 200);
}

#[test]
fn a_stack_reports_every_mistake_of_its_jwt_at_once() {
    let error = Parapet::builder()
        .guard(Jwt::builder().jwks_file("/nowhere/jwks.json").public_key_pem(ED25519))
        .build()
        .unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    for setter in ["guard.issuer", "guard.audience", "guard.jwks_file", "guard.public_key_pem"] {
        assert!(setters.contains(&setter), "{error}");
    }
    assert!(!error.to_string().contains("PRIVATE"), "{error}");
}

/// A P-256 key in PKCS#8 from 32 random bytes, its public JWK, and a signed token.
fn issue(claims: &Value) -> Option<(String, String)> {
    const PKCS8_P256: [u8; 35] = [
        0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
        0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25,
        0x02, 0x01, 0x01, 0x04, 0x20,
    ];
    let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let mut scalar = [0; 32];
    getrandom::fill(&mut scalar).ok()?;
    let key = EncodingKey::from_ec_der(&[&PKCS8_P256[..], &scalar].concat());
    let provider = &aws_lc::DEFAULT_PROVIDER;
    let public = provider.key_utils.ec_pub_components_from_private_key;
    let (_, x, y) = public(key.as_bytes(), Algorithm::ES256).ok()?;
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": b64(&x), "y": b64(&y)});
    let header = json!({"alg": "ES256", "typ": "at+jwt"}).to_string();
    let signed = format!("{}.{}", b64(header.as_bytes()), b64(claims.to_string().as_bytes()));
    let signer = (provider.signer_factory)(&Algorithm::ES256, &key).ok()?;
    let signature = signer.try_sign(signed.as_bytes()).ok()?;
    let set = json!({ "keys": [jwk] }).to_string();
    Some((set, format!("{signed}.{}", b64(&signature))))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_made_at_start_signs_tokens_that_its_jwk_set_verifies() {
    let (set, token) = issue(&claims()).unwrap();
    let (address, ..) = start(named().jwks(set)).await;
    assert_eq!(ask(address, &token).await.status, 200);
    assert_eq!(ask(address, &issue(&claims()).unwrap().1).await.status, 401, "another key");
}
